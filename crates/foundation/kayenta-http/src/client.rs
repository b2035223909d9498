//! One account of one server.

use std::{fmt, sync::Arc};

use kayenta_secrets::{BaseUrl, Masker, Secret};
use reqwest::Method;
use secrecy::SecretString;

use crate::{
    account::{Account, ErrorText},
    call::Call,
    credentials::Credentials,
    transport::{HttpSetupError, Transport},
};

/// The `message` of a JSON object: where most servers put their words.
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
    peer: &'static str,
    base_url: BaseUrl,
    credentials: Credentials,
    headers: Vec<(String, Secret)>,
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

    /// Headers that are sent with every request besides the credentials, to the configured host only;
    /// their values count as secrets.
    #[must_use]
    pub fn headers(mut self, headers: impl IntoIterator<Item = (String, Secret)>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// A secret that may show up in URLs or bodies and is to be masked there.
    #[must_use]
    pub fn secret(mut self, secret: SecretString) -> Self {
        self.masker = self.masker.and([secret]);
        self
    }

    /// Also masks the secrets of a URL that is appended to the base URL: the values of parameters named
    /// like secrets.
    #[must_use]
    pub fn secrets_of_url(mut self, url: &str) -> Self {
        self.masker = self.masker.and_of_url(url);
        self
    }

    /// How to find the server's own words in an error answer; [`message_of_json`] by default.
    #[must_use]
    pub fn error_text(mut self, error_text: ErrorText) -> Self {
        self.error_text = error_text;
        self
    }

    /// Rejects redirects to another host, naming it in the error.
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
    /// When a credential cannot be sent.
    pub fn build(self, transport: &Transport) -> Result<HttpClient, HttpSetupError> {
        let prepared = self.credentials.prepare(self.headers)?;
        Ok(HttpClient {
            masker: self
                .masker
                .and(prepared.secrets)
                .and_of_url(self.base_url.expose()),
            base: Arc::new(self.base_url),
            account: Arc::new(Account {
                peer: self.peer,
                transport: transport.clone(),
                headers: prepared.headers,
                authorizer: prepared.authorizer,
                error_text: self.error_text,
                within_host: self.within_host,
                max_answer_bytes: self.max_answer_bytes.min(transport.max_answer_bytes),
            }),
        })
    }
}

/// Calls one account of one server. Cheap to clone.
#[derive(Clone)]
pub struct HttpClient {
    base: Arc<BaseUrl>,
    /// Knows the secrets of the account and of the base URL.
    masker: Masker,
    account: Arc<Account>,
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("peer", &self.account.peer)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client for `base_url`; `peer` is the name of the server in error texts.
    #[must_use]
    pub fn builder(peer: &'static str, base_url: BaseUrl) -> HttpClientBuilder {
        HttpClientBuilder {
            peer,
            base_url,
            credentials: Credentials::None,
            headers: Vec::new(),
            masker: Masker::default(),
            error_text: message_of_json,
            within_host: false,
            max_answer_bytes: usize::MAX,
        }
    }

    /// The same account under another base URL.
    #[must_use]
    pub fn at(&self, base_url: BaseUrl) -> Self {
        Self {
            masker: self.masker.and_of_url(base_url.expose()),
            base: Arc::new(base_url),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_put_together_and_print_no_secret() {
        let transport = Transport::new(&Default::default()).unwrap();
        let base = "http://u:pass@h/prom/".parse().unwrap();
        let client = HttpClient::builder("Server", base)
            .build(&transport)
            .unwrap();
        let call = client.get("/api").query("q", "a b").query_some("n", None);
        assert_eq!(call.url(), "http://u:pass@h/prom/api?q=a+b");
        assert!(!format!("{client:?} {call:?}").contains("pass"));
    }
}
