//! What is known of a metric's data, and the limits it was held against.

use kayenta_model::explanation::Explanation;

use crate::{
    number,
    run::{JudgedRun, MetricRow, signed_percent},
};

impl JudgedRun<'_> {
    pub(crate) fn facts(
        &self,
        row: &MetricRow,
        explanation: Option<&Explanation>,
    ) -> Vec<(String, String)> {
        let mut facts: Vec<(String, String)> = Vec::new();
        let mut add = |name: &str, text: String| facts.push((name.to_owned(), text));
        let Some(explanation) = explanation else {
            return facts;
        };
        if let Some(data) = &explanation.data {
            let side = |side: &kayenta_model::explanation::SideQuality| {
                format!(
                    "{} given, {} missing, {} dropped as outliers, {} used, {} different; longest gap {}",
                    side.given,
                    side.missing,
                    side.outliers_dropped,
                    side.used,
                    side.distinct,
                    side.longest_gap
                )
            };
            add("Baseline", side(&data.control));
            add("Canary", side(&data.experiment));
            add("Points with a value on both sides", data.pairs.to_string());
            add(
                "Values that occur more than once",
                number::percent(100.0 * f64::from(data.tie_share)),
            );
            if let Some(correlation) = data.autocorrelation {
                add("Autocorrelation", number::number(correlation.into()));
            }
            if let Some(points) = data.effective_points {
                add(
                    "Independent points that say as much",
                    number::number(points.into()),
                );
            }
            if let Some(rate) = data.false_alarm_rate {
                add(
                    "Chance of a false alarm on such data",
                    number::percent(100.0 * f64::from(rate)),
                );
            }
        }
        if let Some(detectable) = &explanation.detectable {
            let percent = detectable
                .percent
                .map(|percent| format!(" ({})", number::percent(f64::from(percent).abs())));
            add(
                "Smallest shift found four times in five",
                format!(
                    "{}{}",
                    number::number(detectable.shift.into()),
                    percent.unwrap_or_default()
                ),
            );
        }
        if let Some(effect) = &explanation.effect {
            let neutral = if effect.measure == "cles" { 0.5 } else { 1.0 };
            let source = |value: kayenta_model::Double| {
                let value = f64::from(value);
                let from = if value == neutral {
                    "default"
                } else {
                    "config"
                };
                format!("{} ({from})", number::number(value))
            };
            let name = if effect.measure == "cles" {
                "Common language effect size"
            } else {
                "Mean of canary over baseline"
            };
            if let Some(value) = effect.value {
                add(name, number::number(value.into()));
            }
            add(
                "Allowed decrease, increase",
                format!(
                    "{}, {}",
                    source(effect.allowed_decrease),
                    source(effect.allowed_increase)
                ),
            );
            if row.critical {
                add(
                    "Critical decrease, increase",
                    format!(
                        "{}, {}",
                        source(effect.critical_decrease),
                        source(effect.critical_increase)
                    ),
                );
            }
        }
        if let Some(distance) = &explanation.distance {
            let text = |shift: kayenta_model::Double, percent: Option<kayenta_model::Double>| {
                match percent {
                    Some(percent) => format!(
                        "{} ({})",
                        number::signed(shift.into()),
                        signed_percent(percent.into())
                    ),
                    None => number::signed(shift.into()),
                }
            };
            add(
                "Turns High when canary values shift by",
                text(distance.to_high, distance.to_high_percent),
            );
            add(
                "Turns Low when canary values shift by",
                text(distance.to_low, distance.to_low_percent),
            );
        }
        if let Some(used) = self.used(row.index) {
            add("Direction that fails", used.direction.to_owned());
            add(
                "Gaps",
                if used.gaps_are_zero {
                    "count as zero"
                } else {
                    "are left out"
                }
                .to_owned(),
            );
            if used.must_have_data {
                add("Without data", "the metric fails".to_owned());
            }
        }
        facts
    }
}
