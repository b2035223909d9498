//! Reads of lists and maps. A list comes whole from one source; a map is put together key by key.

use indexmap::IndexMap;

use super::{Group, Value};
use crate::{
    diagnostic::Diagnostic,
    properties::{
        name::{Element, Name},
        source::Entry,
    },
};

impl<'b> Group<'b> {
    /// A list of texts; `None` when the name is not there.
    pub fn list(&self, name: &str) -> Option<Vec<String>> {
        let items = self.items(name)?;
        for item in &items {
            self.warn_unresolved(item);
        }
        Some(items.into_iter().map(|item| item.text).collect())
    }

    /// A list of texts, empty when the name is not there.
    pub fn list_or_empty(&self, name: &str) -> Vec<String> {
        self.list(name).unwrap_or_default()
    }

    /// A list of texts, or the default.
    pub fn list_or(&self, name: &str, default: &[&str]) -> Vec<String> {
        self.list(name).unwrap_or_else(|| {
            self.default(name, &default.join(", "));
            default.iter().map(|item| (*item).to_owned()).collect()
        })
    }

    /// A list of texts with their places: a YAML list or one text with commas, whole from the source
    /// of highest precedence that has any of it. Blanks around items and empty items are dropped.
    pub fn items(&self, name: &str) -> Option<Vec<Value>> {
        let full = self.name.join(name);
        self.binder().know(&full);
        self.binder().know(&full.index(0));
        let properties = self.binder().properties;
        let sources: Vec<usize> = match self.only {
            Some(at) => vec![at],
            None => (0..properties.sources.len()).collect(),
        };
        for at in sources {
            let source = properties.sources.get(at)?;
            let entries: Vec<_> = match source.find(&full) {
                Some(entry) => vec![(None, entry)],
                None => source
                    .indices(&full)
                    .into_iter()
                    .filter_map(|index| Some((Some(index), source.find(&full.index(index))?)))
                    .collect(),
            };
            if entries.is_empty() {
                continue;
            }
            let mut items = Vec::new();
            for (position, (index, entry)) in entries.into_iter().enumerate() {
                let name = index.map_or_else(|| full.clone(), |index| full.index(index));
                if index.is_some_and(|index| index != position) {
                    self.report(unbound(&name, entry));
                    return Some(Vec::new());
                }
                let Some(value) = self.value_of(name, entry) else {
                    continue;
                };
                for (number, text) in value
                    .text
                    .split(',')
                    .map(str::trim)
                    .filter(|text| !text.is_empty())
                    .enumerate()
                {
                    let name = match index {
                        Some(_) => value.name.clone(),
                        None => value.name.index(number),
                    };
                    items.push(Value {
                        name,
                        text: text.to_owned(),
                        ..value.clone()
                    });
                }
            }
            let shown: Vec<_> = items.iter().map(|item| item.text.as_str()).collect();
            self.binder().record(
                &full,
                &shown.join(", "),
                items.first().map(|item| &item.origin),
            );
            return Some(items);
        }
        None
    }

    /// A list of groups, whole from the source of highest precedence that has any of it. Elements of
    /// variables that lack `required` are dropped, as they would hide the whole list of a file.
    pub fn elements<T>(
        &self,
        name: &str,
        required: &str,
        bind: impl Fn(&Group<'b>) -> Option<T>,
    ) -> Vec<T> {
        let full = self.name.join(name);
        self.binder().know(&full);
        // Once without effect, so that the names are known even where there is no element.
        self.binder().muted(|| {
            bind(&Group {
                binder: self.binder,
                name: full.index(0),
                only: Some(usize::MAX),
            })
        });
        let properties = self.binder().properties;
        for (at, source) in properties.sources.iter().enumerate() {
            if self.only.is_some_and(|only| only != at) {
                continue;
            }
            if let Some(entry) = source.find(&full) {
                let Some(value) = self.value_of(full.clone(), entry) else {
                    return Vec::new();
                };
                if !value.text.trim().is_empty() {
                    self.report(
                        value
                            .unconvertible("java.util.List", "the value is a text")
                            .expected("a list of mappings, each beginning with '- '"),
                    );
                }
                return Vec::new();
            }
            let mut indices: Vec<usize> = source.indices(&full).into_iter().collect();
            if source.is_variables() {
                let all = indices.len();
                indices.retain(|index| source.find(&full.index(*index).join(required)).is_some());
                if indices.len() < all {
                    self.report(
                        Diagnostic::warning(format!(
                            "environment variables set parts of {full} without {required}; a list is never \
                             merged, so they are ignored"
                        ))
                        .property(full.kebab())
                        .remedy(format!(
                            "Put a placeholder such as ${{MY_SECRET}} into the file's list instead, or set {required} too"
                        )),
                    );
                }
                if !indices.is_empty() {
                    self.report(
                        Diagnostic::warning(format!(
                            "the list {full} comes from environment variables and replaces that of any file"
                        ))
                        .property(full.kebab()),
                    );
                }
            }
            if indices.is_empty() {
                continue;
            }
            let mut elements = Vec::new();
            for (position, index) in indices.into_iter().enumerate() {
                let element = Group {
                    binder: self.binder,
                    name: full.index(index),
                    only: Some(at),
                };
                if index != position {
                    let first = source.children(&element.name).into_iter().next();
                    let entry = first.map(|(_, entry)| entry).or(source.find(&element.name));
                    if let Some(entry) = entry {
                        self.report(unbound(&element.name, entry));
                    }
                    break;
                }
                elements.extend(bind(&element));
            }
            return elements;
        }
        Vec::new()
    }

    /// Everything below a name, key by key from the source of highest precedence that has it; keys in
    /// a file's own spelling.
    pub fn map(&self, name: &str) -> Vec<(String, Value)> {
        struct Held {
            key: String,
            value: Value,
            from_variable: bool,
        }
        let full = self.name.join(name);
        self.accept(&[name]);
        let mut held: IndexMap<String, Held> = IndexMap::new();
        for (at, source) in self.binder().properties.sources.iter().enumerate() {
            if self.only.is_some_and(|only| only != at) {
                continue;
            }
            // Among spellings of one source the last counts.
            let mut own = IndexMap::new();
            for (key, entry) in source.children(&full) {
                own.insert(Name::parse(&key).uniform(), (key, entry));
            }
            for (uniform, (key, entry)) in own {
                let from_variable = source.is_variables();
                match held.get_mut(&uniform) {
                    // A variable has no case of its own; take that of the file.
                    Some(held) if held.from_variable && !from_variable => {
                        held.key = key;
                        held.from_variable = false;
                    }
                    Some(_) => {}
                    None => {
                        if let Some(value) = self.value_of(full.key(&key), entry) {
                            held.insert(
                                uniform,
                                Held {
                                    key,
                                    value,
                                    from_variable,
                                },
                            );
                        }
                    }
                }
            }
        }
        held.into_values()
            .map(|held| {
                self.binder()
                    .record(&held.value.name, &held.value.text, Some(&held.value.origin));
                (held.key, held.value)
            })
            .collect()
    }

    /// Everything below a name as one nested object of texts. Where a name has a value and children, the
    /// children stay.
    pub fn object(&self, name: &str) -> serde_json::Map<String, serde_json::Value> {
        let mut root = serde_json::Map::new();
        for (name, value) in self.map(name) {
            let words: Vec<String> = Name::parse(&name)
                .elements()
                .iter()
                .map(|element| match element {
                    Element::Key(key) => key.clone(),
                    Element::Index(index) => index.to_string(),
                })
                .collect();
            // Real names are not deeper, and a hostile name must not exhaust the stack.
            if words.len() <= 64 {
                insert(&mut root, &words, value.text);
            }
        }
        root
    }

    /// The first element of every name below a name.
    pub fn keys(&self, name: &str) -> Vec<String> {
        let mut keys: IndexMap<String, String> = IndexMap::new();
        for source in &self.binder().properties.sources {
            for (key, _) in source.children(&self.name.join(name)) {
                let first = Name::parse(&key);
                if let Some(Element::Key(first)) = first.elements().first() {
                    keys.entry(first.to_lowercase())
                        .or_insert_with(|| first.clone());
                }
            }
        }
        keys.into_values().collect()
    }
}

/// A gap in the indices of a list.
fn unbound(name: &Name, entry: &Entry) -> Diagnostic {
    Diagnostic::error(format!(
        "The elements [{}] were left unbound.",
        entry.written
    ))
    .property(name.kebab())
    .at(entry.origin.clone())
    .remedy("Number the elements from 0 without gaps")
}

/// Puts a text at a path of names.
fn insert(object: &mut serde_json::Map<String, serde_json::Value>, path: &[String], text: String) {
    use serde_json::{Map, Value};
    match path {
        [] => {}
        [last] => {
            object.entry(last.clone()).or_insert(Value::String(text));
        }
        [first, rest @ ..] => {
            let below = object
                .entry(first.clone())
                .or_insert_with(|| Value::Object(Map::new()));
            if !below.is_object() {
                *below = Value::Object(Map::new());
            }
            if let Value::Object(below) = below {
                insert(below, rest, text);
            }
        }
    }
}
