//! Where the management endpoints are and what they show.

use std::time::Duration;

use indexmap::IndexMap;

use crate::health::StatusOrder;

/// Where the management endpoints are and what they show (`management.*`).
#[derive(Clone, Debug)]
pub struct ManagementOptions {
    /// Where the endpoints sit: `/` as in the reference, or a prefix such as `/actuator`.
    pub base_path: String,
    /// Whether they sit on a port of their own instead of the API's.
    pub separate_port: bool,
    /// Which endpoints are reachable.
    pub exposure: Exposure,
    /// When `/health` shows details.
    pub show_details: Show,
    /// When `/health` shows components; `None` follows `show_details`.
    pub show_components: Option<Show>,
    /// Groups of `/health/<group>` besides `liveness` and `readiness`, by name.
    pub groups: IndexMap<String, HealthGroup>,
    /// Whether `/health` lists the groups `liveness` and `readiness` and the two state components
    /// (`management.endpoint.health.probes.enabled`, or on Kubernetes). The probe paths themselves
    /// always answer.
    pub probes_listed: bool,
    /// Which status stands for several.
    pub status_order: StatusOrder,
    /// HTTP status by health status name (`DOWN`), over the defaults.
    pub status_mapping: IndexMap<String, u16>,
    /// How long one component may take before it counts as down. The default stays below the one
    /// second a Kubernetes probe waits, so that a hanging store is reported as the cause.
    pub health_timeout: Duration,
    /// How long an answer of the components is reused.
    pub health_cache: Duration,
    /// Keys to be masked in `/env` and `/configprops` besides the built-in rules: a regular
    /// expression, or a plain text that the key ends with.
    pub extra_sanitized_keys: Vec<String>,
}

impl Default for ManagementOptions {
    fn default() -> Self {
        Self {
            base_path: "/".to_owned(),
            separate_port: false,
            exposure: Exposure::default(),
            show_details: Show::Never,
            show_components: None,
            groups: IndexMap::new(),
            probes_listed: false,
            status_order: StatusOrder::default(),
            status_mapping: IndexMap::new(),
            health_timeout: Duration::from_millis(800),
            health_cache: Duration::from_secs(1),
            extra_sanitized_keys: Vec::new(),
        }
    }
}

/// When something of `/health` is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// Never; also what `when-authorized` comes to, as there are no users.
    #[default]
    Never,
    /// Always.
    Always,
}

/// `management.endpoints.web.exposure`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Endpoint ids, `*` for all; compared without regard to case.
    pub include: Vec<String>,
    /// Endpoint ids, `*` for all; wins over `include`.
    pub exclude: Vec<String>,
}

impl Default for Exposure {
    fn default() -> Self {
        Self {
            include: vec!["health".to_owned()],
            exclude: Vec::new(),
        }
    }
}

impl Exposure {
    /// Everything is reachable.
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

/// One group of `/health/<group>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthGroup {
    /// Components in it; `*` or nothing for all.
    pub include: Vec<String>,
    /// Components left out of it; wins over `include`.
    pub exclude: Vec<String>,
    /// When it shows details; `None` follows the endpoint.
    pub show_details: Option<Show>,
    /// When it shows components; `None` follows the group's details, then the endpoint.
    pub show_components: Option<Show>,
    /// Which status stands for its components; `None` follows the endpoint.
    pub status_order: Option<StatusOrder>,
    /// HTTP status by health status name, over the endpoint's.
    pub status_mapping: IndexMap<String, u16>,
}

impl HealthGroup {
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
        let exposure = Exposure {
            include: vec!["health".to_owned(), "LOGGERS".to_owned(), "info".to_owned()],
            exclude: vec!["info".to_owned()],
        };
        assert!(exposure.exposes("health"));
        assert!(exposure.exposes("loggers"));
        assert!(!exposure.exposes("info"));
        assert!(!exposure.exposes("env"));
        assert!(Exposure::all().exposes("env"));
        assert!(!Exposure::default().exposes("info"));
    }
}
