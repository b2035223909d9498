//! One account of a store.

use std::{fmt, sync::Arc};

use kayenta_model::masking::{Masker, SecretUrl};
use reqwest::{Method, header::HeaderMap};
use secrecy::SecretString;
use url::Url;

use super::{
    call::Call,
    credentials::Credentials,
    transport::{HttpSetupError, Transport},
};

/// Finds the store's own words in the body of an error answer.
pub type ErrorText = fn(&[u8]) -> Option<String>;

/// The `message` of a JSON object: where most stores put their words.
#[must_use]
pub fn message_of_json(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Body {
        message: Option<String>,
    }
    serde_json::from_slice::<Body>(body).ok()?.message
}

/// Makes an [`HttpClient`].
#[derive(Debug)]
pub struct HttpClientBuilder {
    store: &'static str,
    base_url: SecretUrl,
    credentials: Credentials,
    masker: Masker,
    error_text: ErrorText,
    within_host: bool,
    max_answer_bytes: usize,
}

impl HttpClientBuilder {
    /// Who is asking.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// A secret that may show up in URLs or bodies and is to be masked there.
    #[must_use]
    pub fn secret(mut self, secret: SecretString) -> Self {
        self.masker = self.masker.and([secret]);
        self
    }

    /// What a URL has of secrets that is put in behind the base URL: values of parameters called so.
    #[must_use]
    pub fn secrets_of_url(mut self, url: &str) -> Self {
        self.masker = self.masker.and_of_url(url);
        self
    }

    /// How to find the store's own words in an error answer; [`message_of_json`] by default.
    #[must_use]
    pub fn error_text(mut self, error_text: ErrorText) -> Self {
        self.error_text = error_text;
        self
    }

    /// Follows no redirect to another host; it is an error that names the host.
    #[must_use]
    pub fn within_host(mut self) -> Self {
        self.within_host = true;
        self
    }

    /// Largest answer that is read, if that of the transport is larger.
    #[must_use]
    pub fn max_answer_bytes(mut self, bytes: usize) -> Self {
        self.max_answer_bytes = bytes;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// When the base URL is no http(s) URL or a credential cannot be sent.
    pub fn build(self, transport: &Transport) -> Result<HttpClient, HttpSetupError> {
        let url = Url::parse(self.base_url.expose())
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if url.is_none() {
            return Err(HttpSetupError::new(format!(
                "'{}' is not an http or https URL",
                self.base_url
            )));
        }
        let (headers, secrets) = self.credentials.into_headers()?;
        let base = self.base_url.expose();
        let base = base.strip_suffix('/').unwrap_or(base);
        Ok(HttpClient {
            base: base.into(),
            masker: self.masker.and(secrets).and_of_url(base),
            account: Arc::new(Account {
                store: self.store,
                transport: transport.clone(),
                headers,
                error_text: self.error_text,
                within_host: self.within_host,
                max_answer_bytes: self.max_answer_bytes.min(transport.max_answer_bytes),
            }),
        })
    }
}

pub(super) struct Account {
    pub(super) store: &'static str,
    pub(super) transport: Transport,
    pub(super) headers: HeaderMap,
    pub(super) error_text: ErrorText,
    pub(super) within_host: bool,
    pub(super) max_answer_bytes: usize,
}

/// Calls one account of a store. Cheap to clone.
#[derive(Clone)]
pub struct HttpClient {
    base: Arc<str>,
    /// Knows the secrets of the account and of the base URL.
    masker: Masker,
    account: Arc<Account>,
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("store", &self.account.store)
            .field("base", &self.masker.url(&self.base))
            .finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client for `base_url`; `store` is how error texts call the other side. One slash at the end
    /// of the base URL does not count, a path in it stays.
    #[must_use]
    pub fn builder(store: &'static str, base_url: impl Into<SecretUrl>) -> HttpClientBuilder {
        HttpClientBuilder {
            store,
            base_url: base_url.into(),
            credentials: Credentials::None,
            masker: Masker::default(),
            error_text: message_of_json,
            within_host: false,
            max_answer_bytes: usize::MAX,
        }
    }

    /// The same account under another base URL.
    #[must_use]
    pub fn at(&self, base_url: &str) -> Self {
        Self {
            base: base_url.strip_suffix('/').unwrap_or(base_url).into(),
            masker: self.masker.and_of_url(base_url),
            account: Arc::clone(&self.account),
        }
    }

    /// A GET of `path` (with its leading slash, already encoded).
    #[must_use]
    pub fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    /// A POST.
    #[must_use]
    pub fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    fn call(&self, method: Method, path: &str) -> Call<'_> {
        Call::new(&self.account, &self.masker, method, &self.base, path)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_checked() {
        let transport = Transport::new(&Default::default()).unwrap();
        for url in ["", "prometheus:9090", "ftp://h/", "/relative"] {
            assert!(HttpClient::builder("Store", url).build(&transport).is_err());
        }
        let client = HttpClient::builder("Store", "http://u:pass@h/prom/")
            .build(&transport)
            .unwrap();
        let call = client.get("/api").query("q", "a b").query_some("n", None);
        assert_eq!(call.url(), "http://u:pass@h/prom/api?q=a+b");
        assert!(!format!("{client:?} {call:?}").contains("pass"));
    }
}
