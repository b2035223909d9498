//! `kayenta migrate check`: a live installation of the Java service, looked at and left alone; and
//! `kayenta migrate copy` ([`copy`]).
//!
//! The check: the configuration is read as a start would read it, every object of every store is read as the
//! service would read it, and the keys of the reference in Redis are counted. Stores are opened for
//! reading, so that not even a missing container is made.

mod configuration;
pub(crate) mod copy;
mod objects;
mod redis_keys;
mod report;
mod text;

use kayenta_config::{Environment, load};

use crate::wiring::kinds::KINDS;

pub(crate) use report::{Report, Verdict};

/// Looks at everything the configuration of `environment` names.
pub(crate) async fn check(environment: &Environment) -> Report {
    let loaded = match load(environment, KINDS) {
        Ok(loaded) => loaded,
        Err(error) => return Report::unusable(configuration::unusable(&error)),
    };
    let configuration = configuration::examine(&loaded);
    let (storage, redis) = tokio::join!(
        objects::examine(&loaded),
        redis_keys::examine(&loaded.settings)
    );
    Report::new(configuration, storage, redis)
}
