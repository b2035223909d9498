//! Spring-style properties for Rust: an application that takes the place of a Spring Boot one, or runs
//! beside some, reads the same files, variables and flags and finds the same values in them.
//!
//! * **Sources** ([`Loader`]): program arguments, `SPRING_APPLICATION_JSON`, `-D` flags, environment
//!   variables, YAML and `.properties` files with profiles, several documents, imports and
//!   `configtree:`, in Spring Boot's order of precedence.
//! * **Names and values** ([`Properties`]): relaxed names (`server.ssl.key-store`,
//!   `server.ssl.keyStore` and `SERVER_SSL_KEYSTORE` are one), YAML 1.1 scalars as Java prints them,
//!   nested `${placeholder:default}`s.
//! * **Typed reads** ([`Binder`], [`Group`]): durations, sizes, choices, lists, secrets. Every mistake
//!   is collected as a [`Diagnostic`] with file, line, column and what to do about it; every name that
//!   is read is noted, so that a misspelt one is warned of with the likely meant one.
//! * **Reports**: the settings in effect ([`EffectiveProperty`]), everything every source says
//!   ([`EnvironmentView`], Spring Boot's `/env`), and the block operators search logs for
//!   ([`ConfigError`]). Values of secret names and passwords in URLs are masked everywhere.
//!
//! It is not a general configuration library: formats, names and precedence are Spring Boot's, and a
//! struct is filled by code that reads each name, not by a derive. It reads files once and does not
//! watch them, and it knows nothing of Spring's beans, expressions (`#{…}`) or Cloud Config.
//!
//! ```
//! use std::time::Duration;
//!
//! use kayenta_properties::{Binder, Environment, Loader, Severity};
//!
//! let root = tempfile::tempdir()?;
//! std::fs::write(
//!     root.path().join("shop.yml"),
//!     "shop:\n  warehouse:\n    url: http://${WAREHOUSE:localhost}:8080\n    time-out: 30s\n    tiemout: 5s\n",
//! )?;
//! let environment = Environment::empty(root.path()).variable("SHOP_WAREHOUSE_RETRIES", "many");
//! let gathered = Loader::new()
//!     .default_property("spring.config.name", "shop")
//!     .load(&environment);
//!
//! let binder = Binder::new(&gathered.properties, &environment);
//! let warehouse = binder.group("shop.warehouse");
//! let url = warehouse.text("url");
//! let timeout = warehouse.duration("timeOut", Duration::from_secs(10));
//! let retries = warehouse.integer("retries", 0, 10, 3);
//! binder.warn_unknown("shop");
//! let (diagnostics, _effective) = binder.finish();
//!
//! assert_eq!(url.as_deref(), Some("http://localhost:8080"));
//! assert_eq!(timeout, Duration::from_secs(30));
//! // The mistake is in the diagnostics; the default lets the reading go on.
//! assert_eq!(retries, 3);
//! assert_eq!(diagnostics[0].severity, Severity::Error);
//! assert_eq!(
//!     diagnostics[0].to_string(),
//!     "environment variable SHOP_WAREHOUSE_RETRIES: error: shop.warehouse.retries: Failed to bind \
//!      properties under 'shop.warehouse.retries' to int: For input string: \"many\"; found \"many\"; \
//!      expected a whole number from 0 to 10"
//! );
//! assert_eq!(
//!     diagnostics[1].to_string(),
//!     "/shop.yml:5:14: warning: shop.warehouse.tiemout: unknown property shop.warehouse.tiemout; \
//!      did you mean shop.warehouse.timeOut?"
//! );
//! # Ok::<(), std::io::Error>(())
//! ```

mod binder;
mod diagnostic;
mod environment;
mod environment_view;
mod files;
mod loader;
mod mask;
mod origin;
mod properties;

pub use binder::{
    Binder, EffectiveProperty, Group, KnownProperty, LeftOut, PropertyKind, Value, convert,
};
pub use diagnostic::{ConfigError, Diagnostic, Severity};
pub use environment::Environment;
pub use environment_view::{EnvironmentView, FoundProperty, PropertyView, SourceView};
pub use files::yaml::yaml_text;
pub use loader::{Gathered, Loader};
pub use mask::{is_secret_name, mask};
pub use origin::Origin;
pub use properties::{Properties, ResolveSecret, SecretReference, SecretReferences};
