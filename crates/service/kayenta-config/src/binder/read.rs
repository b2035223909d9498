//! Typed reads.

use std::{path::PathBuf, time::Duration};

use super::{
    Group, Value,
    convert::{self, Choice},
};
use crate::{diagnostic::Diagnostic, settings::BaseUrl};

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
    pub(crate) fn double(&self, name: &str, least: f64, most: f64, default: f64) -> f64 {
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
    pub(crate) fn size(&self, name: &str, default: u64) -> u64 {
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

    /// One of a few values.
    pub(crate) fn choice<T: Choice>(&self, name: &str) -> Option<T> {
        self.converted(name, |value| T::named(&value.text), no_constant::<T>)
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
            if self.resolved(item).is_none() {
                continue;
            }
            match T::named(&item.text) {
                Some(value) => values.push(value),
                None => self.report(no_constant::<T>(item)),
            }
        }
        Some(values)
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

/// Java's words for a text that is no number.
fn no_number(value: &Value) -> String {
    format!("For input string: \"{}\"", value.shown())
}

/// A name that is none of the choice's.
fn no_constant<T: Choice>(value: &Value) -> Diagnostic {
    let mut diagnostic =
        value.unconvertible("enum", format!("no constant named {}", value.shown()));
    diagnostic.valid_values = T::NAMES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
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
