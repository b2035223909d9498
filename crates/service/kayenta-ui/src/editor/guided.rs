//! A first config for Prometheus from a few names.

use askama::Template;
use kayenta_report::Markup;
use serde_json::{Value, json};

use crate::visitor::Form;

#[derive(Template)]
#[template(path = "guided.html")]
struct GuidedTemplate<'a> {
    root: &'a str,
    token: &'a str,
}

pub(super) fn page(root: &str, token: &str) -> Markup {
    Markup::of(&GuidedTemplate { root, token })
}

/// The config of the names that were given.
pub(super) fn config(form: &Form) -> Value {
    let text = |name: &str, default: &str| form.text(name).unwrap_or(default).to_owned();
    let label = text("label", "version");
    let further = form
        .text("matchers")
        .map(|text| format!(",{text}"))
        .unwrap_or_default();
    let side = format!("{label}=\"${{scope}}\"{further}");
    let metric = |name: &str, group: &str, query: String, canary: Value| {
        json!({
            "name": name,
            "query": {"type": "prometheus", "customInlineTemplate": format!("PromQL:{query}")},
            "groups": [group],
            "analysisConfigurations": {"canary": canary},
            "scopeName": "default"
        })
    };
    let mut metrics = Vec::new();
    if let Some(counter) = form.text("requests") {
        let codes = match form.text("errors") {
            Some(errors) => errors.to_owned(),
            None => "code=~\"5..\"".to_owned(),
        };
        metrics.push(metric(
            "error rate",
            "Errors",
            format!("sum(rate({counter}{{{side},{codes}}}[5m])) or vector(0)"),
            json!({"direction": "increase", "nanStrategy": "replace", "critical": true}),
        ));
        metrics.push(metric(
            "traffic",
            "Traffic",
            format!("sum(rate({counter}{{{side}}}[5m]))"),
            json!({"direction": "decrease", "mustHaveData": true, "effectSize": {"allowedDecrease": 0.8}}),
        ));
    }
    if let Some(histogram) = form.text("latency") {
        let buckets = histogram.strip_suffix("_bucket").unwrap_or(histogram);
        metrics.push(metric(
            "latency p99",
            "Latency",
            format!("histogram_quantile(0.99, sum by (le) (rate({buckets}_bucket{{{side}}}[5m])))"),
            json!({"direction": "increase", "effectSize": {"allowedIncrease": 1.1}}),
        ));
    }
    if let Some(gauge) = form.text("gauge") {
        metrics.push(metric(
            gauge,
            "Saturation",
            format!("avg({gauge}{{{side}}})"),
            json!({"direction": "increase", "effectSize": {"allowedIncrease": 1.1}}),
        ));
    }
    let groups: Vec<&str> = ["Errors", "Traffic", "Latency", "Saturation"]
        .into_iter()
        .filter(|group| metrics.iter().any(|metric| metric["groups"][0] == *group))
        .collect();
    let mut weights = serde_json::Map::new();
    let share = if groups.is_empty() {
        0
    } else {
        100 / groups.len()
    };
    for (index, group) in groups.iter().enumerate() {
        // What does not divide evenly goes to the first.
        let rest = if index == 0 {
            100 - share * groups.len()
        } else {
            0
        };
        weights.insert((*group).to_owned(), json!(share + rest));
    }
    let application = text("application", "");
    json!({
        "name": text("name", ""),
        "applications": if application.is_empty() { json!([]) } else { json!([application]) },
        "description": format!("Prometheus; the label {label} selects the side"),
        "configVersion": "1",
        "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}},
        "metrics": metrics,
        "templates": {},
        "classifier": {"groupWeights": weights}
    })
}

#[cfg(test)]
mod tests {
    use kayenta_lint::{ServiceOffer, config_problems};

    use super::*;

    #[test]
    fn what_is_made_of_the_names_has_no_problem() {
        let body = "name=shop&application=shop&label=version&matchers=app%3D%22checkout%22&requests=http_requests_total\
                    &latency=http_request_duration_seconds&gauge=process_cpu_seconds";
        let config = config(&Form::read(body.as_bytes()));
        let offer = ServiceOffer {
            to_store: true,
            ..ServiceOffer::default()
        };
        assert_eq!(config_problems(&config, &offer), []);
        assert_eq!(config["metrics"].as_array().unwrap().len(), 4);
        let query = config["metrics"][0]["query"]["customInlineTemplate"]
            .as_str()
            .unwrap();
        assert!(query.starts_with(
            "PromQL:sum(rate(http_requests_total{version=\"${scope}\",app=\"checkout\",code=~"
        ));
    }
}
