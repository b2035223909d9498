//! `kayenta check-config`: what is wrong with a configuration, and what it comes to.

use std::fmt;

use kayenta_accounts::AccountSection;
use kayenta_properties::{Diagnostic, EffectiveProperty, Origin, Severity};

use crate::{Environment, SkippedAccount, load::read};

/// What is wrong with a configuration, and what it comes to.
#[derive(Clone, Debug)]
pub struct CheckReport {
    /// What stops the start.
    pub errors: Vec<Diagnostic>,
    /// What does not.
    pub warnings: Vec<Diagnostic>,
    /// Accounts the service would start without: what it would log at ERROR, and why.
    pub skipped: Vec<SkippedAccount>,
    /// Files that were read.
    pub files: Vec<String>,
    /// Every setting in effect, secrets masked.
    pub effective: Vec<EffectiveProperty>,
}

impl CheckReport {
    /// Whether the service would start.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.errors.is_empty()
    }

    /// The settings in effect, one `name = value  # origin` line each, those that are set first.
    #[must_use]
    pub fn effective_text(&self) -> String {
        let mut text = String::new();
        let (defaults, set): (Vec<_>, Vec<_>) = self
            .effective
            .iter()
            .partition(|property| property.origin == Origin::Default);
        for (title, properties) in [("set", set), ("defaults", defaults)] {
            if properties.is_empty() {
                continue;
            }
            text.push_str(&format!("# {title}\n"));
            for property in properties {
                text.push_str(&format!(
                    "{} = {}",
                    property.name,
                    one_line(&property.value)
                ));
                if property.origin != Origin::Default {
                    text.push_str(&format!("  # {}", property.origin));
                }
                text.push('\n');
            }
        }
        text
    }
}

fn one_line(text: &str) -> String {
    text.replace('\n', "\\n")
}

/// Errors, warnings, then a verdict; not the settings.
impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in self.errors.iter().chain(&self.warnings) {
            writeln!(f, "{diagnostic}")?;
        }
        for account in &self.skipped {
            writeln!(f, "{} {}", account.message, account.cause)?;
        }
        let warnings = self
            .warnings
            .iter()
            .filter(|warning| warning.severity == Severity::Warning)
            .count();
        let count = |number: usize, what: &str| {
            format!("{number} {what}{}", if number == 1 { "" } else { "s" })
        };
        write!(
            f,
            "{}, {}, {} left out",
            count(self.errors.len(), "error"),
            count(warnings, "warning"),
            count(self.skipped.len(), "account")
        )
    }
}

/// Reads a configuration as a start would, and reports instead of starting. Files named with
/// [`Environment::only_file`] are read in place of the usual ones.
#[must_use]
pub fn check_config<S: AccountSection>(environment: &Environment, table: &[S]) -> CheckReport {
    let reading = read(environment, table);
    CheckReport {
        skipped: reading
            .settings
            .map(|(_, accounts)| accounts.skipped)
            .unwrap_or_default(),
        errors: reading.errors,
        warnings: reading.warnings,
        files: reading.files,
        effective: reading.effective,
    }
}
