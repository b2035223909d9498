//! `/health` and its neighbours (`management.*`, `info.*`).

use std::{path::PathBuf, time::Duration};

use indexmap::IndexMap;

use super::TlsSettings;

/// `/health` and its neighbours.
#[derive(Clone, Debug)]
pub struct ManagementSettings {
    /// `management.server.port`.
    pub port: ManagementPort,
    /// `management.server.ssl.*`, where the management endpoints have a port of their own.
    pub tls: ManagementTls,
    /// `management.endpoints.web.base-path`: `/` unless moved by `-D` or a program argument; a file
    /// or a variable cannot move it (the reference forces it). No slash at its end, empty for `/`.
    pub base_path: String,
    /// Which endpoints are reachable.
    pub exposure: ExposureSettings,
    /// `management.endpoints.enabled-by-default`, default true.
    pub enabled_by_default: bool,
    /// `management.endpoint.<id>.enabled` where set.
    pub endpoints_enabled: IndexMap<String, bool>,
    /// `/health`.
    pub health: HealthSettings,
    /// `management.info.env.enabled`: whether `/info` shows [`info`](Self::info); default false.
    pub info_env: bool,
    /// The `info.*` properties as one nested object.
    pub info: serde_json::Map<String, serde_json::Value>,
    /// `management.endpoint.{env,configprops}.keys-to-sanitize`, if it replaces the built-in rules.
    pub keys_to_sanitize: Option<Vec<String>>,
    /// `management.endpoint.{env,configprops}.additional-keys-to-sanitize`.
    pub additional_keys_to_sanitize: Vec<String>,
}

/// Where the management endpoints listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManagementPort {
    /// Beside the API.
    Main,
    /// On a port of their own; they then vanish from the main one.
    Separate {
        /// The port; 0 is any free one.
        port: u16,
        /// `management.server.address`; `None` is every interface.
        address: Option<String>,
        /// `management.server.base-path`: prefix of everything on that port, empty for none.
        base_path: String,
    },
    /// Nowhere (`-1`).
    Disabled,
}

/// HTTPS on the management endpoints' own port.
#[derive(Clone, Debug)]
pub enum ManagementTls {
    /// As on the main port: nothing else is said.
    AsMain,
    /// Plain HTTP (`management.server.ssl.enabled: false`).
    Off,
    /// A certificate of its own.
    Own(Box<TlsSettings>),
}

/// Which endpoints are reachable over HTTP (`management.endpoints.web.exposure`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExposureSettings {
    /// Endpoint ids, `*` for all; default `health`. Compare without regard to case.
    pub include: Vec<String>,
    /// Endpoint ids, `*` for all; wins.
    pub exclude: Vec<String>,
}

impl ExposureSettings {
    /// Whether the endpoint is reachable.
    #[must_use]
    pub fn exposes(&self, id: &str) -> bool {
        let names = |list: &[String]| {
            list.iter()
                .any(|name| name == "*" || name.eq_ignore_ascii_case(id))
        };
        names(&self.include) && !names(&self.exclude)
    }
}

/// When something of `/health` is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Never; `when-authorized` comes to the same here.
    Never,
    /// Always.
    Always,
}

/// `/health` (`management.endpoint.health.*`, `management.health.*`).
#[derive(Clone, Debug)]
pub struct HealthSettings {
    /// `show-details`, default never.
    pub show_details: Show,
    /// `show-components`; the value of `show-details` when unset.
    pub show_components: Show,
    /// `status.order`, worst first, in upper case with `_`; `None` is DOWN, OUT_OF_SERVICE, UP, UNKNOWN.
    pub status_order: Option<Vec<String>>,
    /// `status.http-mapping.<STATUS>` where set, keys in upper case with `_`.
    pub status_mapping: IndexMap<String, u16>,
    /// `group.<name>`.
    pub groups: IndexMap<String, HealthGroupSettings>,
    /// Whether `/health` lists the groups `liveness` and `readiness` and the state components:
    /// `probes.enabled`, or on Kubernetes. The paths themselves always answer.
    pub probes_listed: bool,
    /// `logging.slow-indicator-threshold`, default 10 s.
    pub slow_threshold: Duration,
    /// `management.health.defaults.enabled`, default true: built-in components not named in
    /// [`components`](Self::components) are shown.
    pub defaults_enabled: bool,
    /// `management.health.<component>.enabled` where set, names in lower case without dashes.
    pub components: IndexMap<String, bool>,
    /// `management.health.diskspace.path`, default `.`.
    pub disk_space_path: PathBuf,
    /// `management.health.diskspace.threshold` in bytes, default 10 MiB.
    pub disk_space_threshold: u64,
}

impl HealthSettings {
    /// Whether a built-in component is shown.
    #[must_use]
    pub fn component_enabled(&self, component: &str) -> bool {
        self.components
            .get(&component.to_lowercase())
            .copied()
            .unwrap_or(self.defaults_enabled)
    }
}

/// One group of `/health/<group>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthGroupSettings {
    /// Components in it; `*` or nothing for all.
    pub include: Vec<String>,
    /// Components left out.
    pub exclude: Vec<String>,
    /// Its own `show-details`.
    pub show_details: Option<Show>,
    /// Its own `show-components`.
    pub show_components: Option<Show>,
    /// Its own `status.order`, worst first.
    pub status_order: Option<Vec<String>>,
    /// Its own status mapping, on top of the endpoint's.
    pub status_mapping: IndexMap<String, u16>,
}
