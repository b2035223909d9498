//! The HTTP client under the SDK's pipeline, with short time-outs and errors that hide the URL,
//! whose query may be a shared access signature.

use std::{error::Error, sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_core::{
    error::ErrorKind,
    http::{
        AsyncRawResponse, Body, HttpClient, Request, Transport,
        headers::{HeaderName, HeaderValue, Headers},
    },
};
use futures::TryStreamExt;
use kayenta_http::HttpSettings;

/// To reach the service and agree on TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Without a byte from the service, a block of an upload included.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// Idle connections are closed before Azure closes them.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Client(reqwest::Client);

/// A transport with the certificates and proxies of all outgoing calls.
pub(crate) fn transport(http: &HttpSettings) -> Result<Transport, Box<dyn Error + Send + Sync>> {
    let client = http
        .connections()?
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tcp_nodelay(true)
        .gzip(false)
        .build()?;
    Ok(Transport::new(Arc::new(Client(client))))
}

#[async_trait]
impl HttpClient for Client {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes())
            .map_err(|error| azure_core::Error::new(ErrorKind::Other, error))?;
        let mut outgoing = self.0.request(method, request.url().clone());
        for (name, value) in request.headers().iter() {
            outgoing = outgoing.header(name.as_str(), value.as_str());
        }
        let body = match request.body().clone() {
            Body::Bytes(bytes) => reqwest::Body::from(bytes),
            Body::SeekableStream(stream) => reqwest::Body::wrap_stream(stream),
        };
        let response = outgoing.body(body).send().await.map_err(failure)?;
        let status = response.status().as_u16().into();
        let mut headers = Headers::new();
        for (name, value) in response.headers() {
            if let Ok(value) = value.to_str() {
                headers.insert(
                    HeaderName::from(name.as_str().to_owned()),
                    HeaderValue::from(value.to_owned()),
                );
            }
        }
        let stream = Box::pin(response.bytes_stream().map_err(failure));
        Ok(AsyncRawResponse::new(status, headers, stream))
    }
}

fn failure(error: reqwest::Error) -> azure_core::Error {
    let (kind, text) = if error.is_timeout() {
        (ErrorKind::Io, "no answer in time")
    } else if error.is_connect() {
        (ErrorKind::Connection, "cannot connect")
    } else {
        (ErrorKind::Io, "the connection broke")
    };
    azure_core::Error::with_error(kind, error.without_url(), text)
}
