//! A Prometheus-compatible endpoint with the series of two deployments.
//!
//! It is healthy, lists its metrics, and knows `GET` and `POST /api/v1/query_range` with a query that is one selector,
//! `metric{label="value",…}`, alone or in functions such as `sum(rate(…[1m]))`, which change nothing as each metric is
//! one series. Of the two versions it picks the one that a label names. The values follow from
//! metric, version and time alone, so every run of the demo has the same result: version 1.1
//! answers half its slowest requests late and fails more often.
//!
//! Beside the metrics of the shop it has those of the examples in the API document, whose scopes are `baseline` and
//! `canary`.

use std::{collections::HashMap, net::SocketAddr};

use anyhow::Context;
use axum::{
    Form, Json, Router,
    extract::Query,
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::DateTime;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Metric, level and spread of the baseline, and how many times as high the canary's level is.
const METRICS: [(&str, f64, f64, f64); 9] = [
    ("shop_error_rate", 0.012, 0.25, 2.4),
    ("shop_timeouts", 3.0, 0.4, 1.0),
    ("shop_latency_p50_ms", 42.0, 0.08, 1.0),
    ("shop_latency_p99_ms", 310.0, 0.12, 1.55),
    ("shop_cpu_cores", 1.8, 0.1, 1.0),
    ("shop_memory_bytes", 512e6, 0.03, 1.0),
    ("cpu", 0.4, 0.1, 1.0),
    ("http_errors", 0.2, 0.3, 1.0),
    ("node_cpu", 0.4, 0.1, 1.0),
];

/// Most points one answer may have, as in Prometheus.
const MOST_POINTS: f64 = 11_000.0;

/// A running endpoint; it ends when dropped.
#[derive(Debug)]
pub(crate) struct SamplePrometheus {
    address: SocketAddr,
    _stop: DropGuard,
}

impl SamplePrometheus {
    /// Starts it on a free port of the loopback interface.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("cannot bind a port for the sample metrics")?;
        let address = listener.local_addr()?;
        let routes = get(|Query(parameters)| async move { answer(&parameters) })
            .post(|Form(parameters)| async move { answer(&parameters) });
        let names = METRICS.map(|(name, ..)| name);
        let names = Json(json!({"status": "success", "data": names}));
        let app = Router::new()
            .route(
                "/-/healthy",
                get(async || "The sample metrics are healthy.\n"),
            )
            .route("/api/v1/query_range", routes)
            .route("/api/v1/label/__name__/values", get(async || names));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                served = axum::serve(listener, app) => drop(served),
            }
        });
        Ok(Self {
            address,
            _stop: stop.drop_guard(),
        })
    }

    /// `http://127.0.0.1:<port>`.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn answer(parameters: &HashMap<String, String>) -> Response {
    match series(parameters) {
        Ok(result) => {
            let data = json!({"resultType": "matrix", "result": result});
            Json(json!({"status": "success", "data": data})).into_response()
        }
        Err(error) => (
            axum::http::StatusCode::BAD_REQUEST,
            Json(json!({"status": "error", "errorType": "bad_data", "error": error})),
        )
            .into_response(),
    }
}

fn series(parameters: &HashMap<String, String>) -> Result<serde_json::Value, String> {
    let parameter = |name: &str| {
        parameters
            .get(name)
            .map(String::as_str)
            .ok_or_else(|| format!("no parameter \"{name}\""))
    };
    let selector = Selector::parse(parameter("query")?)?;
    let (start, end) = (seconds(parameter("start")?)?, seconds(parameter("end")?)?);
    let step: f64 = parameter("step")?
        .trim_end_matches('s')
        .parse()
        .map_err(|_| "cannot parse \"step\" to a number of seconds".to_owned())?;
    if step <= 0.0 || (end - start) / step > MOST_POINTS {
        return Err("the step must be positive and the points at most 11,000".to_owned());
    }
    let curve = selector
        .is_canary()
        .and_then(|canary| Curve::of(selector.metric, canary));
    let Some(curve) = curve else {
        return Ok(json!([]));
    };
    let points: Vec<_> = (0_u32..)
        .map(|i| start + f64::from(i) * step)
        .take_while(|t| *t <= end)
        .map(|t| json!([t, format!("{}", curve.at(t))]))
        .collect();
    Ok(json!([{"metric": {}, "values": points}]))
}

fn seconds(text: &str) -> Result<f64, String> {
    text.parse().or_else(|_| {
        DateTime::parse_from_rfc3339(text)
            .map(|t| t.timestamp_millis() as f64 / 1e3)
            .map_err(|_| format!("cannot parse \"{text}\" to a valid timestamp"))
    })
}

/// `metric{label="value",…}`, alone or in functions.
#[derive(Debug)]
struct Selector<'a> {
    metric: &'a str,
    labels: Vec<(&'a str, &'a str)>,
}

impl<'a> Selector<'a> {
    fn parse(query: &'a str) -> Result<Self, String> {
        let refuse = || {
            format!(
                "only metric{{label=\"value\"}}, alone or in functions, is understood here, not: {query}"
            )
        };
        let mut selector = query.trim();
        while let Some((function, inner)) = selector.split_once('(')
            && function
                .trim()
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            selector = inner.trim().strip_suffix(')').ok_or_else(refuse)?.trim();
        }
        if let Some(ranged) = selector.strip_suffix(']') {
            selector = ranged.rsplit_once('[').ok_or_else(refuse)?.0.trim();
        }
        let (metric, rest) = selector.split_once('{').ok_or_else(refuse)?;
        let inner = rest.strip_suffix('}').ok_or_else(refuse)?;
        let labels = inner
            .split(',')
            .filter(|matcher| !matcher.trim().is_empty())
            .map(|matcher| {
                let (label, value) = matcher.split_once('=')?;
                let value = value.trim().trim_start_matches('~');
                Some((label.trim(), value.strip_prefix('"')?.strip_suffix('"')?))
            })
            .collect::<Option<Vec<_>>>()
            .ok_or_else(refuse)?;
        Ok(Self { metric, labels })
    }

    /// Whether it selects the canary; `None` if it selects neither version.
    fn is_canary(&self) -> Option<bool> {
        for (label, value) in &self.labels {
            match *value {
                "1.0" | "baseline" => return Some(false),
                "1.1" | "canary" => return Some(true),
                _ if *label == "version" => return None,
                _ => {}
            }
        }
        Some(false)
    }
}

/// How a metric of one version runs over time.
#[derive(Clone, Copy, Debug)]
struct Curve {
    level: f64,
    spread: f64,
    seed: u64,
}

impl Curve {
    fn of(metric: &str, canary: bool) -> Option<Self> {
        let version = if canary { "1.1" } else { "1.0" };
        let (_, level, spread, canary_factor) =
            METRICS.into_iter().find(|(name, ..)| *name == metric)?;
        let seed = metric
            .bytes()
            .chain(version.bytes())
            .fold(7_u64, |hash, byte| {
                hash.wrapping_mul(31).wrapping_add(u64::from(byte))
            });
        Some(Self {
            level: if canary { level * canary_factor } else { level },
            spread,
            seed,
        })
    }

    fn at(self, t: f64) -> f64 {
        let wave = (t / 900.0).sin() * 0.3;
        self.level * (1.0 + self.spread * (wave + self.noise(t) - 0.5))
    }

    /// Between 0 and 1, the same for the same time. Of sixteen values a minute apart, one lies in each sixteenth of the
    /// range: independent values would make a metric that is the same on both sides fail in one demo of seven.
    fn noise(self, t: f64) -> f64 {
        let time = t as u64;
        let (minute, second) = (time / 60, time % 60);
        let group = self.seed ^ (minute / SPREAD).wrapping_mul(61).wrapping_add(second);
        let place = (minute % SPREAD) as usize;
        let mut parts: [u8; SPREAD as usize] = std::array::from_fn(|part| part as u8);
        for last in (1..parts.len()).rev() {
            parts.swap(
                last,
                (scattered(group, last as u64) % (last as u64 + 1)) as usize,
            );
        }
        let within = (scattered(group, time) >> 11) as f64 / (1_u64 << 53) as f64;
        (f64::from(parts[place]) + within) / SPREAD as f64
    }
}

/// Parts of the range of which the values of consecutive minutes fill each one.
const SPREAD: u64 = 16;

/// A number that looks random, the same for the same two.
fn scattered(seed: u64, number: u64) -> u64 {
    let mut x =
        seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 30;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 27;
    x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use indexmap::IndexMap;
    use kayenta_judge::{JudgeRequest, LocalJudge, NetflixAcaJudge};
    use kayenta_model::{CanaryConfig, Look, MetricSetPair, Thresholds};

    use super::*;

    fn ask(query: &str) -> Result<serde_json::Value, String> {
        let parameters = [
            ("query", query),
            ("start", "1000"),
            ("end", "1060"),
            ("step", "30s"),
        ];
        series(&parameters.map(|(k, v)| (k.to_owned(), v.to_owned())).into())
    }

    #[test]
    fn a_selector_gives_a_series_of_its_version_and_anything_else_is_refused() {
        let answer = ask(r#"shop_error_rate{app="shop",version="1.1"}"#).unwrap();
        assert_eq!(answer[0]["values"].as_array().unwrap().len(), 3);
        assert_eq!(ask(r#"shop_error_rate{version="2.0"}"#).unwrap(), json!([]));
        assert!(ask("rate(x[1m])").unwrap_err().contains("rate(x[1m])"));
    }

    #[test]
    fn functions_around_a_selector_and_the_scopes_of_the_examples_are_understood() {
        let plain = ask(r#"http_errors{app="canary"}"#).unwrap();
        assert_eq!(plain[0]["values"].as_array().unwrap().len(), 3);
        let wrapped = ask(r#"sum(rate(http_errors{app="canary"}[1m]))"#).unwrap();
        assert_eq!(plain, wrapped);
        assert_ne!(plain, ask(r#"http_errors{app="baseline"}"#).unwrap());
    }

    #[test]
    fn whenever_the_demo_runs_what_is_the_same_on_both_sides_passes_and_the_rest_is_high() {
        let metrics = METRICS.map(|(name, ..)| {
            json!({"name": name, "groups": ["shop"],
            "analysisConfigurations": {"canary": {"direction": "either"}}})
        });
        let config: CanaryConfig = serde_json::from_value(
            json!({"name": "demo", "metrics": metrics, "classifier": {"groupWeights": {}}}),
        )
        .unwrap();
        let config = Arc::new(config);
        for demo in 0..300_u64 {
            // Ends of hours that are spread over months, with the steps and lengths of the demo and of its guide.
            let end = 1_790_000_000 / 60 * 60 + demo * 60 * 811;
            for (minutes, step) in [(20, 30), (40, 30), (60, 30), (60, 60)] {
                let values = |metric: &str, canary| {
                    let curve = Curve::of(metric, canary).unwrap();
                    let times = (end - minutes * 60..end).step_by(step);
                    times.map(|t| curve.at(t as f64)).collect::<Vec<f64>>()
                };
                let pair = |metric: &&str| MetricSetPair {
                    name: Some((*metric).to_owned()),
                    values: Some(IndexMap::from([
                        ("control".to_owned(), values(metric, false)),
                        ("experiment".to_owned(), values(metric, true)),
                    ])),
                    ..MetricSetPair::default()
                };
                let request = JudgeRequest {
                    canary_config: Arc::clone(&config),
                    thresholds: Thresholds::default().into(),
                    metric_set_pairs: Arc::new(
                        METRICS.map(|(name, ..)| name).iter().map(pair).collect(),
                    ),
                    look: Look::default(),
                };
                let judged = NetflixAcaJudge::default().judge(&request).unwrap();
                for (result, (name, .., factor)) in judged.results.unwrap().iter().zip(METRICS) {
                    let expected = if factor > 1.0 { "High" } else { "Pass" };
                    let label = result.classification.as_deref();
                    assert_eq!(
                        label,
                        Some(expected),
                        "{name}, {minutes} min to {end} every {step} s"
                    );
                }
            }
        }
    }

    #[test]
    fn the_canary_fails_more_often_than_the_baseline() {
        let mean = |canary| {
            let curve = Curve::of("shop_error_rate", canary).unwrap();
            (0..120).map(|i| curve.at(f64::from(i) * 30.0)).sum::<f64>() / 120.0
        };
        assert!(mean(true) > 2.0 * mean(false));
    }
}
