//! The settings under `judge.judgeConfigurations.paired`.

use kayenta_model::{CanaryConfig, JsonMap, Look};
use serde_json::Value;

use crate::{JudgeError, settings::describe};

/// How the chance of a wrong label is shared among the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Multiplicity {
    /// The chance of any wrong label in the canary is bounded.
    Holm,
    /// The expected share of wrong ones among the labels is bounded.
    BenjaminiHochberg,
    /// The chance is that of each metric by itself.
    None,
}

/// All settings of the judge, defaults filled in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PairedSettings {
    /// Chance of a wrong High or Low, over all looks.
    pub(crate) false_alarm_rate: f64,
    pub(crate) multiplicity: Multiplicity,
    /// Fewer pairs get no verdict.
    pub(crate) minimum_pairs: usize,
    /// Relative change that has to be excluded before `noWorse` is said.
    pub(crate) tolerated_change: f64,
    /// Chance of saying it of a change that large.
    pub(crate) miss_rate: f64,
    /// Whether an analysis may end early because all is well.
    pub(crate) success: bool,
    /// Share of the looks before which it may not.
    pub(crate) earliest_success: f64,
    /// p-value of a harmful drift at or below which it may not.
    pub(crate) drift_guard: f64,
}

/// Where the settings are.
const SECTION: &str = "judge.judgeConfigurations.paired";

/// Before the last look p-values of fewer pairs are not trusted, whatever is set.
const PAIRS_BEFORE_THE_LAST_LOOK: usize = 20;

impl PairedSettings {
    pub(crate) fn read(config: &CanaryConfig) -> Result<Self, JudgeError> {
        let section = config
            .judge
            .as_ref()
            .and_then(|judge| judge.judge_configurations.as_ref())
            .and_then(|configurations| configurations.get("paired"));
        let empty = JsonMap::new();
        let section = match section {
            None | Some(Value::Null) => &empty,
            Some(Value::Object(section)) => section,
            Some(other) => {
                return Err(JudgeError::JudgeSetting {
                    setting: SECTION.to_owned(),
                    found: describe(other),
                    expected: "an object",
                });
            }
        };
        let reader = Reader(section);
        let rate = "a number above 0 and below 0.5";
        let is_rate = |value: f64| value > 0.0 && value < 0.5;
        Ok(Self {
            false_alarm_rate: reader.number("falseAlarmRate", 0.02, rate, is_rate)?,
            multiplicity: reader.multiplicity()?,
            minimum_pairs: reader.number(
                "minimumPairs",
                8.0,
                "a whole number from 8 on",
                |value| value >= 8.0 && value.fract() == 0.0,
            )? as usize,
            tolerated_change: reader.number(
                "toleratedChange",
                0.10,
                "a number above 0",
                |value| value > 0.0,
            )?,
            miss_rate: reader.number("missRate", 0.05, rate, is_rate)?,
            success: reader.flag("success")?,
            earliest_success: reader.number(
                "earliestSuccess",
                0.5,
                "a number from 0 to 1",
                |value| (0.0..=1.0).contains(&value),
            )?,
            drift_guard: reader.number(
                "driftGuard",
                0.10,
                "a number from 0 on and below 0.5",
                |value| (0.0..0.5).contains(&value),
            )?,
        })
    }

    /// What the p-values of a look are held against: half of the budget waits for the last one.
    pub(crate) fn level(&self, look: Look) -> f64 {
        if look.total == 1 {
            self.false_alarm_rate
        } else if look.is_last() {
            self.false_alarm_rate / 2.0
        } else {
            self.false_alarm_rate / (2.0 * f64::from(look.total - 1))
        }
    }

    /// Pairs that a look needs for a verdict.
    pub(crate) fn needed(&self, look: Look) -> usize {
        if look.is_last() {
            self.minimum_pairs
        } else {
            self.minimum_pairs.max(PAIRS_BEFORE_THE_LAST_LOOK)
        }
    }

    /// The first look at which an analysis may end because all is well.
    pub(crate) fn first_success(&self, look: Look) -> u32 {
        let first = (self.earliest_success * f64::from(look.total) - 1e-9).ceil();
        // A share of a 32-bit number fits one.
        (first as u32).max(1)
    }

    /// Chance of saying `noWorse` wrongly at one look.
    pub(crate) fn miss_level(&self, look: Look) -> f64 {
        if self.success {
            let looks = f64::from(look.total) - f64::from(self.first_success(look)) + 1.0;
            self.miss_rate / looks
        } else {
            self.miss_rate
        }
    }
}

/// Refuses a look outside of its total.
pub(crate) fn check_look(look: Look) -> Result<(), JudgeError> {
    if (1..=look.total).contains(&look.index) {
        Ok(())
    } else {
        Err(JudgeError::Look {
            index: look.index,
            total: look.total,
        })
    }
}

struct Reader<'a>(&'a JsonMap);

impl Reader<'_> {
    /// A setting that is there; `null` counts as absent.
    fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    fn wrong(key: &str, found: &Value, expected: &'static str) -> JudgeError {
        JudgeError::JudgeSetting {
            setting: format!("{SECTION}.{key}"),
            found: describe(found),
            expected,
        }
    }

    fn number(
        &self,
        key: &str,
        default: f64,
        expected: &'static str,
        fits: impl Fn(f64) -> bool,
    ) -> Result<f64, JudgeError> {
        let Some(found) = self.get(key) else {
            return Ok(default);
        };
        found
            .as_f64()
            .filter(|value| fits(*value))
            .ok_or_else(|| Self::wrong(key, found, expected))
    }

    fn flag(&self, key: &str) -> Result<bool, JudgeError> {
        match self.get(key) {
            None => Ok(false),
            Some(found) => found
                .as_bool()
                .ok_or_else(|| Self::wrong(key, found, "true or false")),
        }
    }

    fn multiplicity(&self) -> Result<Multiplicity, JudgeError> {
        let key = "multiplicity";
        match self.get(key) {
            None => Ok(Multiplicity::Holm),
            Some(found) => match found.as_str() {
                Some("holm") => Ok(Multiplicity::Holm),
                Some("benjaminiHochberg") => Ok(Multiplicity::BenjaminiHochberg),
                Some("none") => Ok(Multiplicity::None),
                _ => Err(Self::wrong(
                    key,
                    found,
                    "'holm', 'benjaminiHochberg' or 'none'",
                )),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(paired: Value) -> Result<PairedSettings, JudgeError> {
        let config = serde_json::from_value(json!({
            "judge": {"name": "j", "judgeConfigurations": {"paired": paired}}
        }))
        .unwrap();
        PairedSettings::read(&config)
    }

    #[test]
    fn absent_and_null_settings_have_their_defaults_and_unknown_ones_are_ignored() {
        let defaults = PairedSettings::read(&CanaryConfig::default()).unwrap();
        assert_eq!(
            (defaults.false_alarm_rate, defaults.miss_rate),
            (0.02, 0.05)
        );
        assert_eq!(defaults.minimum_pairs, 8);
        assert!(!defaults.success);
        assert_eq!(
            read(json!({"success": null, "colour": 3})).unwrap(),
            defaults
        );
        assert_eq!(read(Value::Null).unwrap(), defaults);
    }

    #[test]
    fn what_does_not_fit_is_named_with_what_would() {
        for (paired, message) in [
            (
                json!({"falseAlarmRate": 0.5}),
                "setting 'judge.judgeConfigurations.paired.falseAlarmRate' is the number 0.5, expected a number above 0 and below 0.5",
            ),
            (
                json!({"minimumPairs": "8"}),
                "setting 'judge.judgeConfigurations.paired.minimumPairs' is the string \"8\", expected a whole number from 8 on",
            ),
            (
                json!({"success": 1}),
                "setting 'judge.judgeConfigurations.paired.success' is the number 1, expected true or false",
            ),
            (
                json!([]),
                "setting 'judge.judgeConfigurations.paired' is a list, expected an object",
            ),
        ] {
            assert_eq!(read(paired).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn the_levels_of_all_looks_add_up_to_the_rate() {
        let settings = read(json!({"falseAlarmRate": 0.03})).unwrap();
        for total in [1, 2, 6, 24] {
            let spent: f64 = (1..=total)
                .map(|index| settings.level(Look { index, total }))
                .sum();
            assert!((spent - 0.03).abs() < 1e-15, "{total}");
        }
    }

    #[test]
    fn the_chances_of_a_miss_add_up_over_the_looks_that_may_end_an_analysis() {
        let settings = read(json!({"success": true, "earliestSuccess": 0.5})).unwrap();
        let look = Look {
            index: 6,
            total: 12,
        };
        assert_eq!(settings.first_success(look), 6);
        assert!((settings.miss_level(look) * 7.0 - 0.05).abs() < 1e-15);
        assert_eq!(read(json!({})).unwrap().miss_level(look), 0.05);
        let at_once = read(json!({"success": true, "earliestSuccess": 0})).unwrap();
        assert_eq!(at_once.first_success(look), 1);
    }
}
