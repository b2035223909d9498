//! What the form asks for, and the request that says it.

use indexmap::IndexMap;
use kayenta_model::{AnalysisRequest, AnalysisScope, CanaryConfig, Thresholds, time::iso_millis};

use crate::{
    executed::Executed,
    scope_fields::{ScopeFields, time},
};

/// The field that names the execution whose config counts.
pub(super) const OF: &str = "of";

/// What the form asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    /// The id of a stored config; empty when none is chosen.
    pub(super) config: String,
    /// The execution whose config counts when no stored one is chosen.
    pub(super) executed: Option<Executed>,
    pub(super) configuration_account: Option<String>,
    pub(super) scope: ScopeFields,
    /// Where the canary is, if not where the baseline is.
    pub(super) canary_location: Option<String>,
    /// An A/A test: the canary is compared with itself.
    pub(super) same: bool,
    pub(super) storage: Option<String>,
    pub(super) application: Option<String>,
    pub(super) user: Option<String>,
    /// The fields with numbers, as they were written.
    numbers: IndexMap<&'static str, String>,
}

/// Fields with a number and what they hold when nothing is written.
const NUMBERS: [(&str, &str, &str); 7] = [
    ("pass", "95", "Pass from a score of"),
    ("marginal", "75", "Fail at or below a score of"),
    ("lifetime", "60", "Lifetime"),
    ("interval", "", "Interval"),
    ("begin", "0", "Warm-up"),
    ("lookback", "0", "Lookback"),
    ("offset", "0", "Baseline offset"),
];

impl Wish {
    /// Reads the fields. A window of minutes until `now` (milliseconds since 1970) becomes its start and its end.
    pub(super) fn read<'f>(field: impl Fn(&str) -> Option<&'f str>, now: i64) -> Self {
        let text = |name: &str| {
            let text = field(name)?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let same = text("aa").is_some();
        let mut scope = ScopeFields::read("", &field);
        if same {
            scope.canary.clone_from(&scope.baseline);
        }
        if scope.minutes.is_some()
            && scope.end.is_none()
            && let Ok((start, end)) = scope.window(now)
        {
            scope.start = Some(iso_millis(start));
            scope.end = Some(iso_millis(end));
            scope.minutes = None;
        }
        Self {
            config: text("config").unwrap_or_default(),
            executed: text(OF).and_then(|text| Executed::read(&text)),
            configuration_account: text("configurationAccountName"),
            canary_location: text("canary-location").filter(|_| !same),
            scope,
            same,
            storage: text("storage"),
            application: text("application"),
            user: text("user"),
            numbers: NUMBERS
                .into_iter()
                .map(|(name, usual, _)| (name, text(name).unwrap_or(usual.to_owned())))
                .collect(),
        }
    }

    pub(super) fn shown(&self, name: &str) -> String {
        self.numbers.get(name).cloned().unwrap_or_default()
    }

    /// The number of a field; an empty one is absent.
    fn number(&self, name: &str, mistakes: &mut Vec<String>) -> Option<f64> {
        let text = self
            .numbers
            .get(name)
            .map(|text| text.trim())
            .unwrap_or_default();
        if text.is_empty() {
            return None;
        }
        let number = text
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite() && *number >= 0.0);
        if number.is_none() {
            let label = NUMBERS.iter().find(|(known, ..)| *known == name);
            let label = label.map_or(name, |(.., label)| label);
            mistakes.push(format!("{label}: '{text}' is no number."));
        }
        number
    }

    /// The request, and what is written wrongly.
    pub(super) fn request(&self, scope_name: &str) -> (AnalysisRequest, Vec<String>) {
        let mut mistakes = Vec::new();
        let mut minutes = |name: &str| {
            let number = self.number(name, &mut mistakes);
            number.map(|number| number as i64)
        };
        let (lifetime, interval) = (minutes("lifetime"), minutes("interval"));
        let (begin, lookback, offset) = (minutes("begin"), minutes("lookback"), minutes("offset"));
        let thresholds = Thresholds {
            pass: self.number("pass", &mut mistakes),
            marginal: self.number("marginal", &mut mistakes),
        };
        let mut iso = |text: &Option<String>| {
            let text = text.as_deref()?;
            match time(text) {
                Ok(millis) => Some(iso_millis(millis)),
                Err(mistake) => {
                    mistakes.push(mistake);
                    None
                }
            }
        };
        let (start, end) = (iso(&self.scope.start), iso(&self.scope.end));
        if let Some(text) = self.scope.minutes.as_ref().filter(|_| end.is_none()) {
            mistakes.push(format!("Last minutes: '{text}' is no number of minutes."));
        }
        let scope = AnalysisScope {
            scope_name: scope_name.to_owned(),
            control_scope: self.scope.baseline.clone(),
            experiment_scope: self.scope.canary.clone(),
            control_location: self.scope.location.clone(),
            experiment_location: self
                .canary_location
                .clone()
                .or_else(|| self.scope.location.clone()),
            control_offset_in_minutes: offset.unwrap_or(0),
            start_time_iso: start,
            end_time_iso: end.clone(),
            step: self.scope.step.unwrap_or(60),
            extended_scope_params: self.scope.parameters.clone(),
        };
        let request = AnalysisRequest {
            scopes: Some(vec![Some(scope)]),
            thresholds: Some(thresholds),
            lifetime_duration_mins: if end.is_some() { None } else { lifetime },
            begin_after_mins: begin.unwrap_or(0),
            lookback_mins: lookback.unwrap_or(0),
            analysis_interval_mins: interval,
            site_local: None,
        };
        (request, mistakes)
    }

    /// The execution whose config is used.
    pub(super) fn executed_config(&self) -> Option<&Executed> {
        self.executed.as_ref().filter(|_| self.config.is_empty())
    }

    /// The same with the first application of the config where none is named.
    pub(super) fn with_application_of(mut self, config: &CanaryConfig) -> Self {
        let of_config = || config.applications.as_ref()?.first().cloned();
        self.application = self.application.or_else(of_config);
        self
    }

    /// The query of the request.
    pub(super) fn parameters(&self) -> Vec<(&'static str, &str)> {
        [
            ("application", &self.application),
            ("user", &self.user),
            ("metricsAccountName", &self.scope.account),
            ("storageAccountName", &self.storage),
            ("configurationAccountName", &self.configuration_account),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1970-01-01T02:00:30Z.
    const NOW: i64 = 7_230_000;

    fn wish(pairs: &[(&'static str, &'static str)]) -> Wish {
        Wish::read(
            |name| {
                pairs
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| *value)
            },
            NOW,
        )
    }

    #[test]
    fn an_a_a_test_compares_the_baseline_with_itself() {
        let wish = wish(&[("baseline", "1.0"), ("canary", "1.1"), ("aa", "1")]);
        let (request, mistakes) = wish.request("default");
        assert_eq!(mistakes, [] as [&str; 0]);
        let scopes = request.scopes.unwrap();
        let scope = scopes[0].as_ref().unwrap();
        assert_eq!(scope.experiment_scope.as_deref(), Some("1.0"));
    }

    #[test]
    fn what_is_no_number_is_reported_with_the_name_of_its_field() {
        let (_, mistakes) = wish(&[("interval", "often"), ("start", "noon")]).request("default");
        assert!(mistakes[0].contains("Interval: 'often'"), "{mistakes:?}");
        assert!(mistakes[1].contains("is no time"), "{mistakes:?}");
    }

    #[test]
    fn the_last_minutes_are_a_window_that_ends_now() {
        let (request, mistakes) = wish(&[("minutes", "60"), ("lifetime", "30")]).request("default");
        assert_eq!(mistakes, [] as [&str; 0]);
        let scope = request.scopes.unwrap().remove(0).unwrap();
        assert_eq!(
            scope.start_time_iso.as_deref(),
            Some("1970-01-01T01:00:00Z")
        );
        assert_eq!(scope.end_time_iso.as_deref(), Some("1970-01-01T02:00:00Z"));
        assert_eq!(request.lifetime_duration_mins, None);
        let (_, mistakes) = wish(&[("minutes", "an hour")]).request("default");
        assert_eq!(
            mistakes,
            ["Last minutes: 'an hour' is no number of minutes."]
        );
    }
}
