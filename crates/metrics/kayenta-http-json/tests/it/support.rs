use axum::{
    http::{StatusCode, header},
    response::IntoResponse,
};
use chrono::Utc;
use kayenta_connections::Connection;
use kayenta_http::{HttpSettings, Now, Transport};
use kayenta_http_json::{HttpJsonAccount, HttpJsonStore};
use kayenta_metrics::{FetchError, MetricQuery, MetricsStore};
use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig, MetricSet};
use kayenta_testkit::NotingServer;
use serde_json::{Value, json};

/// A server that sends everybody elsewhere.
pub(crate) async fn redirecting_to(location: &str) -> NotingServer {
    let location = location.to_owned();
    NotingServer::answering(move |_| {
        (StatusCode::FOUND, [(header::LOCATION, location.clone())]).into_response()
    })
    .await
}

/// An account that asks for `url` and takes the answer for a list of `t` and `v`.
pub(crate) fn account(url: String) -> HttpJsonAccount {
    HttpJsonAccount {
        url: url.into(),
        method: kayenta_http_json::Method::Get,
        headers: [("Authorization".to_owned(), "Bearer hj-token".into())].into(),
        body: None,
        series_path: None,
        tags_path: None,
        timestamps_path: Some("$[*].t".to_owned()),
        timestamp_unit: kayenta_http_json::answer::TimestampUnit::Seconds,
        values_path: "$[*].v".to_owned(),
        timeout: None,
        connection: Connection::default(),
    }
}

/// A clock that stands still.
pub(crate) fn now() -> Now {
    std::sync::Arc::new(|| chrono::DateTime::<Utc>::UNIX_EPOCH)
}

pub(crate) fn store(account: HttpJsonAccount) -> HttpJsonStore {
    let transport = Transport::new(&HttpSettings::default()).unwrap();
    HttpJsonStore::new(account, &transport, now()).unwrap()
}

/// Fetches `cpu{${zone}}` over ten minutes of this scope.
pub(crate) async fn fetch(
    store: &HttpJsonStore,
    scope: &str,
) -> Result<Vec<MetricSet>, FetchError> {
    let metric: MetricConfig = serde_json::from_value(json!({"name": "m", "query": {
        "type": "http-json", "metricName": "cpu", "customInlineTemplate": "cpu{${zone}}"
    }}))
    .unwrap();
    let scope: CanaryScope = serde_json::from_value(json!({
        "scope": scope, "start": "2020-11-20T23:00:00Z", "end": "2020-11-20T23:10:00Z", "step": 60,
        "extendedScopeParams": {"zone": "a b"}
    }))
    .unwrap();
    let query = MetricQuery {
        config: &CanaryConfig::default(),
        metric: &metric,
        scope: &scope,
    };
    // What a dry run shows is what the sets say they were made of.
    let text = store.query_text(&query);
    let sets = store.fetch(&query).await?;
    for set in &sets {
        assert_eq!(
            set.attributes.as_ref().unwrap()["query"],
            *text.as_ref().unwrap()
        );
    }
    Ok(sets)
}

pub(crate) fn points() -> Value {
    json!([{"t": 1_605_913_200, "v": 1.5}, {"t": 1_605_913_320, "v": "3"}])
}
