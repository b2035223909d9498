//! The configuration: would the service start with it, and what would it do otherwise than the Java
//! service.

use kayenta_config::{ConfigError, EffectiveProperty, Origin};
use kayenta_settings::WorkBackend;

use super::report::{AccountLine, Configuration, Finding};
use crate::wiring::kinds::Loaded;

/// Settings that are read and come to nothing, with the reason and the id of the departure.
const WITHOUT_EFFECT: [(&str, &str, &str); 7] = [
    (
        "kayenta.index.",
        "configs are listed from the store itself; there is no index",
        "C-STORE-05",
    ),
    (
        "keiko.queue.redis.ack-timeout-seconds",
        "workers hold leases instead; see kayenta.engine.lease",
        "C-REDIS-02",
    ),
    (
        "queue.retry.",
        "another worker takes over a lost job when its lease ends; see kayenta.engine.lease",
        "C-REDIS-02",
    ),
    (
        "queue.poll.",
        "workers wait for jobs instead of polling",
        "C-REDIS-02",
    ),
    (
        "tasks.global.",
        "tasks are not polled, so there is no backoff",
        "C-ENG-13",
    ),
    (
        "pollers.old-pipeline-cleanup.",
        "finished executions are removed by age; see kayenta.engine.execution-retention",
        "C-REDIS-03",
    ),
    (
        "redis.max-total",
        "one connection carries all requests",
        "C-REDIS-01",
    ),
];

/// What is wrong with a configuration the service does not start with.
pub(super) fn unusable(error: &ConfigError) -> Configuration {
    Configuration {
        errors: error.errors.iter().map(ToString::to_string).collect(),
        findings: warnings(&error.warnings),
        ..Configuration::default()
    }
}

fn warnings(warnings: &[kayenta_config::Diagnostic]) -> Vec<Finding> {
    warnings
        .iter()
        .map(|warning| {
            let mut plain = warning.clone();
            let subject = plain.property.take().unwrap_or_default();
            let place = plain.origin.take();
            let text = plain.to_string();
            let text = text.strip_prefix("warning: ").unwrap_or(&text);
            Finding::note(
                subject,
                match place {
                    Some(place) => format!("{text} ({place})"),
                    None => text.to_owned(),
                },
            )
        })
        .collect()
}

/// What a configuration comes to.
pub(super) fn examine(loaded: &Loaded) -> Configuration {
    let mut findings = warnings(&loaded.warnings);
    for skipped in &loaded.accounts.skipped {
        findings.push(Finding::attention(
            skipped
                .name
                .as_deref()
                .unwrap_or("an account without a name"),
            format!("{} {}", skipped.message, skipped.cause),
        ));
    }
    let accounts: Vec<AccountLine> = loaded
        .accounts
        .registered
        .iter()
        .map(|(kind, account)| AccountLine {
            name: account.name.clone(),
            kind: kind.name.to_owned(),
            usable: true,
        })
        .chain(loaded.accounts.unknown.iter().map(|unknown| AccountLine {
            name: unknown.name.clone().unwrap_or_default(),
            kind: unknown.kind.clone(),
            usable: false,
        }))
        .collect();
    for unknown in &loaded.accounts.unknown {
        findings.push(Finding::attention(
            unknown.name.clone().unwrap_or_default(),
            format!("{unknown}: every run that uses the account is refused"),
        ));
    }
    findings.extend(changes(loaded));
    Configuration {
        files: loaded.files.clone(),
        errors: Vec::new(),
        accounts,
        findings,
    }
}

/// Settings, set or left to their defaults, that mean something else here.
fn changes(loaded: &Loaded) -> Vec<Finding> {
    let settings = &loaded.settings;
    let mut findings = Vec::new();
    for (_, account) in &loaded.accounts.registered {
        let objects = &account.store.objects;
        for departure in objects.iter().flat_map(|objects| objects.departures()) {
            findings.push(Finding::note(&account.name, departure.text).departs(departure.id));
        }
    }
    if set(loaded, "server.shutdown").next().is_none() {
        findings.push(
            Finding::note(
                "server.shutdown",
                "not set: on SIGTERM, requests and runs in progress finish or return to the queue; \
                 the Java service aborts requests",
            )
            .departs("C-CONF-02"),
        );
    }
    if let (WorkBackend::Redis(_), Some(retention)) =
        (&settings.work, settings.engine.execution_retention)
    {
        findings.push(
            Finding::note(
                "kayenta.engine.execution-retention",
                format!(
                    "records of finished executions are kept for {} day(s) and answered from the \
                     archive afterwards; the Java service keeps them for ever (set it to 0 for that)",
                    retention.as_secs() / 86_400
                ),
            )
            .departs("C-REDIS-03"),
        );
    }
    for (prefix, reason, departure) in WITHOUT_EFFECT {
        let names: Vec<&str> = set(loaded, prefix).map(|p| p.name.as_str()).collect();
        if !names.is_empty() {
            findings.push(
                Finding::note(names.join(", "), format!("without effect: {reason}"))
                    .departs(departure),
            );
        }
    }
    findings
}

/// Properties that something sets, by the beginning of their name in kebab case.
fn set<'l>(
    loaded: &'l Loaded,
    prefix: &'l str,
) -> impl Iterator<Item = &'l EffectiveProperty> + 'l {
    loaded.effective.iter().filter(move |property| {
        property.origin != Origin::Default && kebab(&property.name).starts_with(prefix)
    })
}

fn kebab(name: &str) -> String {
    let mut kebab = String::with_capacity(name.len() + 8);
    let mut before = '.';
    for c in name.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            kebab.push('-');
        }
        before = c;
        kebab.push(c.to_ascii_lowercase());
    }
    kebab
}

#[cfg(test)]
mod tests {
    use kayenta_config::{Environment, load};

    use super::*;
    use crate::wiring::kinds::KINDS;

    fn examined(arguments: &[&str]) -> Configuration {
        let environment = arguments
            .iter()
            .fold(Environment::empty("/nonexistent"), |e, a| e.argument(*a));
        examine(&load(&environment, KINDS).unwrap())
    }

    #[test]
    fn names_become_kebab_case() {
        assert_eq!(
            kebab("kayenta.index.indexingIntervalMS"),
            "kayenta.index.indexing-interval-ms"
        );
        assert_eq!(kebab("redis.maxTotal"), "redis.max-total");
    }

    #[test]
    fn settings_without_effect_are_reported_only_when_set() {
        let about = |configuration: &Configuration, subject: &str| {
            configuration
                .findings
                .iter()
                .any(|f| f.subject.contains(subject) && f.message.starts_with("without effect"))
        };
        let plain = examined(&["--redis.connection=redis://r"]);
        assert!(!about(&plain, "index"), "{:?}", plain.findings);
        let set = examined(&[
            "--redis.connection=redis://r",
            "--kayenta.index.indexingIntervalMS=5",
            "--keiko.queue.redis.ackTimeoutSeconds=30",
            "--pollers.old-pipeline-cleanup.enabled=true",
            "--redis.maxTotal=5",
        ]);
        for subject in ["kayenta.index", "keiko.queue", "pollers.", "redis.max"] {
            assert!(about(&set, subject), "{subject}: {:?}", set.findings);
        }
    }

    #[test]
    fn an_account_that_cannot_be_loaded_wants_attention() {
        let configuration = examined(&[
            "--kayenta.azure.enabled=true",
            "--kayenta.blobs.enabled=true",
            "--kayenta.azure.accounts[0].name=a",
            "--kayenta.azure.accounts[0].supportedTypes[0]=OBJECT_STORE",
        ]);
        let finding = configuration
            .findings
            .iter()
            .find(|f| f.subject == "a")
            .unwrap();
        assert_eq!(finding.weight, crate::migrate::report::Weight::Attention);
        assert!(finding.message.contains("container"), "{}", finding.message);
    }
}
