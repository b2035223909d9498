//! The smaller groups.

use std::time::Duration;

use indexmap::IndexMap;
use kayenta_http::{RetryPolicy, StatusSeries, status_by_name};
use kayenta_properties::{Binder, Diagnostic, Group, Severity, convert::Choices};

use kayenta_model::time::JsonTimes;
use kayenta_settings::{
    AtlasSettings, BrowserAccess, IndexSettings, JudgingSettings, PagesSettings,
    PrometheusHealthSettings, PrometheusSettings, RemoteJudgeSettings, SpectatorSettings,
    SwaggerSettings, TestDefaults,
};

use super::security::ROLES;

const SECOND: Duration = Duration::from_secs(1);

const STATUS_SERIES: &Choices<StatusSeries> = &[
    ("INFORMATIONAL", StatusSeries::Informational),
    ("SUCCESSFUL", StatusSeries::Successful),
    ("REDIRECTION", StatusSeries::Redirection),
    ("CLIENT_ERROR", StatusSeries::ClientError),
    ("SERVER_ERROR", StatusSeries::ServerError),
    ("1xx", StatusSeries::Informational),
    ("2xx", StatusSeries::Successful),
    ("3xx", StatusSeries::Redirection),
    ("4xx", StatusSeries::ClientError),
    ("5xx", StatusSeries::ServerError),
];

pub(super) fn retry(binder: &Binder<'_>) -> RetryPolicy {
    let group = binder.group("kayenta.metrics.retry");
    let series = group
        .choices("series", STATUS_SERIES)
        .unwrap_or_else(|| vec![StatusSeries::ServerError]);
    let statuses = match group.items("statuses") {
        None => vec![408, 429],
        Some(items) => items
            .iter()
            .filter_map(|item| {
                let status = status_by_name(&item.text);
                if status.is_none() {
                    group.report(
                        item.wrong(format!(
                            "Failed to bind properties under '{}' to org.springframework.http.HttpStatus: \
                             no status is called {}",
                            item.property(),
                            item.shown()
                        ))
                        .expected("names such as REQUEST_TIMEOUT, or numbers such as 408"),
                    );
                }
                status
            })
            .collect(),
    };
    let attempts = group.integer("attempts", i32::MIN, i32::MAX, 10);
    RetryPolicy {
        series,
        statuses,
        attempts: u32::try_from(attempts).unwrap_or(1).max(1),
        multiplier: group.millis("backoffPeriodMultiplierMs", 1_000),
    }
}

/// Parameters of the built-in judge that the reference binds and does not use (Q-JUDGE-02): using them
/// would change the results of configurations that set them.
pub(super) fn warn_of_judge_parameters(binder: &Binder<'_>) {
    let group = binder.group("kayenta.netflix.judge");
    for (name, least, most, fixed) in [
        ("tolerance", f64::MIN, f64::MAX, 0.25),
        ("confLevel", 0.0, 1.0, 0.98),
    ] {
        let Some(value) = group.get(name).filter(|value| !value.text.is_empty()) else {
            continue;
        };
        let _ = group.double(name, least, most, fixed);
        let mut warning = value.wrong(format!(
            "the setting has no effect, as in the Java service: the judge uses {fixed}"
        ));
        warning.severity = Severity::Warning;
        group.report(warning.remedy("remove it"));
    }
}

pub(super) fn judging(binder: &Binder<'_>) -> JudgingSettings {
    let top = binder.top();
    JudgingSettings {
        paired_judge: top.switch("kayenta.paired-judge.enabled"),
        static_limit_judge: top.switch("kayenta.static-limit-judge.enabled"),
        explanations: top.switch("kayenta.explanations.enabled"),
    }
}

pub(super) fn remote_judge(binder: &Binder<'_>) -> Option<RemoteJudgeSettings> {
    let group = binder.group("kayenta.remoteJudge");
    let enabled = group.switch("enabled");
    let read = || {
        let base_url = group.base_url_or_flawed("endpoint.baseUrl");
        let connect_timeout = group.duration("connect-timeout", 30 * SECOND);
        let read_timeout = group.duration("read-timeout", 90 * SECOND);
        Some(RemoteJudgeSettings {
            base_url: base_url?,
            connect_timeout,
            read_timeout,
        })
    };
    if !enabled {
        binder.muted(read);
        return None;
    }
    if group
        .get("endpoint.baseUrl")
        .is_none_or(|value| value.text.is_empty())
    {
        let (name, expected) = if group.group("endpoint").is_present() {
            ("endpoint.baseUrl", "the URL of the judge")
        } else {
            ("endpoint", "a mapping with baseUrl")
        };
        let mut error = group.lacking(name, expected);
        error.message = format!(
            "Binding to target kayenta.remote-judge failed: {} must not be null",
            group.full(name)
        );
        group.report(error);
    }
    read()
}

pub(super) fn serialization(binder: &Binder<'_>) -> JsonTimes {
    let group = binder.group("kayenta.serialization");
    JsonTimes {
        dates_as_numbers: group.boolean("writeDatesAsTimestamps", false),
        durations_as_numbers: group.boolean("writeDurationsAsTimestamps", false),
    }
}

pub(super) fn index(binder: &Binder<'_>) -> IndexSettings {
    let group = binder.group("kayenta.index");
    IndexSettings {
        enabled: group.strict_switch("enabled", true),
        heartbeat_interval: group.millis("heartbeatIntervalMS", 5_000),
        initial_delay: group.millis("indexingInitialDelayMS", 5_000),
        interval: group.millis("indexingIntervalMS", 900_000),
        lock_ttl: group.units("indexingLockTTLSec", SECOND, 900 * SECOND),
        stale_entry_threshold: group.millis("pendingUpdateStaleEntryThresholdMS", 3_600_000),
    }
}

pub(super) fn spectator(binder: &Binder<'_>) -> SpectatorSettings {
    let group = binder.group("spectator");
    group.accept(&["gc", "webEndpoint.prototypeFilter"]);
    SpectatorSettings {
        enabled: group.strict_switch("webEndpoint.enabled", false),
        application_name: group.strict_text("applicationName").unwrap_or_default(),
        application_version: group.strict_text("applicationVersion").unwrap_or_default(),
    }
}

pub(super) fn pages(binder: &Binder<'_>) -> PagesSettings {
    let group = binder.group("kayenta.ui");
    let public_url = group.base_url("publicUrl");
    let defaults = BrowserAccess::default();
    PagesSettings {
        enabled: group.strict_switch("enabled", true),
        public_url: public_url.map(|url| url.expose().trim_end_matches('/').to_owned()),
        browser: BrowserAccess {
            user_header: user_header(&group),
            user_role: group.choice_or("userRole", ROLES, defaults.user_role),
            session_lifetime: group.duration("sessionLifetime", defaults.session_lifetime),
            session_key: group.secret("sessionKey"),
        },
    }
}

fn user_header(group: &Group<'_>) -> Option<String> {
    let name = group.strict_text("userHeader")?.to_lowercase();
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.chars().all(is_token) {
        return Some(name);
    }
    group.report(
        Diagnostic::error("this is no name of a header")
            .property(group.full("userHeader"))
            .found(name)
            .at(group.at("userHeader")),
    );
    None
}

pub(super) fn swagger(binder: &Binder<'_>) -> SwaggerSettings {
    let group = binder.group("swagger");
    group.accept(&["basePath", "documentationPath"]);
    // On unless switched off, as in the reference, whose files need no such section.
    let enabled = if group.is_given("enabled") {
        group.switch("enabled")
    } else {
        group.default("enabled", "true");
        true
    };
    SwaggerSettings {
        enabled,
        title: group.text("title").unwrap_or_default(),
        description: group.text("description").unwrap_or_default(),
        contact: group.text("contact").unwrap_or_default(),
        patterns: group.list_or_empty("patterns"),
    }
}

pub(super) fn prometheus(binder: &Binder<'_>, has_accounts: bool) -> PrometheusSettings {
    let group = binder.group("kayenta.prometheus");
    let health = group.group("health");
    let enabled = health.strict_switch("enabled", false);
    let settings = PrometheusHealthSettings {
        initial_delay: health.duration("initial-delay", 2 * SECOND),
        fixed_delay: health.duration("fixed-delay", 300 * SECOND),
    };
    PrometheusSettings {
        health: (enabled && has_accounts).then_some(settings),
    }
}

pub(super) fn atlas(binder: &Binder<'_>) -> AtlasSettings {
    let group = binder.group("kayenta.atlas");
    AtlasSettings {
        stage_timeout: group.units("stageTimeoutMinutes", 60 * SECOND, 180 * SECOND),
        max_back_off: group.units("maxBackoffPeriodSeconds", SECOND, 32 * SECOND),
    }
}

pub(super) fn test_defaults(binder: &Binder<'_>) -> TestDefaults {
    let few = ["scope", "start", "end"];
    let many = [
        "project",
        "resourceType",
        "location",
        "scope",
        "start",
        "end",
    ];
    let mut defaults = IndexMap::new();
    for (store, names) in [
        ("prometheus", &many[..]),
        ("stackdriver", &many[..]),
        ("datadog", &few[..]),
        ("graphite", &few[..]),
        ("influxdb", &few[..]),
        ("newrelic", &few[..]),
    ] {
        let group: Group<'_> = binder
            .group("kayenta")
            .group(store)
            .group("testControllerDefaults");
        let set: IndexMap<String, String> = names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), group.text(name)?)))
            .collect();
        if !set.is_empty() {
            defaults.insert(store.to_owned(), set);
        }
    }
    defaults
}
