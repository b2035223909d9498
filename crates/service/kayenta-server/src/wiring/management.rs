//! What `/env`, `/configprops` and `/scheduledtasks` show.

use std::time::Duration;

use indexmap::IndexMap;
use kayenta_config::{EffectiveProperty, EnvironmentView, Settings};
use kayenta_management::{Environment, Schedule, ScheduledTask};
use kayenta_settings::ManagementSettings;
use serde_json::{Map, Value, json};

use crate::queue_gauges;

/// Where the settings came from, and what they come to.
pub(crate) fn environment(view: EnvironmentView, effective: &[EffectiveProperty]) -> Environment {
    Environment {
        active_profiles: view.active_profiles,
        sources: view.sources,
        settings: by_prefix(effective),
    }
}

/// Settings under the prefix the reference binds them by: `kayenta.azure`, `redis`, `server`.
fn by_prefix(effective: &[EffectiveProperty]) -> IndexMap<String, Value> {
    let mut groups: IndexMap<String, Map<String, Value>> = IndexMap::new();
    for property in effective {
        let mut dots = property.name.match_indices('.').map(|(at, _)| at);
        let first = dots.next();
        let split = if property.name.starts_with("kayenta.") {
            dots.next().or(first)
        } else {
            first
        };
        let (prefix, rest) = match split {
            Some(at) => (&property.name[..at], &property.name[at + 1..]),
            None => (property.name.as_str(), "value"),
        };
        groups
            .entry(prefix.to_owned())
            .or_default()
            .insert(rest.to_owned(), property.value.clone().into());
    }
    groups
        .into_iter()
        .map(|(prefix, group)| (prefix, Value::Object(group)))
        .collect()
}

/// What `/info` shows.
pub(crate) fn info(settings: &ManagementSettings) -> Map<String, Value> {
    let mut info = Map::new();
    if settings.info_env {
        info.clone_from(&settings.info);
    }
    if settings.info_build {
        let build = json!({"name": "kayenta", "version": env!("CARGO_PKG_VERSION")});
        let commit = json!({"commit": {"id": env!("KAYENTA_BUILD_COMMIT")}});
        info.insert("build".to_owned(), build);
        info.insert("git".to_owned(), commit);
    }
    info
}

/// What repeats in the background.
pub(crate) fn scheduled_tasks(settings: &Settings) -> Vec<ScheduledTask> {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let every = |target: &str, initial, interval| ScheduledTask {
        target: target.to_owned(),
        schedule: Schedule::FixedDelay,
        initial_delay_millis: millis(initial),
        interval_millis: millis(interval),
    };
    let sweep = settings.engine.sweep_interval;
    let mut tasks = vec![
        every("kayenta_engine::worker::sweep", sweep, sweep),
        every(
            "kayenta_server::queue_gauges::keep",
            Duration::ZERO,
            queue_gauges::PERIOD,
        ),
    ];
    if settings.retention.is_on() {
        let interval = settings.retention.interval;
        tasks.push(every(
            "kayenta_retention::Retention::round",
            interval.min(Duration::from_secs(60)),
            interval,
        ));
    }
    if let Some(health) = &settings.prometheus.health {
        let (initial, delay) = (health.initial_delay, health.fixed_delay);
        tasks.push(every(
            "kayenta_server::wiring::health::prometheus",
            initial,
            delay,
        ));
    }
    if let Some(tls) = &settings.server.tls {
        let reload = tls.reload_interval;
        tasks.push(every("kayenta_server::http::tls::watch", reload, reload));
    }
    tasks
}

#[cfg(test)]
mod tests {
    use kayenta_config::Origin;

    use super::*;

    #[test]
    fn settings_are_grouped_by_the_prefix_they_are_bound_by() {
        let effective = ["kayenta.azure.accounts[0].name", "server.port", "debug"].map(|name| {
            EffectiveProperty {
                name: name.to_owned(),
                value: "x".to_owned(),
                origin: Origin::Default,
            }
        });
        let groups = by_prefix(&effective);
        assert_eq!(groups["kayenta.azure"]["accounts[0].name"], "x");
        assert_eq!(groups["server"]["port"], "x");
        assert_eq!(groups["debug"]["value"], "x");
    }
}
