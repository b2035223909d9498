//! What is changed: read from the query of the page, laid over a config.

use kayenta_model::{CanaryConfig, MetricConfig, Thresholds};
use kayenta_report::number;

use crate::{
    query::PageQuery,
    what_if::settings::{Kind, SETTINGS, Setting},
};

/// What stands before the name of a group, and before a setting of every metric.
pub(crate) const WEIGHT: &str = "weight.";
const ALL: &str = "all";

/// A config with changes laid over it.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    pub(crate) config: CanaryConfig,
    pub(crate) thresholds: Thresholds,
    pub(crate) changes: Vec<Change>,
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    /// Its parameter.
    pub(crate) parameter: String,
    pub(crate) value: String,
    /// In words.
    pub(crate) text: String,
}

/// The parameter of a setting of a metric; of every metric without a position.
pub(crate) fn parameter(metric: Option<usize>, setting: &Setting) -> String {
    match metric {
        Some(metric) => format!("m{metric}.{}", setting.word),
        None => format!("{ALL}.{}", setting.word),
    }
}

impl Changed {
    /// Lays the changes of a query over a config. What means nothing, and what is as it was, is no change.
    pub(crate) fn read(query: &PageQuery, config: &CanaryConfig, thresholds: Thresholds) -> Self {
        let mut changed = Self {
            config: config.clone(),
            thresholds,
            changes: Vec::new(),
        };
        let number = |name: &str| {
            let number: f64 = query.get(name)?.parse().ok()?;
            number.is_finite().then_some(number)
        };
        let pass = changed.thresholds.pass;
        if let Some(pass) = changed.number("pass", "pass threshold", pass, number("pass")) {
            changed.thresholds.pass = Some(pass);
        }
        let marginal = changed.thresholds.marginal;
        if let Some(marginal) = changed.number(
            "marginal",
            "marginal threshold",
            marginal,
            number("marginal"),
        ) {
            changed.thresholds.marginal = Some(marginal);
        }
        changed.judge(query.get("judge"));
        changed.weights(&number);
        // Those of every metric first, so that those of one stand above them.
        for setting in &SETTINGS {
            let parameter = parameter(None, setting);
            if let Some(text) = query.get(&parameter) {
                let every = 0..changed.config.metrics().len();
                changed.set(parameter, text, setting, every, "every metric");
            }
        }
        for index in 0..changed.config.metrics().len() {
            let name = changed.config.metrics()[index].name().to_owned();
            for setting in &SETTINGS {
                let parameter = parameter(Some(index), setting);
                if let Some(text) = query.get(&parameter) {
                    changed.set(parameter, text, setting, index..index + 1, &name);
                }
            }
        }
        changed
    }

    fn number(
        &mut self,
        parameter: &str,
        what: &str,
        before: Option<f64>,
        after: Option<f64>,
    ) -> Option<f64> {
        let after = after.filter(|after| *after != before.unwrap_or_default())?;
        self.changes.push(Change {
            parameter: parameter.to_owned(),
            value: after.to_string(),
            text: format!(
                "{what}: {} → {}",
                number::score(before.unwrap_or_default()),
                number::score(after)
            ),
        });
        Some(after)
    }

    fn judge(&mut self, name: Option<&str>) {
        let judge = self.config.judge.clone().unwrap_or_default();
        let before = judge.name.clone().unwrap_or_default();
        if let Some(name) = name.filter(|name| *name != before) {
            self.changes.push(Change {
                parameter: "judge".to_owned(),
                value: name.to_owned(),
                text: format!("judge: {before} → {name}"),
            });
            let judge = self.config.judge.insert(judge);
            judge.name = Some(name.to_owned());
        }
    }

    fn weights(&mut self, number: &dyn Fn(&str) -> Option<f64>) {
        for group in groups(&self.config) {
            let parameter = format!("{WEIGHT}{group}");
            let weights = |config: &CanaryConfig| config.classifier.as_ref()?.group_weights.clone();
            let before = weights(&self.config).and_then(|weights| weights.get(&group).copied());
            let what = format!("weight of {group}");
            if let Some(after) = self.number(&parameter, &what, before, number(&parameter)) {
                let classifier = self.config.classifier.get_or_insert_default();
                classifier
                    .group_weights
                    .get_or_insert_default()
                    .insert(group, after);
            }
        }
    }

    fn set(
        &mut self,
        parameter: String,
        text: &str,
        setting: &Setting,
        metrics: std::ops::Range<usize>,
        whose: &str,
    ) {
        let Some(value) = setting.value(text) else {
            return;
        };
        let Some(list) = self.config.metrics.as_mut() else {
            return;
        };
        let as_text = shown(setting, text);
        let mut before: Vec<String> = Vec::new();
        for metric in list.iter_mut().skip(metrics.start).take(metrics.len()) {
            let current = shown(setting, &setting.current(metric));
            if current != as_text {
                before.push(current);
                setting.set(metric, value.clone());
            }
        }
        before.dedup();
        let before = match before.as_slice() {
            [] => return,
            [one] if one.is_empty() => "not set".to_owned(),
            [one] => one.clone(),
            _ => "different values".to_owned(),
        };
        self.changes.push(Change {
            parameter,
            value: text.to_owned(),
            text: format!(
                "{whose}: {} {before} → {as_text}",
                setting.label.to_lowercase()
            ),
        });
    }
}

/// `1.10` and `1.1` are one number.
fn shown(setting: &Setting, text: &str) -> String {
    match (setting.kind, text.parse::<f64>()) {
        (Kind::Number, Ok(number)) => number.to_string(),
        _ => text.to_owned(),
    }
}

/// The groups of the config's metrics and weights, in their order.
pub(crate) fn groups(config: &CanaryConfig) -> Vec<String> {
    let of_metrics = config
        .metrics()
        .iter()
        .flat_map(|metric: &MetricConfig| metric.groups.iter().flatten().cloned());
    let weights = config.classifier.as_ref();
    let weights = weights.and_then(|classifier| classifier.group_weights.as_ref());
    let of_weights = weights
        .into_iter()
        .flat_map(|weights| weights.keys().cloned());
    let mut groups: Vec<String> = Vec::new();
    for group in of_metrics.chain(of_weights) {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> CanaryConfig {
        serde_json::from_value(serde_json::json!({
            "name": "shop", "judge": {"name": "NetflixACAJudge-v1.0"},
            "metrics": [
                {"name": "latency", "groups": ["app"], "analysisConfigurations": {"canary": {
                    "direction": "increase", "effectSize": {"allowedIncrease": 1.1}}}},
                {"name": "errors", "groups": ["app", "all"]},
            ],
            "classifier": {"groupWeights": {"app": 60.0}},
        }))
        .unwrap()
    }

    #[test]
    fn changes_are_laid_over_the_config_and_what_means_nothing_is_none() {
        let thresholds = Thresholds {
            pass: Some(95.0),
            marginal: Some(75.0),
        };
        let query = PageQuery::read(Some(
            "pass=90&marginal=75&weight.app=60&weight.all=40&m0.direction=increase&m0.allowedIncrease=1.50\
             &all.nanStrategy=replace&m1.nanStrategy=remove&m1.critical=true&m1.direction=sideways&m9.muted=true&x=1&pass=1",
        ));
        let changed = Changed::read(&query, &config(), thresholds);
        let texts: Vec<&str> = changed.changes.iter().map(|change| &*change.text).collect();
        assert_eq!(
            texts,
            [
                "pass threshold: 95 → 90",
                "weight of all: 0 → 40",
                "every metric: nan strategy remove → replace",
                "latency: allowed increase 1.1 → 1.5",
                "errors: nan strategy replace → remove",
                "errors: critical false → true",
            ]
        );
        assert_eq!(
            changed.thresholds,
            Thresholds {
                pass: Some(90.0),
                marginal: Some(75.0)
            }
        );
        let json = serde_json::to_value(&changed.config).unwrap();
        assert_eq!(
            json["metrics"][0]["analysisConfigurations"]["canary"],
            serde_json::json!({"direction": "increase", "effectSize": {"allowedIncrease": 1.5}, "nanStrategy": "replace"})
        );
        assert_eq!(
            json["metrics"][1]["analysisConfigurations"]["canary"],
            serde_json::json!({"nanStrategy": "remove", "critical": true})
        );
        assert_eq!(
            json["classifier"]["groupWeights"],
            serde_json::json!({"app": 60.0, "all": 40.0})
        );
    }
}
