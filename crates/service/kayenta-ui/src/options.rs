//! What an operator can set about the pages.

use std::time::Duration;

use kayenta_web::BodyLimits;

/// What an operator can set about the pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagesOptions {
    /// `server.servlet.context-path`, before every link; empty for none.
    pub context_path: String,
    /// `kayenta.ui.publicUrl`: the address of this service for browsers, if it is known.
    pub public_url: Option<String>,
    /// `kayenta.ui.userHeader`, lower case: the header in which a trusted proxy names the user.
    pub user_header: Option<String>,
    /// How long a form may be and may take to arrive.
    pub forms: BodyLimits,
}

impl Default for PagesOptions {
    fn default() -> Self {
        Self {
            context_path: String::new(),
            public_url: None,
            user_header: None,
            forms: BodyLimits {
                max_bytes: 16 << 20,
                timeout: Duration::from_secs(30),
            },
        }
    }
}
