//! Typed reads.

use std::{path::PathBuf, time::Duration};

use indexmap::IndexMap;

use super::{
    Group, Item, Value,
    convert::{self, Choice},
};
use crate::{
    diagnostic::Diagnostic,
    raw::name::{Element, Name},
    settings::BaseUrl,
};

impl<'b> Group<'b> {
    /// A boolean; empty is unset.
    pub(crate) fn boolean(&self, name: &str, default: bool) -> bool {
        self.boolean_if_set(name).unwrap_or_else(|| {
            self.default(name, if default { "true" } else { "false" });
            default
        })
    }

    /// A boolean without a default.
    pub(crate) fn boolean_if_set(&self, name: &str) -> Option<bool> {
        self.converted(name, |value| {
            convert::boolean(&value.text).ok_or_else(|| {
                value
                    .unconvertible(
                        "boolean",
                        format!("Invalid boolean value '{}'", value.shown()),
                    )
                    .expected("true or false")
            })
        })
    }

    /// A feature switch: on when the name has a value whose text is not `false`.
    pub(crate) fn switch(&self, name: &str) -> bool {
        let on = self.get(name).is_some_and(|value| {
            self.resolved(&value).is_some() && !value.text.trim().eq_ignore_ascii_case("false")
        });
        let origin = self.get(name).map(|value| value.origin);
        let shown = if on { "true" } else { "false" };
        self.binder()
            .record(&self.name.join(name), shown, origin.as_ref());
        on
    }

    /// A switch that is on only for the text `true`.
    pub(crate) fn strict_switch(&self, name: &str, default: bool) -> bool {
        match self.get(name) {
            None => {
                self.default(name, if default { "true" } else { "false" });
                default
            }
            Some(value) => {
                let on = self.resolved(&value).is_some()
                    && value.text.trim().eq_ignore_ascii_case("true");
                let shown = if on { "true" } else { "false" };
                self.binder()
                    .record(&value.name, shown, Some(&value.origin));
                on
            }
        }
    }

    /// An integer within bounds.
    pub(crate) fn integer<T>(&self, name: &str, least: T, most: T, default: T) -> T
    where
        T: Copy + TryFrom<i64> + Into<i128> + std::fmt::Display,
    {
        self.integer_if_set(name, least, most).unwrap_or_else(|| {
            self.default(name, &default.to_string());
            default
        })
    }

    /// An integer without a default.
    pub(crate) fn integer_if_set<T>(&self, name: &str, least: T, most: T) -> Option<T>
    where
        T: Copy + TryFrom<i64> + Into<i128> + std::fmt::Display,
    {
        self.converted(name, |value| {
            let wrong = |reason: String| {
                value
                    .unconvertible("int", reason)
                    .expected(format!("a whole number from {least} to {most}"))
            };
            let number = convert::integer(&value.text)
                .ok_or_else(|| wrong(format!("For input string: \"{}\"", value.shown())))?;
            T::try_from(number)
                .ok()
                .filter(|number| {
                    let number: i128 = (*number).into();
                    (least.into()..=most.into()).contains(&number)
                })
                .ok_or_else(|| wrong(format!("{number} is out of range")))
        })
    }

    /// A number within bounds.
    pub(crate) fn double(&self, name: &str, least: f64, most: f64, default: f64) -> f64 {
        self.converted(name, |value| {
            convert::double(&value.text)
                .filter(|number| (least..=most).contains(number))
                .ok_or_else(|| {
                    value
                        .unconvertible("double", format!("For input string: \"{}\"", value.shown()))
                        .expected(format!("a number from {least} to {most}"))
                })
        })
        .unwrap_or_else(|| {
            self.default(name, &default.to_string());
            default
        })
    }

    /// A whole number of units of time; forms with a unit (`30s`) are taken too.
    pub(crate) fn units(&self, name: &str, unit: Duration, default: Duration) -> Duration {
        self.units_if_set(name, unit).unwrap_or_else(|| {
            self.default(
                name,
                &(default.as_millis() / unit.as_millis().max(1)).to_string(),
            );
            default
        })
    }

    /// A whole number of units of time, without a default.
    pub(crate) fn units_if_set(&self, name: &str, unit: Duration) -> Option<Duration> {
        self.converted(name, |value| {
            let bare = convert::integer(&value.text).map(|number| {
                u64::try_from(number)
                    .ok()
                    .and_then(|number| u128::from(number).checked_mul(unit.as_millis()))
                    .and_then(|millis| u64::try_from(millis).ok())
                    .map(Duration::from_millis)
                    .filter(|duration| duration.as_secs() <= 100 * 366 * 86_400)
            });
            bare.unwrap_or_else(|| convert::duration(&value.text))
                .ok_or_else(|| {
                    value
                        .unconvertible("long", format!("For input string: \"{}\"", value.shown()))
                        .expected(format!("a whole number of {}", unit_name(unit)))
                })
        })
    }

    /// Milliseconds.
    pub(crate) fn millis(&self, name: &str, default: u64) -> Duration {
        self.units(
            name,
            Duration::from_millis(1),
            Duration::from_millis(default),
        )
    }

    /// A duration.
    pub(crate) fn duration(&self, name: &str, default: Duration) -> Duration {
        self.duration_if_set(name).unwrap_or_else(|| {
            self.default(name, &readable(default));
            default
        })
    }

    /// A duration without a default.
    pub(crate) fn duration_if_set(&self, name: &str) -> Option<Duration> {
        self.converted(name, |value| {
            convert::duration(&value.text).ok_or_else(|| {
                value
                    .unconvertible(
                        "java.time.Duration",
                        format!("'{}' is not a valid duration", value.shown()),
                    )
                    .expected("a duration such as 500ms, 10s, 5m, 1h or PT10S, or milliseconds")
            })
        })
    }

    /// A data size in bytes.
    pub(crate) fn size(&self, name: &str, default: u64) -> u64 {
        self.converted(name, |value| {
            convert::size(&value.text).ok_or_else(|| {
                value
                    .unconvertible(
                        "org.springframework.util.unit.DataSize",
                        format!("'{}' is not a valid data size", value.shown()),
                    )
                    .expected("a size such as 512B, 8KB or 10MB, or bytes")
            })
        })
        .unwrap_or_else(|| {
            self.default(name, &readable_size(default));
            default
        })
    }

    /// One of a few values.
    pub(crate) fn choice<T: Choice>(&self, name: &str) -> Option<T> {
        self.converted(name, |value| chosen(value))
    }

    /// One of a few values, or the default.
    pub(crate) fn choice_or<T: Choice + PartialEq>(&self, name: &str, default: T) -> T {
        self.choice(name).unwrap_or_else(|| {
            let shown = T::NAMES.iter().find(|(_, value)| *value == default);
            self.default(
                name,
                &shown
                    .map(|(name, _)| name.to_lowercase())
                    .unwrap_or_default(),
            );
            default
        })
    }

    /// Several of a few values; `None` when the name is not there.
    pub(crate) fn choices<T: Choice>(&self, name: &str) -> Option<Vec<T>> {
        let items = self.items(name)?;
        let mut values = Vec::new();
        for item in &items {
            match chosen(item) {
                Ok(value) => values.push(value),
                Err(diagnostic) => self.report(diagnostic),
            }
        }
        Some(values)
    }

    /// A list of texts; `None` when the name is not there.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<String>> {
        let items = self.items(name)?;
        for item in &items {
            self.warn_unresolved(item);
        }
        Some(items.into_iter().map(|item| item.text).collect())
    }

    /// A list of texts, empty when the name is not there.
    pub(crate) fn list_or_empty(&self, name: &str) -> Vec<String> {
        self.list(name).unwrap_or_default()
    }

    /// A list of texts, or the default.
    pub(crate) fn list_or(&self, name: &str, default: &[&str]) -> Vec<String> {
        self.list(name).unwrap_or_else(|| {
            self.default(name, &default.join(", "));
            default.iter().map(|item| (*item).to_owned()).collect()
        })
    }

    /// A list of texts with their places: a YAML list or one text with commas, whole from the source
    /// of highest precedence that has any of it. Blanks around items and empty items are dropped.
    pub(crate) fn items(&self, name: &str) -> Option<Vec<Item>> {
        let full = self.name.join(name);
        self.binder().know(&full);
        self.binder().know(&full.index(0));
        let properties = self.binder().properties();
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
    pub(crate) fn elements<T>(
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
        let properties = self.binder().properties();
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
    pub(crate) fn map(&self, name: &str) -> Vec<(String, Value)> {
        struct Held {
            key: String,
            value: Value,
            from_variable: bool,
        }
        let full = self.name.join(name);
        self.accept(&[name]);
        let mut held: IndexMap<String, Held> = IndexMap::new();
        for (at, source) in self.binder().properties().sources.iter().enumerate() {
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

    /// The first element of every name below a name.
    pub(crate) fn keys(&self, name: &str) -> Vec<String> {
        let mut keys: IndexMap<String, String> = IndexMap::new();
        for source in &self.binder().properties().sources {
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

    /// A file or directory; `file:` and `classpath:` in front of it are taken too. Relative to the working directory.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        let text = self.text(name)?;
        if let Some(path) = text.strip_prefix("classpath:") {
            let config = self.binder().properties().install_dir.join("config");
            return Some(config.join(path.trim_start_matches('/')));
        }
        let path = text.strip_prefix("file:").unwrap_or(&text);
        let path = path.strip_prefix("//").unwrap_or(path);
        Some(PathBuf::from(path))
    }

    /// A base URL with scheme and host.
    pub(crate) fn base_url(&self, name: &str) -> Option<BaseUrl> {
        let value = self.get(name).filter(|value| !value.text.is_empty())?;
        self.warn_unresolved(&value);
        self.binder()
            .record(&value.name, &value.text, Some(&value.origin));
        match parse_base_url(&value.text) {
            Ok(url) => Some(url),
            Err(reason) => {
                self.report(
                    value
                        .wrong(format!("Invalid URL: {reason}"))
                        .expected("a URL such as http://prometheus:9090"),
                );
                None
            }
        }
    }

    /// A value converted; empty counts as none, mistakes are told and count as none.
    fn converted<T>(
        &self,
        name: &str,
        convert: impl Fn(&Value) -> Result<T, Diagnostic>,
    ) -> Option<T> {
        let value = self
            .get(name)
            .filter(|value| !value.text.trim().is_empty())?;
        self.resolved(&value)?;
        self.binder()
            .record(&value.name, &value.text, Some(&value.origin));
        match convert(&value) {
            Ok(converted) => Some(converted),
            Err(diagnostic) => {
                self.report(diagnostic);
                None
            }
        }
    }
}

fn chosen<T: Choice>(value: &Value) -> Result<T, Diagnostic> {
    if let Some(placeholder) = value.unresolved.first() {
        return Err(super::unresolved(value, placeholder));
    }
    T::named(&value.text).ok_or_else(|| {
        let mut diagnostic =
            value.unconvertible("enum", format!("no constant named {}", value.shown()));
        diagnostic.valid_values = T::NAMES
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        diagnostic.valid_values.sort();
        diagnostic
    })
}

/// A gap in the indices of a list.
fn unbound(name: &Name, entry: &crate::raw::source::Entry) -> Diagnostic {
    Diagnostic::error(format!(
        "The elements [{}] were left unbound.",
        entry.written
    ))
    .property(name.kebab())
    .at(entry.origin.clone())
    .remedy("Number the elements from 0 without gaps")
}

fn unit_name(unit: Duration) -> &'static str {
    match unit.as_millis() {
        1 => "milliseconds",
        1_000 => "seconds",
        60_000 => "minutes",
        _ => "days",
    }
}

fn parse_base_url(text: &str) -> Result<BaseUrl, String> {
    let Some((scheme, _)) = text.split_once(':') else {
        return Err("Expected URL scheme 'http' or 'https' but no colon was found".to_owned());
    };
    if !matches!(scheme.to_lowercase().as_str(), "http" | "https") {
        return Err(format!(
            "Expected URL scheme 'http' or 'https' but was '{scheme}'"
        ));
    }
    let used = text.strip_suffix('/').unwrap_or(text);
    let url = url::Url::parse(used).map_err(|error| error.to_string())?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err("it has no host".to_owned());
    }
    Ok(BaseUrl {
        text: text.to_owned(),
        url,
    })
}

/// The duration with the largest unit that divides it.
fn readable(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, name) in [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
    ] {
        if millis >= unit && millis % unit == 0 {
            return format!("{}{name}", millis / unit);
        }
    }
    format!("{millis}ms")
}

/// The size with the largest unit that divides it.
fn readable_size(bytes: u64) -> String {
    for (shift, name) in [(30, "GB"), (20, "MB"), (10, "KB")] {
        if bytes >= 1 << shift && bytes.is_multiple_of(1 << shift) {
            return format!("{}{name}", bytes >> shift);
        }
    }
    format!("{bytes}B")
}
