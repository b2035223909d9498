//! The text of a timestamp, read as Java 17 reads it.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// A text that is no instant, in the words of the reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Text '{text}' could not be parsed at index {index}")]
pub struct InstantError {
    /// The text.
    pub text: String,
    /// Where reading stopped, in characters.
    pub index: usize,
}

/// `Instant.parse` of Java 17: `yyyy-MM-ddTHH:mm:ss[.n{0,9}]` with `Z` or `±HH:mm[:ss]`; the error
/// tells the index Java tells.
pub(super) fn parse(text: &str) -> Result<DateTime<Utc>, InstantError> {
    let mut reader = Reader {
        bytes: text.as_bytes(),
        at: 0,
    };
    reader.instant().map_err(|index| InstantError {
        text: text.to_owned(),
        index,
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn expect(&mut self, wanted: u8) -> Result<(), usize> {
        match self.peek() {
            Some(found) if found.eq_ignore_ascii_case(&wanted) => {
                self.at += 1;
                Ok(())
            }
            _ => Err(self.at),
        }
    }

    fn digits(&mut self, count: usize) -> Result<u32, usize> {
        let start = self.at;
        let slice = self.bytes.get(start..start + count).ok_or(start)?;
        if !slice.iter().all(u8::is_ascii_digit) {
            return Err(start);
        }
        self.at += count;
        Ok(slice
            .iter()
            .fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
    }

    fn instant(&mut self) -> Result<DateTime<Utc>, usize> {
        let start = self.at;
        let year = self.digits(4)?;
        self.expect(b'-')?;
        let month = self.digits(2)?;
        self.expect(b'-')?;
        let day = self.digits(2)?;
        self.expect(b'T')?;
        let hour = self.digits(2)?;
        self.expect(b':')?;
        let minute = self.digits(2)?;
        self.expect(b':')?;
        let second = self.digits(2)?;
        let nanos = self.fraction();
        let offset = self.offset()?;
        if self.at != self.bytes.len() {
            return Err(self.at);
        }
        let year = i32::try_from(year).map_err(|_| start)?;
        let date = NaiveDate::from_ymd_opt(year, month, day).ok_or(start)?;
        let end_of_day = hour == 24 && minute == 0 && second == 0 && nanos == 0;
        let leap = hour == 23 && minute == 59 && second == 60;
        let (hour, second, extra_days) = match (end_of_day, leap) {
            (true, _) => (0, 0, 1),
            (_, true) => (hour, 59, 0),
            _ => (hour, second, 0),
        };
        let local = date
            .and_hms_nano_opt(hour, minute, second, nanos)
            .ok_or(start)?;
        let shifted = local + TimeDelta::days(extra_days) - TimeDelta::seconds(offset);
        Ok(shifted.and_utc())
    }

    /// `.` and up to nine digits; what follows them is the offset's to judge.
    fn fraction(&mut self) -> u32 {
        if self.peek() != Some(b'.') {
            return 0;
        }
        self.at += 1;
        let mut nanos = 0;
        let mut scale = 100_000_000;
        while scale > 0 && self.peek().is_some_and(|b| b.is_ascii_digit()) {
            nanos += u32::from(self.bytes[self.at] - b'0') * scale;
            scale /= 10;
            self.at += 1;
        }
        nanos
    }

    /// Seconds east of UTC.
    fn offset(&mut self) -> Result<i64, usize> {
        let start = self.at;
        let sign = match self.peek() {
            Some(b'Z' | b'z') => {
                self.at += 1;
                return Ok(0);
            }
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Err(start),
        };
        self.at += 1;
        let mut parse = || {
            let hours = self.digits(2)?;
            self.expect(b':')?;
            let minutes = self.digits(2)?;
            let seconds = if self.peek() == Some(b':') {
                self.at += 1;
                self.digits(2)?
            } else {
                0
            };
            Ok::<_, usize>((hours, minutes, seconds))
        };
        let (hours, minutes, seconds) = parse().map_err(|_| start)?;
        if hours > 18 || minutes > 59 || seconds > 59 {
            return Err(start);
        }
        Ok(sign * i64::from(hours * 3600 + minutes * 60 + seconds))
    }
}
