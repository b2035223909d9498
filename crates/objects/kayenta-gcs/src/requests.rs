//! Requests of the JSON API with a token.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use kayenta_google::GoogleTokens;
use kayenta_http::{Transport, URL_PART};
use kayenta_secrets::SecretUrl;
use kayenta_storage::StorageError;
use percent_encoding::utf8_percent_encode;
use secrecy::ExposeSecret;
use url::Url;

use crate::{
    failure::Failures,
    settings::{GcsAccount, STORAGE_URL},
};

/// What tokens for storage are asked for: objects, and buckets that are created (C-GCS-01).
pub const STORAGE_SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";

/// Largest object or answer read.
const MOST_BYTES: usize = 5 << 30;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    /// Below the API's root, encoded.
    pub(crate) path: String,
    pub(crate) query: Vec<(&'static str, &'a str)>,
    /// Headers of its own.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// What is sent, as `application/json`.
    pub(crate) body: Option<Bytes>,
}

impl Ask<'_> {
    /// A request without content.
    pub(crate) fn new(method: Method, path: String) -> Self {
        Self {
            method,
            path,
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
        }
    }
}

/// Sends the requests of one account.
#[derive(Debug)]
pub(crate) struct Requests {
    pub(crate) failures: Failures,
    /// Root of the API, without a slash at its end.
    root: String,
    bucket: String,
    transport: Transport,
    tokens: Option<Arc<GoogleTokens>>,
}

impl Requests {
    pub(crate) fn new(account: &GcsAccount, transport: &Transport) -> Result<Self, StorageError> {
        let root = account
            .endpoint
            .as_ref()
            .map_or(STORAGE_URL, SecretUrl::expose);
        let usable = Url::parse(root).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
        });
        if !usable {
            return Err(account.unusable("endpoint is not the URL of a storage API"));
        }
        Ok(Self {
            failures: Failures::new(&account.name, &account.bucket),
            root: root.trim_end_matches('/').to_owned(),
            bucket: account.bucket.clone(),
            transport: transport.clone(),
            tokens: account.tokens.clone(),
        })
    }

    /// The bucket's path.
    pub(crate) fn bucket_path(&self) -> String {
        format!("/storage/v1/b/{}", encoded(&self.bucket))
    }

    /// The path of all objects.
    pub(crate) fn objects_path(&self) -> String {
        format!("{}/o", self.bucket_path())
    }

    /// An object's path.
    pub(crate) fn object_path(&self, name: &str) -> String {
        format!("{}/{}", self.objects_path(), encoded(name))
    }

    /// Where objects are written.
    pub(crate) fn upload_path(&self) -> String {
        format!("/upload{}", self.objects_path())
    }

    /// Sends one request; `attempted` reads on from "cannot". Every status is an answer, but a token
    /// that is not accepted, which is asked for anew once.
    pub(crate) async fn send(
        &self,
        attempted: &str,
        ask: Ask<'_>,
    ) -> Result<Response<Bytes>, StorageError> {
        let mut url = format!("{}{}", self.root, ask.path);
        for (index, (name, value)) in ask.query.iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            url.extend(utf8_percent_encode(value, URL_PART));
        }
        let Some(tokens) = &self.tokens else {
            return self
                .send_once(attempted, &url, &ask, HeaderMap::new())
                .await;
        };
        let mut refused = None;
        loop {
            let token = tokens
                .get(refused.as_ref())
                .await
                .map_err(|error| self.failures.without_token(attempted, &error))?;
            let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
                .map_err(|_| self.failures.invalid(attempted, "the token cannot be sent"))?;
            bearer.set_sensitive(true);
            let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
            let answer = self.send_once(attempted, &url, &ask, headers).await?;
            if answer.status() == StatusCode::UNAUTHORIZED && refused.is_none() {
                refused = Some(token);
                continue;
            }
            return Ok(answer);
        }
    }

    async fn send_once(
        &self,
        attempted: &str,
        url: &str,
        ask: &Ask<'_>,
        mut headers: HeaderMap,
    ) -> Result<Response<Bytes>, StorageError> {
        if ask.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        headers.extend(ask.headers.iter().cloned());
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(url)
            .body(ask.body.clone().unwrap_or_default())
            .map_err(|error| self.failures.invalid(attempted, &error.to_string()))?;
        *request.headers_mut() = headers;
        self.transport
            .exchange(request, MOST_BYTES)
            .await
            .map_err(|error| self.failures.unanswered(attempted, &error))
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, URL_PART).to_string()
}
