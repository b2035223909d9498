//! A problem and the place of a field.

use std::fmt;

use serde::Serialize;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProblemLevel {
    /// The config cannot be stored, or a run of it fails for certain.
    Error,
    /// It is accepted, but something has no effect or probably is not meant.
    Warning,
}

impl ProblemLevel {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One problem. It prints with the path of its field and the nearest known name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// JSON pointer (RFC 6901) of the field; of a missing field, where it belongs.
    pub pointer: String,
    /// How bad it is.
    pub level: ProblemLevel,
    /// Stable name of the rule.
    pub rule: &'static str,
    /// What is wrong and what to do about it.
    pub message: String,
    /// The known name that was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
}

impl Problem {
    pub(crate) fn error(
        pointer: impl Into<String>,
        rule: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            pointer: pointer.into(),
            level: ProblemLevel::Error,
            rule,
            message: message.into(),
            nearest: None,
        }
    }

    pub(crate) fn warning(
        pointer: impl Into<String>,
        rule: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            level: ProblemLevel::Warning,
            ..Self::error(pointer, rule, message)
        }
    }

    pub(crate) fn near(mut self, nearest: Option<&str>) -> Self {
        self.nearest = nearest.map(str::to_owned);
        self
    }

    /// Whether it keeps the config from being stored or run.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.level == ProblemLevel::Error
    }

    /// What is wrong, with the nearest known name, without the field.
    #[must_use]
    pub fn sentence(&self) -> String {
        match &self.nearest {
            Some(nearest) => format!("{}; did you mean '{nearest}'?", self.message),
            None => self.message.clone(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = field_path(&self.pointer);
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        f.write_str(&self.sentence())
    }
}

/// A pointer as people write it: `metrics[0].query.type`.
#[must_use]
pub fn field_path(pointer: &str) -> String {
    let mut path = String::new();
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        if token.parse::<usize>().is_ok() {
            path.push_str(&format!("[{token}]"));
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&token);
        }
    }
    path
}

/// The pointer of a path, each part escaped.
pub(crate) fn pointer<T: AsRef<str>>(parts: &[T]) -> String {
    parts
        .iter()
        .map(|part| format!("/{}", part.as_ref().replace('~', "~0").replace('/', "~1")))
        .collect()
}

/// The pointer of a path with dots and brackets, as error messages have it.
pub(crate) fn pointer_of(path: &str) -> String {
    let parts: Vec<&str> = path
        .split(['.', '[', ']'])
        .filter(|part| !part.is_empty())
        .collect();
    pointer(&parts)
}
