//! Secrets as types, and secrets taken out of texts.
//!
//! A secret reaches people by being printed: in a log line, an error, a page that shows the settings.
//! This crate closes those ways with four means, so that no caller masks anything by hand:
//!
//! * [`Secret`] holds a secret that may be in a file or a [`SecretSource`] which something else renews;
//!   its value is asked for when it is used.
//! * [`BaseUrl`] and [`SecretUrl`] hold URLs that may carry a password or a key. They print masked;
//!   only `expose` gives out the whole text. Plain secrets are [`secrecy::SecretString`]s.
//! * [`Masker`] knows the secrets of one account and finds them in what another system says, in every
//!   form in which it may repeat them.
//! * [`mask_urls`] masks credentials in text that has no type, by where they stand.
//!
//! ```
//! use kayenta_secrets::{BaseUrl, Masker, mask_urls};
//!
//! let base: BaseUrl = "https://metrics:p4ssword@example.com".parse()?;
//! assert_eq!(format!("{base:?}"), "https://metrics:******@example.com");
//!
//! // What the server says may repeat the password, here in its URL-encoded form.
//! let masker = Masker::new(["a key".into()]).and_of_url(base.expose());
//! assert_eq!(masker.text("no such key: a+key, p4ssword"), "no such key: ******, ******");
//!
//! assert_eq!(mask_urls("see redis://:hunter2@redis"), "see redis://:******@redis");
//! # Ok::<(), kayenta_secrets::InvalidBaseUrl>(())
//! ```

mod masker;
mod masking;
mod secret;
mod url;

pub use masker::Masker;
pub use masking::{MASK, is_secret_parameter, mask_urls};
pub use secret::{Secret, SecretFiles, SecretSource};
pub use url::{BaseUrl, InvalidBaseUrl, SecretUrl};
