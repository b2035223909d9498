//! Something in between that hands requests on and remembers their verbs.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::Response,
};
use tokio::net::TcpListener;
use url::Url;

#[derive(Clone)]
struct Shared {
    target: Url,
    http: reqwest::Client,
    verbs: Arc<Mutex<Vec<String>>>,
}

/// A store as it is heard on the way to it.
pub(super) struct Listening {
    address: SocketAddr,
    shared: Shared,
}

impl Listening {
    pub(super) async fn before(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared {
            target: target.parse().unwrap(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            verbs: Arc::default(),
        };
        let app = Router::new().fallback(hand_on).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, shared }
    }

    /// The target's URL, but on the port listened on.
    pub(super) fn base_url(&self) -> String {
        format!("http://{}{}", self.address, self.shared.target.path())
    }

    /// The verb of every request so far, each once.
    pub(super) fn verbs(&self) -> Vec<String> {
        let mut verbs = self.shared.verbs.lock().unwrap().clone();
        assert!(!verbs.is_empty(), "nothing came this way");
        verbs.sort();
        verbs.dedup();
        verbs
    }
}

async fn hand_on(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let verb = parts.method.to_string();
    shared.verbs.lock().unwrap().push(verb);
    let mut url = shared.target.clone();
    url.set_path(parts.uri.path());
    url.set_query(parts.uri.query());
    let mut headers = parts.headers;
    headers.remove("host");
    let answer = shared
        .http
        .request(parts.method, url)
        .headers(headers)
        .body(to_bytes(body, 1 << 24).await.unwrap())
        .send()
        .await
        .unwrap();
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        if name != "transfer-encoding" {
            response = response.header(name, value);
        }
    }
    response
        .body(Body::from(answer.bytes().await.unwrap()))
        .unwrap()
}
