//! One account's calls.

use std::{fmt, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::{
    Method, Response, StatusCode,
    header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tokio::time::Instant;
use url::Url;

use super::{
    answer::Answer,
    encoding::form_encoded,
    mask::Masker,
    transport::{HttpSetupError, Transport},
};
use crate::error::{FetchError, FetchErrorKind};

/// Redirects followed for one call.
const MOST_REDIRECTS: usize = 20;
/// How much of an error answer is read.
const MOST_ERROR_BYTES: usize = 64 << 10;
/// How much of a body is logged.
const MOST_LOGGED_BYTES: usize = 4 << 10;
/// Longest text of a store that is passed on.
const MOST_REASON_CHARS: usize = 2000;

/// Finds the store's own words in the body of an error answer.
pub type ErrorText = fn(&[u8]) -> Option<String>;

/// What proves to a store who is asking; sent with every request, at once.
#[derive(Clone, Debug, Default)]
pub enum Credentials {
    /// Nothing.
    #[default]
    None,
    /// User and password.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: SecretString,
    },
    /// `user:password` in one, as a file holds it; blanks around it do not count.
    UserPassword(SecretString),
    /// `Authorization: Bearer …`.
    Bearer(SecretString),
    /// Headers of the store's own, such as `DD-API-KEY`.
    Headers(Vec<(String, SecretString)>),
}

impl Credentials {
    fn into_headers(self) -> Result<(HeaderMap, Vec<SecretString>), HttpSetupError> {
        let mut secrets = Vec::new();
        let pairs = match self {
            Self::None => Vec::new(),
            Self::Basic { username, password } => {
                let pair = format!("{username}:{}", password.expose_secret());
                secrets.push(password);
                vec![basic(&pair)]
            }
            Self::UserPassword(pair) => {
                let pair = pair.expose_secret().trim();
                if let Some((_, password)) = pair.split_once(':') {
                    secrets.push(password.into());
                }
                vec![basic(pair)]
            }
            Self::Bearer(token) => {
                let value = format!("Bearer {}", token.expose_secret());
                secrets.push(token);
                vec![("authorization".to_owned(), value.into())]
            }
            Self::Headers(pairs) => pairs,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let header = HeaderName::try_from(&name)
                .map_err(|_| HttpSetupError::new(format!("'{name}' is not a header name")))?;
            let mut content =
                HeaderValue::from_bytes(&latin1(value.expose_secret())).map_err(|_| {
                    HttpSetupError::new(format!(
                        "the value of header '{name}' has characters no header may have"
                    ))
                })?;
            content.set_sensitive(true);
            headers.insert(header, content);
            secrets.push(value);
        }
        Ok((headers, secrets))
    }
}

fn basic(pair: &str) -> (String, SecretString) {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let value = format!("Basic {}", BASE64_STANDARD.encode(latin1(pair)));
    ("authorization".to_owned(), value.into())
}

/// ISO-8859-1 as the reference encodes credentials; characters outside it become `?`, as in Java.
fn latin1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
        .collect()
}

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
    base_url: String,
    credentials: Credentials,
    secrets: Vec<SecretString>,
    error_text: ErrorText,
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
        self.secrets.push(secret);
        self
    }

    /// How to find the store's own words in an error answer; [`message_of_json`] by default.
    #[must_use]
    pub fn error_text(mut self, error_text: ErrorText) -> Self {
        self.error_text = error_text;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// When the base URL is no http(s) URL or a credential cannot be sent.
    pub fn build(self, transport: &Transport) -> Result<HttpClient, HttpSetupError> {
        let url = Url::parse(&self.base_url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(url) = url else {
            return Err(HttpSetupError::new(format!(
                "'{}' is not an http or https URL",
                Masker::default().text(&self.base_url)
            )));
        };
        let (headers, mut secrets) = self.credentials.into_headers()?;
        secrets.extend(self.secrets);
        if let Some(password) = url.password() {
            secrets.push(password.into());
        }
        let base = self.base_url.strip_suffix('/').unwrap_or(&self.base_url);
        Ok(HttpClient {
            base: base.into(),
            account: Arc::new(Account {
                store: self.store,
                transport: transport.clone(),
                headers,
                masker: Masker::new(secrets),
                error_text: self.error_text,
            }),
        })
    }
}

struct Account {
    store: &'static str,
    transport: Transport,
    headers: HeaderMap,
    masker: Masker,
    error_text: ErrorText,
}

/// Calls one account of a store. Cheap to clone.
#[derive(Clone)]
pub struct HttpClient {
    base: Arc<str>,
    account: Arc<Account>,
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("store", &self.account.store)
            .field("base", &self.account.masker.text(&self.base))
            .finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client for `base_url`; `store` is how error texts call the other side. One slash at the end
    /// of the base URL does not count, a path in it stays.
    #[must_use]
    pub fn builder(store: &'static str, base_url: impl Into<String>) -> HttpClientBuilder {
        HttpClientBuilder {
            store,
            base_url: base_url.into(),
            credentials: Credentials::None,
            secrets: Vec::new(),
            error_text: message_of_json,
        }
    }

    /// The same account under another base URL.
    #[must_use]
    pub fn at(&self, base_url: &str) -> Self {
        Self {
            base: base_url.strip_suffix('/').unwrap_or(base_url).into(),
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
        Call {
            account: &self.account,
            method,
            url: format!("{}{path}", self.base),
            has_query: path.contains('?') || self.base.contains('?'),
            headers: HeaderMap::new(),
            body: None,
            timeout: self.account.transport.total_timeout,
        }
    }
}

/// One call being put together.
#[derive(Clone)]
pub struct Call<'c> {
    account: &'c Account,
    method: Method,
    url: String,
    has_query: bool,
    headers: HeaderMap,
    body: Option<Bytes>,
    timeout: Duration,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.account.masker.text(&self.url))
    }
}

impl Call<'_> {
    /// Adds a query parameter, form-encoded.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.url.push(if self.has_query { '&' } else { '?' });
        self.has_query = true;
        self.url.push_str(&form_encoded(name));
        self.url.push('=');
        self.url.push_str(&form_encoded(value));
        self
    }

    /// Adds a query parameter that may be absent.
    #[must_use]
    pub fn query_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Adds a header that is no secret.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sends `body` as `content_type`.
    #[must_use]
    pub fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = Some(body.into());
        self
    }

    /// Sends JSON.
    ///
    /// # Errors
    /// When `value` cannot be written as JSON.
    pub fn json(self, value: &impl Serialize) -> Result<Self, FetchError> {
        let body = serde_json::to_vec(value).map_err(|error| {
            FetchError::invalid(format!("The request cannot be written as JSON: {error}"))
        })?;
        Ok(self.body("application/json", body))
    }

    /// Another limit for the whole call.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Makes the call and reads the answer.
    ///
    /// # Errors
    /// [`Http`](FetchErrorKind::Http) for a status other than 2xx, beginning with `Status: <code>,
    /// URL: <url>, Message: <reason>`; [`Network`](FetchErrorKind::Network) without a whole answer;
    /// [`Answer`](FetchErrorKind::Answer) when it is larger than allowed.
    pub async fn send(self) -> Result<Answer, FetchError> {
        let url = Url::parse(&self.url).map_err(|error| {
            let shown = self.account.masker.text(&self.url);
            FetchError::invalid(format!("'{shown}' is not a URL: {error}"))
        })?;
        let shown = self.account.masker.url(&url);
        let timeout = self.timeout;
        let started = Instant::now();
        match tokio::time::timeout(timeout, self.answer(url, &shown, started)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(FetchError::new(
                FetchErrorKind::Network { url: shown.clone() },
                format!(
                    "No whole answer from {shown} within {} s",
                    timeout.as_secs()
                ),
            )),
        }
    }

    async fn answer(&self, url: Url, shown: &str, started: Instant) -> Result<Answer, FetchError> {
        let account = self.account;
        if account.transport.log_bodies
            && let Some(body) = &self.body
        {
            tracing::trace!(method = %self.method, url = shown, body = self.excerpt(body), "request");
        }
        let response = self.follow(url, shown).await?;
        let status = response.status();
        let limit = if status.is_success() {
            account.transport.max_answer_bytes
        } else {
            MOST_ERROR_BYTES
        };
        let retry_after = retry_after(response.headers());
        let body = self.read(response, limit, shown).await;
        if account.transport.log_calls {
            tracing::debug!(
                method = %self.method,
                url = shown,
                status = status.as_u16(),
                duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                "called {}", account.store
            );
        }
        if let Ok(body) = &body
            && account.transport.log_bodies
        {
            tracing::trace!(url = shown, body = self.excerpt(body), "answer");
        }
        if status.is_success() {
            return Ok(Answer {
                store: account.store,
                url: shown.to_owned(),
                body: body?,
            });
        }
        let words = body
            .ok()
            .and_then(|body| (account.error_text)(&body))
            .filter(|words| !words.trim().is_empty());
        let reason = match words {
            Some(words) => {
                let words: String = words.chars().take(MOST_REASON_CHARS).collect();
                account.masker.text(&words)
            }
            None => status.canonical_reason().unwrap_or_default().to_owned(),
        };
        let status = status.as_u16();
        let message = format!("Status: {status}, URL: {shown}, Message: {reason}");
        let kind = FetchErrorKind::Http {
            status,
            url: shown.to_owned(),
            reason,
        };
        Err(FetchError {
            retry_after,
            ..FetchError::new(kind, message)
        })
    }

    /// Sends and follows redirects. Credentials go to the account's own host only: the reference
    /// hands an API key to whatever host a redirect names (C-HTTP-01).
    async fn follow(&self, mut url: Url, shown: &str) -> Result<Response, FetchError> {
        let network = |message: String| {
            FetchError::new(
                FetchErrorKind::Network {
                    url: shown.to_owned(),
                },
                message,
            )
        };
        let home = url.clone();
        let (mut method, mut body) = (self.method.clone(), self.body.clone());
        for _ in 0..=MOST_REDIRECTS {
            let mut headers = self.headers.clone();
            let at_home = url.host() == home.host()
                && (url.port_or_known_default() == home.port_or_known_default()
                    || url.scheme() == "https");
            if at_home {
                headers.extend(self.account.headers.clone());
            }
            let mut request = self
                .account
                .transport
                .client
                .request(method.clone(), url.clone())
                .headers(headers);
            if let Some(body) = &body {
                request = request.body(body.clone());
            }
            let response = request.send().await.map_err(|error| {
                let error = error.without_url();
                network(format!(
                    "No answer from {shown}: {}",
                    self.account.masker.text(&root_cause(&error))
                ))
                .caused_by(error)
            })?;
            let status = response.status();
            let followed = match status {
                StatusCode::MULTIPLE_CHOICES
                | StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER => true,
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => {
                    method == Method::GET
                }
                _ => false,
            };
            let target = response
                .headers()
                .get(LOCATION)
                .and_then(|location| location.to_str().ok())
                .and_then(|location| url.join(location).ok())
                .filter(|target| matches!(target.scheme(), "http" | "https"));
            match target {
                Some(target) if followed => {
                    url = target;
                    if method != Method::GET {
                        (method, body) = (Method::GET, None);
                    }
                }
                _ => return Ok(response),
            }
        }
        Err(network(format!(
            "Too many follow-up requests: {} ({shown})",
            MOST_REDIRECTS + 1
        )))
    }

    /// Reads a body of at most `limit` bytes, piece by piece.
    async fn read(
        &self,
        mut response: Response,
        limit: usize,
        shown: &str,
    ) -> Result<Bytes, FetchError> {
        let expected = response.content_length().unwrap_or_default();
        let expected = usize::try_from(expected).unwrap_or(usize::MAX);
        let mut body = BytesMut::with_capacity(expected.min(limit));
        loop {
            let piece = response.chunk().await.map_err(|error| {
                let error = error.without_url();
                FetchError::new(
                    FetchErrorKind::Network {
                        url: shown.to_owned(),
                    },
                    format!(
                        "The answer from {shown} broke off after {} bytes: {}",
                        body.len(),
                        root_cause(&error)
                    ),
                )
                .caused_by(error)
            })?;
            let Some(piece) = piece else {
                return Ok(body.freeze());
            };
            if body.len() + piece.len() > limit {
                return Err(FetchError::new(
                    FetchErrorKind::Answer {
                        url: shown.to_owned(),
                    },
                    format!(
                        "The answer from {shown} is larger than {limit} bytes; ask for fewer \
                         series, a shorter window or a larger step"
                    ),
                ));
            }
            body.extend_from_slice(&piece);
        }
    }

    fn excerpt(&self, body: &[u8]) -> String {
        let shown = &body[..body.len().min(MOST_LOGGED_BYTES)];
        let mut text = self.account.masker.text(&String::from_utf8_lossy(shown));
        if shown.len() < body.len() {
            text.push_str(&format!("… ({} bytes in all)", body.len()));
        }
        text
    }
}

/// The innermost cause, which says what happened rather than where.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let text = cause.to_string();
    if error.is_timeout() && !text.contains("time") {
        return format!("timed out ({text})");
    }
    text
}

/// `Retry-After` in seconds, or as a date measured against the answer's own `Date`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| chrono::DateTime::parse_from_rfc2822(text).ok();
    let sent = date(headers.get(DATE)?.to_str().ok()?)?;
    (date(text)? - sent).to_std().ok()
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.store)
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::AUTHORIZATION;

    use super::*;

    #[test]
    fn credentials_become_sensitive_headers_sent_at_once() {
        let header = |credentials: Credentials| {
            let (headers, secrets) = credentials.into_headers().unwrap();
            assert!(headers[AUTHORIZATION].is_sensitive());
            assert!(!secrets.is_empty());
            String::from_utf8(headers[AUTHORIZATION].as_bytes().to_vec()).unwrap()
        };
        let basic = Credentials::Basic {
            username: "user".to_owned(),
            password: "pässword".into(),
        };
        // ISO-8859-1, as the reference encodes it.
        assert_eq!(header(basic), "Basic dXNlcjpw5HNzd29yZA==");
        assert_eq!(
            header(Credentials::UserPassword(" user:secret\n".into())),
            "Basic dXNlcjpzZWNyZXQ="
        );
        assert_eq!(header(Credentials::Bearer("tok".into())), "Bearer tok");
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let asked = |pairs: &[(HeaderName, &str)]| {
            let headers = pairs
                .iter()
                .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
                .collect();
            retry_after(&headers).map(|wait| wait.as_secs())
        };
        assert_eq!(asked(&[(RETRY_AFTER, " 7 ")]), Some(7));
        let date = (DATE, "Tue, 15 Nov 1994 08:12:31 GMT");
        let later = (RETRY_AFTER, "Tue, 15 Nov 1994 08:13:31 GMT");
        assert_eq!(asked(&[date.clone(), later.clone()]), Some(60));
        assert_eq!(asked(&[later]), None);
        assert_eq!(asked(&[(RETRY_AFTER, "soon")]), None);
        assert_eq!(asked(&[(RETRY_AFTER, "-1")]), None);
    }

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
        assert_eq!(call.url, "http://u:pass@h/prom/api?q=a+b");
        assert!(!format!("{client:?} {call:?}").contains("pass"));
    }
}
