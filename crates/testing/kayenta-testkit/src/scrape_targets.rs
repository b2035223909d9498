//! Deployments that differ in behaviour, as targets a Prometheus server scrapes.

use std::{fmt::Write as _, net::SocketAddr, sync::Arc, time::Instant};

use anyhow::Context;
use axum::{Router, extract::State, routing::get};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How a deployment behaves.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// Value of the label `version`.
    pub version: &'static str,
    /// Requests per second.
    pub requests_per_second: f64,
    /// Share of requests that fail, 0 to 1.
    pub error_ratio: f64,
    /// Mean latency in milliseconds.
    pub latency_millis: f64,
}

/// A running target; it stops when dropped.
///
/// It exposes the counter `http_requests_total{app,version,status}` and the gauge
/// `http_request_latency_ms{app,version}`, both with some noise.
#[derive(Debug)]
pub struct ScrapeTarget {
    address: SocketAddr,
    _stop: DropGuard,
}

#[derive(Debug)]
struct Deployment {
    behaviour: Behaviour,
    started: Instant,
}

impl ScrapeTarget {
    /// Starts a deployment of the app `shop`.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(behaviour: Behaviour) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("cannot bind the scrape target")?;
        let address = listener.local_addr()?;
        let deployment = Arc::new(Deployment {
            behaviour,
            started: Instant::now(),
        });
        let app = Router::new()
            .route("/metrics", get(exposition))
            .with_state(deployment);
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

    /// Where it is scraped.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn exposition(State(deployment): State<Arc<Deployment>>) -> String {
    let Behaviour {
        version,
        requests_per_second,
        error_ratio,
        latency_millis,
    } = deployment.behaviour;
    let elapsed = deployment.started.elapsed().as_secs_f64();
    // Counters only grow: the noise is the derivative's, ±20 % over some seconds.
    let served = requests_per_second * (elapsed + 0.2 * (elapsed * 1.3).sin());
    let failed = served * error_ratio;
    let jitter = noise(version, (elapsed * 1e3) as u64);
    let latency = latency_millis * (0.9 + 0.2 * jitter);
    let mut text = String::new();
    let mut line = |metric: &str, status: &str, value: f64| {
        writeln!(
            text,
            "{metric}{{app=\"shop\",version=\"{version}\"{status}}} {value}"
        )
        .expect("writing to a string cannot fail");
    };
    line("http_requests_total", ",status=\"200\"", served - failed);
    line("http_requests_total", ",status=\"500\"", failed);
    line("http_request_latency_ms", "", latency);
    text
}

/// A number in 0..1 that looks random and depends on nothing but its arguments.
fn noise(version: &str, millis: u64) -> f64 {
    let seed = version
        .bytes()
        .fold(millis.wrapping_add(0x9e37_79b9), |h, b| {
            h.wrapping_mul(31).wrapping_add(u64::from(b))
        });
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 32;
    (x >> 11) as f64 / (1_u64 << 53) as f64
}
