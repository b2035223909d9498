//! The fields of a form that say what is compared, and when.

use indexmap::IndexMap;
use kayenta_model::Instant;

/// Length of a window unless another one is asked for, in minutes.
const USUAL_MINUTES: i64 = 60;

/// What is compared: account, both sides, window, step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScopeFields {
    pub(crate) account: Option<String>,
    pub(crate) baseline: Option<String>,
    pub(crate) canary: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) step: Option<i64>,
    pub(crate) start: Option<String>,
    pub(crate) end: Option<String>,
    /// Length of a window that ends now, as it was written.
    pub(crate) minutes: Option<String>,
    pub(crate) parameters: IndexMap<String, String>,
}

impl ScopeFields {
    /// Reads them by their names after a prefix.
    pub(crate) fn read<'f>(prefix: &str, field: impl Fn(&str) -> Option<&'f str>) -> Self {
        let text = |name: &str| {
            let text = field(&format!("{prefix}{name}"))?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let canary = text("canary");
        Self {
            account: text("account"),
            baseline: text("baseline"),
            canary,
            location: text("location"),
            step: text("step").and_then(|step| step.parse().ok()),
            start: text("start"),
            end: text("end"),
            minutes: text("minutes"),
            parameters: parameters(&text("params").unwrap_or_default()),
        }
    }

    /// The parameters as lines.
    pub(crate) fn parameter_lines(&self) -> String {
        let lines = self
            .parameters
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Start and end in milliseconds since 1970; a window that ends now unless it says otherwise.
    ///
    /// # Errors
    /// What is no time, or ends before it starts.
    pub(crate) fn window(&self, now: i64) -> Result<(i64, i64), String> {
        let minutes = match &self.minutes {
            None => USUAL_MINUTES,
            Some(text) => text
                .parse()
                .ok()
                .filter(|minutes| (1..=525_600).contains(minutes))
                .ok_or_else(|| format!("'{text}' is no number of minutes."))?,
        };
        let end = match &self.end {
            Some(text) => time(text)?,
            None => match &self.start {
                Some(start) => (time(start)? + minutes * 60_000).min(now),
                None => now - now.rem_euclid(60_000),
            },
        };
        let start = match &self.start {
            Some(text) => time(text)?,
            None => end - minutes * 60_000,
        };
        if start >= end {
            return Err("The window ends before it starts.".to_owned());
        }
        Ok((start, end))
    }
}

/// A time in ISO-8601; without a zone it is UTC.
pub(crate) fn time(text: &str) -> Result<i64, String> {
    let zoned = text.ends_with(['Z', 'z'])
        || text
            .split_once('T')
            .is_some_and(|(_, clock)| clock.contains(['+', '-']));
    let colons = text.matches(':').count();
    let text = match (zoned, colons) {
        (true, _) => text.to_owned(),
        (false, 1) => format!("{text}:00Z"),
        (false, _) => format!("{text}Z"),
    };
    let time: Instant = text
        .replace(' ', "T")
        .parse()
        .map_err(|_| format!("'{text}' is no time; write it like 2026-01-31T12:00:00Z."))?;
    Ok(time.millis())
}

/// Lines `name=value`.
fn parameters(text: &str) -> IndexMap<String, String> {
    text.lines()
        .filter_map(|line| {
            let (name, value) = line.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        })
        .filter(|(name, _)| !name.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&'static str, &'static str)]) -> ScopeFields {
        ScopeFields::read("try-", |name| {
            pairs
                .iter()
                .find(|(known, _)| format!("try-{known}") == name)
                .map(|(_, value)| *value)
        })
    }

    #[test]
    fn a_window_ends_now_unless_it_says_otherwise() {
        let now = 7_200_000 + 30_000;
        assert_eq!(fields(&[]).window(now), Ok((3_600_000, 7_200_000)));
        assert_eq!(
            fields(&[("minutes", "30")]).window(now),
            Ok((5_400_000, 7_200_000))
        );
        let both = fields(&[
            ("start", "1970-01-01T00:00"),
            ("end", "1970-01-01 01:00:00"),
        ]);
        assert_eq!(both.window(now), Ok((0, 3_600_000)));
        let offset = fields(&[("start", "1970-01-01T01:00:00+01:00"), ("minutes", "1")]);
        assert_eq!(offset.window(now), Ok((0, 60_000)));
    }

    #[test]
    fn what_is_no_window_is_refused_with_its_reason() {
        for (name, value, part) in [
            ("start", "yesterday", "'yesterdayZ' is no time"),
            ("minutes", "-1", "number of minutes"),
            ("end", "1970-01-01T00:00", ""),
        ] {
            let window = fields(&[(name, value)]).window(7_200_000);
            match part {
                "" => assert!(window.is_ok()),
                part => assert!(window.unwrap_err().contains(part)),
            }
        }
        let turned = fields(&[("start", "1970-01-01T02:00"), ("end", "1970-01-01T01:00")]);
        assert!(turned.window(0).is_err());
    }

    #[test]
    fn parameters_are_lines() {
        let read = fields(&[("params", "a = 1\nnonsense\n=x\nb=c=d")]);
        assert_eq!(read.parameter_lines(), "a=1\nb=c=d");
    }
}
