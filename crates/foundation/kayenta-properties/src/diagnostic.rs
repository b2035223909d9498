//! What is wrong with a configuration, said so that a person can fix it.

use std::fmt;

use crate::origin::Origin;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The application runs as it should, which may surprise.
    Note,
    /// The application runs.
    Warning,
    /// The application does not start.
    Error,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// The property, in kebab case (`shop.stores[0].supported-types`).
    pub property: Option<String>,
    /// What was found, secrets masked.
    pub found: Option<String>,
    /// Where.
    pub origin: Option<Origin>,
    /// What would be right: a type, a form.
    pub expected: Option<String>,
    /// The values that would be right, where there are few.
    pub valid_values: Vec<String>,
    /// What to do.
    pub remedy: Option<String>,
}

impl Diagnostic {
    /// What was found where a value that is needed is missing.
    pub const ABSENT: &'static str = "null";

    /// Whether it says that a value is missing.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        self.found.as_deref() == Some(Self::ABSENT)
    }

    /// Something the application cannot start with.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            property: None,
            found: None,
            origin: None,
            expected: None,
            valid_values: Vec::new(),
            remedy: None,
        }
    }

    /// Something to look at.
    #[must_use]
    pub fn warning(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(message)
        }
    }

    /// Something that may surprise.
    #[must_use]
    pub fn note(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Note,
            ..Self::error(message)
        }
    }

    /// About this property.
    #[must_use]
    pub fn property(mut self, property: impl Into<String>) -> Self {
        self.property = Some(property.into());
        self
    }

    /// This was found.
    #[must_use]
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    /// Here.
    #[must_use]
    pub fn at(mut self, origin: impl Into<Option<Origin>>) -> Self {
        self.origin = origin.into();
        self
    }

    /// This would be right.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Do this.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// One line: place, severity, property, message, found, expected, remedy.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        f.write_str(match self.severity {
            Severity::Error => "error: ",
            Severity::Warning => "warning: ",
            Severity::Note => "note: ",
        })?;
        if let Some(property) = &self.property {
            write!(f, "{property}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(found) = &self.found {
            write!(f, "; found \"{found}\"")?;
        }
        if let Some(expected) = &self.expected {
            write!(f, "; expected {expected}")?;
        }
        if !self.valid_values.is_empty() {
            write!(f, "; valid values: {}", self.valid_values.join(", "))?;
        }
        if let Some(remedy) = &self.remedy {
            write!(f, "; {remedy}")?;
        }
        Ok(())
    }
}

/// A configuration the application cannot start with: everything that is wrong, not only the first.
#[derive(Clone, Debug, thiserror::Error)]
pub struct ConfigError {
    /// What is wrong; at least one.
    pub errors: Vec<Diagnostic>,
    /// What is merely odd.
    pub warnings: Vec<Diagnostic>,
}

/// The report block operators search for (`APPLICATION FAILED TO START`).
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stars = "*".repeat(27);
        write!(
            f,
            "\n\n{stars}\nAPPLICATION FAILED TO START\n{stars}\n\nDescription:\n"
        )?;
        for error in &self.errors {
            writeln!(f, "\n{}", error.message)?;
            let details = [
                ("Property", error.property.clone()),
                (
                    "Value",
                    error.found.as_ref().map(|found| format!("\"{found}\"")),
                ),
                ("Origin", error.origin.as_ref().map(ToString::to_string)),
                ("Expected", error.expected.clone()),
            ];
            if details.iter().any(|(_, value)| value.is_some()) {
                writeln!(f)?;
            }
            for (label, value) in details {
                if let Some(value) = value {
                    writeln!(f, "    {label}: {value}")?;
                }
            }
        }
        writeln!(f, "\nAction:")?;
        let mut said = Vec::new();
        for error in &self.errors {
            let mut action = error
                .remedy
                .clone()
                .unwrap_or_else(|| "Update your application's configuration".to_owned());
            if !error.valid_values.is_empty() {
                action.push_str(". The following values are valid:\n");
                for value in &error.valid_values {
                    action.push_str("\n    ");
                    action.push_str(value);
                }
            }
            if !said.contains(&action) {
                writeln!(f, "\n{action}")?;
                said.push(action);
            }
        }
        Ok(())
    }
}
