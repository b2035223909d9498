//! A metric store on its own: fetches one metric of the last hour from Prometheus, as a canary run does.
//!
//! ```sh
//! cargo run -p kayenta-prometheus --example query_a_store -- http://localhost:9090 'rate(http_requests_total[5m])'
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, sync::Arc};

use chrono::TimeDelta;
use kayenta_http::{HttpSettings, Transport};
use kayenta_metrics::{MetricQuery, MetricsStore};
use kayenta_model::{CanaryConfig, CanaryScope, Clock, Instant, MetricConfig};
use kayenta_prometheus::{PrometheusAccount, PrometheusStore};
use kayenta_queue::SystemClock;
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(promql)) = (arguments.next(), arguments.next()) else {
        return Err("usage: query_a_store URL PROMQL".into());
    };
    let clock = Arc::new(SystemClock);
    let account = PrometheusAccount::new("example", url.parse()?);
    let transport = Transport::new(&HttpSettings::default())?;
    let store = PrometheusStore::new(account, &transport, Arc::clone(&clock) as _)?;

    let metric: MetricConfig = serde_json::from_value(json!({
        "name": "example",
        "query": {"type": "prometheus", "customInlineTemplate": format!("PromQL:{promql}")},
    }))?;
    let now = clock.now();
    let scope = CanaryScope {
        start: Some(Instant(now - TimeDelta::hours(1))),
        end: Some(Instant(now)),
        step: Some(60),
        ..CanaryScope::default()
    };
    let config = CanaryConfig::default();
    let query = MetricQuery {
        config: &config,
        metric: &metric,
        scope: &scope,
    };
    println!("{}", store.query_text(&query)?);
    for set in store.fetch(&query).await? {
        let values = set.values.unwrap_or_default();
        let there = values.iter().filter(|value| !value.is_nan()).count();
        println!("{:?}: {there} of {} values", set.tags, values.len());
    }
    Ok(())
}
