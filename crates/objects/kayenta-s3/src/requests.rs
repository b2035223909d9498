//! Signed requests for the bucket and its objects.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response,
    header::{DATE, LAST_MODIFIED},
};
use kayenta_aws::{AwsConnections, AwsEnvironment, AwsSigner, CredentialSource, RegionChain};
use kayenta_http::{HttpSettings, Proxies, Transport, URL_PART, header};
use kayenta_limits::compute_sized;
use kayenta_storage::StorageError;
use percent_encoding::{AsciiSet, utf8_percent_encode};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use crate::{failure::Failures, place::Place, settings::S3Account};

/// What is written as `%XX` in whole keys, whose slashes stay.
const ENCODED_KEY: &AsciiSet = &URL_PART.remove(b'/');

/// Largest object or answer read: as large as one put can be.
const MOST_BYTES: usize = 5 << 30;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    /// The object, or the bucket itself.
    pub(crate) name: Option<&'a str>,
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
}

impl<'a> Ask<'a> {
    /// A request without content.
    pub(crate) fn new(method: Method, name: Option<&'a str>) -> Self {
        Self {
            method,
            name,
            query: &[],
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }
}

/// Where requests go and who signs them.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) place: Place,
    pub(crate) signer: AwsSigner,
}

/// Sends the requests of one account.
#[derive(Debug)]
pub(crate) struct Requests {
    pub(crate) failures: Failures,
    bucket: String,
    transport: Transport,
    connections: AwsConnections,
    credentials: CredentialSource,
    /// What the settings say; else the region has to be found first.
    configured: Option<Place>,
    target: OnceCell<Target>,
}

impl Requests {
    pub(crate) fn new(
        account: &S3Account,
        http: &HttpSettings,
        environment: AwsEnvironment,
    ) -> Result<Self, StorageError> {
        let configured = match Place::of_endpoint(account) {
            Ok(None) => account
                .region
                .as_deref()
                .map(|region| Place::at_amazon(&account.bucket, region))
                .transpose(),
            other => other,
        }
        .map_err(|why| account.unusable(why))?;
        let mut http = http.clone();
        if let Some(proxy) = &account.proxy {
            http.proxies = Proxies {
                http: Some(proxy.clone()),
                https: Some(proxy.clone()),
                direct_hosts: Vec::new(),
            };
        }
        let transport = Transport::new(&http).map_err(|error| account.unusable(error))?;
        let connections =
            AwsConnections::new(&http, environment).map_err(|error| account.unusable(error))?;
        Ok(Self {
            failures: Failures::new(&account.name, &account.bucket),
            bucket: account.bucket.clone(),
            transport,
            connections,
            credentials: account.credentials.clone(),
            configured,
            target: OnceCell::new(),
        })
    }

    /// The bucket's place, found once.
    pub(crate) async fn target(&self, attempted: &str) -> Result<&Target, StorageError> {
        self.target
            .get_or_try_init(|| async {
                let place = match &self.configured {
                    Some(place) => place.clone(),
                    None => self.found_place(attempted).await?,
                };
                let signer = AwsSigner::new(
                    &self.connections,
                    self.credentials.clone(),
                    "s3",
                    place.region.as_str(),
                );
                Ok(Target { place, signer })
            })
            .await
    }

    /// The place of a bucket whose region the settings do not name.
    async fn found_place(&self, attempted: &str) -> Result<Place, StorageError> {
        let profile = match &self.credentials {
            CredentialSource::Profile(name) => Some(name.as_str()),
            CredentialSource::Keys { .. } | CredentialSource::Chain => None,
        };
        let region = RegionChain::new(self.connections.clone())
            .region(profile)
            .await
            .map_err(|error| self.failures.unsigned(attempted, &error))?;
        Place::at_amazon(&self.bucket, &region)
            .map_err(|why| self.failures.invalid(attempted, &why))
    }

    /// Sends one request; `attempted` reads on from "cannot". Every status is an answer.
    pub(crate) async fn send(
        &self,
        attempted: &str,
        ask: Ask<'_>,
    ) -> Result<Response<Bytes>, StorageError> {
        let target = self.target(attempted).await?;
        let mut url = target.place.url.clone();
        if let Some(name) = ask.name {
            url.extend(utf8_percent_encode(name, ENCODED_KEY));
        }
        for (index, (name, value)) in ask.query.iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            url.extend(utf8_percent_encode(name, URL_PART));
            url.push('=');
            url.extend(utf8_percent_encode(value, URL_PART));
        }
        let body = ask.body.clone();
        let hash = compute_sized(body.len(), move || hash(&body))
            .await
            .map_err(|error| self.failures.invalid(attempted, &error.to_string()))?;
        let mut request = Request::builder()
            .method(ask.method)
            .uri(url)
            .header("x-amz-content-sha256", hash)
            .body(ask.body)
            .map_err(|error| self.failures.invalid(attempted, &error.to_string()))?;
        request.headers_mut().extend(ask.headers);
        let (mut parts, body) = request.into_parts();
        target
            .signer
            .sign(&mut parts)
            .await
            .map_err(|error| self.failures.unsigned(attempted, &error))?;
        let answer = self
            .transport
            .exchange(Request::from_parts(parts, body), MOST_BYTES)
            .await
            .map_err(|error| self.failures.unanswered(attempted, &error))?;
        if self.failures.distrusts_credentials(&answer) {
            target.signer.forget().await;
        }
        Ok(answer)
    }
}

fn hash(body: &[u8]) -> String {
    Sha256::digest(body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// When the object of an answer was last written.
pub(crate) fn last_modified(headers: &HeaderMap) -> chrono::DateTime<chrono::Utc> {
    header::time(headers, &LAST_MODIFIED).unwrap_or_default()
}

/// When the service answered, by its own clock; 1970 when it does not say, which makes no lock look
/// left over.
pub(crate) fn answered(headers: &HeaderMap) -> chrono::DateTime<chrono::Utc> {
    header::time(headers, &DATE).unwrap_or_default()
}
