//! Levels by logger, in the reference's vocabulary.
//!
//! Operators name loggers as the reference does (`root`, `com.netflix.kayenta.prometheus`,
//! `retrofit`); each module of this service stands for some of those names, and takes the level of
//! the configured logger that matches one of them most closely. Our own names (`kayenta::engine`,
//! or `kayenta.engine`) are understood too. Other crates follow the root a step behind, so that
//! DEBUG at the root shows the service's decisions and not every HTTP/2 frame.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{OnceLock, PoisonError, RwLock},
};

use indexmap::IndexMap;
use kayenta_management::{LogLevels, LoggerGroup, LoggerLevels};
use kayenta_settings::{LogLevel, LoggingSettings};
use tracing_subscriber::{
    Registry,
    filter::{LevelFilter, Targets},
    reload,
};

use crate::wiring::kinds::{KINDS, Kind};

/// The root's name in `/loggers`.
const ROOT: &str = "ROOT";

/// The modules of this service, and the loggers of the reference they stand for.
const MODULES: &[(&str, &[&str])] = &[
    (
        "kayenta_api",
        &[
            "com.netflix.kayenta.controllers",
            "com.netflix.spinnaker.kork.web",
            "org.springframework.web",
        ],
    ),
    (
        "kayenta_config",
        &["com.netflix.kayenta.config", "org.springframework.boot"],
    ),
    ("kayenta_configbin", &["com.netflix.kayenta.configbin"]),
    (
        "kayenta_engine",
        &[
            "com.netflix.spinnaker.orca",
            "com.netflix.kayenta.canary",
            "com.netflix.kayenta.standalonecanaryanalysis",
        ],
    ),
    (
        "kayenta_gcs",
        &["com.netflix.kayenta.gcs", "com.netflix.kayenta.google"],
    ),
    (
        "kayenta_http",
        &[
            "com.netflix.kayenta.retrofit",
            "retrofit",
            "retrofit2",
            "okhttp3",
        ],
    ),
    (
        "kayenta_judge",
        &[
            "com.netflix.kayenta.judge",
            "com.netflix.kayenta.mannwhitney",
        ],
    ),
    (
        "kayenta_management",
        &[
            "com.netflix.kayenta.controllers",
            "com.netflix.spinnaker.kork.web",
            "org.springframework.web",
        ],
    ),
    ("kayenta_metrics", &["com.netflix.kayenta.metrics"]),
    ("kayenta_queue", &["com.netflix.spinnaker.q"]),
    (
        "kayenta_redis",
        &[
            "com.netflix.spinnaker.q.redis",
            "com.netflix.spinnaker.kork.jedis",
            "redis.clients.jedis",
        ],
    ),
    (
        "kayenta_remote_judge",
        &["com.netflix.kayenta.judge.netflix"],
    ),
    (
        "kayenta_s3",
        &["com.netflix.kayenta.s3", "com.netflix.kayenta.aws"],
    ),
    ("kayenta_server", &["com.netflix.kayenta.Main"]),
    (
        "kayenta_storage",
        &[
            "com.netflix.kayenta.storage",
            "com.netflix.kayenta.index",
            "com.netflix.kayenta.memory",
        ],
    ),
];

/// Every crate of the service, and the loggers of the reference it stands for.
fn modules() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    let stores = KINDS
        .iter()
        .flat_map(Kind::loggers)
        .filter(|(_, java_names)| !java_names.is_empty());
    MODULES.iter().copied().chain(stores)
}

/// Spring Boot's built-in group `web`, as far as its loggers exist here.
const WEB_GROUP: [&str; 2] = ["org.springframework.web", "org.springframework.boot"];

/// The levels in force.
#[derive(Debug)]
pub(crate) struct LoggerTable {
    configured: RwLock<BTreeMap<String, LogLevel>>,
    groups: IndexMap<String, Vec<String>>,
    filter: OnceLock<FilterHandle>,
}

struct FilterHandle(reload::Handle<Targets, Registry>);

impl fmt::Debug for FilterHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FilterHandle")
    }
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// What other crates log when the root is at a level.
fn step_behind(level: LogLevel) -> LogLevel {
    match level {
        LogLevel::Trace => LogLevel::Debug,
        LogLevel::Debug | LogLevel::Info => LogLevel::Info,
        other => other,
    }
}

/// `kayenta.engine.worker` and `kayenta::engine::worker` as a target, if it is a module of this
/// service.
fn own_target(logger: &str) -> Option<String> {
    let parts: Vec<&str> = logger
        .split("::")
        .flat_map(|part| part.split('.'))
        .collect();
    match parts.as_slice() {
        ["kayenta"] => Some("kayenta".to_owned()),
        ["kayenta", rest @ ..] => Some(format!("kayenta_{}", rest.join("::"))),
        [first, ..] if first.starts_with("kayenta_") => Some(parts.join("::")),
        _ => None,
    }
}

/// Whether `logger` is `parent` or below it.
fn is_under(logger: &str, parent: &str) -> bool {
    logger == parent
        || logger
            .strip_prefix(parent)
            .is_some_and(|rest| rest.starts_with('.'))
}

impl LoggerTable {
    /// The table of these settings.
    pub(crate) fn new(settings: &LoggingSettings) -> Self {
        let mut groups =
            IndexMap::from([("web".to_owned(), WEB_GROUP.map(str::to_owned).to_vec())]);
        groups.extend(settings.groups.clone());
        let mut configured = BTreeMap::from([(ROOT.to_owned(), settings.root)]);
        for (logger, configured_level) in &settings.levels {
            let members = groups
                .get(logger)
                .cloned()
                .unwrap_or_else(|| vec![logger.clone()]);
            configured.extend(
                members
                    .into_iter()
                    .map(|member| (member, *configured_level)),
            );
        }
        Self {
            configured: RwLock::new(configured),
            groups,
            filter: OnceLock::new(),
        }
    }

    /// Lets later changes reach the running filter.
    pub(crate) fn drive(&self, handle: reload::Handle<Targets, Registry>) {
        // Set once, when logging starts.
        let _ = self.filter.set(FilterHandle(handle));
    }

    /// The filter these levels come to.
    pub(crate) fn targets(&self) -> Targets {
        let configured = self
            .configured
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        targets(&configured)
    }
}

fn root(configured: &BTreeMap<String, LogLevel>) -> LogLevel {
    configured.get(ROOT).copied().unwrap_or(LogLevel::Info)
}

/// The configured logger that is nearest above `logger`, and its level.
fn nearest<'a>(
    configured: &'a BTreeMap<String, LogLevel>,
    logger: &str,
) -> Option<(&'a str, LogLevel)> {
    configured
        .iter()
        .filter(|(name, _)| is_under(logger, name))
        .max_by_key(|(name, _)| name.len())
        .map(|(name, level)| (name.as_str(), *level))
}

fn targets(configured: &BTreeMap<String, LogLevel>) -> Targets {
    let root = root(configured);
    let mut targets = Targets::new()
        .with_default(filter(step_behind(root)))
        // The caller says in words why a certificate is not accepted; this crate repeats it in its own.
        .with_target("rustls_platform_verifier", LevelFilter::OFF)
        .with_target("kayenta", filter(root));
    for (module, java_names) in modules() {
        // Of several names the closest match counts, of equally close ones the chattier.
        let matched = java_names
            .iter()
            .filter_map(|name| nearest(configured, name))
            .max_by_key(|(name, level)| (name.len(), *level));
        if let Some((_, level)) = matched {
            targets = targets.with_target(module, filter(level));
        }
    }
    for (logger, level) in configured {
        if let Some(target) = own_target(logger) {
            targets = targets.with_target(target, filter(*level));
        } else if logger != ROOT && !logger.contains('.') {
            // A crate of somebody else's, such as `hyper` or `rustls`.
            targets = targets.with_target(logger.clone(), filter(*level));
        }
    }
    targets
}

impl LogLevels for LoggerTable {
    fn loggers(&self) -> IndexMap<String, LoggerLevels> {
        let configured = self
            .configured
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let known = modules()
            .flat_map(|(_, names)| names.iter().map(|name| (*name).to_owned()))
            .chain(["com.netflix", "com.netflix.kayenta"].map(str::to_owned))
            .chain(configured.keys().filter(|name| *name != ROOT).cloned());
        let names: std::collections::BTreeSet<String> = known.collect();
        std::iter::once(ROOT.to_owned())
            .chain(names)
            .map(|name| {
                let levels = levels(&configured, &name);
                (name, levels)
            })
            .collect()
    }

    fn groups(&self) -> IndexMap<String, LoggerGroup> {
        let configured = self
            .configured
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        self.groups
            .iter()
            .map(|(name, members)| {
                // A group has a level while all its members have the same one.
                let mut set = members.iter().map(|member| configured.get(member).copied());
                let first = set.next().flatten();
                let configured_level = first.filter(|level| set.all(|other| other == Some(*level)));
                (
                    name.clone(),
                    LoggerGroup {
                        configured_level,
                        members: members.clone(),
                    },
                )
            })
            .collect()
    }

    fn levels(&self, logger: &str) -> LoggerLevels {
        let configured = self
            .configured
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        levels(&configured, logger)
    }

    fn set_level(&self, logger: &str, level: Option<LogLevel>) {
        let members = match self.groups.get(logger) {
            Some(members) => members.clone(),
            None if logger.eq_ignore_ascii_case(ROOT) => vec![ROOT.to_owned()],
            None => vec![logger.to_owned()],
        };
        let filter = {
            let mut configured = self
                .configured
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            for member in members {
                match level {
                    Some(level) => configured.insert(member, level),
                    None => configured.remove(&member),
                };
            }
            targets(&configured)
        };
        if let Some(FilterHandle(handle)) = self.filter.get()
            && let Err(error) = handle.reload(filter)
        {
            tracing::error!(%error, "could not change a log level");
        }
    }
}

fn levels(configured: &BTreeMap<String, LogLevel>, logger: &str) -> LoggerLevels {
    let logger = if logger.eq_ignore_ascii_case(ROOT) {
        ROOT
    } else {
        logger
    };
    LoggerLevels {
        configured_level: configured.get(logger).copied(),
        effective_level: nearest(configured, logger)
            .map_or_else(|| root(configured), |(_, level)| level),
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    fn enabled(configured: &[(&str, LogLevel)], target: &str, level: Level) -> bool {
        let configured = configured
            .iter()
            .map(|(n, l)| ((*n).to_owned(), *l))
            .collect();
        targets(&configured).would_enable(target, &level)
    }

    #[test]
    fn java_names_reach_our_modules_and_the_closest_wins() {
        let configured = [
            ("com.netflix.kayenta", LogLevel::Debug),
            ("com.netflix.kayenta.prometheus", LogLevel::Trace),
            ("com.netflix.spinnaker.orca", LogLevel::Error),
        ];
        assert!(enabled(&configured, "kayenta_judge", Level::DEBUG));
        assert!(enabled(
            &configured,
            "kayenta_prometheus::client",
            Level::TRACE
        ));
        assert!(!enabled(&configured, "kayenta_engine::worker", Level::INFO));
        assert!(!enabled(&configured, "kayenta_queue", Level::DEBUG));
    }

    #[test]
    fn other_crates_stay_a_step_behind_the_root_unless_named() {
        let configured = [(ROOT, LogLevel::Debug)];
        assert!(enabled(&configured, "kayenta_api", Level::DEBUG));
        assert!(!enabled(&configured, "hyper::proto", Level::DEBUG));
        let named = [(ROOT, LogLevel::Info), ("hyper", LogLevel::Debug)];
        assert!(enabled(&named, "hyper::proto", Level::DEBUG));
    }

    #[test]
    fn own_names_are_understood_in_both_spellings() {
        let dotted = [("kayenta.engine.worker", LogLevel::Trace)];
        assert!(enabled(&dotted, "kayenta_engine::worker", Level::TRACE));
        assert!(!enabled(&dotted, "kayenta_engine::board", Level::DEBUG));
        let colons = [("kayenta::engine", LogLevel::Trace)];
        assert!(enabled(&colons, "kayenta_engine::board", Level::TRACE));
    }

    #[test]
    fn levels_are_inherited_set_and_reset() {
        let table = LoggerTable {
            configured: RwLock::new(BTreeMap::from([(ROOT.to_owned(), LogLevel::Info)])),
            groups: IndexMap::from([("web".to_owned(), vec!["a.b".to_owned(), "a.c".to_owned()])]),
            filter: OnceLock::new(),
        };
        table.set_level("com.netflix", Some(LogLevel::Debug));
        let inherited = table.levels("com.netflix.kayenta.blobs");
        assert_eq!(inherited.configured_level, None);
        assert_eq!(inherited.effective_level, LogLevel::Debug);
        table.set_level("com.netflix", None);
        assert_eq!(
            table.levels("com.netflix.kayenta").effective_level,
            LogLevel::Info
        );
        table.set_level("web", Some(LogLevel::Trace));
        assert_eq!(
            table.groups()["web"].configured_level,
            Some(LogLevel::Trace)
        );
        assert_eq!(table.levels("a.b.x").effective_level, LogLevel::Trace);
        assert_eq!(table.levels("root").effective_level, LogLevel::Info);
        assert_eq!(
            table.loggers().keys().next().map(String::as_str),
            Some(ROOT)
        );
    }
}
