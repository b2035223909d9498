//! What an operator can switch: the part of the settings the HTTP layer reads.

use std::{collections::BTreeSet, time::Duration};

use indexmap::IndexMap;

use crate::{management::StatusOrder, openapi::DEFAULT_TITLE, security::SecurityOptions};

/// Settings of the HTTP layer. The default is what the reference does with an empty configuration,
/// with every metric store's fetch endpoint off.
#[derive(Clone, Debug)]
pub struct ApiOptions {
    /// `server.servlet.context-path`: a prefix of every path on the main port, such as `/kayenta`.
    /// Empty for none.
    pub context_path: String,
    /// Which origins browsers may call from.
    pub cors: CorsOptions,
    /// Longest accepted request body in bytes; beyond it 413. Pair lists of several megabytes are
    /// ordinary.
    pub max_body_bytes: usize,
    /// How long a client may take to send a body; beyond it 408.
    pub body_timeout: Duration,
    /// Whether the `/standalone_canary_analysis` routes exist.
    pub scape_enabled: bool,
    /// The metric stores (`prometheus`, `datadog`, …) whose `/fetch/<store>/query` exists.
    pub fetch_stores: BTreeSet<String>,
    /// `kayenta.<store>.test-controller-defaults`: per store, per property, the value a fetch
    /// parameter takes when it is absent or empty.
    pub fetch_defaults: IndexMap<String, IndexMap<String, String>>,
    /// Whether metric names of a config must be present and unique
    /// (`kayenta.disable.metricname.validation` switches it off).
    pub validate_metric_names: bool,
    /// Whether `DELETE /credentials/{accountName}` exists.
    pub credentials_delete_enabled: bool,
    /// Whether `/spectator/metrics` exists (`spectator.webEndpoint.enabled`).
    pub spectator_enabled: bool,
    /// Whether the API document and its user interface are served (`swagger.enabled`).
    pub swagger_enabled: bool,
    /// Title of the API document (`swagger.title`); a default one when empty.
    pub swagger_title: String,
    /// Text of the API document (`swagger.description`); a default one when empty.
    pub swagger_description: String,
    /// Whom users may turn to (`swagger.contact`): a name or a mail address, empty for nobody.
    pub swagger_contact: String,
    /// Which paths the API document lists (`swagger.patterns`): regular expressions of which one must
    /// match a whole path; empty for all. All paths answer, whether listed or not.
    pub swagger_patterns: Vec<String>,
    /// `/health` and its neighbours.
    pub management: ManagementOptions,
    /// Who may do what; everybody everything unless switched on.
    pub security: SecurityOptions,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            context_path: String::new(),
            cors: CorsOptions::default(),
            max_body_bytes: 64 << 20,
            body_timeout: Duration::from_secs(30),
            scape_enabled: true,
            fetch_stores: BTreeSet::new(),
            fetch_defaults: IndexMap::new(),
            validate_metric_names: true,
            credentials_delete_enabled: true,
            spectator_enabled: true,
            swagger_enabled: true,
            swagger_title: DEFAULT_TITLE.to_owned(),
            swagger_description: String::new(),
            swagger_contact: String::new(),
            swagger_patterns: Vec::new(),
            management: ManagementOptions::default(),
            security: SecurityOptions::default(),
        }
    }
}

/// Which origins browsers may call from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CorsOptions {
    /// Any origin, echoed back: what the reference does.
    #[default]
    AnyOrigin,
    /// Only these origins, each as a browser sends it (`https://ui.example.com`).
    Origins(Vec<String>),
    /// None; no CORS header is ever sent.
    Disabled,
}

impl CorsOptions {
    /// Whether the origin may read answers.
    #[must_use]
    pub fn allows(&self, origin: &str) -> bool {
        match self {
            Self::AnyOrigin => true,
            Self::Origins(origins) => origins.iter().any(|allowed| allowed == origin),
            Self::Disabled => false,
        }
    }
}

/// Where the management endpoints are and what they show (`management.*`).
#[derive(Clone, Debug)]
pub struct ManagementOptions {
    /// Where the endpoints sit: `/` as in the reference, or a prefix such as `/actuator`.
    pub base_path: String,
    /// Whether they sit on a port of their own. Then [`router`](crate::router()) leaves them out and
    /// [`management_router`](crate::management_router) has them.
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
    /// second a Kubernetes probe waits, so that a hanging store is told and not guessed.
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
