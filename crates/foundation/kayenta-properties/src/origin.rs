//! Where a value comes from.

use std::fmt;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A place in a file.
    File {
        /// The path, as an operator would write it.
        path: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// An environment variable.
    Variable(String),
    /// `-Dname=value`; the variable it stands in (`JAVA_OPTS`), or `command line`.
    SystemProperty(String),
    /// `--name=value`.
    Argument(String),
    /// Inside the JSON of a variable or property.
    Json(String),
    /// Built in.
    Default,
}

impl Origin {
    /// Whether it is an environment variable.
    #[must_use]
    pub fn is_variable(&self) -> bool {
        matches!(self, Self::Variable(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::SystemProperty(holder) => write!(f, "-D in {holder}"),
            Self::Argument(text) => write!(f, "argument {text}"),
            Self::Json(holder) => write!(f, "JSON in {holder}"),
            Self::Default => f.write_str("built-in default"),
        }
    }
}
