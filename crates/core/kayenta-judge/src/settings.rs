//! The judge settings of one metric: what stands under `analysisConfigurations.canary`.

use kayenta_model::{JsonMap, MetricConfig};
use serde_json::Value;

use crate::JudgeError;

/// Which way a change counts as bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Increase,
    Decrease,
    Either,
}

/// What becomes of NaN values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NanStrategy {
    /// They are dropped.
    Remove,
    /// They count as zero.
    Replace,
}

/// Which number is compared with the thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EffectMeasure {
    MeanRatio,
    CommonLanguage,
}

/// All settings of one metric, defaults filled in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MetricSettings {
    pub(crate) direction: Direction,
    pub(crate) nan_strategy: NanStrategy,
    /// The factor of the fences when outliers are to be removed.
    pub(crate) outlier_factor: Option<f64>,
    pub(crate) critical: bool,
    pub(crate) must_have_data: bool,
    pub(crate) muted: bool,
    pub(crate) measure: EffectMeasure,
    pub(crate) allowed_increase: f64,
    pub(crate) allowed_decrease: f64,
    pub(crate) critical_increase: f64,
    pub(crate) critical_decrease: f64,
}

impl MetricSettings {
    /// Reads the settings in the order of the reference, so that the first error is the same one.
    pub(crate) fn read(metric: &MetricConfig) -> Result<Self, JudgeError> {
        Self::read_for(metric, false)
    }

    /// Reads the settings for a judge whose thresholds are always ratios and that has no use for the
    /// measure and for outliers. Allowed ratios have to be positive.
    pub(crate) fn read_ratios(metric: &MetricConfig) -> Result<Self, JudgeError> {
        let settings = Self::read_for(metric, true)?;
        for (setting, allowed) in [
            (
                "canary.effectSize.allowedIncrease",
                settings.allowed_increase,
            ),
            (
                "canary.effectSize.allowedDecrease",
                settings.allowed_decrease,
            ),
        ] {
            if allowed.is_nan() || allowed <= 0.0 {
                return Err(JudgeError::Setting {
                    metric: metric.name().to_owned(),
                    setting: setting.to_owned(),
                    found: format!("the number {allowed}"),
                    expected: "a number above 0",
                });
            }
        }
        Ok(settings)
    }

    fn read_for(metric: &MetricConfig, ratios: bool) -> Result<Self, JudgeError> {
        let reader = Reader::new(metric);
        // Unknown words fall back as in the reference, which is not always to the default.
        let direction = match reader.text(&["direction"]) {
            Some("increase") => Direction::Increase,
            Some("decrease") => Direction::Decrease,
            _ => Direction::Either,
        };
        let nan_strategy = match reader.text(&["nanStrategy"]) {
            Some("replace") => NanStrategy::Replace,
            _ => NanStrategy::Remove,
        };
        let remove_outliers = !ratios && reader.text(&["outliers", "strategy"]) == Some("remove");
        let outlier_factor = if ratios {
            3.0
        } else {
            reader.number(&["outliers", "outlierFactor"], 3.0)?
        };
        let critical = reader.flag(&["critical"])?;
        let must_have_data = reader.flag(&["mustHaveData"])?;
        let muted = reader.flag(&["muted"])?;
        let (measure, neutral) = match reader.text(&["effectSize", "measure"]) {
            Some("cles") if !ratios => (EffectMeasure::CommonLanguage, 0.5),
            _ => (EffectMeasure::MeanRatio, 1.0),
        };
        let settings = Self {
            direction,
            nan_strategy,
            outlier_factor: remove_outliers.then_some(outlier_factor),
            critical,
            must_have_data,
            muted,
            measure,
            allowed_increase: reader.number(&["effectSize", "allowedIncrease"], neutral)?,
            allowed_decrease: reader.number(&["effectSize", "allowedDecrease"], neutral)?,
            critical_increase: reader.number(&["effectSize", "criticalIncrease"], neutral)?,
            critical_decrease: reader.number(&["effectSize", "criticalDecrease"], neutral)?,
        };
        match settings.outlier_factor {
            Some(factor) if factor <= 0.0 => Err(JudgeError::OutlierFactor {
                metric: reader.metric.to_owned(),
                factor,
            }),
            _ => Ok(settings),
        }
    }
}

/// Looks settings up under `analysisConfigurations.canary`.
pub(crate) struct Reader<'a> {
    metric: &'a str,
    root: Option<&'a JsonMap>,
}

/// What a path leads to.
enum Found<'a> {
    Leaf(&'a Value),
    /// A list lies on the path; its elements with the rest of the path collect into a list.
    Several(Vec<&'a Value>),
}

impl<'a> Reader<'a> {
    pub(crate) fn new(metric: &'a MetricConfig) -> Self {
        Self {
            metric: metric.name(),
            root: metric
                .analysis_configurations
                .as_ref()
                .and_then(|sections| sections.get("canary")),
        }
    }

    /// Whether there is a value other than `null`.
    pub(crate) fn has(&self, path: &[&str]) -> bool {
        !matches!(self.find(path), None | Some(Found::Leaf(Value::Null)))
    }

    /// A number of any size; `null` counts as absent.
    pub(crate) fn optional_number(&self, path: &[&str]) -> Result<Option<f64>, JudgeError> {
        match self.find(path) {
            None | Some(Found::Leaf(Value::Null)) => Ok(None),
            Some(Found::Leaf(Value::Number(number))) => Ok(number.as_f64()),
            Some(other) => Err(self.wrong_type(path, other, "a number")),
        }
    }

    fn find(&self, path: &[&str]) -> Option<Found<'a>> {
        let (first, rest) = path.split_first()?;
        descend(self.root?.get(*first)?, rest)
    }

    /// A word, if it is one. Other scalars and lists are no word any setting knows, and neither is
    /// `null`, over which the reference stumbles (C-JUDGE-03).
    pub(crate) fn text(&self, path: &[&str]) -> Option<&'a str> {
        match self.find(path)? {
            Found::Leaf(value) => value.as_str(),
            Found::Several(_) => None,
        }
    }

    /// A boolean, false when absent or null.
    fn flag(&self, path: &[&str]) -> Result<bool, JudgeError> {
        match self.find(path) {
            None | Some(Found::Leaf(Value::Null)) => Ok(false),
            Some(Found::Leaf(Value::Bool(value))) => Ok(*value),
            Some(other) => Err(self.wrong_type(path, other, "true or false")),
        }
    }

    /// A number, the default when absent and zero when null. Integers beyond 32 bits are refused, as
    /// in the reference.
    fn number(&self, path: &[&str], default: f64) -> Result<f64, JudgeError> {
        let found = match self.find(path) {
            None => return Ok(default),
            Some(found) => found,
        };
        let number = match &found {
            Found::Leaf(Value::Null) => Some(0.0),
            Found::Leaf(Value::Number(number)) => match number.as_i64() {
                Some(integer) => i32::try_from(integer).ok().map(f64::from),
                None if number.is_u64() => None,
                None => number.as_f64(),
            },
            _ => None,
        };
        number.ok_or_else(|| self.wrong_type(path, found, "a number (integers of 32 bits)"))
    }

    fn wrong_type(&self, path: &[&str], found: Found<'_>, expected: &'static str) -> JudgeError {
        let found = match found {
            Found::Leaf(value) => describe(value),
            Found::Several(values) => format!("a list of {} values", values.len()),
        };
        JudgeError::Setting {
            metric: self.metric.to_owned(),
            setting: format!("canary.{}", path.join(".")),
            found,
            expected,
        }
    }
}

fn descend<'a>(value: &'a Value, path: &[&str]) -> Option<Found<'a>> {
    let Some((first, rest)) = path.split_first() else {
        return Some(Found::Leaf(value));
    };
    match value {
        Value::Object(map) => descend(map.get(*first)?, rest),
        Value::Array(items) => {
            let mut hits = Vec::new();
            for item in items {
                match descend(item, path) {
                    Some(Found::Leaf(value)) => hits.push(value),
                    Some(Found::Several(values)) => hits.extend(values),
                    None => {}
                }
            }
            (!hits.is_empty()).then_some(Found::Several(hits))
        }
        _ => None,
    }
}

/// The value with its type, short enough for a message.
pub(crate) fn describe(value: &Value) -> String {
    const LONGEST: usize = 80;
    let kind = match value {
        Value::Null => return "null".to_owned(),
        Value::Bool(_) => "the boolean",
        Value::Number(_) => "the number",
        Value::String(_) => "the string",
        Value::Array(_) => return "a list".to_owned(),
        Value::Object(_) => return "an object".to_owned(),
    };
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{kind} {}…", &text[..end]),
        None => format!("{kind} {text}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(canary: Value) -> Result<MetricSettings, JudgeError> {
        let metric: MetricConfig = serde_json::from_value(json!({
            "name": "m", "analysisConfigurations": {"canary": canary}
        }))
        .unwrap();
        MetricSettings::read(&metric)
    }

    #[test]
    fn defaults() {
        let settings = MetricSettings::read(&MetricConfig::default()).unwrap();
        assert_eq!(settings.direction, Direction::Either);
        assert_eq!(settings.nan_strategy, NanStrategy::Remove);
        assert_eq!(settings.outlier_factor, None);
        assert_eq!(settings.measure, EffectMeasure::MeanRatio);
        assert_eq!(settings.allowed_increase, 1.0);
        assert!(!settings.critical && !settings.must_have_data && !settings.muted);
        let cles = read(json!({"effectSize": {"measure": "cles"}})).unwrap();
        assert_eq!((cles.allowed_decrease, cles.critical_increase), (0.5, 0.5));
    }

    #[test]
    fn words_are_case_sensitive_and_unknown_ones_fall_back() {
        let settings = read(json!({
            "direction": "INCREASE", "nanStrategy": "Replace", "outliers": {"strategy": "Remove"},
            "effectSize": {"measure": 5}
        }))
        .unwrap();
        assert_eq!(settings.direction, Direction::Either);
        assert_eq!(settings.nan_strategy, NanStrategy::Remove);
        assert_eq!(settings.outlier_factor, None);
        assert_eq!(settings.measure, EffectMeasure::MeanRatio);
    }

    #[test]
    fn c_judge_03_nulls_are_defaults_false_or_zero() {
        let settings = read(json!({
            "direction": null, "critical": null, "effectSize": {"criticalIncrease": null}
        }))
        .unwrap();
        assert_eq!(settings.direction, Direction::Either);
        assert!(!settings.critical);
        assert_eq!(settings.critical_increase, 0.0);
        assert_eq!(settings.critical_decrease, 1.0);
    }

    #[test]
    fn wrong_types_name_metric_setting_value_and_type() {
        for (canary, message) in [
            (
                json!({"critical": "true"}),
                r#"metric 'm': setting 'canary.critical' is the string "true", expected true or false"#,
            ),
            (
                json!({"outliers": {"outlierFactor": "2.5"}}),
                r#"metric 'm': setting 'canary.outliers.outlierFactor' is the string "2.5", expected a number (integers of 32 bits)"#,
            ),
            (
                json!({"effectSize": {"allowedIncrease": 3_000_000_000_u64}}),
                "metric 'm': setting 'canary.effectSize.allowedIncrease' is the number 3000000000, expected a number (integers of 32 bits)",
            ),
            (
                json!({"effectSize": [{"allowedIncrease": 1.0}, {"x": 1}, {"allowedIncrease": 2.0}]}),
                "metric 'm': setting 'canary.effectSize.allowedIncrease' is a list of 2 values, expected a number (integers of 32 bits)",
            ),
            (
                json!({"outliers": {"strategy": "remove", "outlierFactor": 0}}),
                "requirement failed: factor must be greater than zero",
            ),
        ] {
            assert_eq!(read(canary).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_path_through_a_scalar_or_an_empty_list_is_absent() {
        let settings = read(json!({"effectSize": 3, "outliers": [{"x": 1}]})).unwrap();
        assert_eq!(settings.allowed_increase, 1.0);
        assert_eq!(settings.outlier_factor, None);
    }

    #[test]
    fn a_factor_that_is_not_used_may_be_anything_numeric() {
        assert!(read(json!({"outliers": {"outlierFactor": -1}})).is_ok());
    }
}
