//! What a store makes of the generic scope of a request: a few further fields, read from
//! `extendedScopeParams` or derived from the step, and the checks every store shares.

use std::borrow::Cow;

use kayenta_model::{CanaryScope, Instant};

use crate::{
    description::{ScopeField, StoreDescription},
    error::FetchError,
};

/// The scope as one store sees it.
#[derive(Clone, Copy, Debug)]
pub struct StoreScope<'a> {
    store: &'static StoreDescription,
    scope: &'a CanaryScope,
}

impl<'a> StoreScope<'a> {
    /// The scope as this store sees it.
    #[must_use]
    pub fn new(store: &'static StoreDescription, scope: &'a CanaryScope) -> Self {
        Self { store, scope }
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
            _ => {
                let field = self.field(name).ok_or_else(|| {
                    FetchError::invalid(format!("Unable to find property '{name}'."))
                })?;
                field.of(scope).map(Cow::Borrowed)
            }
        })
    }

    /// A field this store adds to the scope; `None` also for fields it does not have.
    #[must_use]
    pub fn added(self, name: &str) -> Option<&'a str> {
        self.field(name)?.of(self.scope)
    }

    fn field(self, name: &str) -> Option<&'static ScopeField> {
        let fields = self.store.scope_fields;
        fields.iter().find(|field| field.name == name)
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

/// The failure of a metric that belongs to another store than the account's.
#[must_use]
pub fn wrong_store(store: &StoreDescription, scope: &CanaryScope) -> FetchError {
    let class = store.scope_class;
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
    use serde_json::{Value, json};

    use super::*;
    use crate::description::ScopeValue;

    fn scope(value: Value) -> CanaryScope {
        serde_json::from_value(value).unwrap()
    }

    static STORE: StoreDescription = StoreDescription {
        scope_fields: &[
            ScopeField::parameter("project"),
            ScopeField::parameter_called("scopeKey", "_scope_key"),
            ScopeField::parameter("type").or("cluster"),
            ScopeField {
                name: "unit",
                value: ScopeValue::Derived(|scope| scope.step.map(|_| "s")),
            },
        ],
        ..StoreDescription::new("store", "StoreCanaryScope")
    };

    #[test]
    fn stores_add_the_fields_of_their_description() {
        let scope = scope(json!({
            "scope": "s", "step": 7200, "extendedScopeParams": {"project": "p", "_scope_key": "k"}
        }));
        let seen = StoreScope::new(&STORE, &scope);
        for (name, value) in [
            ("project", Some("p")),
            ("scopeKey", Some("k")),
            ("type", Some("cluster")),
            ("unit", Some("s")),
            ("_scope_key", None),
        ] {
            assert_eq!(seen.added(name), value, "{name}");
        }
        assert_eq!(seen.property("step").unwrap().as_deref(), Some("7200"));
        assert_eq!(seen.property("unit").unwrap().as_deref(), Some("s"));
        assert_eq!(
            seen.property("serviceType").unwrap_err().to_string(),
            "Unable to find property 'serviceType'."
        );
    }

    #[test]
    fn a_query_of_another_store_is_refused_in_the_reference_s_words() {
        let scope = scope(json!({"scope": "s", "step": 60, "extendedScopeParams": {"a": "b"}}));
        assert_eq!(
            wrong_store(&STORE, &scope).to_string(),
            "Canary scope not instance of StoreCanaryScope: CanaryScope(scope=s, location=null, \
             start=null, end=null, step=60, extendedScopeParams={a=b}). One common cause is having \
             multiple METRICS_STORE accounts configured but neglecting to explicitly specify which \
             account to use for a given request."
        );
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
