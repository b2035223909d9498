//! One call: put together, sent, redirected, read.

use std::{fmt, time::Duration};

use bytes::Bytes;
use kayenta_errors::causes;
use kayenta_limits::{Arriving, RUN_PATIENCE};
use kayenta_secrets::{BaseUrl, Masker};
use reqwest::{
    Method, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tokio::time::Instant;
use url::Url;

use crate::{
    account::Account,
    answer::{ANSWER, Answer},
    authorizer::AuthorizeError,
    credentials::with_proof_alone,
    encoding::{form_body, form_encoded},
    error::{HttpError, HttpErrorKind},
    events::Events,
    header,
};

/// Redirects followed for one call.
const MOST_REDIRECTS: usize = 20;
/// What an answer takes while it is read and parsed, as a multiple of its bytes.
const ANSWER_SIZE: usize = 2;
/// How much of an error answer is read.
const MOST_ERROR_BYTES: usize = 64 << 10;
/// How much of a body is logged.
const MOST_LOGGED_BYTES: usize = 4 << 10;
/// Longest text of a server that is passed on, in characters.
const MOST_REASON_CHARS: usize = 2000;

/// One call being put together.
#[derive(Clone)]
pub struct Call<'c> {
    account: &'c Account,
    method: Method,
    url: String,
    has_query: bool,
    headers: HeaderMap,
    credentials: HeaderMap,
    masker: Masker,
    body: Option<Bytes>,
    timeout: Duration,
    confidential: bool,
    /// Why nothing can be called: the base URL is none.
    flaw: Option<String>,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.masker.url(&self.url))
    }
}

impl<'c> Call<'c> {
    pub(crate) fn new(
        account: &'c Account,
        masker: &Masker,
        method: Method,
        base: &BaseUrl,
        path: &str,
    ) -> Self {
        Self {
            account,
            method,
            url: base.join(path).expose().to_owned(),
            has_query: path.contains('?') || base.expose().contains('?'),
            headers: HeaderMap::new(),
            credentials: HeaderMap::new(),
            masker: masker.clone(),
            body: None,
            timeout: account.transport.total_timeout,
            confidential: false,
            flaw: base
                .flaw()
                .map(|flaw| format!("{flaw} (the URL of {} is '{base}')", account.peer)),
        }
    }

    #[cfg(test)]
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

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

    /// Adds a header that is no secret, by texts that come from configuration.
    ///
    /// # Errors
    /// When the name or the value is not valid in a header.
    pub fn header_text(self, name: &str, value: &str) -> Result<Self, HttpError> {
        let header = HeaderName::try_from(name)
            .map_err(|_| HttpError::invalid(format!("'{name}' is not a header name")))?;
        let value = HeaderValue::try_from(value).map_err(|_| no_header_value(name))?;
        Ok(self.header(header, value))
    }

    /// Adds a header that is a secret of this call alone. Like the account's own credentials it goes to
    /// the account's host only.
    ///
    /// # Errors
    /// When the value is not valid in a header.
    pub fn credential(
        mut self,
        name: &'static str,
        secret: &SecretString,
    ) -> Result<Self, HttpError> {
        let mut value =
            HeaderValue::try_from(secret.expose_secret()).map_err(|_| no_header_value(name))?;
        value.set_sensitive(true);
        self.credentials
            .insert(HeaderName::from_static(name), value);
        self.masker = self.masker.and(with_proof_alone(secret.clone()));
        Ok(self)
    }

    /// A secret of this call alone that is sent in its URL or body.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<SecretString>) -> Self {
        self.masker = self.masker.and([secret.into()]);
        self
    }

    /// Keeps the bodies of this call out of the log whatever its level.
    #[must_use]
    pub fn confidential(mut self) -> Self {
        self.confidential = true;
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
    pub fn json(self, value: &impl Serialize) -> Result<Self, HttpError> {
        let body = serde_json::to_vec(value).map_err(|error| {
            HttpError::invalid(format!("The request cannot be written as JSON: {error}"))
        })?;
        Ok(self.body("application/json", body))
    }

    /// Sends a form.
    #[must_use]
    pub fn form<'p>(self, pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> Self {
        self.body("application/x-www-form-urlencoded", form_body(pairs))
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
    /// [`Status`](HttpErrorKind::Status) for a status other than 2xx, beginning with `Status: <code>,
    /// URL: <url>, Message: <reason>`; [`Unreachable`](HttpErrorKind::Unreachable) without a
    /// connection; [`Network`](HttpErrorKind::Network) without a whole answer;
    /// [`Answer`](HttpErrorKind::Answer) when it is larger than allowed.
    pub async fn send(mut self) -> Result<Answer, HttpError> {
        let (url, shown) = self.target()?;
        let started = Instant::now();
        let timeout = self.timeout;
        tokio::time::timeout(timeout, self.answer(url, &shown, started))
            .await
            .unwrap_or_else(|_| Err(too_late(&shown, timeout)))
            .map_err(|failure| failure.after(started.elapsed()))
    }

    /// Makes the call and hands out the events of its answer as they arrive. The limits of size and
    /// time are those of [`send`](Self::send), for the answer as a whole.
    ///
    /// # Errors
    /// Those of [`send`](Self::send), as far as they show before the body.
    pub async fn events(mut self) -> Result<Events, HttpError> {
        let (url, shown) = self.target()?;
        let started = Instant::now();
        let timeout = self.timeout;
        let response = tokio::time::timeout(timeout, self.open(url, &shown, started))
            .await
            .unwrap_or_else(|_| Err(too_late(&shown, timeout)))
            .map_err(|failure| failure.after(started.elapsed()))?;
        Ok(Events::new(
            self.account.peer,
            shown,
            self.masker.clone(),
            response,
            self.account.max_answer_bytes,
            (started, self.timeout),
        ))
    }

    /// The URL, and how it is shown.
    fn target(&self) -> Result<(Url, String), HttpError> {
        if let Some(flaw) = &self.flaw {
            return Err(HttpError::invalid(flaw.clone()));
        }
        let url = Url::parse(&self.url).map_err(|error| {
            let shown = self.masker.url(&self.url);
            HttpError::invalid(format!("'{shown}' is not a URL: {error}"))
        })?;
        let shown = self.masker.url(url.as_str());
        Ok((url, shown))
    }

    async fn answer(
        &mut self,
        url: Url,
        shown: &str,
        started: Instant,
    ) -> Result<Answer, HttpError> {
        let response = self.open(url, shown, started).await?;
        let limit = self.account.max_answer_bytes;
        let body = self.read(response, limit, shown).await?;
        if self.account.transport.traces.is_some() {
            tracing::Span::current().record(
                "http.response.body.size",
                i64::try_from(body.len()).unwrap_or(i64::MAX),
            );
        }
        self.log_answer(&body, shown);
        Ok(Answer {
            peer: self.account.peer,
            url: shown.to_owned(),
            masker: self.masker.clone(),
            body,
            elapsed: started.elapsed(),
        })
    }

    /// Sends, and fails for every status but 2xx. The body of a success is not read yet.
    async fn open(
        &mut self,
        url: Url,
        shown: &str,
        started: Instant,
    ) -> Result<Response, HttpError> {
        let account = self.account;
        if account.transport.log_bodies
            && !self.confidential
            && let Some(body) = &self.body
        {
            tracing::trace!(method = %self.method, url = shown, body = self.excerpt(body), "request");
        }
        let response = self.follow(url, shown).await?;
        let status = response.status();
        if account.transport.traces.is_some() {
            tracing::Span::current()
                .record("http.response.status_code", i64::from(status.as_u16()));
        }
        if account.transport.log_calls {
            tracing::debug!(
                method = %self.method,
                url = shown,
                status = status.as_u16(),
                duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                "called {}", account.peer
            );
        }
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = header::retry_after(response.headers());
        let body = self.read(response, MOST_ERROR_BYTES, shown).await;
        if let Ok(body) = &body {
            self.log_answer(body, shown);
        }
        let body = body.unwrap_or_default();
        // Masked before it is cut, or half a secret would be left at the end.
        let shown_words = |words: &str| -> String {
            let words = self.masker.text(words);
            words.chars().take(MOST_REASON_CHARS).collect()
        };
        let words = (account.error_text)(&body).filter(|words| !words.trim().is_empty());
        let (reason, cause) = match words {
            Some(words) => (shown_words(&words), None),
            None => {
                // What the server said is worth keeping even where it is not the message.
                let said = shown_words(String::from_utf8_lossy(&body).trim());
                let kept = !said.is_empty() && !self.confidential;
                let cause = kept.then(|| Said(said).into());
                let phrase = status.canonical_reason().unwrap_or_default();
                (phrase.to_owned(), cause)
            }
        };
        let status = status.as_u16();
        let message = format!("Status: {status}, URL: {shown}, Message: {reason}");
        let kind = HttpErrorKind::Status {
            status,
            url: shown.to_owned(),
            reason,
        };
        let said = (!self.confidential && !body.is_empty())
            .then(|| self.masker.text(&String::from_utf8_lossy(&body)));
        Err(HttpError {
            retry_after,
            said,
            source: cause,
            ..HttpError::new(kind, message)
        })
    }

    fn log_answer(&self, body: &Bytes, shown: &str) {
        if self.account.transport.log_bodies && !self.confidential {
            tracing::trace!(url = shown, body = self.excerpt(body), "answer");
        }
    }

    /// Sends one request, with the account's credentials if it goes to its host. Returns the secrets that
    /// were made for it, too.
    async fn once(
        &mut self,
        method: &Method,
        url: &Url,
        body: &Option<Bytes>,
        home: bool,
        shown: &str,
    ) -> Result<(Response, Vec<SecretString>), HttpError> {
        let account = self.account;
        let mut proofs = Vec::new();
        let mut headers = self.headers.clone();
        if home {
            headers.extend(account.headers.clone());
            headers.extend(self.credentials.clone());
        }
        let client = &account.transport.client;
        let mut request = match account.authorizer.as_ref().filter(|_| home) {
            None => client.request(method.clone(), url.clone()).headers(headers),
            Some(authorizer) => {
                let mut parts = http::Request::new(()).into_parts().0;
                parts.method = method.clone();
                parts.uri = url.as_str().parse().map_err(|error| {
                    HttpError::invalid(format!("'{shown}' is not a URL: {error}"))
                })?;
                parts.headers = headers;
                let content = body.as_deref().unwrap_or_default();
                let secrets = authorizer.authorize(&mut parts, content).await;
                proofs = secrets.map_err(|error| no_proof(&error, shown))?;
                self.masker = self.masker.and(proofs.iter().cloned());
                client
                    .request(parts.method, parts.uri.to_string())
                    .headers(parts.headers)
            }
        };
        // Not before the authorizer: a proxy that continues the trace would break a signature of these headers.
        if let Some(traces) = account.transport.traces.as_ref().filter(|_| home) {
            request = request.headers(traces.now());
        }
        if let Some(body) = body {
            request = request.body(body.clone());
        }
        let answer = request.send().await.map_err(|error| {
            let error = error.without_url();
            let url = shown.to_owned();
            let kind = if error.is_connect() {
                HttpErrorKind::Unreachable { url }
            } else {
                HttpErrorKind::Network { url }
            };
            let cause = self.masker.text(&root_cause(&error));
            HttpError::new(kind, format!("No answer from {shown}: {cause}")).caused_by(error)
        })?;
        Ok((answer, proofs))
    }

    /// Sends and follows redirects. Credentials go to the account's own host only.
    async fn follow(&mut self, mut url: Url, shown: &str) -> Result<Response, HttpError> {
        let network = |message: String| {
            HttpError::new(
                HttpErrorKind::Network {
                    url: shown.to_owned(),
                },
                message,
            )
        };
        let home = url.clone();
        let is_home = |url: &Url| {
            url.host() == home.host()
                && (url.port_or_known_default() == home.port_or_known_default()
                    || url.scheme() == "https")
        };
        let (mut method, mut body) = (self.method.clone(), self.body.clone());
        for _ in 0..=MOST_REDIRECTS {
            let (mut response, proofs) = self
                .once(&method, &url, &body, is_home(&url), shown)
                .await?;
            let mut status = response.status();
            // Once: a proof may have been taken back before its time.
            if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
                && is_home(&url)
                && let Some(authorizer) = &self.account.authorizer
                && authorizer.refused(&proofs).await
            {
                (response, _) = self.once(&method, &url, &body, true, shown).await?;
                status = response.status();
            }
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
                Some(target) if followed && self.account.within_host && !is_home(&target) => {
                    let target = self.masker.url(target.as_str());
                    return Err(HttpError::new(
                        HttpErrorKind::Answer {
                            url: shown.to_owned(),
                        },
                        format!(
                            "{shown} redirects to another host ({target}), which is not followed; \
                             configure the URL where the data is"
                        ),
                    ));
                }
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
    ) -> Result<Bytes, HttpError> {
        let expected = response.content_length().unwrap_or_default();
        let expected = usize::try_from(expected).unwrap_or(usize::MAX).min(limit);
        let no_memory = |error| HttpError::no_memory(shown, error);
        let mut body = Arriving::expecting(ANSWER, expected, ANSWER_SIZE, RUN_PATIENCE)
            .await
            .map_err(no_memory)?;
        loop {
            let piece = response
                .chunk()
                .await
                .map_err(|error| broke_off(shown, body.len(), error))?;
            let Some(piece) = piece else {
                return Ok(body.whole());
            };
            if body.len() + piece.len() > limit {
                return Err(too_large(shown, limit));
            }
            body.push(&piece).await.map_err(no_memory)?;
        }
    }

    fn excerpt(&self, body: &[u8]) -> String {
        let shown = &body[..body.len().min(MOST_LOGGED_BYTES)];
        let mut text = String::from_utf8_lossy(shown).into_owned();
        if shown.len() < body.len() {
            text.push_str(&format!("… ({} bytes in all)", body.len()));
        }
        self.masker.text(&text)
    }
}

/// Nothing was sent, because nothing could prove who is asking.
fn no_proof(error: &AuthorizeError, shown: &str) -> HttpError {
    let kind = if error.transient {
        let url = shown.to_owned();
        HttpErrorKind::Unreachable { url }
    } else {
        HttpErrorKind::Invalid
    };
    let message = format!("{shown} was not called, because there are no credentials: {error}");
    HttpError::new(kind, message)
}

fn no_header_value(name: &str) -> HttpError {
    HttpError::invalid(format!(
        "the value of header '{name}' has characters no header may have"
    ))
}

/// The body of an error answer in which no message was found.
#[derive(Debug, thiserror::Error)]
#[error("the answer was: {0}")]
struct Said(String);

/// The failure of a call that exceeded its time limit.
pub(crate) fn too_late(shown: &str, timeout: Duration) -> HttpError {
    HttpError::new(
        HttpErrorKind::Network {
            url: shown.to_owned(),
        },
        format!(
            "No whole answer from {shown} within {} s",
            timeout.as_secs()
        ),
    )
}

/// The failure of an answer that ends before it is whole.
pub(crate) fn broke_off(shown: &str, received: usize, error: reqwest::Error) -> HttpError {
    let error = error.without_url();
    HttpError::new(
        HttpErrorKind::Network {
            url: shown.to_owned(),
        },
        format!(
            "The answer from {shown} broke off after {received} bytes: {}",
            root_cause(&error)
        ),
    )
    .caused_by(error)
}

/// The failure of an answer larger than allowed.
pub(crate) fn too_large(shown: &str, limit: usize) -> HttpError {
    HttpError::new(
        HttpErrorKind::Answer {
            url: shown.to_owned(),
        },
        format!(
            "The answer from {shown} is larger than {limit} bytes; ask for fewer series, a shorter \
             window or a larger step"
        ),
    )
}

/// The innermost cause, which says what happened rather than where.
pub(crate) fn root_cause(error: &reqwest::Error) -> String {
    if let Some(words) = kayenta_tls::in_words(error) {
        return words;
    }
    let text = causes(error)
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string);
    if error.is_timeout() && !text.contains("time") {
        return format!("timed out ({text})");
    }
    text
}
