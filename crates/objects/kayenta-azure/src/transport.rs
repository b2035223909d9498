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
use kayenta_secrets::Secret;
use secrecy::ExposeSecret;
use url::Url;

use crate::account::sas_query;

/// To reach the service and agree on TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Without a byte from the service, a block of an upload included.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// Idle connections are closed before Azure closes them.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    /// The shared access signature, as it is when a request is sent.
    sas_token: Option<Secret>,
}

/// A transport with the certificates and proxies of all outgoing calls, which adds the shared access signature to
/// each URL.
pub(crate) fn transport(
    http: &HttpSettings,
    sas_token: Option<Secret>,
) -> Result<Transport, Box<dyn Error + Send + Sync>> {
    let client = http
        .connections()?
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tcp_nodelay(true)
        .gzip(false)
        .build()?;
    Ok(Transport::new(Arc::new(Client {
        http: client,
        sas_token,
    })))
}

/// A URL with a shared access signature besides its own parameters.
fn signed(url: &Url, sas_token: Option<&Secret>) -> Url {
    let mut url = url.clone();
    if let Some(token) = sas_token {
        let token = token.current();
        let token = sas_query(token.expose_secret());
        let query = match url.query() {
            Some(query) if !query.is_empty() => format!("{query}&{token}"),
            _ => token.to_owned(),
        };
        url.set_query(Some(&query));
    }
    url
}

#[async_trait]
impl HttpClient for Client {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes())
            .map_err(|error| azure_core::Error::new(ErrorKind::Other, error))?;
        let mut outgoing = self
            .http
            .request(method, signed(request.url(), self.sas_token.as_ref()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_in_a_file_is_added_to_each_url_as_it_is_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sas");
        std::fs::write(&path, "?sv=1&sig=first\n").unwrap();
        let files = kayenta_secrets::SecretFiles::default();
        let token = files.open(&path).unwrap();
        let url = |text: &str| {
            signed(&Url::parse(text).unwrap(), Some(&token))
                .query()
                .map(str::to_owned)
        };
        let listed = "http://h/c?restype=container&comp=list";
        assert_eq!(url("http://h/c/b").as_deref(), Some("sv=1&sig=first"));
        std::fs::write(&path, "sv=1&sig=second").unwrap();
        files.refresh();
        assert_eq!(
            url(listed).as_deref(),
            Some("restype=container&comp=list&sv=1&sig=second")
        );
        let plain = Url::parse(listed).unwrap();
        assert_eq!(signed(&plain, None), plain);
    }
}
