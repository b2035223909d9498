//! Where the management endpoints are and what they show.

use std::time::Duration;

use indexmap::IndexMap;
use kayenta_settings::{ExposureSettings, HealthGroupSettings, Show};

use crate::health::StatusOrder;

/// Where the management endpoints are and what they show (`management.*`).
#[derive(Clone, Debug)]
pub struct ManagementOptions {
    /// Where the endpoints sit: `/` as in the reference, or a prefix such as `/actuator`.
    pub base_path: String,
    /// Whether they sit on a port of their own instead of the API's.
    pub separate_port: bool,
    /// Which endpoints are reachable.
    pub exposure: ExposureSettings,
    /// When `/health` shows details.
    pub show_details: Show,
    /// When `/health` shows components; `None` follows `show_details`.
    pub show_components: Option<Show>,
    /// Groups of `/health/<group>` besides `liveness` and `readiness`, by name.
    pub groups: IndexMap<String, HealthGroupSettings>,
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
            exposure: ExposureSettings::default(),
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
