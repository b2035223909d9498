//! A metric store for load tests: Prometheus' range queries answered from memory, so that the store's own
//! time is as small as a real socket allows.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::header,
    response::IntoResponse,
    routing::get,
};
use bytes::Bytes;
use serde_json::json;

use crate::series::{Shape, series};

/// How many different series there are; a query's text chooses one.
const VARIANTS: usize = 16;

type Answers = Arc<Mutex<HashMap<(usize, usize, i64), Bytes>>>;

/// Serves on a free port of the loopback interface until the process ends.
///
/// # Errors
/// When no port can be had.
pub async fn serve() -> std::io::Result<SocketAddr> {
    let answers: Answers = Arc::default();
    let app = Router::new()
        .route("/api/v1/query_range", get(query_range))
        .route(
            "/api/v1/label/__name__/values",
            get(|| async { Json(json!({"status": "success", "data": ["load"]})) }),
        )
        .with_state(answers);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

async fn query_range(
    State(answers): State<Answers>,
    Query(query): Query<HashMap<String, String>>,
) -> impl IntoResponse {
    let number = |name: &str| {
        query
            .get(name)
            .and_then(|text| seconds(text))
            .unwrap_or_default()
    };
    let (start, end, step) = (number("start"), number("end"), number("step").max(1.0));
    let points = ((end - start) / step) as usize + 1;
    let text = query.get("query").map(String::as_str).unwrap_or_default();
    let variant = text
        .bytes()
        .fold(0_usize, |hash, byte| hash.wrapping_mul(31) + byte as usize)
        % VARIANTS;
    let key = (points, variant, start as i64);
    let found = answers
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&key)
        .cloned();
    let body = found.unwrap_or_else(|| {
        let body = answer(points, variant, start, step);
        let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() < 256 {
            answers.insert(key, body.clone());
        }
        body
    });
    ([(header::CONTENT_TYPE, "application/json")], body)
}

/// Epoch seconds, or an ISO-8601 instant.
fn seconds(text: &str) -> Option<f64> {
    text.parse().ok().or_else(|| {
        let instant: kayenta_model::Instant = text.parse().ok()?;
        Some(instant.millis() as f64 / 1000.0)
    })
}

fn answer(points: usize, variant: usize, start: f64, step: f64) -> Bytes {
    let values: Vec<_> = series(Shape::Continuous, points, variant as i64 + 1, 0.0)
        .into_iter()
        .enumerate()
        .map(|(index, value)| json!([start + index as f64 * step, value.to_string()]))
        .collect();
    let result = json!([{"metric": {"__name__": "load"}, "values": values}]);
    let body = json!({"status": "success", "data": {"resultType": "matrix", "result": result}});
    Bytes::from(body.to_string())
}
