//! `ok-http-client.*`, `retrofit.*`, and the JVM's proxy and trust store properties.

use kayenta_properties::{Binder, Diagnostic, convert::Choices};

use kayenta_settings::{
    HttpClientSettings, HttpLogLevel, OutboundProxy, ProxySettings, TrustStore,
};

use super::tls;

const LOG_LEVELS: &Choices<HttpLogLevel> = &[
    ("NONE", HttpLogLevel::None),
    ("BASIC", HttpLogLevel::Basic),
    ("HEADERS", HttpLogLevel::Headers),
    ("HEADERS_AND_ARGS", HttpLogLevel::Headers),
    ("FULL", HttpLogLevel::Full),
    ("BODY", HttpLogLevel::Full),
];

pub(super) fn http_client(binder: &Binder<'_>) -> HttpClientSettings {
    let client = binder.group("ok-http-client");
    client.accept(&[
        "cipherSuites",
        "interceptor",
        "maxRequests",
        "maxRequestsPerHost",
        "propagateSpinnakerHeaders",
        "refreshableKeys",
        "secureRandomInstanceType",
        "skipRetrofit2EncodeCorrection",
        "tlsVersions",
    ]);
    let connect_timeout = match client.get("connectTimoutMs") {
        Some(_) if client.get("connectTimeoutMs").is_none() => {
            client.millis("connectTimoutMs", 5_000)
        }
        _ => client.millis("connectTimeoutMs", 5_000),
    };
    let top = binder.top();
    HttpClientSettings {
        connect_timeout,
        read_timeout: client.millis("readTimeoutMs", 120_000),
        retry_on_connection_failure: client.boolean("retryOnConnectionFailure", true),
        max_idle_connections: client.integer(
            "connectionPool.maxIdleConnections",
            0_u32,
            100_000,
            15,
        ) as usize,
        keep_alive: client.millis("connectionPool.keepAliveDurationMs", 30_000),
        identity: tls::identity(&client, &tls::CLIENT_KEYS),
        trust: tls::trust(&client, &tls::CLIENT_TRUST).or_else(|| jvm_trust(binder)),
        log: match top.choice("retrofit2.logLevel", LOG_LEVELS) {
            Some(level) if top.get("retrofit.logLevel").is_none() => level,
            _ => top.choice_or("retrofit.logLevel", LOG_LEVELS, HttpLogLevel::Basic),
        },
        proxies: proxies(binder),
    }
}

/// `-Djavax.net.ssl.trustStore=…`
fn jvm_trust(binder: &Binder<'_>) -> Option<TrustStore> {
    let group = binder.group("javax.net.ssl");
    if let Some(value) = group.get("keyStore").filter(|value| !value.text.is_empty()) {
        group.report(
            value
                .wrong("client certificates of the JVM are not used")
                .remedy("Set ok-http-client.key-store instead"),
        );
    }
    tls::trust(&group, &tls::CLIENT_TRUST)
}

fn proxies(binder: &Binder<'_>) -> ProxySettings {
    let proxy = |scheme: &str, default: u16| {
        let group = binder.group(scheme);
        let port = group.integer_if_set("proxyPort", 1_u16, u16::MAX);
        let host = group.strict_text("proxyHost")?;
        Some(OutboundProxy {
            host,
            port: port.unwrap_or(default),
        })
    };
    let http = proxy("http", 80);
    let https = proxy("https", 443);
    let direct = binder
        .group("http")
        .text("nonProxyHosts")
        .unwrap_or_else(|| crate::secret_reference::DIRECT_HOSTS.to_owned());
    let top = binder.top();
    if let Some(value) = top
        .get("socksProxyHost")
        .filter(|value| !value.text.is_empty())
    {
        binder.report(
            Diagnostic::error("SOCKS proxies are not supported")
                .property("socksProxyHost")
                .found(value.shown())
                .at(value.origin)
                .remedy("Use -Dhttp.proxyHost and -Dhttps.proxyHost"),
        );
    }
    ProxySettings {
        http,
        https,
        direct_hosts: direct
            .split('|')
            .map(str::trim)
            .filter(|host| !host.is_empty())
            .map(str::to_owned)
            .collect(),
    }
}
