//! Settings that cannot be honoured: those that would change what the service does are refused by
//! name, those an operator should know about are warned of.

use kayenta_properties::{Binder, Diagnostic, convert};

/// Refused when the value is this boolean.
const REFUSED: [(&str, bool, &str, &str); 6] = [
    (
        "keiko.queue.sql.enabled",
        true,
        "a queue in SQL is not supported",
        "Set redis.connection instead",
    ),
    (
        "keiko.queue.redis.enabled",
        false,
        "without the Redis queue nothing could run",
        "Remove it; without redis.connection the queue is kept on disk",
    ),
    (
        "redis.enabled",
        false,
        "Redis is switched off by leaving redis.connection out",
        "Remove redis.enabled and redis.connection",
    ),
    (
        "redis.previous-cluster-enabled",
        true,
        "a previous Redis is not read",
        "Remove it",
    ),
    (
        "execution-repository.redis.enabled",
        false,
        "execution records cannot be kept elsewhere this way",
        "Remove it",
    ),
    (
        "execution-repository.sql.enabled",
        true,
        "execution records in SQL are not supported",
        "Set redis.connection instead",
    ),
];

/// Refused when set at all.
const REFUSED_IF_SET: [(&str, &str, &str); 1] = [(
    "redis.connectionPrevious",
    "a previous Redis is not read",
    "Let the runs there finish, then remove it",
)];

pub(super) fn check(binder: &Binder<'_>) {
    let top = binder.top();
    top.accept(&[
        "debug",
        "trace",
        "default",
        "halconfig",
        "netflix",
        "secrets",
        "services",
        "spinnaker",
        "spring",
    ]);
    for (name, refused, message, remedy) in REFUSED {
        let Some(value) = top.get(name) else {
            continue;
        };
        let is = if refused {
            // Switches are on for any text but `false`.
            !value.text.trim().eq_ignore_ascii_case("false")
        } else {
            convert::boolean(&value.text) == Some(false)
        };
        if is {
            binder.report(value.wrong(message).remedy(remedy));
        }
    }
    for (name, message, remedy) in REFUSED_IF_SET {
        if let Some(value) = top.get(name).filter(|value| !value.text.is_empty()) {
            binder.report(value.wrong(message).remedy(remedy));
        }
    }
    let clients = binder.group("redis.clients");
    top.accept(&["redis.clients"]);
    if clients.is_present() {
        binder.report(
            Diagnostic::error("named Redis clients are not supported")
                .property("redis.clients")
                .at(clients.begin())
                .remedy("Set redis.connection"),
        );
    }
    for name in ["default.legacyServerPort", "default.apiPort"] {
        if let Some(value) = top.get(name)
            && convert::integer(&value.text).is_some_and(|port| port > 0)
        {
            let mut warning = value.wrong("a second port besides the TLS port is not opened");
            warning.severity = kayenta_properties::Severity::Warning;
            binder.report(warning);
        }
    }
    let plugins = binder.group("spinnaker.extensibility");
    for id in plugins.keys("plugins") {
        let plugin = plugins.group("plugins").group(&id);
        if plugin.boolean_if_set("enabled") == Some(true) {
            binder.report(
                Diagnostic::warning(format!("plugin {id} cannot run: it is made for a JVM"))
                    .property(plugin.full("enabled"))
                    .at(plugin.at("enabled")),
            );
        }
    }
}
