//! `management.*` and `info.*`.

use std::time::Duration;

use indexmap::IndexMap;
use kayenta_properties::{Binder, Diagnostic, Group, convert::Choices};

use kayenta_settings::{
    ExposureSettings, HealthGroupSettings, HealthSettings, ManagementPort, ManagementSettings,
    ManagementTls, Show,
};

use super::server::{path_prefix, port, tls_settings};

const SHOW: &Choices<Show> = &[
    ("ALWAYS", Show::Always),
    ("NEVER", Show::Never),
    // There are no users to authorize.
    ("WHEN_AUTHORIZED", Show::Never),
];

pub(super) fn management(
    binder: &Binder<'_>,
    main_port: Option<u16>,
    on_kubernetes: bool,
) -> ManagementSettings {
    let management = binder.group("management");
    let web = management.group("endpoints.web");
    management.accept(&[
        "auditevents",
        "endpoints.jmx",
        "endpoints.web.discovery",
        "httptrace",
        "metrics",
        "observations",
        "security",
        "simple",
        "trace",
        "tracing",
        "wavefront",
    ]);
    if web.group("cors").is_present() {
        management.accept(&["endpoints.web.cors"]);
        management.report(
            Diagnostic::warning("CORS of the management endpoints follows kayenta.server.cors")
                .property("management.endpoints.web.cors")
                .at(web.group("cors").begin()),
        );
    }
    if web.group("path-mapping").is_present() {
        management.accept(&["endpoints.web.path-mapping"]);
        management.report(
            Diagnostic::warning("the management endpoints keep their names")
                .property("management.endpoints.web.path-mapping")
                .at(web.group("path-mapping").begin())
                .remedy("Change clients to the default paths, such as /health"),
        );
    }
    let mut additional = Vec::new();
    let mut replaced = None;
    for endpoint in ["env", "configprops"] {
        let group = management.group("endpoint").group(endpoint);
        additional.extend(group.list_or_empty("additional-keys-to-sanitize"));
        replaced = replaced.or(group.list("keys-to-sanitize"));
    }
    ManagementSettings {
        port: management_port(&management.group("server"), main_port),
        tls: management_tls(
            &management.group("server"),
            &binder.group("kayenta").group("server"),
        ),
        base_path: path_prefix(&web, "base-path"),
        exposure: ExposureSettings {
            include: web.list_or("exposure.include", &["health"]),
            exclude: web.list_or_empty("exposure.exclude"),
        },
        enabled_by_default: management.boolean("endpoints.enabled-by-default", true),
        endpoints_enabled: flags(&management, "endpoint"),
        health: health(&management, on_kubernetes),
        info_env: management.boolean("info.env.enabled", false),
        info_build: management.boolean("info.build.enabled", false),
        info: binder.top().object("info"),
        keys_to_sanitize: replaced,
        additional_keys_to_sanitize: additional,
    }
}

/// The port of the management endpoints. The number of the main port means the main port, as in Spring
/// Boot, whatever address is beside it.
fn management_port(server: &Group<'_>, main_port: Option<u16>) -> ManagementPort {
    let address = server.strict_text("address");
    let base_path = path_prefix(server, "base-path");
    match port(server, "port") {
        None => ManagementPort::Main,
        Some(None) => ManagementPort::Disabled,
        Some(Some(port)) if port != 0 && Some(port) == main_port => ManagementPort::Main,
        Some(Some(port)) => ManagementPort::Separate {
            port,
            address,
            base_path,
        },
    }
}

/// What is said of TLS for the management port; nothing said follows the main port, as in Spring Boot.
fn management_tls(server: &Group<'_>, ours: &Group<'_>) -> ManagementTls {
    let ssl = server.group("ssl");
    if !ssl.is_present() {
        return ManagementTls::AsMain;
    }
    tls_settings(&ssl, ours).map_or(ManagementTls::Off, |tls| ManagementTls::Own(Box::new(tls)))
}

/// `<group>.<name>.enabled` by name.
fn flags(group: &Group<'_>, name: &str) -> IndexMap<String, bool> {
    let below = group.group(name);
    group
        .keys(name)
        .into_iter()
        .filter_map(|key| {
            let enabled = below.group(&key).boolean_if_set("enabled")?;
            Some((squashed(&key), enabled))
        })
        .collect()
}

fn squashed(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn health(management: &Group<'_>, on_kubernetes: bool) -> HealthSettings {
    let endpoint = management.group("endpoint.health");
    let built_in = management.group("health");
    management.accept(&["health", "endpoint.health.group"]);
    let show_details = endpoint.choice_or("show-details", SHOW, Show::Never);
    let groups = endpoint
        .keys("group")
        .into_iter()
        .map(|name| {
            let group = endpoint.group("group").group(&name);
            let settings = HealthGroupSettings {
                include: group.list_or_empty("include"),
                exclude: group.list_or_empty("exclude"),
                show_details: group.choice("show-details", SHOW),
                show_components: group.choice("show-components", SHOW),
                status_order: status_order(&group),
                status_mapping: status_mapping(&group),
            };
            (name, settings)
        })
        .collect();
    let mut components = flags(management, "health");
    let defaults_enabled = components.shift_remove("defaults");
    HealthSettings {
        show_details,
        show_components: endpoint.choice_or("show-components", SHOW, show_details),
        status_order: status_order(&endpoint),
        status_mapping: status_mapping(&endpoint),
        groups,
        probes_listed: endpoint.boolean("probes.enabled", on_kubernetes),
        slow_threshold: endpoint
            .duration("logging.slow-indicator-threshold", Duration::from_secs(10)),
        defaults_enabled: defaults_enabled.unwrap_or(true),
        components,
        disk_space_path: built_in.path("diskspace.path"),
        disk_space_threshold: built_in.size("diskspace.threshold", 10 << 20),
    }
}

fn status_name(text: &str) -> String {
    text.trim().to_uppercase().replace('-', "_")
}

fn status_order(group: &Group<'_>) -> Option<Vec<String>> {
    let order = group.list("status.order")?;
    Some(order.iter().map(|status| status_name(status)).collect())
}

fn status_mapping(group: &Group<'_>) -> IndexMap<String, u16> {
    group
        .map("status.http-mapping")
        .into_iter()
        .filter_map(|(status, value)| match value.text.trim().parse::<u16>() {
            Ok(code) if (100..=599).contains(&code) => Some((status_name(&status), code)),
            _ => {
                group.report(
                    value
                        .wrong("this is not an HTTP status")
                        .expected("a number from 100 to 599"),
                );
                None
            }
        })
        .collect()
}
