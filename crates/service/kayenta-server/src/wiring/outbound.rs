//! The connections every metric store and judge is reached through.

use anyhow::Context;
use kayenta_http::{HttpSettings, Proxies};
use kayenta_settings::{HttpClientSettings, HttpLogLevel, OutboundProxy, ProxySettings};
use url::Url;

use crate::key_material;

/// How the shared connections are set up. Two things differ from the reference: credentials go to the
/// configured host only, whatever a redirect says (C-HTTP-01), and an answer has at most the default of
/// 128 MiB (C-HTTP-02).
///
/// # Errors
/// When a certificate or key cannot be read.
pub(crate) fn http_settings(settings: &HttpClientSettings) -> anyhow::Result<HttpSettings> {
    let trust = settings
        .trust
        .as_ref()
        .map(key_material::read_trust)
        .transpose()
        .context("the trust store of outgoing calls (ok-http-client.trust-store)")?;
    let identity = settings
        .identity
        .as_ref()
        .map(key_material::read_identity)
        .transpose()
        .context("the client certificate of outgoing calls (ok-http-client.key-store)")?;
    Ok(HttpSettings {
        user_agent: concat!("kayenta/", env!("CARGO_PKG_VERSION")).to_owned(),
        connect_timeout: settings.connect_timeout,
        read_timeout: settings.read_timeout,
        max_idle_connections: settings.max_idle_connections,
        keep_alive: settings.keep_alive,
        extra_ca_pem: trust
            .iter()
            .map(|found| key_material::certificates_to_pem(found))
            .collect(),
        identity_pem: identity.map(|identity| identity.to_pem()),
        proxies: proxies(&settings.proxies)?,
        log_calls: settings.log > HttpLogLevel::None,
        // Bodies show at TRACE only, whatever the level of the reference's client says.
        log_bodies: settings.log > HttpLogLevel::None,
        ..HttpSettings::default()
    })
}

fn proxies(settings: &ProxySettings) -> anyhow::Result<Proxies> {
    let url = |proxy: &Option<OutboundProxy>| {
        proxy
            .as_ref()
            .map(|proxy| Url::parse(&format!("http://{}:{}", proxy.host, proxy.port)))
            .transpose()
            .context("a proxy's host is not a host name")
    };
    Ok(Proxies {
        http: url(&settings.http)?,
        https: url(&settings.https)?,
        direct_hosts: settings.direct_hosts.clone(),
    })
}
