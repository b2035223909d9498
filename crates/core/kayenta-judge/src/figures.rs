//! Numbers in sentences.

/// A number with three significant digits and no zeros at its end.
pub(crate) fn figure(value: f64) -> String {
    const SIGNIFICANT: i32 = 3;
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return kayenta_model::Double(value).to_string();
    }
    let rounded = format!("{value:.*e}", SIGNIFICANT as usize - 1);
    let (mantissa, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-6..15).contains(&exponent) {
        return format!("{}e{exponent}", without_final_zeros(mantissa));
    }
    let decimals = usize::try_from(SIGNIFICANT - 1 - exponent).unwrap_or_default();
    // Through the rounded text, so that 12345 is 12300.
    let rounded: f64 = rounded.parse().unwrap_or(value);
    without_final_zeros(&format!("{rounded:.decimals$}")).to_owned()
}

fn without_final_zeros(digits: &str) -> &str {
    if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    }
}

/// A share as a percentage, such as `6.46 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", figure(100.0 * share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_significant_digits() {
        for (value, text) in [
            (6.4636, "6.46"),
            (0.093333, "0.0933"),
            (3.0, "3"),
            (2.9999, "3"),
            (-12345.0, "-12300"),
            (99.95, "100"),
            (0.9999, "1"),
            (1e-9, "1e-9"),
            (1.234e20, "1.23e20"),
            (0.0, "0"),
            (-0.0, "0"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
        ] {
            assert_eq!(figure(value), text);
        }
        assert_eq!(percent(0.0646), "6.46 %");
    }
}
