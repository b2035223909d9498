//! From properties to typed values: every read is noted, so that what was not read can be reported,
//! and every mistake is collected, not only the first.

pub mod convert;
mod known;
mod lists;
mod read;
mod unknown;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashSet},
    fmt,
    path::Path,
    sync::Arc,
};

use kayenta_secrets::{MASK, Secret};

pub use self::known::{KnownProperty, PropertyKind};
use crate::{
    diagnostic::{Diagnostic, Severity},
    environment::Environment,
    mask::{is_secret_name, mask},
    origin::Origin,
    properties::{
        Properties,
        name::Name,
        placeholder::{Kept, PlaceholderError},
        source::Entry,
    },
};

/// A setting as it is in effect, for reports (Spring Boot's `/configprops`).
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
#[derive(Debug)]
pub struct Binder<'p> {
    properties: &'p Properties,
    environment: &'p Environment,
    diagnostics: RefCell<Vec<Diagnostic>>,
    effective: RefCell<Vec<EffectiveProperty>>,
    /// Names that mean something, by [`Name::pattern`].
    known: RefCell<BTreeMap<String, KnownProperty>>,
    /// Names below which everything means something or is accepted.
    accepted: RefCell<Vec<String>>,
    left_out: RefCell<Vec<LeftOut>>,
    /// Above zero, reads note names and nothing else.
    muted: Cell<usize>,
}

impl<'p> Binder<'p> {
    /// A binder of these properties; `environment` is the one they were gathered from, for files the
    /// values name.
    #[must_use]
    pub fn new(properties: &'p Properties, environment: &'p Environment) -> Self {
        Self {
            properties,
            environment,
            diagnostics: RefCell::default(),
            effective: RefCell::default(),
            known: RefCell::default(),
            accepted: RefCell::default(),
            left_out: RefCell::default(),
            muted: Cell::new(0),
        }
    }

    /// The environment the properties were gathered from.
    #[must_use]
    pub fn environment(&self) -> &'p Environment {
        self.environment
    }

    /// The group of names below this one.
    #[must_use]
    pub fn group(&self, name: &str) -> Group<'_> {
        Group {
            binder: self,
            name: Name::parse(name),
            only: None,
        }
    }

    /// The group of all names.
    #[must_use]
    pub fn top(&self) -> Group<'_> {
        self.group("")
    }

    /// Notes a diagnostic. That a value is missing is no second mistake where one was given and refused.
    pub fn report(&self, diagnostic: Diagnostic) {
        if self.muted.get() == 0 && !(diagnostic.is_absence() && self.is_refused(&diagnostic)) {
            self.diagnostics.borrow_mut().push(diagnostic);
        }
    }

    /// Whether an error is noted for the property already.
    fn is_refused(&self, diagnostic: &Diagnostic) -> bool {
        diagnostic.property.is_some()
            && self.diagnostics.borrow().iter().any(|noted| {
                noted.severity == Severity::Error
                    && noted.property == diagnostic.property
                    && !noted.is_absence()
            })
    }

    /// Whether an error is noted.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        let diagnostics = self.diagnostics.borrow();
        diagnostics
            .iter()
            .any(|noted| noted.severity == Severity::Error)
    }

    /// Whether reads have no effect now ([`muted`](Self::muted)).
    #[must_use]
    pub fn is_muted(&self) -> bool {
        self.muted.get() > 0
    }

    /// The elements left out ([`Group::leave_out`]) since the last call.
    #[must_use]
    pub fn take_left_out(&self) -> Vec<LeftOut> {
        self.left_out.take()
    }

    /// What was read so far, with the names as their readers spell them; an element of a list has the index 0.
    #[must_use]
    pub fn known(&self) -> Vec<KnownProperty> {
        self.known.borrow().values().cloned().collect()
    }

    /// Patterns of names that are accepted with everything below them.
    #[must_use]
    pub fn accepted(&self) -> Vec<String> {
        self.accepted.borrow().clone()
    }

    /// Runs something whose reads count as known names but have no other effect.
    pub fn muted<T>(&self, run: impl FnOnce() -> T) -> T {
        self.muted.set(self.muted.get() + 1);
        let result = run();
        self.muted.set(self.muted.get() - 1);
        result
    }

    fn know(&self, name: &Name) {
        self.known
            .borrow_mut()
            .entry(name.pattern())
            .or_insert_with(|| KnownProperty::new(name.to_string()));
    }

    fn with_known(&self, name: &Name, note: impl FnOnce(&mut KnownProperty)) {
        self.know(name);
        if let Some(known) = self.known.borrow_mut().get_mut(&name.pattern()) {
            note(known);
        }
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

    /// Everything noted, each once however many readers it has: what is wrong or odd, in the order it
    /// was read, and what is in effect.
    #[must_use]
    pub fn finish(self) -> (Vec<Diagnostic>, Vec<EffectiveProperty>) {
        let mut diagnostics = self.diagnostics.into_inner();
        let mut seen = HashSet::new();
        diagnostics.retain(|diagnostic| seen.insert(diagnostic.to_string()));
        let mut effective = self.effective.into_inner();
        let mut seen = HashSet::new();
        effective.retain(|property| seen.insert(property.name.clone()));
        (diagnostics, effective)
    }
}

/// An element of a list that cannot be used and that the application starts without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// What the element is called, if it has a name.
    pub name: Option<String>,
    /// Why, and where.
    pub cause: Diagnostic,
}

/// A value found for a name.
#[derive(Clone)]
pub struct Value {
    name: Name,
    /// The value, placeholders put in.
    pub text: String,
    /// Placeholders without a value; they stand in the text as written.
    pub unresolved: Vec<String>,
    /// Where it stands.
    pub origin: Origin,
    /// Whether the text is what a reference to a secret refers to.
    is_revealed: bool,
    /// Where the text is from.
    kept: Option<Kept>,
}

/// As it may be shown.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {:?}", self.name, self.shown())
    }
}

impl Value {
    /// The whole name, in the reports' spelling (kebab case).
    #[must_use]
    pub fn property(&self) -> String {
        self.name.kebab()
    }

    /// The text as it may be shown: masked where its name or its form is that of a secret.
    #[must_use]
    pub fn shown(&self) -> String {
        mask(&self.name.to_string(), &self.text)
    }

    /// A mistake in this value.
    #[must_use]
    pub fn wrong(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(message)
            .property(self.name.kebab())
            .found(self.shown())
            .at(self.origin.clone())
    }

    /// A conversion that fails, in Spring Boot's words.
    fn unconvertible(&self, kind: &str, reason: impl fmt::Display) -> Diagnostic {
        self.wrong(format!(
            "Failed to bind properties under '{}' to {kind}: {reason}",
            self.name.kebab()
        ))
    }
}

/// Names below a name: typed reads of what stands there.
#[derive(Clone, Debug)]
pub struct Group<'b> {
    binder: &'b Binder<'b>,
    name: Name,
    /// Read from this source alone: the one a list comes from.
    only: Option<usize>,
}

impl<'b> Group<'b> {
    /// The binder the group belongs to.
    #[must_use]
    pub fn binder(&self) -> &'b Binder<'b> {
        self.binder
    }

    /// The environment the properties were gathered from.
    #[must_use]
    pub fn environment(&self) -> &'b Environment {
        self.binder.environment
    }

    /// The group below.
    #[must_use]
    pub fn group(&self, name: &str) -> Self {
        Self {
            name: self.name.join(name),
            ..self.clone()
        }
    }

    /// The whole name, in the reports' spelling.
    #[must_use]
    pub fn full(&self, name: &str) -> String {
        self.name.join(name).kebab()
    }

    /// Where the value of a name is, or else where the group begins.
    #[must_use]
    pub fn at(&self, name: &str) -> Option<Origin> {
        let name = self.name.join(name);
        self.binder
            .properties
            .find(&name, self.only)
            .map(|(_, entry)| entry.origin.clone())
            .or_else(|| self.begin())
    }

    /// Where the first value of the group is.
    #[must_use]
    pub fn begin(&self) -> Option<Origin> {
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
    #[must_use]
    pub fn is_present(&self) -> bool {
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

    /// Notes a diagnostic.
    pub fn report(&self, diagnostic: Diagnostic) {
        self.binder.report(diagnostic);
    }

    /// Leaves an element of a list out, for the application to say so; always `None`, to be returned by
    /// what reads the element. Where the property of the cause is refused already, the start stops anyway.
    pub fn leave_out<T>(&self, name: Option<&str>, cause: Diagnostic) -> Option<T> {
        let left_out = LeftOut {
            name: name.map(str::to_owned),
            cause,
        };
        let mut all = self.binder.left_out.borrow_mut();
        let refused = self.binder.is_refused(&left_out.cause);
        if !self.binder.is_muted() && !refused && !all.contains(&left_out) {
            all.push(left_out);
        }
        None
    }

    /// Reports a name that must have a value and has none.
    pub fn missing(&self, name: &str, expected: &str) {
        self.report(self.lacking(name, expected));
    }

    /// The report of a name that must have a value and has none.
    #[must_use]
    pub fn lacking(&self, name: &str, expected: &str) -> Diagnostic {
        Diagnostic::error(format!("{} must not be null", self.full(name)))
            .property(self.full(name))
            .found(Diagnostic::ABSENT)
            .at(self.at(name))
            .expected(expected)
            .remedy(format!("Set {}", self.name.join(name)))
    }

    /// Marks names as accepted without effect, with everything below.
    pub fn accept(&self, names: &[&str]) {
        let mut accepted = self.binder.accepted.borrow_mut();
        for name in names {
            accepted.push(self.name.join(name).pattern());
        }
    }

    /// The value of a name. Placeholders that cannot be followed are reported here, those without a
    /// value are left to the caller.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value> {
        let name = self.name.join(name);
        self.binder.know(&name);
        let (_, entry) = self.binder.properties.find(&name, self.only)?;
        self.value_of(name, entry)
    }

    fn value_of(&self, name: Name, entry: &Entry) -> Option<Value> {
        let found = self.binder.properties.value(entry).and_then(|expanded| {
            let path = self
                .as_path(&name, expanded.kept.as_ref())
                .map_err(PlaceholderError::Secret)?;
            Ok((expanded, path))
        });
        match found {
            Ok((expanded, path)) => Some(Value {
                text: path.unwrap_or(expanded.text),
                name,
                unresolved: expanded.unresolved,
                origin: entry.origin.clone(),
                is_revealed: expanded.is_revealed,
                kept: expanded.kept,
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
                let found = if self.binder.properties.is_reference(shown) {
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

    /// The path of the file a secret is in, for a setting whose name is that of a file, as in the reference.
    fn as_path(&self, name: &Name, kept: Option<&Kept>) -> Result<Option<String>, String> {
        let name = name.to_string().to_lowercase();
        let ends_with = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        let prefix = if ends_with(&["file", "path", "truststore", "trust-store"]) {
            ""
        } else if ends_with(&["keystore", "key-store", "metadataurl"]) {
            "file:"
        } else {
            return Ok(None);
        };
        let path = match kept {
            None => return Ok(None),
            Some(Kept::File(path)) => path.clone(),
            Some(Kept::Elsewhere(source)) => {
                let files = self.binder.environment.secret_files();
                files.file_of(Arc::clone(source))?
            }
        };
        Ok(Some(format!("{prefix}{}", path.display())))
    }

    /// The value as text; empty counts as none. Placeholders without a value are
    /// warned of and stay in the text.
    pub fn text(&self, name: &str) -> Option<String> {
        let value = self.get(name).filter(|value| !value.text.is_empty())?;
        self.warn_unresolved(&value);
        self.binder
            .record(&value.name, &value.text, Some(&value.origin));
        Some(value.text)
    }

    /// The value as text; placeholders without a value are meant for later.
    pub fn template(&self, name: &str) -> Option<String> {
        let value = self.get(name).filter(|value| !value.text.is_empty())?;
        self.binder
            .record(&value.name, &value.text, Some(&value.origin));
        Some(value.text)
    }

    /// The value as text, or the default.
    pub fn text_or(&self, name: &str, default: &str) -> String {
        self.text(name).unwrap_or_else(|| {
            self.default(name, default);
            default.to_owned()
        })
    }

    /// The value as text that must be complete.
    pub fn strict_text(&self, name: &str) -> Option<String> {
        let value = self.get(name).filter(|value| !value.text.is_empty())?;
        self.resolved(&value)?;
        self.binder
            .record(&value.name, &value.text, Some(&value.origin));
        Some(value.text)
    }

    /// The value as a secret: the text, or with `file:/path` the content of a file that is read again when it
    /// changes. A file that cannot be read is reported.
    pub fn secret(&self, name: &str) -> Option<Secret> {
        self.is(name, PropertyKind::Secret);
        let value = self.get(name).filter(|value| !value.text.is_empty())?;
        self.warn_unresolved(&value);
        self.secret_of(&value)
    }

    /// A value as a secret, as [`secret`](Self::secret) reads it.
    pub fn secret_of(&self, value: &Value) -> Option<Secret> {
        if self.binder.muted.get() == 0 {
            self.binder.effective.borrow_mut().push(EffectiveProperty {
                name: value.name.to_string(),
                value: MASK.to_owned(),
                origin: value.origin.clone(),
            });
        }
        let refused = |message: String| {
            Diagnostic::error(message)
                .property(value.property())
                .found(MASK)
                .at(value.origin.clone())
        };
        let environment = self.binder.environment;
        // C-SECRETS-02: a text that begins like this is no password.
        let path = match &value.kept {
            Some(Kept::File(path)) => path.as_path(),
            Some(Kept::Elsewhere(source)) => {
                let fetched = environment.secret_files().fetch(Arc::clone(source));
                return fetched.map_err(|why| self.report(refused(why))).ok();
            }
            None if value.is_revealed => return Some(value.text.as_str().into()),
            None => match file_of(&value.text) {
                Some(path) => path,
                None => return Some(value.text.as_str().into()),
            },
        };
        match environment.secret_files().open(environment.locate(path)) {
            Ok(secret) => Some(secret),
            Err(error) => {
                let message = format!(
                    "the secret cannot be read from its file {}: {error}",
                    path.display()
                );
                self.report(refused(message).expected("a file with the secret").remedy(
                    "A secret that begins with file:/ itself is written encrypted:noop!v:file:/…",
                ));
                None
            }
        }
    }

    /// Notes a default that is in effect.
    pub fn default(&self, name: &str, default: &str) {
        let name = self.name.join(name);
        self.binder.with_known(&name, |known| {
            known.default = Some(default.to_owned());
        });
        self.binder.record(&name, default, None);
    }

    /// Notes what the values of a name are, where they are not read by the method for values of that kind.
    pub fn is(&self, name: &str, kind: PropertyKind) {
        self.binder
            .with_known(&self.name.join(name), |known| known.kind = kind);
    }

    fn warn_unresolved(&self, value: &Value) {
        for placeholder in &value.unresolved {
            let mut warning = unresolved(value, placeholder);
            warning.severity = Severity::Warning;
            warning.message.push_str("; it is kept as it is");
            self.report(warning);
        }
    }

    /// `None`, reported, when a placeholder of the value has no value.
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

/// The path that a secret's text names instead of the secret: `file:/path` or `file:///path`.
fn file_of(text: &str) -> Option<&Path> {
    let path = text.strip_prefix("file:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    path.starts_with('/').then(|| Path::new(path.trim_end()))
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
