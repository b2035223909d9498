//! Property sources, relaxed names and placeholders become one validated, typed [`Settings`].
//!
//! Which files, profiles, variables and defaults Kayenta has, what its settings are called, and what
//! follows from them. How they are read is [`kayenta_properties`]' business, and what is done with them
//! that of the adapters and the server: this crate opens no port.
//!
//! * the settings ([`settings`]), whose groups are the types of [`kayenta_settings`];
//! * `sections`: how each part is read.
//!
//! See `ARCHITECTURE.md` for its place among the crates and `docs/configure.md` for the operator's
//! side.
//!
//! ```
//! use kayenta_config::{Environment, NoAccounts, load};
//!
//! // No file anywhere: the embedded default. The second argument is the table of account kinds.
//! let loaded = load(&Environment::empty("/nonexistent"), NoAccounts::TABLE)?;
//! assert_eq!(loaded.settings.server.port, Some(8090));
//! # Ok::<(), kayenta_config::ConfigError>(())
//! ```

mod accounts;
mod check;
mod default_store;
mod environment;
mod load;
mod schema;
mod secret_reference;
mod sections;
pub mod settings;
mod sources;
mod usefulness;

pub use accounts::{Accounts, NoAccounts, SkippedAccount, UnknownAccount};
pub use check::{CheckReport, check_config};
pub use environment::Environment;
pub use kayenta_properties::{
    ConfigError, Diagnostic, EffectiveProperty, EnvironmentView, FoundProperty, Origin,
    PropertyView, Severity, SourceView, is_secret_name, mask,
};
pub use load::{Loaded, load};
pub use schema::configuration_schema;
pub use settings::Settings;
pub use sources::DEFAULT_PROFILES;
