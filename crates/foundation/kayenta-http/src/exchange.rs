//! One request and its whole answer, for protocols in which every status means something.

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request,
    header::{AUTHORIZATION, CONTENT_LENGTH},
};
use kayenta_limits::{Arriving, CALLER_PATIENCE, NoMemory};
use reqwest::Response;

use crate::{answer::ANSWER, call::root_cause, transport::Transport};

/// Why there is no whole answer. Holds no URL.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The URL is none that can be called.
    #[error("the request cannot be sent: {0}")]
    Request(String),
    /// The server was not reached.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// It was silent for longer than allowed.
    #[error("no answer in time: {0}")]
    Silent(String),
    /// The connection ended too early.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The answer is larger than this many bytes.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// There is no memory for it.
    #[error(transparent)]
    NoMemory(#[from] NoMemory),
}

impl Transport {
    /// Sends `request` as it is, but for user information in its URL, and reads the whole answer, of whatever status, if it has at most
    /// `most_bytes`. Redirects are not followed. The only limits of time are those of the connections.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn exchange(
        &self,
        mut request: Request<Bytes>,
        most_bytes: usize,
    ) -> Result<http::Response<Bytes>, ExchangeError> {
        if request.body().is_empty() && matches!(*request.method(), Method::PUT | Method::POST) {
            // Some servers require the length of an empty body.
            let headers = request.headers_mut();
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let unusable =
            |error: reqwest::Error| ExchangeError::Request(root_cause(&error.without_url()));
        let mut request = reqwest::Request::try_from(request).map_err(unusable)?;
        let url = request.url();
        if !url.username().is_empty() || url.password().is_some() {
            // As for other calls: what stands in the URL is sent as HTTP basic, and shown nowhere.
            let method = request.method().clone();
            let bare = self.client.request(method, url.clone()).build();
            let bare = bare.map_err(unusable)?;
            *request.url_mut() = bare.url().clone();
            if let Some(basic) = bare.headers().get(AUTHORIZATION) {
                let headers = request.headers_mut();
                headers.entry(AUTHORIZATION).or_insert(basic.clone());
            }
        }
        let mut response = self.client.execute(request).await.map_err(failed)?;
        let body = whole(&mut response, most_bytes).await?;
        let mut answer = http::Response::new(body);
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }
}

async fn whole(response: &mut Response, most_bytes: usize) -> Result<Bytes, ExchangeError> {
    let expected = response.content_length().unwrap_or_default();
    let expected = usize::try_from(expected).unwrap_or(usize::MAX);
    if expected > most_bytes {
        return Err(ExchangeError::TooLarge(most_bytes));
    }
    let mut body = Arriving::expecting(ANSWER, expected, 1, CALLER_PATIENCE).await?;
    // Most answers come in one piece, which needs no copy.
    let Some(first) = response.chunk().await.map_err(failed)? else {
        return Ok(Bytes::new());
    };
    let mut next = response.chunk().await.map_err(failed)?;
    if next.is_none() && first.len() <= expected {
        return Ok(body.whole_of(first));
    }
    body.push(&first).await?;
    while let Some(piece) = next {
        if body.len() + piece.len() > most_bytes {
            return Err(ExchangeError::TooLarge(most_bytes));
        }
        body.push(&piece).await?;
        next = response.chunk().await.map_err(failed)?;
    }
    Ok(body.whole())
}

fn failed(error: reqwest::Error) -> ExchangeError {
    let error = error.without_url();
    let cause = root_cause(&error);
    if error.is_connect() {
        ExchangeError::Connect(cause)
    } else if error.is_timeout() {
        ExchangeError::Silent(cause)
    } else {
        ExchangeError::Broken(cause)
    }
}
