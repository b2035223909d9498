//! All sources together, highest precedence first.

pub(crate) mod name;
pub(crate) mod placeholder;
pub(crate) mod scalar;
pub(crate) mod source;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use kayenta_secrets::SecretSource;
use secrecy::ExposeSecret as _;

use self::{
    name::Name,
    placeholder::{Expanded, Kept, PlaceholderError},
    source::{Entry, Source},
};
use crate::{environment::Environment, mask::is_secret_name};

/// All sources together, highest precedence first.
#[derive(Clone, Default)]
pub struct Properties {
    pub(crate) sources: Vec<Source>,
    pub(crate) random_seed: u64,
    pub(crate) secrets: Option<SecretReferences>,
    /// Where files are that secrets are in.
    pub(crate) environment: Option<Environment>,
}

/// Names of the sources only: values may be secret.
impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.sources.iter().map(|source| &source.name))
            .finish()
    }
}

/// How values that refer to secrets kept elsewhere are recognised and followed.
#[derive(Clone)]
pub struct SecretReferences {
    /// What such values begin with; a value that does is never shown.
    pub prefix: &'static str,
    /// The property that says in which directory secrets are mounted.
    pub directory: &'static str,
    /// Where they are when nothing says so.
    pub default_directory: &'static str,
    /// The secret a value refers to, or why it cannot be had (without the value); `None` when the value
    /// is no reference.
    pub resolve: Arc<ResolveSecret>,
}

/// See [`SecretReferences::resolve`].
pub type ResolveSecret =
    dyn Fn(&str, &Properties) -> Option<Result<SecretReference, String>> + Send + Sync;

impl fmt::Debug for SecretReferences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretReferences({})", self.prefix)
    }
}

/// Where a reference leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretReference {
    /// To this text.
    Text(String),
    /// To a file below the directory of mounted secrets.
    File(PathBuf),
    /// To another system.
    Elsewhere(Arc<dyn SecretSource>),
}

impl Properties {
    /// The entry of this name in the source of highest precedence that has it, or in that source
    /// alone.
    pub(crate) fn find(&self, name: &Name, only: Option<usize>) -> Option<(usize, &Entry)> {
        match only {
            Some(at) => self.sources.get(at)?.find(name).map(|entry| (at, entry)),
            None => self
                .sources
                .iter()
                .enumerate()
                .find_map(|(at, source)| source.find(name).map(|entry| (at, entry))),
        }
    }

    /// The entry's value, placeholders and secrets put in.
    pub(crate) fn value(&self, entry: &Entry) -> Result<Expanded, PlaceholderError> {
        self.expand(&entry.value.text)
    }

    /// A text with its placeholders and secrets put in.
    pub(crate) fn expand(&self, text: &str) -> Result<Expanded, PlaceholderError> {
        // What is in a file or another system is meant as it is.
        if let Some(revealed) = self.reveal(self.alone(text))?
            && revealed.kept.is_some()
        {
            return Ok(revealed);
        }
        let first = self.reveal(text)?;
        let text = first.as_ref().map_or(text, |first| first.text.as_str());
        let mut expanded = placeholder::expand(text, &|name| self.lookup(name))?;
        match self.reveal(&expanded.text)? {
            Some(revealed) => {
                expanded.text = revealed.text;
                expanded.kept = revealed.kept;
                expanded.is_revealed = true;
            }
            None => expanded.is_revealed = first.is_some(),
        }
        Ok(expanded)
    }

    /// The reference to a secret that a text is nothing but a placeholder for, or the text.
    fn alone<'t>(&'t self, text: &'t str) -> &'t str {
        let inside = text
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'))
            .filter(|inside| !inside.contains(['$', '{', '}']));
        let entry = inside.and_then(|inside| {
            let name = inside.split_once(':').map_or(inside, |(name, _)| name);
            self.placeholder(inside).or_else(|| self.placeholder(name))
        });
        entry
            .map(|(_, entry)| entry.value.text.as_str())
            .filter(|held| self.is_reference(held))
            .unwrap_or(text)
    }

    /// The value of a name with defaults the caller has, unresolved parts left as they are.
    pub(crate) fn text(&self, name: &str) -> Option<Result<Expanded, PlaceholderError>> {
        let (_, entry) = self.find(&Name::parse(name), None)?;
        Some(self.value(entry))
    }

    /// The value of a name with its placeholders put in, but no secrets; for what a reference to a secret is
    /// followed with.
    #[must_use]
    pub fn plain(&self, name: &str) -> Option<String> {
        let (_, entry) = self.find(&Name::parse(name), None)?;
        let lookup = |name: &str| {
            let found = self.placeholder(name);
            Ok(found.map(|(_, entry)| entry.value.text.clone()))
        };
        let expanded = placeholder::expand(&entry.value.text, &lookup).ok()?;
        Some(expanded.text).filter(|text| !text.is_empty())
    }

    /// The environment the properties were gathered from.
    #[must_use]
    pub fn environment(&self) -> Option<&Environment> {
        self.environment.as_ref()
    }

    /// The entry a placeholder means.
    pub(crate) fn placeholder(&self, text: &str) -> Option<(usize, &Entry)> {
        let relaxed = !text.is_empty() && !text.contains(char::is_whitespace);
        let name = Name::parse(text);
        self.sources.iter().enumerate().find_map(|(at, source)| {
            source
                .exact(text)
                .or_else(|| relaxed.then(|| source.find(&name)).flatten())
                .map(|entry| (at, entry))
        })
    }

    /// Whether a placeholder of the text leads to a property whose name is secret, directly or through
    /// others.
    pub(crate) fn refers_to_secret(&self, text: &str) -> bool {
        let secret = std::cell::Cell::new(false);
        let result = placeholder::expand(text, &|name| {
            let found = self.placeholder(name);
            if is_secret_name(name)
                || found.is_some_and(|(_, entry)| {
                    is_secret_name(&entry.written) || self.is_reference(&entry.value.text)
                })
            {
                secret.set(secret.get() || found.is_some());
            }
            self.lookup(name)
        });
        secret.get() || matches!(result, Err(PlaceholderError::Secret(_)))
    }

    fn lookup(&self, text: &str) -> Result<Option<String>, PlaceholderError> {
        match self.placeholder(text) {
            Some((_, entry)) => Ok(Some(match self.reveal(&entry.value.text)? {
                Some(revealed) => revealed.text,
                None => entry.value.text.clone(),
            })),
            None => Ok(self.random(text)),
        }
    }

    /// Whether a text refers, or seems to, to a secret kept elsewhere.
    pub(crate) fn is_reference(&self, text: &str) -> bool {
        self.secrets
            .as_ref()
            .is_some_and(|references| text.starts_with(references.prefix))
    }

    /// The secret a text refers to; `None` when it is no reference.
    fn reveal(&self, text: &str) -> Result<Option<Expanded>, PlaceholderError> {
        let Some(references) = &self.secrets else {
            return Ok(None);
        };
        let Some(resolved) = (references.resolve)(text, self) else {
            return Ok(None);
        };
        let (text, kept) = match resolved.map_err(PlaceholderError::Secret)? {
            SecretReference::Text(text) => (text, None),
            SecretReference::File(below) => {
                let directory = self.find(&Name::parse(references.directory), None);
                let directory = directory.map(|(_, entry)| entry.value.text.as_str());
                let path = Path::new(directory.unwrap_or(references.default_directory)).join(below);
                let content = match &self.environment {
                    Some(environment) => environment.read(&path),
                    None => std::fs::read_to_string(&path),
                };
                let content = content.map_err(|error| {
                    PlaceholderError::Secret(format!(
                        "the mounted secret {} of encrypted:k8s cannot be read: {error}; mount it there, or set {}",
                        path.display(),
                        references.directory
                    ))
                })?;
                (content.trim().to_owned(), Some(Kept::File(path)))
            }
            SecretReference::Elsewhere(source) => {
                let content = source.fetch(false).map_err(PlaceholderError::Secret)?;
                let text = String::from_utf8_lossy(content.expose_secret());
                (text.trim().to_owned(), Some(Kept::Elsewhere(source)))
            }
        };
        Ok(Some(Expanded {
            text,
            is_revealed: true,
            kept,
            ..Expanded::default()
        }))
    }

    /// `random.*`: `value`, `uuid`, `int`, `long`, with a bound in brackets.
    fn random(&self, text: &str) -> Option<String> {
        let kind = text.strip_prefix("random.")?;
        let mut state = kind.bytes().fold(self.random_seed, |state, b| {
            state.wrapping_mul(31).wrapping_add(u64::from(b))
        });
        let mut next = || {
            // SplitMix64 (Steele, Lea and Flood, 2014): nothing here is secret.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        let bounds = |digits: &str| -> Option<(i64, i64)> {
            let inside = digits
                .strip_prefix(['(', '['])?
                .strip_suffix([')', ']'])?
                .split(',')
                .map(|bound| bound.trim().parse().ok())
                .collect::<Option<Vec<i64>>>()?;
            match inside[..] {
                [high] if high > 0 => Some((0, high)),
                [low, high] if low < high => Some((low, high)),
                _ => None,
            }
        };
        let whole = kind.strip_prefix("int").or(kind.strip_prefix("long"));
        match (kind, whole) {
            ("value", _) => Some(format!("{:016x}{:016x}", next(), next())),
            ("uuid", _) => {
                let (high, low) = (next(), next());
                Some(format!(
                    "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
                    high >> 32,
                    (high >> 16) & 0xffff,
                    high & 0xfff,
                    0x8000 | (low >> 48) & 0x3fff,
                    low & 0xffff_ffff_ffff
                ))
            }
            ("int", _) => Some((next() as u32 as i32).to_string()),
            ("long", _) => Some((next() as i64).to_string()),
            (_, Some(digits)) => {
                let (low, high) = bounds(digits)?;
                let width = high.checked_sub(low)?.unsigned_abs();
                let offset = i64::try_from(next() % width).ok()?;
                Some((low + offset).to_string())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_values_have_their_shape() {
        let properties = Properties {
            random_seed: 7,
            ..Properties::default()
        };
        let value = |text: &str| properties.expand(text).unwrap().text;
        assert_eq!(value("${random.value}").len(), 32);
        assert_eq!(value("${random.uuid}").len(), 36);
        let bounded: i64 = value("${random.int[10,12]}").parse().unwrap();
        assert!((10..12).contains(&bounded));
        let below: i64 = value("${random.int(3)}").parse().unwrap();
        assert!((0..3).contains(&below));
        assert_eq!(value("${random.nope}"), "${random.nope}");
    }
}
