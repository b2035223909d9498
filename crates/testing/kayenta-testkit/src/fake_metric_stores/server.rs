//! The ports, the log of requests, and what is scripted.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;
use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    asked::{Asked, Said},
    numbers::number_after,
    routes::{failure, route, script},
    tls::{TlsListener, acceptor},
};
use crate::certificates::write_certificates;

/// What is said where JSON is expected and `garbage` asked for.
const GARBAGE: &str = "<html>not what you expected</html>\n";

/// One request the stores were sent.
#[derive(Clone, Debug)]
pub struct StoreRequest {
    /// `http` or `https`.
    pub scheme: &'static str,
    /// HTTP method.
    pub method: String,
    /// Path as sent, without the query.
    pub path: String,
    /// Path and query as sent.
    pub raw: String,
    /// Decoded query parameters in order.
    pub query: Vec<(String, String)>,
    /// Headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as text.
    pub body: String,
}

#[derive(Debug)]
struct Shared {
    tls_host: String,
    seen: Mutex<Vec<StoreRequest>>,
    /// How often each request with `onceNNN` came.
    repeats: Mutex<HashMap<(String, String, String), u32>>,
}

/// Running stores; they stop when dropped.
#[derive(Debug)]
pub struct FakeMetricStores {
    port: u16,
    tls_port: u16,
    authority: String,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

impl FakeMetricStores {
    /// Starts them on two free ports of the loopback interface. `folder` gets the certificates of the
    /// TLS side, valid for `localhost` and `127.0.0.1`; `authority.pem` in it is the one to trust.
    ///
    /// # Errors
    /// When no port can be bound or no certificate written.
    pub async fn start(folder: &Path) -> anyhow::Result<Self> {
        let authority = write_certificates(folder, &["localhost", "127.0.0.1"])?;
        let bind = || TcpListener::bind("127.0.0.1:0");
        let plain = bind().await.context("cannot bind the fake stores")?;
        let secure = bind().await.context("cannot bind the fake stores' TLS")?;
        let port = plain.local_addr()?.port();
        let tls_port = secure.local_addr()?.port();
        let shared = Arc::new(Shared {
            tls_host: format!("localhost:{tls_port}"),
            seen: Mutex::default(),
            repeats: Mutex::default(),
        });
        let secure = TlsListener::new(secure, acceptor(folder)?)?;
        let router = |scheme| {
            Router::new()
                .fallback(answer)
                .with_state((scheme, Arc::clone(&shared)))
        };
        let (plain_router, secure_router) = (router("http"), router("https"));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                served = async { axum::serve(plain, plain_router).await } => drop(served),
                served = async { axum::serve(secure, secure_router).await } => drop(served),
            }
        });
        Ok(Self {
            port,
            tls_port,
            authority,
            shared,
            _stop: stop.drop_guard(),
        })
    }

    /// `http://localhost:<port>`; append `/datadog` and the like for a base URL of one store.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Where the plain port listens, for a proxy in front of it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// `https://localhost:<port>`.
    #[must_use]
    pub fn tls_base_url(&self) -> String {
        format!("https://localhost:{}", self.tls_port)
    }

    /// The authority of the TLS side's certificate, PEM.
    #[must_use]
    pub fn authority_pem(&self) -> &str {
        &self.authority
    }

    /// What they were sent so far, oldest first.
    #[must_use]
    pub fn seen(&self) -> Vec<StoreRequest> {
        self.shared
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

async fn answer(
    State((scheme, shared)): State<(&'static str, Arc<Shared>)>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 16 << 20).await.unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    let query: Vec<(String, String)> =
        form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), value)
        })
        .collect();
    let seen = StoreRequest {
        scheme,
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        raw: parts
            .uri
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default(),
        query,
        headers,
        body,
    };
    let (status, content_type, said) = shared.said(&seen);
    shared
        .seen
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(seen);
    let headers = [(header::CONTENT_TYPE, content_type)];
    (status, headers, said.into_text()).into_response()
}

impl Shared {
    fn said(&self, request: &StoreRequest) -> (StatusCode, &'static str, Said) {
        let json_type = "application/json";
        let Some(route) = route(&request.path) else {
            let said = json!({"error": "no such path"}).into();
            return (StatusCode::NOT_FOUND, json_type, said);
        };
        let parameters = request.query.iter().cloned().collect();
        let asked = Asked {
            path: &request.path,
            parameters: &parameters,
            body: &request.body,
            tls_host: &self.tls_host,
        };
        let text = script(&asked, route.script);
        let status = match scripted_status(&text, "once") {
            Some(status) => self
                .is_odd_time(&request.path, &text, asked.text("step"))
                .then_some(status),
            None => scripted_status(&text, "fail"),
        };
        if let Some(status) = status {
            let said = failure(route.store);
            let content_type = match said {
                Said::Json(_) => json_type,
                Said::Text(_) => "text/plain",
            };
            return (status, content_type, said);
        }
        if text.contains("garbage") {
            return (
                StatusCode::OK,
                route.content_type,
                Said::Text(GARBAGE.to_owned()),
            );
        }
        match (route.answer)(&asked) {
            Ok(said) => (StatusCode::OK, route.content_type, said),
            Err(error) => {
                let said =
                    json!({"error": format!("the fake cannot read this request: {error:#}")});
                (StatusCode::INTERNAL_SERVER_ERROR, json_type, said.into())
            }
        }
    }

    /// Counts a request; true the first, third, fifth time it comes.
    fn is_odd_time(&self, path: &str, text: &str, step: &str) -> bool {
        let key = (path.to_owned(), text.to_owned(), step.to_owned());
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        let count = repeats.entry(key).or_default();
        *count += 1;
        *count % 2 == 1
    }
}

/// NNN of the first `wordNNN`.
fn scripted_status(text: &str, word: &str) -> Option<StatusCode> {
    let number = number_after(text, word)?;
    StatusCode::from_u16(u16::try_from(number).ok()?).ok()
}
