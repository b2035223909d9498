//! A server that answers by a function and notes what it was asked: for stores whose answers a test
//! makes up itself.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};

/// One request it was sent.
#[derive(Clone, Debug)]
pub struct NotedRequest {
    /// The method.
    pub method: Method,
    /// Path and query as sent.
    pub target: String,
    /// Headers, names in lower case.
    pub headers: HeaderMap,
    /// The body, as far as it is text.
    pub body: String,
}

/// A running server on a free port of the loopback interface.
#[derive(Clone, Debug)]
pub struct NotingServer {
    base_url: String,
    seen: Arc<Mutex<Vec<NotedRequest>>>,
}

impl NotingServer {
    /// One that answers everything alike.
    ///
    /// # Panics
    /// When `status` is no HTTP status, or no port can be bound.
    pub async fn start(status: u16, body: impl Into<String>) -> Self {
        let (status, body) = (StatusCode::from_u16(status).unwrap(), body.into());
        Self::answering(move |_| (status, body.clone()).into_response()).await
    }

    /// One that answers by a function of the request.
    ///
    /// # Panics
    /// When no port can be bound.
    pub async fn answering<A>(answer: A) -> Self
    where
        A: Fn(&NotedRequest) -> Response + Clone + Send + Sync + 'static,
    {
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let log = Arc::clone(&seen);
        let router = Router::new().fallback(
            move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| async move {
                let request = NotedRequest {
                    method,
                    target: uri.to_string(),
                    headers,
                    body: String::from_utf8_lossy(&body).into_owned(),
                };
                let said = answer(&request);
                log.lock().unwrap().push(request);
                said
            },
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base_url, seen }
    }

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Every request so far, oldest first.
    #[must_use]
    pub fn seen(&self) -> Vec<NotedRequest> {
        self.seen.lock().unwrap().clone()
    }
}
