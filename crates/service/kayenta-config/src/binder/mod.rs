//! From properties to typed values: every read is noted, so that what was not read can be told, and
//! every mistake is collected, not only the first.

pub(crate) mod convert;
mod lists;
mod read;
mod unknown;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use kayenta_model::masking::MASK;

use crate::{
    diagnostic::Diagnostic,
    mask::{is_secret_name, mask},
    origin::Origin,
    raw::{name::Name, placeholder::PlaceholderError, properties::Properties, source::Entry},
};

/// A setting as it is in effect, for `check-config` and `/configprops`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectiveProperty {
    /// The name, in the spelling of the shipped file.
    pub name: String,
    /// The value in effect, secrets masked.
    pub value: String,
    /// Where it comes from; [`Origin::Default`] when nothing sets it.
    pub origin: Origin,
}

/// Reads properties and notes what happens.
pub(crate) struct Binder<'p> {
    properties: &'p Properties,
    diagnostics: RefCell<Vec<Diagnostic>>,
    effective: RefCell<Vec<EffectiveProperty>>,
    /// Names that mean something, by [`Name::pattern`].
    known: RefCell<BTreeMap<String, String>>,
    /// Names below which everything means something or is accepted.
    accepted: RefCell<Vec<String>>,
    /// Above zero, reads note names and nothing else.
    muted: Cell<usize>,
}

impl<'p> Binder<'p> {
    pub(crate) fn new(properties: &'p Properties) -> Self {
        Self {
            properties,
            diagnostics: RefCell::default(),
            effective: RefCell::default(),
            known: RefCell::default(),
            accepted: RefCell::default(),
            muted: Cell::new(0),
        }
    }

    pub(crate) fn properties(&self) -> &'p Properties {
        self.properties
    }

    /// The group of names below this one.
    pub(crate) fn group(&self, name: &str) -> Group<'_> {
        Group {
            binder: self,
            name: Name::parse(name),
            only: None,
        }
    }

    /// The group of all names.
    pub(crate) fn top(&self) -> Group<'_> {
        self.group("")
    }

    pub(crate) fn report(&self, diagnostic: Diagnostic) {
        if self.muted.get() == 0 {
            self.diagnostics.borrow_mut().push(diagnostic);
        }
    }

    pub(crate) fn is_muted(&self) -> bool {
        self.muted.get() > 0
    }

    /// Runs something whose reads count as known names but have no other effect.
    pub(crate) fn muted<T>(&self, run: impl FnOnce() -> T) -> T {
        self.muted.set(self.muted.get() + 1);
        let result = run();
        self.muted.set(self.muted.get() - 1);
        result
    }

    fn know(&self, name: &Name) {
        self.known
            .borrow_mut()
            .entry(name.pattern())
            .or_insert_with(|| name.to_string());
    }

    fn record(&self, name: &Name, value: &str, origin: Option<&Origin>) {
        if self.muted.get() > 0 {
            return;
        }
        let name = name.to_string();
        self.effective.borrow_mut().push(EffectiveProperty {
            value: mask(&name, value),
            name,
            origin: origin.cloned().unwrap_or(Origin::Default),
        });
    }

    /// Everything noted.
    pub(crate) fn finish(self) -> (Vec<Diagnostic>, Vec<EffectiveProperty>) {
        (self.diagnostics.into_inner(), self.effective.into_inner())
    }
}

/// A value found for a name.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) name: Name,
    pub(crate) text: String,
    /// Placeholders without a value.
    pub(crate) unresolved: Vec<String>,
    pub(crate) origin: Origin,
}

impl Value {
    /// The text as it may be shown.
    pub(crate) fn shown(&self) -> String {
        mask(&self.name.to_string(), &self.text)
    }

    /// A mistake in this value.
    pub(crate) fn wrong(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(message)
            .property(self.name.kebab())
            .found(self.shown())
            .at(self.origin.clone())
    }

    /// A conversion that fails, in the reference's words.
    fn unconvertible(&self, kind: &str, reason: impl std::fmt::Display) -> Diagnostic {
        self.wrong(format!(
            "Failed to bind properties under '{}' to {kind}: {reason}",
            self.name.kebab()
        ))
    }
}

/// An item of a list of texts.
pub(crate) type Item = Value;

/// Names below a name.
#[derive(Clone)]
pub(crate) struct Group<'b> {
    binder: &'b Binder<'b>,
    name: Name,
    /// Read from this source alone: the one a list comes from.
    only: Option<usize>,
}

impl<'b> Group<'b> {
    pub(crate) fn binder(&self) -> &'b Binder<'b> {
        self.binder
    }

    /// The group below.
    pub(crate) fn group(&self, name: &str) -> Self {
        Self {
            name: self.name.join(name),
            ..self.clone()
        }
    }

    /// The whole name, in the reports' spelling.
    pub(crate) fn full(&self, name: &str) -> String {
        self.name.join(name).kebab()
    }

    /// Where the value of a name is, or else where the group begins.
    pub(crate) fn at(&self, name: &str) -> Option<Origin> {
        let name = self.name.join(name);
        self.binder
            .properties
            .find(&name, self.only)
            .map(|(_, entry)| entry.origin.clone())
            .or_else(|| self.begin())
    }

    /// Where the first value of the group is.
    pub(crate) fn begin(&self) -> Option<Origin> {
        let properties = self.binder.properties;
        let sources: Vec<_> = match self.only {
            Some(at) => properties.sources.get(at).into_iter().collect(),
            None => properties.sources.iter().collect(),
        };
        sources.into_iter().find_map(|source| {
            source
                .children(&self.name)
                .into_iter()
                .map(|(_, entry)| entry.origin.clone())
                .min()
        })
    }

    /// Whether anything is below the group's name.
    pub(crate) fn is_present(&self) -> bool {
        let properties = self.binder.properties;
        match self.only {
            Some(at) => properties
                .sources
                .get(at)
                .is_some_and(|source| source.touches(&self.name)),
            None => properties
                .sources
                .iter()
                .any(|source| source.touches(&self.name)),
        }
    }

    pub(crate) fn report(&self, diagnostic: Diagnostic) {
        self.binder.report(diagnostic);
    }

    /// Tells of a name that must have a value.
    pub(crate) fn missing(&self, name: &str, expected: &str) {
        self.report(self.lacking(name, expected));
    }

    /// A name that must have a value.
    pub(crate) fn lacking(&self, name: &str, expected: &str) -> Diagnostic {
        Diagnostic::error(format!("{} must not be null", self.full(name)))
            .property(self.full(name))
            .found("null")
            .at(self.at(name))
            .expected(expected)
            .remedy(format!("Set {}", self.name.join(name)))
    }

    /// Marks names as accepted without effect, with everything below.
    pub(crate) fn accept(&self, names: &[&str]) {
        let mut accepted = self.binder.accepted.borrow_mut();
        for name in names {
            accepted.push(self.name.join(name).pattern());
        }
    }

    /// The value of a name. Placeholders that cannot be followed are told here, those without a value
    /// are the caller's matter.
    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        let name = self.name.join(name);
        self.binder.know(&name);
        let (_, entry) = self.binder.properties.find(&name, self.only)?;
        self.value_of(name, entry)
    }

    fn value_of(&self, name: Name, entry: &Entry) -> Option<Value> {
        match self.binder.properties.value(entry) {
            Ok(expanded) => Some(Value {
                name,
                text: expanded.text,
                unresolved: expanded.unresolved,
                origin: entry.origin.clone(),
            }),
            Err(error) => {
                let message = match error {
                    PlaceholderError::Circular(placeholder) => {
                        format!(
                            "Circular placeholder reference '{placeholder}' in property definitions"
                        )
                    }
                    PlaceholderError::TooLong => {
                        "the placeholders of the value do not end".to_owned()
                    }
                    PlaceholderError::Secret(why) => why,
                };
                let shown = entry.value.text.as_str();
                let found = if shown.starts_with("encrypted") {
                    MASK
                } else {
                    shown
                };
                let mut diagnostic = Diagnostic::error(message)
                    .property(name.kebab())
                    .found(found)
                    .at(entry.origin.clone());
                if is_secret_name(&name.to_string()) {
                    diagnostic.found = Some(MASK.to_owned());
                }
                self.report(diagnostic);
                None
            }
        }
    }

    /// The value as text; empty counts as none. What placeholders lack is warned of and stays in the
    /// text, as in the reference.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let value = self.get(name).filter(|value| !value.text.is_empty())?;
        self.warn_unresolved(&value);
        self.binder
            .record(&value.name, &value.text, Some(&value.origin));
        Some(value.text)
    }

    /// The value as text; placeholders without a value are meant for later.
    pub(crate) fn template(&self, name: &str) -> Option<String> {
        let value = self.get(name).filter(|value| !value.text.is_empty())?;
        self.binder
            .record(&value.name, &value.text, Some(&value.origin));
        Some(value.text)
    }

    /// The value as text, or the default.
    pub(crate) fn text_or(&self, name: &str, default: &str) -> String {
        self.text(name).unwrap_or_else(|| {
            self.default(name, default);
            default.to_owned()
        })
    }

    /// The value as text that must be complete.
    pub(crate) fn strict_text(&self, name: &str) -> Option<String> {
        let value = self.get(name).filter(|value| !value.text.is_empty())?;
        self.resolved(&value)?;
        self.binder
            .record(&value.name, &value.text, Some(&value.origin));
        Some(value.text)
    }

    /// The value as a secret.
    pub(crate) fn secret(&self, name: &str) -> Option<secrecy::SecretString> {
        let value = self.get(name).filter(|value| !value.text.is_empty())?;
        self.warn_unresolved(&value);
        if self.binder.muted.get() == 0 {
            self.binder.effective.borrow_mut().push(EffectiveProperty {
                name: value.name.to_string(),
                value: MASK.to_owned(),
                origin: value.origin.clone(),
            });
        }
        Some(value.text.into())
    }

    /// Notes a default that is in effect.
    pub(crate) fn default(&self, name: &str, default: &str) {
        self.binder.record(&self.name.join(name), default, None);
    }

    fn warn_unresolved(&self, value: &Value) {
        for placeholder in &value.unresolved {
            let mut warning = unresolved(value, placeholder);
            warning.severity = crate::diagnostic::Severity::Warning;
            warning.message.push_str("; it is kept as it is");
            self.report(warning);
        }
    }

    /// `None`, told, when a placeholder of the value has no value.
    fn resolved(&self, value: &Value) -> Option<()> {
        match value.unresolved.first() {
            None => Some(()),
            Some(placeholder) => {
                self.report(unresolved(value, placeholder));
                None
            }
        }
    }
}

/// A placeholder without a value.
fn unresolved(value: &Value, placeholder: &str) -> Diagnostic {
    let variable: String = placeholder
        .chars()
        .map(|c| {
            if matches!(c, '.' | '-') {
                '_'
            } else {
                c.to_ascii_uppercase()
            }
        })
        .collect();
    value
        .wrong(format!(
            "Could not resolve placeholder '{placeholder}' in value \"{}\"",
            value.shown()
        ))
        .remedy(format!(
            "Set the environment variable {variable}, or write a default: ${{{placeholder}:…}}"
        ))
}
