//! The HTTP client all stores share: one connection pool, the reference's URL encoding, bounded
//! answers, errors that say what was asked and what the store said, secrets that never show.

mod answer;
mod call;
mod client;
mod credentials;
mod encoding;
mod events;
mod transport;

pub use answer::Answer;
pub use call::Call;
pub use client::{ErrorText, HttpClient, HttpClientBuilder, message_of_json};
pub use credentials::Credentials;
pub use encoding::{form_encoded, path_segment};
pub use events::{Event, Events};
pub use transport::{HttpSettings, HttpSetupError, Proxies, Transport};
