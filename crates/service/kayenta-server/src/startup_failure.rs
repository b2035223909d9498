//! Why the service cannot start, in the block operators search for.

use std::fmt;

/// What went wrong, where, and what to do.
#[derive(Debug)]
pub(crate) struct StartupFailure {
    /// What went wrong, and where.
    pub(crate) description: String,
    /// What to do.
    pub(crate) action: String,
}

impl StartupFailure {
    /// A failure with its remedy.
    pub(crate) fn new(description: impl Into<String>, action: impl Into<String>) -> Self {
        Self {
            description: description.into(),
            action: action.into(),
        }
    }
}

impl std::error::Error for StartupFailure {}

impl fmt::Display for StartupFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stars = "*".repeat(27);
        write!(
            f,
            "\n\n{stars}\nAPPLICATION FAILED TO START\n{stars}\n\nDescription:\n\n{}\n\nAction:\n\n{}\n",
            self.description, self.action
        )
    }
}
