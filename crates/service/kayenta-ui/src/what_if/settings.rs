//! The settings of a metric that a what-if can change: their words in a URL, where they stand in a config, what they may be.

use kayenta_judge::{JudgeSetting, METRIC_SETTINGS};
use kayenta_model::{JsonMap, MetricConfig};
use serde_json::Value;

/// What a setting may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One of these words; the first is what counts when none is set.
    Choice(&'static [&'static str]),
    /// `true` or `false`, which counts when none is set.
    Flag,
    /// A number.
    Number,
}

/// A setting under `analysisConfigurations.canary`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Its word in a URL.
    pub(crate) word: &'static str,
    /// What it is called.
    pub(crate) label: &'static str,
    path: &'static [&'static str],
    pub(crate) kind: Kind,
}

/// Every one of them, in the order of the form.
pub(crate) const SETTINGS: [Setting; 12] = [
    setting(
        "direction",
        "Fails on",
        &["direction"],
        Kind::Choice(&["either", "increase", "decrease"]),
    ),
    setting(
        "nanStrategy",
        "NaN strategy",
        &["nanStrategy"],
        Kind::Choice(&["remove", "replace"]),
    ),
    setting(
        "outliers",
        "Outliers",
        &["outliers", "strategy"],
        Kind::Choice(&["keep", "remove"]),
    ),
    setting(
        "outlierFactor",
        "Outlier factor",
        &["outliers", "outlierFactor"],
        Kind::Number,
    ),
    setting(
        "measure",
        "Effect measured as",
        &["effectSize", "measure"],
        Kind::Choice(&["meanRatio", "cles"]),
    ),
    setting(
        "allowedIncrease",
        "Allowed increase",
        &["effectSize", "allowedIncrease"],
        Kind::Number,
    ),
    setting(
        "allowedDecrease",
        "Allowed decrease",
        &["effectSize", "allowedDecrease"],
        Kind::Number,
    ),
    setting(
        "criticalIncrease",
        "Critical increase",
        &["effectSize", "criticalIncrease"],
        Kind::Number,
    ),
    setting(
        "criticalDecrease",
        "Critical decrease",
        &["effectSize", "criticalDecrease"],
        Kind::Number,
    ),
    setting("critical", "Critical", &["critical"], Kind::Flag),
    setting(
        "mustHaveData",
        "Must have data",
        &["mustHaveData"],
        Kind::Flag,
    ),
    setting("muted", "Muted", &["muted"], Kind::Flag),
];

/// What a setting does, and what counts without it.
pub(crate) fn about(setting: &JudgeSetting) -> String {
    format!("{} Default: {}.", setting.about, setting.default)
}

/// What the setting of a path such as `effectSize.measure` is called.
pub(crate) fn label_of(path: &str) -> Option<&'static str> {
    let mut known = SETTINGS.iter();
    known
        .find(|setting| setting.path.iter().copied().eq(path.split('.')))
        .map(|setting| setting.label)
}

const fn setting(
    word: &'static str,
    label: &'static str,
    path: &'static [&'static str],
    kind: Kind,
) -> Setting {
    Setting {
        word,
        label,
        path,
        kind,
    }
}

impl Setting {
    /// What it does, as the judge describes it.
    pub(crate) fn about(&self) -> String {
        let mut known = METRIC_SETTINGS.iter();
        let found = known.find(|known| self.path.iter().copied().eq(known.path.split('.')));
        found.map(about).unwrap_or_default()
    }

    /// The value that a text means; `None` for a text that means none.
    pub(crate) fn value(&self, text: &str) -> Option<Value> {
        match self.kind {
            Kind::Choice(words) => words.contains(&text).then(|| Value::from(text)),
            Kind::Flag => text.parse::<bool>().ok().map(Value::from),
            Kind::Number => {
                let number = text
                    .parse::<f64>()
                    .ok()
                    .filter(|number| number.is_finite())?;
                Some(Value::from(number))
            }
        }
    }

    /// How the metric has it: what is set, else what counts without it; empty for a number that is not set.
    pub(crate) fn current(&self, metric: &MetricConfig) -> String {
        let settings = metric.analysis_configurations.as_ref();
        let mut found = settings.and_then(|all| all.get("canary")).map(|own| {
            let (first, rest) = self
                .path
                .split_first()
                .map_or(("", &[][..]), |(f, r)| (*f, r));
            rest.iter()
                .fold(own.get(first), |value, name| value?.get(*name))
        });
        match (found.take().flatten(), self.kind) {
            (Some(Value::String(text)), _) => text.clone(),
            (Some(value), _) => value.to_string(),
            (None, Kind::Choice(words)) => words.first().copied().unwrap_or_default().to_owned(),
            (None, Kind::Flag) => "false".to_owned(),
            (None, Kind::Number) => String::new(),
        }
    }

    /// Gives the metric this value.
    pub(crate) fn set(&self, metric: &mut MetricConfig, value: Value) {
        let all = metric.analysis_configurations.get_or_insert_default();
        let mut place: &mut JsonMap = all.entry("canary".to_owned()).or_default();
        let Some((last, parents)) = self.path.split_last() else {
            return;
        };
        for parent in parents {
            let inner = place
                .entry((*parent).to_owned())
                .or_insert_with(|| Value::Object(JsonMap::new()));
            if !inner.is_object() {
                *inner = Value::Object(JsonMap::new());
            }
            let Value::Object(inner) = inner else { return };
            place = inner;
        }
        place.insert((*last).to_owned(), value);
    }
}
