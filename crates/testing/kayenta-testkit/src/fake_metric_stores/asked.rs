//! What a store was asked, and what it says.

use std::collections::HashMap;

use anyhow::Context;
use serde_json::Value;

/// One request as the stores see it.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// Path without the query.
    pub(super) path: &'a str,
    /// Decoded parameters, the last of a name.
    pub(super) parameters: &'a HashMap<String, String>,
    /// The body as text.
    pub(super) body: &'a str,
    /// `localhost:<port>` of the TLS side, for stores that name servers.
    pub(super) tls_host: &'a str,
}

impl Asked<'_> {
    /// A parameter, empty when it was not sent.
    pub(super) fn text(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// A parameter that is a whole number.
    pub(super) fn number(&self, name: &str) -> anyhow::Result<i64> {
        let text = self.text(name);
        text.parse()
            .with_context(|| format!("parameter {name} is no number: '{text}'"))
    }

    /// A parameter in milliseconds, cut to seconds.
    pub(super) fn seconds_of_millis(&self, name: &str) -> anyhow::Result<i64> {
        Ok(self.number(name)?.div_euclid(1000))
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Said {
    Json(Value),
    Text(String),
}

impl From<Value> for Said {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}

impl Said {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Json(value) => format!("{value}\n"),
            Self::Text(text) => text,
        }
    }
}
