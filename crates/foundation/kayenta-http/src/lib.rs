//! An HTTP client for servers that an operator configures: metric stores, judges, object stores.
//!
//! On top of one pool of connections ([`Transport`]) it adds what such a client needs and `reqwest`
//! leaves to its caller:
//!
//! * every answer is bounded in size and time, also when it is compressed or never ends;
//! * [`Credentials`] go to the configured host only, whatever a redirect says;
//! * an [`HttpError`] says which URL was called, what the server said and how long it took, and shows
//!   no secret: neither the account's, nor those of the URL, nor what the server repeats of them;
//! * server-sent [`Events`] are read as they arrive, under the same bounds;
//! * [`Transport::exchange`] sends requests of protocols in which every status means something.
//!
//! It makes one attempt. [`RetryPolicy`] says which statuses are worth another one, and how long to
//! wait before it; the loop belongs to the caller, who knows what an attempt is.
//!
//! ```
//! use kayenta_http::{Credentials, HttpClient, HttpErrorKind, HttpSettings, Transport};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let base = format!("http://{}/", server.local_addr()?);
//! # let app = axum::Router::new().route("/v1/names", axum::routing::get(|| async { "[\"cpu\"]" }));
//! # tokio::spawn(async move { axum::serve(server, app).await });
//! let transport = Transport::new(&HttpSettings::default())?;
//! let client = HttpClient::builder("the name server", base.parse()?)
//!     .credentials(Credentials::Bearer("s3cret".into()))
//!     .build(&transport)?;
//!
//! let names: Vec<String> = client.get("/v1/names").query("match", "c*").send().await?.json()?;
//! assert_eq!(names, ["cpu"]);
//!
//! let error = client.get("/v2").query("token", "s3cret").send().await.unwrap_err();
//! assert!(matches!(error.kind, HttpErrorKind::Status { status: 404, .. }));
//! assert_eq!(
//!     error.to_string(),
//!     format!("Status: 404, URL: {base}v2?token=******, Message: Not Found"),
//! );
//! # Ok(())
//! # }
//! ```

mod account;
mod answer;
mod authorizer;
mod call;
mod client;
mod credentials;
mod encoding;
mod error;
mod events;
mod exchange;
pub mod header;
mod oauth2;
mod retry;
mod status;
mod transport;

pub use account::ErrorText;
pub use answer::Answer;
pub use authorizer::{
    AuthorizeError, Authorizer, BearerFile, BearerTokens, Granted, KeptToken, Now, TokenSource,
    bearer,
};
pub use call::Call;
pub use client::{HttpClient, HttpClientBuilder, message_of_json};
pub use credentials::{Credentials, reread};
pub use encoding::{URL_PART, form_encoded, path_segment};
pub use error::{HttpError, HttpErrorKind};
pub use events::{Event, Events};
pub use exchange::ExchangeError;
pub use oauth2::{ClientCredentials, ClientCredentialsGrant, ClientProof, no_token};
pub use retry::{LONGEST_WAIT, RetryPolicy};
pub use status::{NAMED_STATUSES, StatusSeries, status_by_name};
pub use transport::{HttpSettings, HttpSetupError, Proxies, TraceHeaders, Transport};
