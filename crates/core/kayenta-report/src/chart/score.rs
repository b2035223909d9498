//! A score against both thresholds, small enough for a table.

use super::{
    Paint,
    canvas::{Canvas, Style},
};
use crate::{Badge, Markup, number};

const WIDTH: u32 = 64;
const HEIGHT: u32 = 14;
/// Room at both ends, so that a mark at 0 or 100 is drawn whole.
const MARGIN: f64 = 1.0;

/// A score and its thresholds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreBar {
    /// The score, from 0 to 100.
    pub score: f64,
    /// The score from which it passes.
    pub pass: f64,
    /// The marginal threshold.
    pub marginal: f64,
}

impl ScoreBar {
    /// A bar in the colour of the verdict, with a mark at each threshold. The verdict is not derived from the thresholds: a
    /// score at the marginal one is Marginal for a run and Fail for an analysis.
    #[must_use]
    pub fn drawn(self, verdict: &Badge) -> Markup {
        let [score, pass, marginal] = [self.score, self.pass, self.marginal].map(number::score);
        let title = format!("Score {score}; pass threshold {pass}, marginal threshold {marginal}");
        let mut canvas = Canvas::new(WIDTH, HEIGHT, "score", &title, "", Paint::Classes);
        let (width, height) = (f64::from(WIDTH), f64::from(HEIGHT));
        let x = |score: f64| MARGIN + score.clamp(0.0, 100.0) / 100.0 * (width - 2.0 * MARGIN);
        let middle = height / 2.0;
        canvas.rect(
            Style::Band,
            (MARGIN, middle - 3.5),
            (width - 2.0 * MARGIN, 7.0),
        );
        if self.score > 0.0 {
            let from = (MARGIN, middle);
            canvas.thick_line(verdict.style(), from, (x(self.score), middle), 7);
        }
        for threshold in [self.marginal, self.pass] {
            if threshold.is_finite() {
                canvas.line(Style::Zero, (x(threshold), 0.0), (x(threshold), height));
            }
        }
        canvas.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(score: f64, verdict: &str) -> String {
        let bar = ScoreBar {
            score,
            pass: 100.0,
            marginal: 75.0,
        };
        bar.drawn(&Badge::of_label(verdict)).into_string()
    }

    #[test]
    fn the_bar_has_the_colour_of_its_verdict_and_a_mark_at_each_threshold() {
        let marginal = bar(99.67, "Marginal");
        let parts = [
            "<title>Score 99.67; pass threshold 100, marginal threshold 75</title>",
            r#"class="wa" stroke-width="7" d="M1 7L62.8 7""#,
            "M47.5 0L47.5 14",
            "M63 0L63 14",
        ];
        for part in parts {
            assert!(marginal.contains(part), "no {part}: {marginal}");
        }
        assert!(bar(100.0, "Pass").contains("class=\"pa\""));
        // An analysis fails at the marginal threshold.
        assert!(bar(75.0, "Fail").contains("class=\"fa\""));
        let none = bar(0.0, "Fail");
        assert!(!none.contains("stroke-width"), "{none}");
        let unknown = bar(f64::NAN, "Nodata");
        assert!(!unknown.contains("NaN"), "{unknown}");
    }
}
