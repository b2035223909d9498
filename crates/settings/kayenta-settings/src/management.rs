//! `/health` and its neighbours (`management.*`, `info.*`).

use std::{path::PathBuf, time::Duration};

use indexmap::IndexMap;

use crate::TlsSettings;

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
    /// `management.info.build.enabled`: whether `/info` shows version and commit; default false, since the reference
    /// has no information on its build.
    pub info_build: bool,
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
    /// Endpoint ids, `*` for all; compared without regard to case.
    pub include: Vec<String>,
    /// Endpoint ids, `*` for all; wins over `include`.
    pub exclude: Vec<String>,
}

impl Default for ExposureSettings {
    /// `health` alone, as in Spring Boot.
    fn default() -> Self {
        Self {
            include: vec!["health".to_owned()],
            exclude: Vec::new(),
        }
    }
}

impl ExposureSettings {
    /// Every endpoint is reachable.
    #[must_use]
    pub fn all() -> Self {
        Self {
            include: vec!["*".to_owned()],
            exclude: Vec::new(),
        }
    }

    /// Whether the endpoint is reachable over HTTP.
    #[must_use]
    pub fn exposes(&self, id: &str) -> bool {
        let names = |list: &[String]| {
            list.iter()
                .any(|name| name.trim() == "*" || name.trim().eq_ignore_ascii_case(id))
        };
        names(&self.include) && !names(&self.exclude)
    }
}

/// When something of `/health` is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// Never; `when-authorized` has the same effect, as there are no users.
    #[default]
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
    /// `management.health.diskspace.path`; by default every directory that data is kept in, and `.` if
    /// there is none.
    pub disk_space_path: Option<PathBuf>,
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthGroupSettings {
    /// Components in it; `*` or nothing for all.
    pub include: Vec<String>,
    /// Components left out of it; wins over `include`.
    pub exclude: Vec<String>,
    /// When it shows details; `None` follows the endpoint.
    pub show_details: Option<Show>,
    /// When it shows components; `None` follows the group's details, then the endpoint.
    pub show_components: Option<Show>,
    /// `status.order`, worst first, in upper case with `_`; `None` follows the endpoint.
    pub status_order: Option<Vec<String>>,
    /// HTTP status by health status name, over the endpoint's.
    pub status_mapping: IndexMap<String, u16>,
}

impl HealthGroupSettings {
    /// Whether the component is in the group.
    #[must_use]
    pub fn contains(&self, component: &str) -> bool {
        let names = |list: &[String]| list.iter().any(|name| name == "*" || name == component);
        (self.include.is_empty() || names(&self.include)) && !names(&self.exclude)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusion_wins_over_inclusion_and_case_does_not_matter() {
        let exposure = ExposureSettings {
            include: vec!["health".to_owned(), "LOGGERS".to_owned(), "info".to_owned()],
            exclude: vec!["info".to_owned()],
        };
        assert!(exposure.exposes("health"));
        assert!(exposure.exposes("loggers"));
        assert!(!exposure.exposes("info"));
        assert!(!exposure.exposes("env"));
        assert!(ExposureSettings::all().exposes("env"));
        assert!(!ExposureSettings::default().exposes("info"));
    }
}
