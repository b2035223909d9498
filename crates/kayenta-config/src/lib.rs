//! Property sources, relaxed names and placeholders become one validated, typed [`Settings`].

mod diagnostic;
mod mask;
mod origin;
pub mod settings;

pub use diagnostic::{ConfigError, Diagnostic, Severity};
pub use mask::{MASK, is_secret_name, mask, mask_url_passwords};
pub use origin::Origin;
pub use settings::Settings;
