//! A successful answer and the reading of it.

use std::time::Duration;

use bytes::Bytes;
use kayenta_json::{JsonError, parsed_size};
use kayenta_limits::{RUN_PATIENCE, compute_sized, reserve};
use kayenta_secrets::Masker;
use serde::de::DeserializeOwned;

use crate::error::{HttpError, HttpErrorKind};

/// What the memory of answers is for.
pub(crate) const ANSWER: &str = "the answer of a store";

/// The body of a 2xx answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) peer: &'static str,
    pub(crate) url: String,
    pub(crate) body: Bytes,
    pub(crate) masker: Masker,
    pub(crate) elapsed: Duration,
}

impl Answer {
    /// The URL called, secrets masked.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The bytes.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// [`Answer`](HttpErrorKind::Answer) when it is no JSON or lacks what `T` needs.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        serde_json::from_slice(&self.body).map_err(|error| self.unreadable(JsonError::from(error)))
    }

    /// Reads the body with `read`, a long one on a thread for computing.
    ///
    /// # Errors
    /// [`Answer`](HttpErrorKind::Answer) when `read` panics.
    pub async fn read_with<T: Send + 'static>(
        &self,
        read: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> Result<T, HttpError> {
        let body = self.body.clone();
        compute_sized(body.len(), move || read(&body))
            .await
            .map_err(|error| self.unreadable(error))
    }

    /// As [`read_with`](Self::read_with), for a `read` that takes the whole body into a
    /// [`serde_json::Value`], which may be many times as large: that counts against the budget of bytes until `read` ends.
    ///
    /// # Errors
    /// As [`read_with`](Self::read_with), and when there is no memory for it.
    pub async fn read_whole_with<T: Send + 'static>(
        &self,
        read: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> Result<T, HttpError> {
        let size = self.read_with(parsed_size).await?;
        let _reserved = reserve(ANSWER, size, RUN_PATIENCE)
            .await
            .map_err(|error| HttpError::no_memory(&self.url, error))?;
        self.read_with(read).await
    }

    /// Words of the answer, with the secrets it may have repeated masked.
    #[must_use]
    pub fn masked(&self, words: &str) -> String {
        self.masker.text(words)
    }

    /// The failure of an answer that cannot be read.
    #[must_use]
    pub fn unreadable(&self, cause: impl std::fmt::Display) -> HttpError {
        self.unexpected(format_args!("it cannot be read: {cause}"))
    }

    /// The failure of an answer that is not what the server promises; `what` completes "The answer
    /// of … is not usable, ". A secret the server may have repeated is masked, which is why no cause is
    /// attached: its words are in the text.
    #[must_use]
    pub fn unexpected(&self, what: impl std::fmt::Display) -> HttpError {
        unusable(self.peer, &self.url, &self.masker, what).after(self.elapsed)
    }
}

/// The failure of an answer of `peer` that is not what it promises.
pub(crate) fn unusable(
    peer: &str,
    url: &str,
    masker: &Masker,
    what: impl std::fmt::Display,
) -> HttpError {
    let what = masker.text(&what.to_string());
    HttpError::new(
        HttpErrorKind::Answer {
            url: url.to_owned(),
        },
        format!("The answer of {peer} is not usable, {what} (URL: {url})"),
    )
}
