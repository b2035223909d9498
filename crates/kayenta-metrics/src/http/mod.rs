//! The HTTP client all stores share: one connection pool, the reference's URL encoding, bounded
//! answers, errors that say what was asked and what the store said, secrets that never show.

mod answer;
mod client;
mod encoding;
mod mask;
mod transport;

pub use answer::Answer;
pub use client::{Call, Credentials, ErrorText, HttpClient, HttpClientBuilder, message_of_json};
pub use encoding::{form_encoded, path_segment};
pub use mask::{MASK, Masker};
pub use transport::{HttpSettings, HttpSetupError, Proxies, Transport};
