//! The interval of a change against 0, the tolerated band and the limits.

use super::{
    Paint,
    canvas::{Anchor, Canvas, Style},
    scale::{Scale, extent},
};
use crate::{Markup, number};

/// What the picture shows, all in one unit.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct IntervalPicture {
    /// After each number: empty, or ` %`.
    pub(crate) unit: &'static str,
    /// Where no change lies; fixed limits have no such point.
    pub(crate) zero: Option<f64>,
    /// What is tolerated around no change.
    pub(crate) band: Option<(f64, f64)>,
    /// Ends of the interval.
    pub(crate) ends: Option<(f64, f64)>,
    pub(crate) estimate: f64,
    pub(crate) confidence: Option<f64>,
    pub(crate) limits: Vec<PictureLimit>,
}

/// A limit with where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PictureLimit {
    pub(crate) at: f64,
    pub(crate) label: String,
    pub(crate) critical: bool,
}

/// How the outcome is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Good,
    Bad,
    Neither,
}

impl Outcome {
    fn style(self) -> Style {
        match self {
            Self::Good => Style::Pass,
            Self::Bad => Style::Fail,
            Self::Neither => Style::Nothing,
        }
    }
}

impl PictureLimit {
    pub(crate) fn in_words(&self, unit: &str) -> String {
        format!("{} at {}{unit}", self.label, number::signed(self.at))
    }

    pub(crate) fn style(&self) -> Style {
        match self.critical {
            true => Style::CriticalLimit,
            false => Style::Limit,
        }
    }
}

/// What a scale has to cover, with room at both ends. Limits far away do not squeeze the values: they are left out, and
/// listed below the picture.
pub(crate) fn domain(values: impl IntoIterator<Item = f64>, limits: &[PictureLimit]) -> (f64, f64) {
    let (mut least, mut greatest) = extent(values).unwrap_or((0.0, 1.0));
    let reach = 3.0 * (greatest - least);
    for limit in limits.iter().filter(|limit| limit.at.is_finite()) {
        if limit.at >= least - reach && limit.at <= greatest + reach {
            least = least.min(limit.at);
            greatest = greatest.max(limit.at);
        }
    }
    let room = (greatest - least) * 0.06;
    (least - room, greatest + room)
}

impl IntervalPicture {
    /// What is drawn beside the limits.
    pub(crate) fn values(&self) -> impl Iterator<Item = f64> {
        let ends = self
            .ends
            .into_iter()
            .flat_map(|(lower, upper)| [lower, upper]);
        let band = self
            .band
            .into_iter()
            .flat_map(|(lower, upper)| [lower, upper]);
        ends.chain(band).chain(self.zero).chain([self.estimate])
    }

    fn scale(&self, width: f64, margin: f64, with_limits: bool) -> Scale {
        let limits = if with_limits { &self.limits[..] } else { &[] };
        Scale::new(domain(self.values(), limits), (margin, width - margin))
    }

    /// In words.
    pub(crate) fn description(&self) -> String {
        let value = |value: f64| format!("{}{}", number::signed(value), self.unit);
        let mut text = match self.ends {
            Some((lower, upper)) => format!(
                "Estimate {}, interval {} to {}",
                value(self.estimate),
                value(lower),
                value(upper)
            ),
            None => format!("Value {}{}", number::number(self.estimate), self.unit),
        };
        if let Some(confidence) = self.confidence {
            text.push_str(&format!(
                " ({} confidence)",
                number::percent(100.0 * confidence)
            ));
        }
        if let Some((lower, upper)) = self.band {
            text.push_str(&format!("; tolerated {} to {}", value(lower), value(upper)));
        }
        for limit in &self.limits {
            text.push_str(&format!("; {}", limit.in_words(self.unit)));
        }
        text
    }

    /// The large picture.
    pub(crate) fn large(&self, title: &str, outcome: Outcome, paint: Paint) -> Markup {
        let (width, top, bottom) = (1100.0, 30.0, 92.0);
        let scale = self.scale(width, 40.0, true);
        let mut canvas = Canvas::new(1100, 134, "chart", title, &self.description(), paint);
        if let Some((lower, upper)) = self.band {
            let (left, right) = (scale.at(lower), scale.at(upper));
            canvas.rect(Style::Band, (left, top), (right - left, bottom - top));
            let text = format!(
                "tolerated: {}{} to {}{}",
                number::signed(lower),
                self.unit,
                number::signed(upper),
                self.unit
            );
            canvas.text(
                Style::Label,
                ((left + right) / 2.0, 22.0),
                Anchor::Middle,
                &text,
            );
        }
        canvas.line(Style::Axis, (20.0, bottom), (width - 20.0, bottom));
        for tick in scale.ticks(7) {
            let x = scale.at(tick);
            canvas.line(Style::Axis, (x, bottom), (x, bottom + 4.0));
            let text = format!("{}{}", number::signed(tick), self.unit);
            canvas.text(Style::Label, (x, bottom + 17.0), Anchor::Middle, &text);
        }
        if let Some(zero) = self.zero {
            canvas.line(Style::Zero, (scale.at(zero), top), (scale.at(zero), bottom));
        }
        for (index, limit) in self
            .limits
            .iter()
            .enumerate()
            .filter(|(_, limit)| scale.contains(limit.at))
        {
            let x = scale.at(limit.at);
            canvas.line(limit.style(), (x, top), (x, bottom));
            let (anchor, x) = if x > width * 0.7 {
                (Anchor::End, x - 4.0)
            } else {
                (Anchor::Start, x + 4.0)
            };
            let y = if index % 2 == 0 { 128.0 } else { 40.0 };
            canvas.text(Style::Label, (x, y), anchor, &limit.label);
        }
        let style = outcome.style();
        if let Some((lower, upper)) = self.ends {
            canvas.thick_line(style, (scale.at(lower), 62.0), (scale.at(upper), 62.0), 7);
        }
        let x = scale.at(self.estimate);
        canvas.circle(style, (x, 62.0), 6.0);
        let text = match self.ends {
            Some((lower, upper)) => format!(
                "{}{} ({} to {})",
                number::signed(self.estimate),
                self.unit,
                number::signed(lower),
                number::signed(upper)
            ),
            None => format!("{}{}", number::number(self.estimate), self.unit),
        };
        let (anchor, x) = match x {
            x if x < 140.0 => (Anchor::Start, 20.0),
            x if x > width - 140.0 => (Anchor::End, width - 20.0),
            x => (Anchor::Middle, x),
        };
        canvas.text(Style::Strong, (x, 50.0), anchor, &text);
        canvas.finish()
    }

    /// The small picture of a table's row; the row has the same in words.
    pub(crate) fn small(&self, outcome: Outcome, paint: Paint) -> Markup {
        let scale = self.scale(150.0, 8.0, false);
        let mut canvas = Canvas::new(150, 22, "iv", &self.brief(), "", paint);
        if let Some((lower, upper)) = self.band {
            canvas.rect(
                Style::Band,
                (scale.at(lower), 3.0),
                (scale.at(upper) - scale.at(lower), 16.0),
            );
        }
        if let Some(zero) = self.zero {
            canvas.line(Style::Zero, (scale.at(zero), 1.0), (scale.at(zero), 21.0));
        }
        let style = outcome.style();
        if let Some((lower, upper)) = self.ends {
            canvas.thick_line(style, (scale.at(lower), 11.0), (scale.at(upper), 11.0), 4);
        }
        canvas.circle(style, (scale.at(self.estimate), 11.0), 3.5);
        canvas.finish()
    }

    /// The ends of the interval, or the value where there is none.
    pub(crate) fn brief(&self) -> String {
        match self.ends {
            Some((lower, upper)) => format!(
                "{} to {}{}",
                number::signed(lower),
                number::signed(upper),
                self.unit
            ),
            None => format!("{}{}", number::number(self.estimate), self.unit),
        }
    }
}
