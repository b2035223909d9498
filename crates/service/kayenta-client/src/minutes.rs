//! Lengths of time as the command line takes them: a number of minutes, or `1h30m`.

/// Reads a length of time in whole minutes: `90` (minutes), `90m`, `1h30m`, `2d`, `120s`.
///
/// # Errors
/// When the text is no such length, or not a whole number of minutes.
pub(crate) fn parse_minutes(text: &str) -> Result<i64, String> {
    let text = text.trim();
    if let Ok(minutes) = text.parse() {
        return Ok(minutes);
    }
    let mut seconds: i64 = 0;
    let mut digits = String::new();
    for character in text.chars() {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        let unit = match character {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(expected(text)),
        };
        let amount: i64 = digits.parse().map_err(|_| expected(text))?;
        digits.clear();
        seconds = amount
            .checked_mul(unit)
            .and_then(|part| seconds.checked_add(part))
            .ok_or_else(|| expected(text))?;
    }
    if text.is_empty() || !digits.is_empty() {
        return Err(expected(text));
    }
    if seconds % 60 != 0 {
        return Err(format!("'{text}' is not a whole number of minutes"));
    }
    Ok(seconds / 60)
}

fn expected(text: &str) -> String {
    format!(
        "'{text}' is not a length of time; write a number of minutes, or for example 90m, 1h30m"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_minutes_and_units_may_be_combined() {
        for (text, minutes) in [
            ("5", 5),
            ("0", 0),
            ("-1", -1),
            ("90m", 90),
            ("1h", 60),
            ("1h30m", 90),
            ("2d", 2_880),
            ("120s", 2),
        ] {
            assert_eq!(parse_minutes(text), Ok(minutes), "{text}");
        }
    }

    #[test]
    fn other_texts_and_parts_of_a_minute_are_refused() {
        for text in ["", "h", "1x", "1h30", "90s", "1.5h", "99999999999999999d"] {
            assert!(parse_minutes(text).is_err(), "{text}");
        }
    }
}
