//! Typed reads.

use std::{path::PathBuf, time::Duration};

use super::{
    Group, PropertyKind, Value,
    convert::{self, Choices},
};
use kayenta_secrets::BaseUrl;

use crate::diagnostic::Diagnostic;

impl<'b> Group<'b> {
    /// A boolean; empty is unset.
    pub fn boolean(&self, name: &str, default: bool) -> bool {
        self.boolean_if_set(name).unwrap_or_else(|| {
            self.default(name, if default { "true" } else { "false" });
            default
        })
    }

    /// A boolean without a default.
    pub fn boolean_if_set(&self, name: &str) -> Option<bool> {
        self.is(name, PropertyKind::Boolean);
        self.converted(
            name,
            |value| convert::boolean(&value.text),
            |value| {
                let reason = format!("Invalid boolean value '{}'", value.shown());
                value
                    .unconvertible("boolean", reason)
                    .expected("true or false")
            },
        )
    }

    /// A feature switch: on when the name has a value whose text is not `false`.
    pub fn switch(&self, name: &str) -> bool {
        self.is(name, PropertyKind::Boolean);
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
    pub fn strict_switch(&self, name: &str, default: bool) -> bool {
        self.is(name, PropertyKind::Boolean);
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
    pub fn integer<T>(&self, name: &str, least: T, most: T, default: T) -> T
    where
        T: Copy + TryFrom<i64> + Into<i128> + std::fmt::Display,
    {
        self.integer_if_set(name, least, most).unwrap_or_else(|| {
            self.default(name, &default.to_string());
            default
        })
    }

    /// An integer without a default.
    pub fn integer_if_set<T>(&self, name: &str, least: T, most: T) -> Option<T>
    where
        T: Copy + TryFrom<i64> + Into<i128> + std::fmt::Display,
    {
        let kind = PropertyKind::Integer {
            least: least.into(),
            most: most.into(),
        };
        self.is(name, kind);
        self.converted(
            name,
            |value| {
                let number = T::try_from(convert::integer(&value.text)?).ok()?;
                let wide: i128 = number.into();
                (least.into()..=most.into())
                    .contains(&wide)
                    .then_some(number)
            },
            |value| {
                let reason = match convert::integer(&value.text) {
                    Some(number) => format!("{number} is out of range"),
                    None => no_number(value),
                };
                value
                    .unconvertible("int", reason)
                    .expected(format!("a whole number from {least} to {most}"))
            },
        )
    }

    /// A number within bounds.
    pub fn double(&self, name: &str, least: f64, most: f64, default: f64) -> f64 {
        self.is(name, PropertyKind::Number { least, most });
        self.converted(
            name,
            |value| convert::double(&value.text).filter(|number| (least..=most).contains(number)),
            |value| {
                value
                    .unconvertible("double", no_number(value))
                    .expected(format!("a number from {least} to {most}"))
            },
        )
        .unwrap_or_else(|| {
            self.default(name, &default.to_string());
            default
        })
    }

    /// A whole number of units of time; forms with a unit (`30s`) are accepted too.
    pub fn units(&self, name: &str, unit: Duration, default: Duration) -> Duration {
        self.units_if_set(name, unit).unwrap_or_else(|| {
            self.default(
                name,
                &(default.as_millis() / unit.as_millis().max(1)).to_string(),
            );
            default
        })
    }

    /// A whole number of units of time, without a default.
    pub fn units_if_set(&self, name: &str, unit: Duration) -> Option<Duration> {
        self.is(name, PropertyKind::Units(unit_name(unit)));
        self.converted(
            name,
            |value| match convert::integer(&value.text) {
                Some(number) => convert::units(number, unit),
                None => convert::duration(&value.text),
            },
            |value| {
                value
                    .unconvertible("long", no_number(value))
                    .expected(format!("a whole number of {}", unit_name(unit)))
            },
        )
    }

    /// Milliseconds.
    pub fn millis(&self, name: &str, default: u64) -> Duration {
        self.units(
            name,
            Duration::from_millis(1),
            Duration::from_millis(default),
        )
    }

    /// A duration.
    pub fn duration(&self, name: &str, default: Duration) -> Duration {
        self.duration_if_set(name).unwrap_or_else(|| {
            self.default(name, &readable(default));
            default
        })
    }

    /// A duration without a default.
    pub fn duration_if_set(&self, name: &str) -> Option<Duration> {
        self.is(name, PropertyKind::Duration);
        self.converted(
            name,
            |value| convert::duration(&value.text),
            |value| {
                let reason = format!("'{}' is not a valid duration", value.shown());
                value
                    .unconvertible("java.time.Duration", reason)
                    .expected("a duration such as 500ms, 10s, 5m, 1h or PT10S, or milliseconds")
            },
        )
    }

    /// A data size in bytes.
    pub fn size(&self, name: &str, default: u64) -> u64 {
        self.is(name, PropertyKind::Size);
        self.converted(
            name,
            |value| convert::size(&value.text),
            |value| {
                let reason = format!("'{}' is not a valid data size", value.shown());
                value
                    .unconvertible("org.springframework.util.unit.DataSize", reason)
                    .expected("a size such as 512B, 8KB or 10MB, or bytes")
            },
        )
        .unwrap_or_else(|| {
            self.default(name, &readable_size(default));
            default
        })
    }

    /// One of a few values, each with its name; case and everything but letters and digits do not
    /// matter ([`convert::choice`]).
    pub fn choice<T: Copy>(&self, name: &str, names: &Choices<T>) -> Option<T> {
        self.is(name, words(names));
        self.converted(
            name,
            |value| convert::choice(names, &value.text),
            |value| no_constant(names, value),
        )
    }

    /// One of a few values, or the default.
    pub fn choice_or<T: Copy + PartialEq>(&self, name: &str, names: &Choices<T>, default: T) -> T {
        self.choice(name, names).unwrap_or_else(|| {
            let shown = names.iter().find(|(_, value)| *value == default);
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
    pub fn choices<T: Copy>(&self, name: &str, names: &Choices<T>) -> Option<Vec<T>> {
        self.is(&format!("{name}[0]"), words(names));
        let items = self.items(name)?;
        let mut values = Vec::new();
        for item in &items {
            if self.resolved(item).is_none() {
                continue;
            }
            match convert::choice(names, &item.text) {
                Some(value) => values.push(value),
                None => self.report(no_constant(names, item)),
            }
        }
        Some(values)
    }

    /// A file or directory, relative to the working directory; `file:` and `classpath:` before it are
    /// accepted too.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let text = self.text(name)?;
        if let Some(path) = text.strip_prefix("classpath:") {
            let resources = &self.environment().resources;
            return Some(resources.join(path.trim_start_matches('/')));
        }
        let path = text.strip_prefix("file:").unwrap_or(&text);
        let path = path.strip_prefix("//").unwrap_or(path);
        Some(PathBuf::from(path))
    }

    /// A value read by a rule of the caller, whose error says what is wrong with the text; `expected`
    /// says what would be right. Placeholders without a value are warned of and stay in the text.
    pub fn parsed<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
        expected: &str,
    ) -> Option<T> {
        let value = self.get(name).filter(|value| !value.text.is_empty())?;
        self.binder()
            .record(&value.name, &value.text, Some(&value.origin));
        match (parse(&value.text), value.unresolved.first()) {
            (Ok(parsed), _) => {
                self.warn_unresolved(&value);
                Some(parsed)
            }
            // One fault, one message: what cannot be read is what the placeholder left.
            (Err(_), Some(placeholder)) => {
                self.report(super::unresolved(&value, placeholder).expected(expected));
                None
            }
            (Err(reason), None) => {
                self.report(value.wrong(reason).expected(expected));
                None
            }
        }
    }

    /// A base URL with scheme and host.
    pub fn base_url(&self, name: &str) -> Option<BaseUrl> {
        self.is(name, PropertyKind::Url);
        self.parsed(
            name,
            |text| {
                text.parse()
                    .map_err(|reason| format!("Invalid URL: {reason}"))
            },
            "a URL such as http://example.com:8080",
        )
    }

    /// A base URL that may be none: it is warned of, and what is called through it fails. For URLs that the
    /// application can start without.
    pub fn base_url_or_flawed(&self, name: &str) -> Option<BaseUrl> {
        self.is(name, PropertyKind::Url);
        let value = self.get(name).filter(|value| !value.text.is_empty())?;
        let url = BaseUrl::or_flawed(&value.text)?;
        if url.flaw().is_none() {
            return self.base_url(name);
        }
        self.binder()
            .record(&value.name, &value.text, Some(&value.origin));
        let mut warning = match value.unresolved.first() {
            Some(placeholder) => super::unresolved(&value, placeholder),
            None => value.wrong(format!(
                "Invalid URL: {}",
                url.flaw().map(ToString::to_string).unwrap_or_default()
            )),
        };
        warning.severity = crate::diagnostic::Severity::Warning;
        warning.message.push_str("; every call to it will fail");
        self.report(warning.expected("a URL such as http://example.com:8080"));
        Some(url)
    }

    /// Whether a name has a value that is not empty, even one that cannot be used: that is reported where it
    /// is read, and it is not missing.
    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        let name = self.name.join(name);
        self.binder.know(&name);
        self.binder
            .properties
            .find(&name, self.only)
            .is_some_and(|(_, entry)| !entry.value.text.is_empty())
    }

    /// A value converted; empty counts as none, mistakes are reported and count as none.
    fn converted<T>(
        &self,
        name: &str,
        convert: impl Fn(&Value) -> Option<T>,
        wrong: impl Fn(&Value) -> Diagnostic,
    ) -> Option<T> {
        let value = self
            .get(name)
            .filter(|value| !value.text.trim().is_empty())?;
        self.resolved(&value)?;
        self.binder()
            .record(&value.name, &value.text, Some(&value.origin));
        let converted = convert(&value);
        if converted.is_none() {
            self.report(wrong(&value));
        }
        converted
    }
}

fn words<T>(names: &Choices<T>) -> PropertyKind {
    PropertyKind::Words(names.iter().map(|(name, _)| (*name).to_owned()).collect())
}

/// Java's words for a text that is no number.
fn no_number(value: &Value) -> String {
    format!("For input string: \"{}\"", value.shown())
}

/// A name that is none of the choices.
fn no_constant<T>(names: &Choices<T>, value: &Value) -> Diagnostic {
    let mut diagnostic =
        value.unconvertible("enum", format!("no constant named {}", value.shown()));
    diagnostic.valid_values = names.iter().map(|(name, _)| (*name).to_owned()).collect();
    diagnostic.valid_values.sort();
    diagnostic
}

fn unit_name(unit: Duration) -> &'static str {
    match unit.as_millis() {
        1 => "milliseconds",
        1_000 => "seconds",
        60_000 => "minutes",
        _ => "days",
    }
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
        if millis >= unit && millis.is_multiple_of(unit) {
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
