//! A successful answer and the reading of it.

use bytes::Bytes;
use kayenta_model::masking::Masker;
use serde::de::DeserializeOwned;

use crate::error::{FetchError, FetchErrorKind};

/// The body of a 2xx answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) store: &'static str,
    pub(super) url: String,
    pub(super) body: Bytes,
    pub(super) masker: Masker,
}

impl Answer {
    /// What was asked, secrets masked.
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
    /// [`Answer`](FetchErrorKind::Answer) when it is no JSON or lacks what `T` needs.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, FetchError> {
        serde_json::from_slice(&self.body).map_err(|error| self.unreadable(error))
    }

    /// The failure of an answer that cannot be read.
    #[must_use]
    pub fn unreadable(&self, cause: impl std::fmt::Display) -> FetchError {
        self.unexpected(format_args!("it cannot be read: {cause}"))
    }

    /// The failure of an answer that is not what the store promises; `what` completes "The answer
    /// of … is not usable: ". A secret the store may have repeated is masked, which is why no cause is
    /// attached: its words are in the text.
    #[must_use]
    pub fn unexpected(&self, what: impl std::fmt::Display) -> FetchError {
        unusable(self.store, &self.url, &self.masker, what)
    }
}

/// The failure of an answer of `store` that is not what it promises.
pub(super) fn unusable(
    store: &str,
    url: &str,
    masker: &Masker,
    what: impl std::fmt::Display,
) -> FetchError {
    let what = masker.text(&what.to_string());
    FetchError::new(
        FetchErrorKind::Answer {
            url: url.to_owned(),
        },
        format!("The answer of {store} is not usable, {what} (URL: {url})"),
    )
}
