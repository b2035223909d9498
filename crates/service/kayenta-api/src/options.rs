//! What an operator can switch: the part of the settings the HTTP layer reads.

use std::time::Duration;

use kayenta_access::SigningKeys;
use kayenta_management::ManagementOptions;
use kayenta_metrics::StoreDescription;
use kayenta_settings::{AuthenticationSettings, BrowserAccess, CorsSettings, TestDefaults};

/// The title of the API document when none is set.
pub(crate) const DEFAULT_TITLE: &str = "Kayenta API";

/// Settings of the HTTP layer. The default is what the reference does with an empty configuration,
/// with every metric store's fetch endpoint off.
#[derive(Clone, Debug)]
pub struct ApiOptions {
    /// `server.servlet.context-path`: a prefix of every path on the main port, such as `/kayenta`.
    /// Empty for none.
    pub context_path: String,
    /// Which origins browsers may call from.
    pub cors: CorsSettings,
    /// Longest accepted request body in bytes; beyond it 413. Pair lists of several megabytes are
    /// ordinary.
    pub max_body_bytes: usize,
    /// How long a client may take to send a body; beyond it 408.
    pub body_timeout: Duration,
    /// Whether the `/standalone_canary_analysis` routes exist.
    pub scape_enabled: bool,
    /// The metric stores that are switched on. A store with a fetch route has its `/fetch/<store>/query`.
    pub metric_stores: Vec<&'static StoreDescription>,
    /// `kayenta.<store>.test-controller-defaults`: per store, per property, the value a fetch
    /// parameter takes when it is absent or empty.
    pub fetch_defaults: TestDefaults,
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
    /// Whom users may turn to (`swagger.contact`): a name or a mail address; empty for none.
    pub swagger_contact: String,
    /// Which paths the API document lists (`swagger.patterns`): regular expressions of which one must
    /// match a whole path; empty for all. All paths answer, whether listed or not.
    pub swagger_patterns: Vec<String>,
    /// The JSON Schema of the service's configuration, served beside those of the API; empty for none.
    pub configuration_schema: &'static str,
    /// `/health` and its neighbours.
    pub management: ManagementOptions,
    /// How callers authenticate; `None`: every caller may do everything.
    pub authentication: Option<AuthenticationSettings>,
    /// The keys of the identity provider, if [`authentication`](Self::authentication) takes JWTs.
    pub signing_keys: Option<SigningKeys>,
    /// The address of the pages of analyses for browsers, below which their ids are; `None` where it is not known.
    pub analysis_pages: Option<String>,
    /// How browsers show who they are where callers authenticate.
    pub browser: BrowserAccess,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            context_path: String::new(),
            cors: CorsSettings::default(),
            max_body_bytes: 64 << 20,
            body_timeout: Duration::from_secs(30),
            scape_enabled: true,
            metric_stores: Vec::new(),
            fetch_defaults: TestDefaults::new(),
            validate_metric_names: true,
            credentials_delete_enabled: true,
            spectator_enabled: true,
            swagger_enabled: true,
            swagger_title: DEFAULT_TITLE.to_owned(),
            swagger_description: String::new(),
            swagger_contact: String::new(),
            swagger_patterns: Vec::new(),
            configuration_schema: "",
            management: ManagementOptions::default(),
            authentication: None,
            signing_keys: None,
            analysis_pages: None,
            browser: BrowserAccess::default(),
        }
    }
}
