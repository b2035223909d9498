//! What a store makes of the generic scope of a request: a few further fields, read from
//! `extendedScopeParams` or derived from the step, and the checks every store shares.

use std::borrow::Cow;

use kayenta_model::{CanaryScope, Instant};
use serde_json::{Map, Value};

use crate::error::FetchError;

/// Fields a store adds to the scope: name, key among the parameters, and what it is without one.
fn added(service_type: &str) -> &'static [(&'static str, &'static str, Option<&'static str>)] {
    match service_type {
        "prometheus" => &[
            ("project", "project", None),
            ("resourceType", "resourceType", None),
        ],
        "stackdriver" => &[
            ("project", "project", None),
            ("resourceType", "resourceType", None),
            ("crossSeriesReducer", "crossSeriesReducer", None),
            ("perSeriesAligner", "perSeriesAligner", None),
        ],
        "signalfx" | "newrelic" => &[
            ("scopeKey", "_scope_key", None),
            ("locationKey", "_location_key", None),
        ],
        "atlas" => &[
            ("type", "type", Some("cluster")),
            ("deployment", "deployment", Some("main")),
            ("dataset", "dataset", Some("regional")),
            ("environment", "environment", Some("test")),
            ("accountId", "accountId", None),
        ],
        _ => &[],
    }
}

/// The scope as one store sees it.
#[derive(Clone, Copy, Debug)]
pub struct StoreScope<'a> {
    service_type: &'a str,
    scope: &'a CanaryScope,
}

impl<'a> StoreScope<'a> {
    /// The scope seen by the store of `service_type`.
    #[must_use]
    pub fn new(service_type: &'a str, scope: &'a CanaryScope) -> Self {
        Self {
            service_type,
            scope,
        }
    }

    /// The generic scope.
    #[must_use]
    pub fn generic(self) -> &'a CanaryScope {
        self.scope
    }

    /// A field by its name, as text; `None` when it has no value.
    ///
    /// # Errors
    /// `Unable to find property '<name>'.` when this store's scope has no such field.
    pub fn property(self, name: &str) -> Result<Option<Cow<'a, str>>, FetchError> {
        let owned = |text: Option<String>| text.map(Cow::Owned);
        let scope = self.scope;
        Ok(match name {
            "scope" => scope.scope.as_deref().map(Cow::Borrowed),
            "location" => scope.location.as_deref().map(Cow::Borrowed),
            "start" => owned(scope.start.map(|i| i.to_string())),
            "end" => owned(scope.end.map(|i| i.to_string())),
            "step" => owned(scope.step.map(|s| s.to_string())),
            "granularity" if self.service_type == "wavefront" => {
                scope.step.map(|step| Cow::Borrowed(granularity(step)))
            }
            _ => {
                let (_, key, default) = added(self.service_type)
                    .iter()
                    .find(|(field, ..)| *field == name)
                    .ok_or_else(|| {
                        FetchError::invalid(format!("Unable to find property '{name}'."))
                    })?;
                scope.parameter(key).or(*default).map(Cow::Borrowed)
            }
        })
    }

    /// A field this store adds to the scope; `None` also for fields it does not have.
    #[must_use]
    pub fn added(self, name: &str) -> Option<&'a str> {
        let (_, key, default) = added(self.service_type)
            .iter()
            .find(|(field, ..)| *field == name)?;
        self.scope.parameter(key).or(*default)
    }

    /// The scope with the added fields as JSON, the `canaryScope` of a fetch stage.
    ///
    /// # Errors
    /// When the scope cannot be written, which no scope read from JSON is.
    pub fn to_json(self) -> Result<Value, serde_json::Error> {
        let mut object = match serde_json::to_value(self.scope)? {
            Value::Object(object) => object,
            _ => Map::new(),
        };
        for (name, ..) in added(self.service_type) {
            if let Some(value) = self.added(name) {
                object.insert((*name).to_owned(), value.into());
            }
        }
        if let ("wavefront", Some(step)) = (self.service_type, self.scope.step) {
            object.insert("granularity".to_owned(), granularity(step).into());
        }
        Ok(Value::Object(object))
    }
}

/// Wavefront's granularity: the largest unit the step is a multiple of (`d`, `h`, `m`, `s`).
#[must_use]
pub fn granularity(step: i64) -> &'static str {
    match step {
        step if step % 86_400 == 0 => "d",
        step if step % 3_600 == 0 => "h",
        step if step % 60 == 0 => "m",
        _ => "s",
    }
}

/// Start and end of the window, checked in this order.
///
/// # Errors
/// `Start time is required.` or `End time is required.`
pub fn window(scope: &CanaryScope) -> Result<(Instant, Instant), FetchError> {
    let start = scope
        .start
        .ok_or_else(|| FetchError::invalid("Start time is required."))?;
    let end = scope
        .end
        .ok_or_else(|| FetchError::invalid("End time is required."))?;
    Ok((start, end))
}

/// The step in seconds. The reference sends whatever it was given and leaves a run in its retry loop
/// when the store chokes on it; here it fails before anything is sent.
///
/// # Errors
/// When the step is absent, zero or negative.
pub fn positive_step(scope: &CanaryScope) -> Result<i64, FetchError> {
    match scope.step {
        Some(step) if step > 0 => Ok(step),
        Some(step) => Err(FetchError::invalid(format!(
            "Step must be a positive number of seconds, but is {step}."
        ))),
        None => Err(FetchError::invalid("Step is required.")),
    }
}

/// The failure of a metric that belongs to another store than the account's. `class` is how the
/// reference calls the scope the store needs (`PrometheusCanaryScope`).
#[must_use]
pub fn wrong_store(class: &str, scope: &CanaryScope) -> FetchError {
    let text = |value: Option<&str>| value.unwrap_or("null").to_owned();
    let time = |instant: Option<Instant>| text(instant.map(|i| i.to_string()).as_deref());
    let parameters: Vec<_> = scope
        .extended_scope_params
        .iter()
        .flatten()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    FetchError::invalid(format!(
        "Canary scope not instance of {class}: CanaryScope(scope={}, location={}, start={}, end={}, \
         step={}, extendedScopeParams={{{}}}). One common cause is having multiple METRICS_STORE \
         accounts configured but neglecting to explicitly specify which account to use for a given \
         request.",
        text(scope.scope.as_deref()),
        text(scope.location.as_deref()),
        time(scope.start),
        time(scope.end),
        text(scope.step.map(|step| step.to_string()).as_deref()),
        parameters.join(", "),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scope(value: Value) -> CanaryScope {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn stores_add_their_fields() {
        let scope = scope(json!({
            "scope": "s", "step": 7200,
            "extendedScopeParams": {"project": "p", "_scope_key": "k", "type": "asg"}
        }));
        let added = |store: &str| {
            let mut value = StoreScope::new(store, &scope).to_json().unwrap();
            let object = value.as_object_mut().unwrap();
            for name in ["scope", "step", "extendedScopeParams"] {
                assert!(object.shift_remove(name).is_some());
            }
            value
        };
        assert_eq!(added("prometheus"), json!({"project": "p"}));
        assert_eq!(added("newrelic"), json!({"scopeKey": "k"}));
        assert_eq!(added("wavefront"), json!({"granularity": "h"}));
        assert_eq!(added("datadog"), json!({}));
        assert_eq!(
            added("atlas"),
            json!({"type": "asg", "deployment": "main", "dataset": "regional", "environment": "test"})
        );
    }

    #[test]
    fn granularity_is_the_largest_unit_that_fits() {
        let units = [(0, "d"), (86_400, "d"), (7200, "h"), (60, "m"), (90, "s")];
        for (step, unit) in units {
            assert_eq!(granularity(step), unit, "{step}");
        }
    }

    #[test]
    fn windows_and_steps_are_checked_before_anything_is_sent() {
        let error = |value| window(&scope(value)).unwrap_err().to_string();
        assert_eq!(error(json!({})), "Start time is required.");
        assert_eq!(
            error(json!({"start": "2020-11-20T23:00:00Z"})),
            "End time is required."
        );
        for step in [json!({}), json!({"step": 0}), json!({"step": -1})] {
            assert!(positive_step(&scope(step)).is_err());
        }
    }
}
