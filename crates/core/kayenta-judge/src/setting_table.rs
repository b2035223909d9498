//! The settings of the built-in judges, for forms, schemas and checks.

use kayenta_model::{CanaryConfig, MetricConfig};

use crate::{
    JudgeError, NetflixAcaJudge, PairedCanaryJudge, StaticLimitJudge, paired::check_judge_settings,
    settings::MetricSettings, static_limit::Limits,
};

/// What a setting may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// One of these words; the first is the default.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A number.
    Number,
}

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgeSetting {
    /// Its path below its section, with dots: `effectSize.allowedIncrease`.
    pub path: &'static str,
    /// What it may be.
    pub kind: SettingKind,
    /// What it means when it is absent, for readers.
    pub default: &'static str,
    /// What it does, in one sentence.
    pub about: &'static str,
}

/// Settings of a metric, below `analysisConfigurations.canary`.
pub const METRIC_SETTINGS: &[JudgeSetting] = &[
    setting(
        "direction",
        SettingKind::Word(&["either", "increase", "decrease"]),
        "either",
        "Which change is bad.",
    ),
    setting(
        "nanStrategy",
        SettingKind::Word(&["remove", "replace"]),
        "remove",
        "What to do with missing values: drop them, or count them as 0.",
    ),
    setting(
        "critical",
        SettingKind::Flag,
        "false",
        "If this metric fails, the canary fails with score 0.",
    ),
    setting(
        "mustHaveData",
        SettingKind::Flag,
        "false",
        "Missing data counts as a failure of the metric.",
    ),
    setting(
        "muted",
        SettingKind::Flag,
        "false",
        "The metric is judged and listed, but does not count.",
    ),
    setting(
        "effectSize.measure",
        SettingKind::Word(&["meanRatio", "cles"]),
        "meanRatio",
        "How the size of a change is measured: ratio of the means, or common language effect size.",
    ),
    setting(
        "effectSize.allowedIncrease",
        SettingKind::Number,
        "1 (cles: 0.5)",
        "The metric fails only if an increase reaches this effect, for example 1.1 for 10 %.",
    ),
    setting(
        "effectSize.allowedDecrease",
        SettingKind::Number,
        "1 (cles: 0.5)",
        "The metric fails only if a decrease reaches this effect, for example 0.9 for 10 %.",
    ),
    setting(
        "effectSize.criticalIncrease",
        SettingKind::Number,
        "1 (cles: 0.5)",
        "A critical metric fails the canary only if an increase reaches this effect.",
    ),
    setting(
        "effectSize.criticalDecrease",
        SettingKind::Number,
        "1 (cles: 0.5)",
        "A critical metric fails the canary only if a decrease reaches this effect.",
    ),
    setting(
        "outliers.strategy",
        SettingKind::Word(&["keep", "remove"]),
        "keep",
        "Whether extreme values of each side are dropped before the comparison.",
    ),
    setting(
        "outliers.outlierFactor",
        SettingKind::Number,
        "3",
        "How many interquartile ranges beyond the quartiles an outlier lies.",
    ),
    setting(
        "staticLimit.upper",
        SettingKind::Number,
        "none",
        "StaticLimitJudge-v1.0: the value that must not be exceeded.",
    ),
    setting(
        "staticLimit.lower",
        SettingKind::Number,
        "none",
        "StaticLimitJudge-v1.0: the value that must be reached.",
    ),
    setting(
        "staticLimit.statistic",
        SettingKind::Word(&["mean", "median", "p95", "p99", "max", "share"]),
        "mean",
        "StaticLimitJudge-v1.0: what is compared with the limits.",
    ),
    setting(
        "staticLimit.toleratedShare",
        SettingKind::Number,
        "0",
        "StaticLimitJudge-v1.0: the share of values that may lie beyond a limit, for the statistic share.",
    ),
];

/// Settings of `PairedCanaryJudge-v1.0`, below `judge.judgeConfigurations.paired`.
pub const PAIRED_JUDGE_SETTINGS: &[JudgeSetting] = &[
    setting(
        "falseAlarmRate",
        SettingKind::Number,
        "0.02",
        "Chance that a harmless canary gets a wrong High or Low, over all looks.",
    ),
    setting(
        "multiplicity",
        SettingKind::Word(&["holm", "benjaminiHochberg", "none"]),
        "holm",
        "How that chance is shared among the metrics.",
    ),
    setting(
        "minimumPairs",
        SettingKind::Number,
        "8",
        "Metrics with fewer pairs get no verdict.",
    ),
    setting(
        "toleratedChange",
        SettingKind::Number,
        "0.1",
        "Relative change that has to be excluded before a metric is called no worse.",
    ),
    setting(
        "missRate",
        SettingKind::Number,
        "0.05",
        "Chance of calling a change that large no worse.",
    ),
    setting(
        "success",
        SettingKind::Flag,
        "false",
        "Whether an analysis may end early as a success.",
    ),
    setting(
        "earliestSuccess",
        SettingKind::Number,
        "0.5",
        "Share of the looks before which it may not.",
    ),
    setting(
        "driftGuard",
        SettingKind::Number,
        "0.1",
        "p-value of a harmful drift at or below which it may not.",
    ),
];

const fn setting(
    path: &'static str,
    kind: SettingKind,
    default: &'static str,
    about: &'static str,
) -> JudgeSetting {
    JudgeSetting {
        path,
        kind,
        default,
        about,
    }
}

/// Reads the settings of a metric as the judge of this name does, to find what it would refuse. The empty name is the
/// default judge's; a judge that is not built in is not asked.
///
/// # Errors
/// The first mistake, as the judge reports it.
pub fn check_metric_settings(judge: &str, metric: &MetricConfig) -> Result<(), JudgeError> {
    match judge {
        "" | NetflixAcaJudge::NAME => MetricSettings::read(metric).map(drop),
        PairedCanaryJudge::NAME => MetricSettings::read_ratios(metric).map(drop),
        StaticLimitJudge::NAME => {
            MetricSettings::read(metric)?;
            Limits::read(metric).map(drop)
        }
        _ => Ok(()),
    }
}

/// Reads the judge's own settings of a config.
///
/// # Errors
/// The first mistake, as the judge reports it.
pub fn check_config_settings(judge: &str, config: &CanaryConfig) -> Result<(), JudgeError> {
    match judge {
        PairedCanaryJudge::NAME => check_judge_settings(config),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn nested(path: &str, value: Value) -> Value {
        path.rsplit('.')
            .fold(value, |inner, name| json!({ name: inner }))
    }

    #[test]
    fn every_flag_and_number_in_the_table_of_metric_settings_is_read() {
        for setting in METRIC_SETTINGS {
            let judge = match setting.path.starts_with("staticLimit") {
                true => StaticLimitJudge::NAME,
                false => NetflixAcaJudge::NAME,
            };
            let wrong = match setting.kind {
                SettingKind::Word(_) => continue,
                SettingKind::Flag | SettingKind::Number => json!("wrong"),
            };
            let mut canary = nested(setting.path, wrong);
            if let Some(Value::Object(limits)) = canary.get_mut("staticLimit") {
                limits.entry("lower").or_insert(json!(1));
            }
            let metric: MetricConfig = serde_json::from_value(json!({
                "name": "m", "analysisConfigurations": {"canary": canary}
            }))
            .unwrap();
            let error = check_metric_settings(judge, &metric)
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(&format!("canary.{}", setting.path)),
                "{error}"
            );
        }
    }

    #[test]
    fn every_word_in_the_table_of_metric_settings_differs_from_the_default() {
        for setting in METRIC_SETTINGS {
            let SettingKind::Word(words) = setting.kind else {
                continue;
            };
            assert_eq!(words[0], setting.default, "{}", setting.path);
            if setting.path.starts_with("staticLimit") {
                continue;
            }
            let read = |word: &str| {
                let canary = nested(setting.path, json!(word));
                let metric: MetricConfig = serde_json::from_value(json!({
                    "name": "m", "analysisConfigurations": {"canary": canary}
                }))
                .unwrap();
                MetricSettings::read(&metric).unwrap()
            };
            for word in &words[1..] {
                assert_ne!(read(word), read(words[0]), "{}: {word}", setting.path);
            }
        }
    }

    #[test]
    fn every_setting_of_the_paired_judge_is_read() {
        for setting in PAIRED_JUDGE_SETTINGS {
            let config: CanaryConfig = serde_json::from_value(json!({
                "judge": {"judgeConfigurations": {"paired": {setting.path: []}}}
            }))
            .unwrap();
            let error = check_config_settings(PairedCanaryJudge::NAME, &config)
                .unwrap_err()
                .to_string();
            assert!(error.contains(setting.path), "{error}");
        }
    }
}
