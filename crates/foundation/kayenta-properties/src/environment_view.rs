//! Every property of every source, as `/env` shows them: masked, and no more than that.

use kayenta_secrets::MASK;
use serde_json::Value;

use crate::{
    loader::Gathered,
    mask::{is_secret_name, mask},
    origin::Origin,
    properties::{Properties, source::Entry},
};

/// Every property of every source, highest precedence first.
#[derive(Clone, Debug)]
pub struct EnvironmentView {
    /// The active profiles, lowest precedence first.
    pub active_profiles: Vec<String>,
    /// The sources.
    pub sources: Vec<SourceView>,
    /// Whether this is Kubernetes, by Spring Boot's rule.
    pub on_kubernetes: bool,
    names: Names,
}

/// A source of properties.
#[derive(Clone, Debug)]
pub struct SourceView {
    /// As Spring Boot names it (`systemEnvironment`, `Config resource 'file […]' via location '…'`).
    pub name: String,
    /// Its properties, in order.
    pub properties: Vec<PropertyView>,
}

/// A property of a source.
#[derive(Clone, Debug)]
pub struct PropertyView {
    /// The name as written.
    pub name: String,
    /// The value with its YAML type, placeholders put in, secrets masked.
    pub value: Value,
    /// Where it stands; `None` for built-in ones.
    pub origin: Option<String>,
}

/// A property looked up by name.
#[derive(Clone, Debug)]
pub struct FoundProperty<'v> {
    /// The source it comes from.
    pub source: &'v SourceView,
    /// The property.
    pub property: &'v PropertyView,
}

/// The raw properties with their values taken out, to look names up by.
#[derive(Clone)]
struct Names(Properties);

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}

impl EnvironmentView {
    /// What was gathered, without its secrets.
    #[must_use]
    pub fn new(gathered: &Gathered) -> Self {
        let properties = &gathered.properties;
        let sources = properties
            .sources
            .iter()
            .map(|source| SourceView {
                name: source.name.clone(),
                properties: source
                    .entries
                    .iter()
                    .map(|entry| PropertyView {
                        name: entry.written.clone(),
                        value: shown(properties, entry),
                        origin: match &entry.origin {
                            Origin::Default => None,
                            origin => Some(origin.to_string()),
                        },
                    })
                    .collect(),
            })
            .collect();
        let mut names = properties.clone();
        for source in &mut names.sources {
            for entry in &mut source.entries {
                entry.value.text.clear();
            }
        }
        Self {
            active_profiles: gathered.profiles.clone(),
            sources,
            on_kubernetes: gathered.on_kubernetes,
            names: Names(names),
        }
    }

    /// The property a name means, looked up as a placeholder is: `azure.storageKey` finds the variable
    /// `AZURE_STORAGEKEY`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<FoundProperty<'_>> {
        let (at, entry) = self.names.0.placeholder(name)?;
        let source = self.sources.get(at)?;
        let position = self.names.0.sources[at]
            .entries
            .iter()
            .position(|candidate| std::ptr::eq(candidate, entry))?;
        let property = source.properties.get(position)?;
        Some(FoundProperty { source, property })
    }
}

fn shown(properties: &Properties, entry: &Entry) -> Value {
    if is_secret_name(&entry.written) && !entry.value.text.is_empty() {
        return MASK.into();
    }
    if properties.is_reference(&entry.value.text) {
        return MASK.into();
    }
    if !entry.value.text.contains("${") {
        return match entry.value.json() {
            Value::String(text) => mask(&entry.written, &text).into(),
            typed => typed,
        };
    }
    // A placeholder may bring a secret in under a harmless name.
    if properties.refers_to_secret(&entry.value.text) {
        return MASK.into();
    }
    let text = properties
        .value(entry)
        .map_or_else(|_| entry.value.text.clone(), |expanded| expanded.text);
    mask(&entry.written, &text).into()
}
