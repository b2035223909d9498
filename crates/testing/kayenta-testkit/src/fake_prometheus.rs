//! A deterministic stand-in for a Prometheus server: each series is a function of the query's text and
//! the timestamp. The transcripts were recorded against the same function, so a service that sends the
//! same queries gets the same numbers.
//!
//! `value(query, t, i) = round(B + 10h + 5 sin(t/600), 3)` with `h` the first 8 hex digits of
//! `sha256("query|t|i")` over `0xffffffff`, and `B` 200 when the query contains both `canary` and `bad`,
//! else 100; `i` is the index of the series. A query containing `zero` gives 0, `const` 5; `multi` gives
//! three series tagged version and zone; `empty` none; `gappy` drops every third step; `nan` makes every
//! fourth value NaN; `fail400`, `fail429`, `fail500` answer with that status.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use chrono::DateTime;
use http::{StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// One request the fake was sent.
#[derive(Clone, Debug)]
pub struct SeenRequest {
    /// HTTP method.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// Decoded parameters of query and form body; the last of a name wins.
    pub parameters: HashMap<String, String>,
    /// Headers, names in lower case.
    pub headers: HashMap<String, String>,
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Vec<SeenRequest>>,
    delay_millis: AtomicU64,
}

/// A running fake; it stops when dropped.
#[derive(Debug)]
pub struct FakePrometheus {
    address: SocketAddr,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

impl FakePrometheus {
    /// Starts one on a free port of the loopback interface.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("cannot bind the fake Prometheus")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let stop = CancellationToken::new();
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                served = axum::serve(listener, app) => drop(served),
            }
        });
        Ok(Self {
            address,
            shared,
            _stop: stop.drop_guard(),
        })
    }

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens, for a proxy in front of it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets every later answer wait, so that fetches are in flight for a while.
    pub fn delay_answers(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.shared.delay_millis.store(millis, Ordering::Relaxed);
    }

    /// What it was asked so far, oldest first.
    #[must_use]
    pub fn seen(&self) -> Vec<SeenRequest> {
        self.shared
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
    let parameters = parameters(parts.uri.query().unwrap_or_default(), &body);
    let headers = parts
        .headers
        .iter()
        .map(|(k, v)| {
            (
                k.to_string(),
                String::from_utf8_lossy(v.as_bytes()).into_owned(),
            )
        })
        .collect();
    let seen = SeenRequest {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        parameters: parameters.clone(),
        headers,
    };
    shared
        .seen
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(seen);
    let delay = shared.delay_millis.load(Ordering::Relaxed);
    if delay > 0 {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let (status, body) = reply(parts.uri.path(), &parameters);
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}

fn parameters(query: &str, body: &Bytes) -> HashMap<String, String> {
    form_urlencoded::parse(query.as_bytes())
        .chain(form_urlencoded::parse(body))
        .map(|(k, v)| (k.into_owned(), v.into_owned()))
        .collect()
}

fn failure(status: StatusCode, kind: &str, error: &str) -> (StatusCode, Value) {
    (
        status,
        json!({"status": "error", "errorType": kind, "error": error}),
    )
}

fn reply(path: &str, parameters: &HashMap<String, String>) -> (StatusCode, Value) {
    if path.ends_with("/-/healthy") {
        return (StatusCode::OK, json!("Prometheus Server is Healthy."));
    }
    if path.ends_with("/label/__name__/values") {
        let names = [
            "up",
            "http_requests_total",
            "requests_canary",
            "process_cpu_seconds_total",
        ];
        return (StatusCode::OK, json!({"status": "success", "data": names}));
    }
    if !path.ends_with("/query_range") {
        return failure(StatusCode::NOT_FOUND, "not_found", "no such path");
    }
    let get = |name: &str| parameters.get(name).map_or("", String::as_str);
    let query = get("query");
    for status in [
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::BAD_REQUEST,
    ] {
        if query.contains(&format!("fail{}", status.as_u16())) {
            return failure(status, "bad_data", "scripted failure");
        }
    }
    let (Some(start), Some(end), Ok(step)) = (
        seconds(get("start")),
        seconds(get("end")),
        get("step").trim_end_matches('s').parse::<f64>(),
    ) else {
        return failure(
            StatusCode::BAD_REQUEST,
            "bad_data",
            "unreadable start, end or step",
        );
    };
    if step <= 0.0 {
        return failure(
            StatusCode::BAD_REQUEST,
            "bad_data",
            "invalid parameter \"step\": zero or negative query resolution step widths are not \
             accepted. Try a positive integer",
        );
    }
    let result = series(query, start, end, step);
    (
        StatusCode::OK,
        json!({"status": "success", "data": {"resultType": "matrix", "result": result}}),
    )
}

fn seconds(text: &str) -> Option<f64> {
    text.parse().ok().or_else(|| {
        let time = DateTime::parse_from_rfc3339(text).ok()?;
        Some(time.timestamp_micros() as f64 / 1e6)
    })
}

fn series(query: &str, start: f64, end: f64, step: f64) -> Vec<Value> {
    let count = if query.contains("empty") {
        0
    } else if query.contains("multi") {
        3
    } else {
        1
    };
    (0..count)
        .map(|i| {
            let mut points = Vec::new();
            let mut t = start;
            while t <= end + 1e-9 {
                let slot = (t / step) as i64;
                if !(query.contains("gappy") && slot % 3 == 0) {
                    let text = if query.contains("nan") && slot % 4 == 0 {
                        "NaN".to_owned()
                    } else {
                        format!("{:?}", value(query, t, i))
                    };
                    let time = if t.fract() == 0.0 {
                        json!(t as i64)
                    } else {
                        json!(t)
                    };
                    points.push(json!([time, text]));
                }
                t += step;
            }
            let tags = if count > 1 {
                let zone = if i % 2 == 0 { "a" } else { "b" };
                json!({"version": format!("v{i}"), "zone": zone})
            } else {
                json!({})
            };
            json!({"metric": tags, "values": points})
        })
        .collect()
}

/// The value of series `i` of a query at a time in epoch seconds.
pub(crate) fn value(query: &str, t: f64, i: usize) -> f64 {
    if query.contains("zero") {
        return 0.0;
    }
    if query.contains("const") {
        return 5.0;
    }
    let digest = Sha256::digest(format!("{query}|{}|{i}", t as i64));
    let head = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    let share = f64::from(head) / f64::from(u32::MAX);
    let base = if query.contains("canary") && query.contains("bad") {
        200.0
    } else {
        100.0
    };
    let raw = base + 10.0 * share + 5.0 * (t / 600.0).sin();
    // Rounded on the exact decimal expansion, as the recording side rounds.
    format!("{raw:.3}").parse().unwrap_or(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(
        fake: &FakePrometheus,
        query: &str,
        start: &str,
        end: &str,
        step: &str,
    ) -> (u16, Value) {
        let response = reqwest::Client::new()
            .get(format!("{}/api/v1/query_range", fake.base_url()))
            .query(&[
                ("query", query),
                ("start", start),
                ("end", end),
                ("step", step),
            ])
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Values printed by the recording side's fake for the same queries.
    #[tokio::test]
    async fn series_are_those_the_transcripts_were_recorded_with() {
        let fake = FakePrometheus::start().await.unwrap();
        let values = |answer: &Value, i: usize| -> Vec<String> {
            answer["data"]["result"][i]["values"]
                .as_array()
                .unwrap()
                .iter()
                .map(|p| format!("{}={}", p[0], p[1].as_str().unwrap()))
                .collect()
        };
        let minutes = |query| ask(&fake, query, "1700000000", "1700000240", "60s");
        let (_, bad) = minutes(r#"requests_canary{bad="1"}"#).await;
        assert_eq!(
            values(&bad, 0),
            [
                "1700000000=209.955",
                "1700000060=203.559",
                "1700000120=209.461",
                "1700000180=211.56",
                "1700000240=206.056"
            ]
        );
        let (_, multi) = minutes("multi_x").await;
        assert_eq!(multi["data"]["result"].as_array().unwrap().len(), 3);
        assert_eq!(values(&multi, 1)[1], "1700000060=109.586");
        assert_eq!(
            multi["data"]["result"][2]["metric"],
            json!({"version": "v2", "zone": "a"})
        );
        let (_, gappy) = minutes("gappy_m").await;
        assert_eq!(
            values(&gappy, 0),
            [
                "1700000000=101.787",
                "1700000060=105.979",
                "1700000180=110.294",
                "1700000240=104.026"
            ]
        );
        let (_, nan) = minutes("nan_m").await;
        assert_eq!(values(&nan, 0)[3], "1700000180=NaN");
        let (_, zero) = minutes("zero_metric").await;
        assert_eq!(values(&zero, 0)[0], "1700000000=0.0");
        let (_, empty) = minutes("empty").await;
        assert_eq!(empty["data"]["result"], json!([]));
        let (_, half) = ask(
            &fake,
            "half",
            "2023-11-14T22:13:20.500Z",
            "2023-11-14T22:13:22Z",
            "0.5",
        )
        .await;
        assert_eq!(
            values(&half, 0),
            [
                "1700000000.5=103.211",
                "1700000001=106.851",
                "1700000001.5=106.855",
                "1700000002=101.853"
            ]
        );
        assert_eq!(fake.seen().len(), 7);
        assert_eq!(
            fake.seen()[0].parameters["query"],
            r#"requests_canary{bad="1"}"#
        );
    }

    #[tokio::test]
    async fn scripted_failures_and_bad_steps_answer_with_their_status() {
        let fake = FakePrometheus::start().await.unwrap();
        let (status, body) = ask(&fake, "x_fail429", "1", "2", "1s").await;
        assert_eq!((status, &body["error"]), (429, &json!("scripted failure")));
        let (status, body) = ask(&fake, "x", "1", "2", "0s").await;
        assert_eq!(status, 400);
        assert!(
            body["error"]
                .as_str()
                .unwrap()
                .starts_with("invalid parameter \"step\"")
        );
    }
}
