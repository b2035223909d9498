//! How the server of an account is reached and who asks it: the settings that accounts of different
//! kinds have in common.
//!
//! [`Connection::read`] reads `headers`, `tls`, `proxy`, the time limits and `authentication` of one
//! account; [`Connection::transport`] and [`Connection::credentials`] make of them what an
//! [`HttpClient`](kayenta_http::HttpClient) is built with. Nothing is sent before a request needs it.
//!
//! ```
//! use kayenta_connections::{Authentication, Connection};
//! use kayenta_properties::{Binder, Environment, Loader};
//!
//! let environment = Environment::empty("/nonexistent")
//!     .argument("--account.headers.X-Scope-OrgID=team-a")
//!     .argument("--account.authentication.type=bearer")
//!     .argument("--account.authentication.token=s3cret");
//! let gathered = Loader::new().load(&environment);
//! let binder = Binder::new(&gathered.properties, &environment);
//! let connection = Connection::read(&binder.group("account")).unwrap();
//! assert!(matches!(connection.authentication, Authentication::Bearer(_)));
//! ```

mod authentication;
mod connection;
mod entra;
mod managed_identity;

pub use authentication::Authentication;
pub use connection::{Connection, headers};
pub use entra::Entra;
