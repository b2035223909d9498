//! `server.*` and `kayenta.server.*`.

use std::time::Duration;

use kayenta_properties::{
    Binder, Diagnostic, Group, PropertyKind,
    convert::{self, Choices},
};

use kayenta_settings::{
    ClientAuth, CompressionSettings, CorsSettings, ServerSettings, ShutdownMode, TlsIdentity,
    TlsSettings, TrustStore,
};

use super::tls;

/// Kubernetes kills 30 s after it asked to stop; leave it some.
const DEFAULT_SHUTDOWN: Duration = Duration::from_secs(25);

const SHUTDOWN_MODES: &Choices<ShutdownMode> = &[
    ("GRACEFUL", ShutdownMode::Graceful),
    ("IMMEDIATE", ShutdownMode::Immediate),
];

const CLIENT_AUTH: &Choices<ClientAuth> = &[
    ("NEED", ClientAuth::Need),
    ("NONE", ClientAuth::None),
    ("WANT", ClientAuth::Want),
];

pub(super) fn server(binder: &Binder<'_>) -> ServerSettings {
    let server = binder.group("server");
    let ours = binder.group("kayenta.server");
    server.accept(&[
        "error",
        "forward-headers-strategy",
        "http2",
        "jetty",
        "max-http-request-header-size",
        "netty",
        "server-header",
        "servlet.application-display-name",
        "servlet.context-parameters",
        "servlet.encoding",
        "servlet.jsp",
        "servlet.register-default-servlet",
        "servlet.session",
        "tomcat",
        "undertow",
    ]);
    ServerSettings {
        port: port(&server, "port").unwrap_or_else(|| {
            server.default("port", "8080");
            Some(8080)
        }),
        address: server.strict_text("address"),
        context_path: path_prefix(&server, "servlet.context-path"),
        tls: tls_settings(&server.group("ssl"), &ours),
        // C-CONF-02: the reference cuts requests off by default.
        shutdown: server.choice_or("shutdown", SHUTDOWN_MODES, ShutdownMode::Graceful),
        shutdown_timeout: binder
            .group("spring.lifecycle")
            .duration("timeout-per-shutdown-phase", DEFAULT_SHUTDOWN),
        max_header_bytes: server.size("max-http-header-size", 8 << 10),
        compression: compression(&server.group("compression")),
        max_body_bytes: ours.size("max-body-size", 64 << 20),
        body_timeout: ours.duration("body-timeout", Duration::from_secs(30)),
        max_connections: ours.integer_if_set("max-connections", 1_u32, 1_000_000),
        max_connections_per_peer: ours.integer_if_set("max-connections-per-peer", 1_u32, 1_000_000),
        response_timeout: ours.duration("response-timeout", Duration::from_secs(300)),
        min_response_rate: ours.size("min-response-rate", 8 << 10),
        cors: cors(&ours.group("cors")),
    }
}

/// A port; `-1` is `Some(None)`, nothing set is `None`.
pub(super) fn port(group: &Group<'_>, name: &str) -> Option<Option<u16>> {
    let kind = PropertyKind::Integer {
        least: -1,
        most: 65_535,
    };
    group.is(name, kind);
    let value = group.get(name)?;
    if value.text.trim().is_empty() {
        return None;
    }
    let text = group.strict_text(name)?;
    match convert::integer(&text) {
        Some(-1) => Some(None),
        Some(number) if (0..=65_535).contains(&number) => Some(u16::try_from(number).ok()),
        Some(number) => {
            group.report(
                value
                    .wrong(format!("port out of range:{number}"))
                    .expected("a port from 0 (any free one) to 65535, or -1 for none"),
            );
            None
        }
        None => {
            group.report(
                value
                    .wrong(format!("For input string: \"{}\"", value.shown()))
                    .expected("a port from 0 (any free one) to 65535, or -1 for none"),
            );
            None
        }
    }
}

/// A path with a slash at the beginning and none at the end; `/` is the empty one.
pub(super) fn path_prefix(group: &Group<'_>, name: &str) -> String {
    let text = group.strict_text(name).unwrap_or_default();
    let trimmed = text.trim().trim_matches('/');
    if trimmed.is_empty() {
        String::new()
    } else {
        format!("/{trimmed}")
    }
}

fn compression(group: &Group<'_>) -> Option<CompressionSettings> {
    let enabled = group.boolean("enabled", false);
    let settings = CompressionSettings {
        mime_types: group.list_or_empty("mime-types"),
        min_response_bytes: group.size("min-response-size", 2 << 10),
    };
    group.accept(&["excluded-user-agents"]);
    enabled.then_some(settings)
}

fn cors(group: &Group<'_>) -> CorsSettings {
    let enabled = group.boolean("enabled", true);
    let origins = group.list("allowed-origins");
    match origins {
        _ if !enabled => CorsSettings::Disabled,
        Some(origins) if !origins.iter().any(|origin| origin == "*") => {
            CorsSettings::Origins(origins)
        }
        _ => CorsSettings::AnyOrigin,
    }
}

/// HTTPS of one port: the main one, or that of the management endpoints.
pub(super) fn tls_settings(ssl: &Group<'_>, ours: &Group<'_>) -> Option<TlsSettings> {
    let enabled = ssl.boolean_if_set("enabled");
    let certificate = ssl.path("certificate");
    let private_key = ssl.path("certificate-private-key");
    let key_password = ssl.secret("key-password");
    let from_store = tls::identity(ssl, &tls::SERVER_KEYS);
    let client_auth = ssl.choice_or("client-auth", CLIENT_AUTH, ClientAuth::None);
    let trust = match ssl.path("trust-certificate") {
        Some(path) => Some(TrustStore::Pem { path }),
        None => tls::trust(ssl, &tls::SERVER_TRUST),
    };
    let protocols = protocols(ssl);
    let reload_interval = ours.duration("tls-reload-interval", Duration::from_secs(60));
    ssl.accept(&[
        "protocol",
        "ciphers",
        "key-store-provider",
        "trust-store-provider",
        "trust-certificate-private-key",
    ]);
    if ssl
        .get("ciphers")
        .is_some_and(|value| !value.text.is_empty())
    {
        ssl.report(
            Diagnostic::warning(
                "the cipher suites of TLS 1.2 and 1.3 that are safe are used, whatever is listed",
            )
            .property(ssl.full("ciphers"))
            .at(ssl.at("ciphers")),
        );
    }
    let identity = match (certificate, private_key) {
        (Some(certificate), Some(private_key)) => Some(TlsIdentity::Pem {
            certificate,
            private_key,
        }),
        (Some(_), None) => {
            ssl.missing("certificate-private-key", "the PEM file of the private key");
            return None;
        }
        (None, Some(_)) => {
            ssl.missing("certificate", "the PEM file of the certificate chain");
            return None;
        }
        (None, None) => from_store,
    };
    if enabled == Some(false) {
        return None;
    }
    if enabled == Some(true) && identity.is_none() {
        ssl.missing(
            "key-store",
            "a PKCS#12 file, or certificate and certificate-private-key",
        );
    }
    let identity = match (identity?, key_password) {
        (
            TlsIdentity::Pkcs12 {
                path,
                password,
                alias,
            },
            Some(key_password),
        ) if secrecy::ExposeSecret::expose_secret(&password.current()).is_empty() => {
            drop(password);
            TlsIdentity::Pkcs12 {
                path,
                password: key_password,
                alias,
            }
        }
        (identity, _) => identity,
    };
    if client_auth == ClientAuth::Need && trust.is_none() {
        ssl.missing(
            "trust-store",
            "what client certificates are checked against",
        );
    }
    Some(TlsSettings {
        identity,
        client_auth,
        trust,
        protocols,
        reload_interval,
    })
}

/// The protocols that are both asked for and safe.
fn protocols(ssl: &Group<'_>) -> Vec<String> {
    let Some(items) = ssl.items("enabled-protocols") else {
        return Vec::new();
    };
    let mut protocols = Vec::new();
    for item in &items {
        match item.text.to_uppercase().as_str() {
            "TLSV1.2" => protocols.push("TLSv1.2".to_owned()),
            "TLSV1.3" => protocols.push("TLSv1.3".to_owned()),
            _ => {
                let mut warning =
                    item.wrong("this protocol is not supported; only TLSv1.2 and TLSv1.3 are");
                warning.severity = kayenta_properties::Severity::Warning;
                ssl.report(warning);
            }
        }
    }
    if protocols.is_empty()
        && let Some(item) = items.first()
    {
        ssl.report(
            item.wrong("none of the requested protocols is supported")
                .expected("TLSv1.2 or TLSv1.3"),
        );
    }
    protocols
}
