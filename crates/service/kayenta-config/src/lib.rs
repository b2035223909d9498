//! Property sources, relaxed names and placeholders become one validated, typed [`Settings`].
//!
//! The configuration of the reference is that of a Spring Boot application: files, variables, flags of
//! a JVM and program arguments, names in any spelling, `${placeholders}`. This crate reads all of it
//! the same way, and tells what is wrong with file, line and column. It is not a general
//! configuration library, and it does nothing with what it read: it opens no port and calls nobody.
//!
//! * the raw layer (`raw`): sources, their precedence, names, placeholders;
//! * the binder (`binder`): typed reads that note everything;
//! * the settings ([`settings`]) and how each is read (`bind`).
//!
//! See `ARCHITECTURE.md` for its place among the crates and `docs/configure.md` for the operator's
//! side.
//!
//! ```
//! use kayenta_config::{Environment, load};
//!
//! // No file anywhere: the embedded default.
//! let loaded = load(&Environment::empty("/nonexistent"))?;
//! assert_eq!(loaded.settings.server.port, Some(8090));
//! # Ok::<(), kayenta_config::ConfigError>(())
//! ```

mod bind;
mod binder;
mod check;
mod diagnostic;
mod environment_view;
mod load;
mod mask;
mod origin;
mod raw;
pub mod settings;

pub use binder::EffectiveProperty;
pub use check::{CheckReport, check_config};
pub use diagnostic::{ConfigError, Diagnostic, Severity};
pub use environment_view::{EnvironmentView, FoundProperty, PropertyView, SourceView};
pub use load::{Loaded, load};
pub use mask::{is_secret_name, mask};
pub use origin::Origin;
pub use raw::environment::Environment;
pub use settings::Settings;
