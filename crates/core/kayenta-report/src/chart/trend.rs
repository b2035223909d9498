//! The change of one metric from run to run, with its interval.

use super::{
    Paint,
    canvas::{Anchor, Canvas, Path, Style},
    interval::{IntervalPicture, domain},
    scale::Scale,
};
use crate::{Badge, Markup, number, number::Timestamp};

const WIDTH: u32 = 1100;
const HEIGHT: u32 = 150;
/// Room for the numbers of the axis.
const LEFT: f64 = 80.0;
const RIGHT: f64 = 1080.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 122.0;

/// What a metric did in one run: its change with the interval, in the unit of the judge's test.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricChange(pub(crate) IntervalPicture);

impl MetricChange {
    /// The ends of the interval; the value itself where fixed limits were compared with.
    #[must_use]
    pub fn interval(&self) -> String {
        self.0.brief()
    }
}

/// One run of a [`trend`].
#[derive(Clone, Debug, PartialEq)]
pub struct TrendPoint {
    /// When its window ended.
    pub when: Option<Timestamp>,
    /// How the metric was classified.
    pub badge: Badge,
    /// Nothing where the metric had no data, or the run has no explanation.
    pub change: Option<MetricChange>,
}

/// The change of a metric over several runs, the newest first, drawn from the oldest on. `None` when fewer than two have one
/// in the unit of the newest that has: another judge may have another unit.
#[must_use]
pub fn trend(points: &[TrendPoint]) -> Option<Markup> {
    let newest = points.iter().find_map(|point| point.change.as_ref())?;
    let comparable = |change: &&MetricChange| {
        let same = change.0.unit == newest.0.unit && change.0.zero == newest.0.zero;
        same && change.0.estimate.is_finite()
    };
    let drawn: Vec<(&TrendPoint, Option<&IntervalPicture>)> = points
        .iter()
        .rev()
        .map(|point| {
            let change = point.change.as_ref().filter(comparable);
            (point, change.map(|change| &change.0))
        })
        .collect();
    let pictures = || drawn.iter().filter_map(|(_, picture)| *picture);
    let count = pictures().count();
    if count < 2 {
        return None;
    }
    let limits = &newest.0.limits;
    let values = domain(pictures().flat_map(IntervalPicture::values), limits);
    let y = Scale::new(values, (BOTTOM, TOP));
    let title = format!("Change over the last {} runs", drawn.len());
    let mut canvas = Canvas::new(
        WIDTH,
        HEIGHT,
        "chart",
        &title,
        &description(&drawn, &newest.0),
        Paint::Classes,
    );
    for tick in y.ticks(6) {
        canvas.line(Style::Axis, (LEFT, y.at(tick)), (RIGHT, y.at(tick)));
        let text = format!("{}{}", number::signed(tick), newest.0.unit);
        let at = (LEFT - 6.0, y.at(tick) + 4.0);
        canvas.text(Style::Label, at, Anchor::End, &text);
    }
    if let Some(zero) = newest.0.zero {
        canvas.line(Style::Zero, (LEFT, y.at(zero)), (RIGHT, y.at(zero)));
    }
    for limit in limits.iter().filter(|limit| y.contains(limit.at)) {
        let style = limit.style();
        canvas.line(style, (LEFT, y.at(limit.at)), (RIGHT, y.at(limit.at)));
        let at = (RIGHT, y.at(limit.at) - 3.0);
        canvas.text(Style::Label, at, Anchor::End, &limit.label);
    }
    let step = (RIGHT - LEFT) / drawn.len() as f64;
    let x = |index: usize| LEFT + step * (index as f64 + 0.5);
    let mut path = Path::default();
    let with_change = drawn.iter().enumerate();
    for (order, (index, picture)) in with_change
        .filter_map(|(index, (_, picture))| Some((index, (*picture)?)))
        .enumerate()
    {
        let at = (x(index), y.at(picture.estimate));
        match order {
            0 => path.move_to(at),
            _ => path.line_to(at),
        }
    }
    canvas.path(Style::Dropped, &path);
    for (index, (point, picture)) in drawn.iter().enumerate() {
        let style = point.badge.style();
        let Some(picture) = picture else {
            // Where it has no change, its label still has a place.
            canvas.text(
                Style::Label,
                (x(index), BOTTOM - 4.0),
                Anchor::Middle,
                point.badge.icon,
            );
            continue;
        };
        if let Some((lower, upper)) = picture.ends {
            let (from, to) = ((x(index), y.at(lower)), (x(index), y.at(upper)));
            canvas.thick_line(style, from, to, 4);
        }
        canvas.circle(style, (x(index), y.at(picture.estimate)), 4.0);
    }
    let ends = [
        (drawn.first(), LEFT, Anchor::Start),
        (drawn.last(), RIGHT, Anchor::End),
    ];
    for (point, x, anchor) in ends {
        if let Some(when) = point.and_then(|(point, _)| point.when.as_ref()) {
            let text = format!("{} UTC", when.text);
            canvas.text(Style::Label, (x, BOTTOM + 20.0), anchor, &text);
        }
    }
    Some(canvas.finish())
}

fn description(
    drawn: &[(&TrendPoint, Option<&IntervalPicture>)],
    newest: &IntervalPicture,
) -> String {
    let mut texts: Vec<String> = drawn
        .iter()
        .map(|(point, picture)| {
            let word = &point.badge.word;
            match picture {
                Some(picture) => {
                    let estimate = number::signed(picture.estimate);
                    format!("{word} {estimate}{}", picture.unit)
                }
                None => format!("{word}, nothing to draw"),
            }
        })
        .collect();
    for limit in &newest.limits {
        texts.push(format!(
            "{} at {}{}",
            limit.label,
            number::signed(limit.at),
            newest.unit
        ));
    }
    format!("From the oldest run on: {}", texts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::interval::PictureLimit;

    fn point(label: &str, estimate: Option<f64>, unit: &'static str) -> TrendPoint {
        TrendPoint {
            when: Timestamp::of(1_606_000_020_000),
            badge: Badge::of_label(label),
            change: estimate.map(|estimate| {
                MetricChange(IntervalPicture {
                    unit,
                    zero: Some(0.0),
                    ends: Some((estimate - 1.0, estimate + 1.0)),
                    estimate,
                    limits: vec![PictureLimit {
                        at: 5.0,
                        label: "allowed: 5 % higher (config)".to_owned(),
                        critical: false,
                    }],
                    ..IntervalPicture::default()
                })
            }),
        }
    }

    #[test]
    fn runs_are_drawn_from_the_oldest_on_with_interval_and_limit() {
        let newest_first = [
            point("High", Some(9.0), " %"),
            point("Nodata", None, " %"),
            point("Pass", Some(0.5), " %"),
        ];
        let svg = trend(&newest_first).unwrap().into_string();
        assert!(
            svg.contains(
                "<desc>From the oldest run on: Pass +0.5 %; Nodata, nothing to draw; High +9 %; \
                 allowed: 5 % higher (config) at +5 %</desc>"
            ),
            "{svg}"
        );
        assert_eq!(svg.matches("<circle class=\"pa\"").count(), 1);
        assert_eq!(svg.matches("<circle class=\"fa\"").count(), 1);
        assert_eq!(svg.matches("stroke-width=\"4\"").count(), 2);
        let (oldest, newest) = (svg.find("class=\"pa\""), svg.find("class=\"fa\""));
        assert!(oldest < newest, "{svg}");
        assert!(svg.contains("2020-11-21 23:07 UTC"), "{svg}");
    }

    #[test]
    fn changes_in_another_unit_and_lone_ones_are_not_drawn() {
        let one = [point("Pass", Some(1.0), " %"), point("Nodata", None, "")];
        assert_eq!(trend(&one), None);
        let another_judge = [point("Pass", Some(1.0), " %"), point("Pass", Some(1.0), "")];
        assert_eq!(trend(&another_judge), None);
        assert_eq!(trend(&[]), None);
    }

    #[test]
    fn huge_values_are_drawn_within_the_picture_and_those_that_are_no_numbers_are_not() {
        let points = [
            point("Pass", Some(0.0), ""),
            point("Pass", Some(f64::NAN), ""),
            point("High", Some(f64::INFINITY), ""),
            point("Pass", Some(1e308), ""),
            point("Low", Some(-1e308), ""),
        ];
        let svg = trend(&points).unwrap().into_string();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 3);
    }
}
