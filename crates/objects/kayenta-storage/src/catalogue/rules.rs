//! What a canary config must satisfy before it is written; texts are the reference's.

use std::collections::HashSet;

use kayenta_model::{CanaryConfig, canary_config::is_config_name, time::iso_millis};

use crate::{
    error::{StorageError, StorageErrorKind},
    segment::is_path_segment,
};

pub(super) fn invalid(message: impl Into<String>) -> StorageError {
    StorageError::new(StorageErrorKind::Invalid, message)
}

pub(super) fn already_exists(id: &str) -> StorageError {
    invalid(format!("Canary config '{id}' already exists."))
}

pub(super) fn does_not_exist(id: &str) -> StorageError {
    invalid(format!("Canary config '{id}' does not exist."))
}

pub(super) fn name_taken(name: &str, applications: &[String]) -> StorageError {
    invalid(format!(
        "Canary config with name '{name}' already exists in the scope of applications [{}].",
        applications.join(", ")
    ))
}

/// Checks the fields of a config, the first failure wins. Returns its name and applications.
pub(super) fn check(
    config: &CanaryConfig,
    metric_names: bool,
) -> Result<(&str, &[String]), StorageError> {
    let name = config.name.as_deref().unwrap_or_default();
    if name.is_empty() {
        return Err(invalid("Canary config must specify a name."));
    }
    let applications = config.applications.as_deref().unwrap_or_default();
    if applications.is_empty() {
        return Err(invalid(
            "Canary config must specify at least one application.",
        ));
    }
    if !is_config_name(name) {
        return Err(invalid(format!(
            "Canary config cannot be named '{name}'. Names must contain only letters, numbers, \
             dashes (-) and underscores (_)."
        )));
    }
    if metric_names {
        let mut seen = HashSet::new();
        for metric in config.metrics() {
            if metric.name().is_empty() {
                return Err(invalid("Metric config must specify a name."));
            }
            if !seen.insert(metric.name()) {
                return Err(invalid(format!(
                    "Metric config name must be unique. '{}' is duplicated.",
                    metric.name()
                )));
            }
        }
    }
    Ok((name, applications))
}

/// C-STORE-01: refuses ids under which a config could be stored but never be reached again.
pub(super) fn check_id(id: &str) -> Result<(), StorageError> {
    if is_path_segment(id) && !id.contains(['%', ';']) {
        return Ok(());
    }
    Err(invalid(format!(
        "Canary config id '{}' cannot be part of a path.",
        id.escape_debug()
    )))
}

/// Fills in the timestamps of a new config.
pub(super) fn stamp_created(config: &mut CanaryConfig, now: i64) {
    let created = *config.created_timestamp.get_or_insert(now);
    let updated = *config.updated_timestamp.get_or_insert(created);
    config.created_timestamp_iso = Some(iso_millis(created));
    config.updated_timestamp_iso = Some(iso_millis(updated));
}

/// Stamps a changed config. C-STORE-02: a creation time the client leaves out is carried over.
pub(super) fn stamp_updated(config: &mut CanaryConfig, stored: Option<&CanaryConfig>, now: i64) {
    config.updated_timestamp = Some(now);
    config.updated_timestamp_iso = Some(iso_millis(now));
    if config.created_timestamp.is_none()
        && let Some(created) = stored.and_then(|stored| stored.created_timestamp)
    {
        config.created_timestamp = Some(created);
        config.created_timestamp_iso = Some(iso_millis(created));
    }
}

#[cfg(test)]
mod tests {
    use kayenta_model::MetricConfig;

    use super::*;

    fn config(name: &str, applications: &[&str], metrics: &[Option<&str>]) -> CanaryConfig {
        CanaryConfig {
            name: Some(name.to_owned()),
            applications: Some(applications.iter().map(|&a| a.to_owned()).collect()),
            metrics: Some(
                metrics
                    .iter()
                    .map(|name| MetricConfig {
                        name: name.map(str::to_owned),
                        ..MetricConfig::default()
                    })
                    .collect(),
            ),
            ..CanaryConfig::default()
        }
    }

    fn message(config: &CanaryConfig, metric_names: bool) -> String {
        check(config, metric_names).unwrap_err().message
    }

    #[test]
    fn first_failure_wins_with_the_texts_of_the_reference() {
        let mut nameless = config("", &[], &[None]);
        assert_eq!(
            message(&nameless, true),
            "Canary config must specify a name."
        );
        nameless.name = None;
        assert_eq!(
            message(&nameless, true),
            "Canary config must specify a name."
        );
        assert_eq!(
            message(&config("a b", &[], &[None]), true),
            "Canary config must specify at least one application."
        );
        assert_eq!(
            message(&config("a b", &["app"], &[None]), true),
            "Canary config cannot be named 'a b'. Names must contain only letters, numbers, \
             dashes (-) and underscores (_)."
        );
        assert_eq!(
            message(&config("a,b_c-1", &["app"], &[Some("cpu"), None]), true),
            "Metric config must specify a name."
        );
        assert_eq!(
            message(&config("a", &["app"], &[Some("mem"), Some("mem")]), true),
            "Metric config name must be unique. 'mem' is duplicated."
        );
        assert!(check(&config("a", &["app"], &[Some("mem"), Some("mem")]), false).is_ok());
    }

    #[test]
    fn c_store_01_unreachable_ids_are_refused() {
        for bad in [
            "", ".", "..", "a/b", "a\\b", "a%b", "a;b", "a\u{7f}b", "a\tb",
        ] {
            assert!(check_id(bad).is_err(), "{bad}");
        }
        for good in ["a.b", "mit leer", "grün", "0e6d"] {
            assert!(check_id(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn timestamps_follow_the_clock_and_the_body() {
        let mut fresh = CanaryConfig::default();
        stamp_created(&mut fresh, 1_500_000_000_290);
        assert_eq!(fresh.created_timestamp, Some(1_500_000_000_290));
        assert_eq!(fresh.updated_timestamp, Some(1_500_000_000_290));
        assert_eq!(
            fresh.created_timestamp_iso.as_deref(),
            Some("2017-07-14T02:40:00.290Z")
        );

        let mut given = CanaryConfig {
            created_timestamp: Some(1000),
            created_timestamp_iso: Some("nonsense".to_owned()),
            ..CanaryConfig::default()
        };
        stamp_created(&mut given, 9000);
        assert_eq!(given.updated_timestamp, Some(1000));
        assert_eq!(
            given.created_timestamp_iso.as_deref(),
            Some("1970-01-01T00:00:01Z")
        );
    }

    #[test]
    fn c_store_02_creation_time_is_carried_over() {
        let stored = CanaryConfig {
            created_timestamp: Some(1000),
            ..CanaryConfig::default()
        };
        let mut changed = CanaryConfig::default();
        stamp_updated(&mut changed, Some(&stored), 2000);
        assert_eq!(changed.created_timestamp, Some(1000));
        assert_eq!(changed.updated_timestamp, Some(2000));

        let mut given = CanaryConfig {
            created_timestamp: Some(5),
            ..CanaryConfig::default()
        };
        stamp_updated(&mut given, Some(&stored), 2000);
        assert_eq!(given.created_timestamp, Some(5));
    }
}
