//! `${name}` and `${name:default}` inside values.

use std::{path::PathBuf, sync::Arc};

use kayenta_secrets::SecretSource;

/// Why a text cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PlaceholderError {
    /// A value refers to itself, by way of this placeholder.
    Circular(String),
    /// The text grows without end.
    TooLong,
    /// A secret that cannot be had.
    Secret(String),
}

/// A text with its placeholders put in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expanded {
    pub(crate) text: String,
    /// Placeholders that have no value and no default; they stand in the text as written.
    pub(crate) unresolved: Vec<String>,
    /// Whether the text is what a reference to a secret refers to.
    pub(crate) is_revealed: bool,
    /// Where the text is from, which may have another content later.
    pub(crate) kept: Option<Kept>,
}

/// Where a secret is kept that may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// In a file.
    File(PathBuf),
    /// In another system.
    Elsewhere(Arc<dyn SecretSource>),
}

/// Longest text a value may become.
const MAX_LENGTH: usize = 64 * 1024;
/// Placeholders followed for one value.
const MAX_LOOKUPS: usize = 2_000;
/// Placeholders inside placeholders.
const MAX_DEPTH: usize = 48;

/// Puts in every placeholder. `lookup` gives the raw value of a name.
pub(crate) fn expand(
    text: &str,
    lookup: &dyn Fn(&str) -> Result<Option<String>, PlaceholderError>,
) -> Result<Expanded, PlaceholderError> {
    if !text.contains("${") {
        return Ok(Expanded {
            text: text.to_owned(),
            ..Expanded::default()
        });
    }
    let mut expansion = Expansion {
        lookup,
        open: Vec::new(),
        unresolved: Vec::new(),
        lookups: 0,
    };
    let text = expansion.expand(text)?;
    Ok(Expanded {
        text,
        unresolved: expansion.unresolved,
        ..Expanded::default()
    })
}

struct Expansion<'l> {
    lookup: &'l dyn Fn(&str) -> Result<Option<String>, PlaceholderError>,
    open: Vec<String>,
    unresolved: Vec<String>,
    lookups: usize,
}

impl Expansion<'_> {
    fn expand(&mut self, text: &str) -> Result<String, PlaceholderError> {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let Some(length) = end_of_placeholder(&rest[start + 2..]) else {
                break;
            };
            expanded.push_str(&rest[..start]);
            let inner = &rest[start + 2..start + 2 + length];
            rest = &rest[start + 3 + length..];
            if self.open.iter().any(|open| open == inner) {
                let name = self.open.last().map_or(inner, String::as_str).to_owned();
                return Err(PlaceholderError::Circular(name));
            }
            if self.open.len() >= MAX_DEPTH {
                return Err(PlaceholderError::TooLong);
            }
            self.open.push(inner.to_owned());
            let value = self.value(inner)?;
            self.open.pop();
            expanded.push_str(&value);
            if expanded.len() > MAX_LENGTH {
                return Err(PlaceholderError::TooLong);
            }
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    /// The value of what stands between `${` and `}`; the placeholder itself when there is none.
    fn value(&mut self, inner: &str) -> Result<String, PlaceholderError> {
        let before = self.unresolved.len();
        let name = self.expand(inner)?;
        self.lookups += 1;
        if self.lookups > MAX_LOOKUPS {
            return Err(PlaceholderError::TooLong);
        }
        let found = match (self.lookup)(&name)? {
            Some(value) => Some(value),
            None => match name.split_once(':') {
                None => None,
                Some((name, default)) => match (self.lookup)(name)? {
                    Some(value) => Some(value),
                    // The default is expanded by now; what it lacks stays noted.
                    None => return Ok(default.to_owned()),
                },
            },
        };
        match found {
            Some(value) => {
                // What an unused default lacks does not matter.
                self.unresolved.truncate(before);
                self.expand(&value)
            }
            None => {
                self.unresolved.push(name.clone());
                Ok(format!("${{{name}}}"))
            }
        }
    }
}

/// Where the placeholder that begins here ends, braces inside it counted.
fn end_of_placeholder(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<Expanded, PlaceholderError> {
        expand(text, &|name| {
            Ok(match name {
                "azure.storageKey" => Some("k"),
                "x.b" => Some("xb"),
                "sel" => Some("b"),
                "has:colon" => Some("hc"),
                "loop" => Some("${pool}"),
                "pool" => Some("${loop}"),
                "wide" => Some("${wide2}${wide2}"),
                "wide2" => Some("${wide3}${wide3}"),
                "wide3" => Some("0123456789012345678901234567890123456789"),
                "indirect" => Some("<${sel}>"),
                _ => None,
            }
            .map(str::to_owned))
        })
    }

    #[test]
    fn placeholders_nest_default_and_stay_when_unknown() {
        for (text, result) in [
            ("x/${no.a}/${azure.storageKey}", "x/${no.a}/k"),
            ("${no.a:d}", "d"),
            ("${no.a:}", ""),
            ("${no.a:${azure.storageKey}}", "k"),
            ("${no.a:${no.b:p:q}}", "p:q"),
            ("${x.${sel}}", "xb"),
            ("${has:colon}", "hc"),
            ("\\${azure.storageKey}", "\\k"),
            ("$${azure.storageKey}", "$k"),
            ("${ azure.storageKey }", "${ azure.storageKey }"),
            ("${open", "${open"),
            ("#{1+1}", "#{1+1}"),
            ("${indirect}", "<b>"),
            (
                "${services.redis.baseUrl:redis://localhost:6379}",
                "redis://localhost:6379",
            ),
        ] {
            assert_eq!(expanded(text).unwrap().text, result, "{text}");
        }
        assert_eq!(expanded("${a}${sel:${b}}").unwrap().unresolved, ["a"]);
        assert_eq!(expanded("${no:${b}}").unwrap().unresolved, ["b"]);
    }

    #[test]
    fn circles_and_explosions_end() {
        assert_eq!(
            expanded("${loop}"),
            Err(PlaceholderError::Circular("pool".to_owned()))
        );
        assert_eq!(
            expanded(&"${wide}".repeat(1000)),
            Err(PlaceholderError::TooLong)
        );
    }
}
