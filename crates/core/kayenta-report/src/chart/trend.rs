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
pub fn trend(newest_first: &[&TrendPoint]) -> Option<Markup> {
    let newest = newest_first.iter().find_map(|run| run.change.as_ref())?;
    let (unit, zero, limits) = (newest.0.unit, newest.0.zero, &newest.0.limits);
    let comparable = |change: &IntervalPicture| {
        change.unit == unit && change.zero == zero && change.estimate.is_finite()
    };
    let step = (RIGHT - LEFT) / newest_first.len() as f64;
    let runs: Vec<Run<'_>> = newest_first
        .iter()
        .rev()
        .enumerate()
        .map(|(index, point)| Run {
            x: LEFT + step * (index as f64 + 0.5),
            point,
            change: (point.change.as_ref())
                .map(|change| &change.0)
                .filter(|change| comparable(change)),
        })
        .collect();
    let changes = || {
        let runs = runs.iter();
        runs.filter_map(|run| Some((run.x, run.change?)))
    };
    if changes().count() < 2 {
        return None;
    }
    let values = changes().flat_map(|(_, change)| change.values());
    let y = Scale::new(domain(values, limits), (BOTTOM, TOP));
    let title = format!("Change over the last {} runs", runs.len());
    let words = runs.iter().map(Run::in_words);
    let words = words.chain(limits.iter().map(|limit| limit.in_words(unit)));
    let description = format!(
        "From the oldest run on: {}",
        words.collect::<Vec<_>>().join("; ")
    );
    let mut canvas = Canvas::new(WIDTH, HEIGHT, "chart", &title, &description, Paint::Classes);
    let across = |canvas: &mut Canvas, style, value| {
        canvas.line(style, (LEFT, y.at(value)), (RIGHT, y.at(value)));
    };
    for tick in y.ticks(6) {
        across(&mut canvas, Style::Axis, tick);
        let text = format!("{}{unit}", number::signed(tick));
        let at = (LEFT - 6.0, y.at(tick) + 4.0);
        canvas.text(Style::Label, at, Anchor::End, &text);
    }
    if let Some(zero) = zero {
        across(&mut canvas, Style::Zero, zero);
    }
    for limit in limits.iter().filter(|limit| y.contains(limit.at)) {
        across(&mut canvas, limit.style(), limit.at);
        let at = (RIGHT, y.at(limit.at) - 3.0);
        canvas.text(Style::Label, at, Anchor::End, &limit.label);
    }
    let path = Path::through(changes().map(|(x, change)| (x, y.at(change.estimate))));
    canvas.path(Style::Dropped, &path);
    for Run { x, point, change } in &runs {
        let style = point.badge.style();
        let Some(change) = change else {
            // Where it has no change, its label still has a place.
            let at = (*x, BOTTOM - 4.0);
            canvas.text(Style::Label, at, Anchor::Middle, point.badge.icon);
            continue;
        };
        if let Some((lower, upper)) = change.ends {
            canvas.thick_line(style, (*x, y.at(lower)), (*x, y.at(upper)), 4);
        }
        canvas.circle(style, (*x, y.at(change.estimate)), 4.0);
    }
    for (run, x, anchor) in [
        (runs.first(), LEFT, Anchor::Start),
        (runs.last(), RIGHT, Anchor::End),
    ] {
        if let Some(when) = run.and_then(|run| run.point.when.as_ref()) {
            let text = format!("{} UTC", when.text);
            canvas.text(Style::Label, (x, BOTTOM + 20.0), anchor, &text);
        }
    }
    Some(canvas.finish())
}

/// A run where it is drawn, with its change as far as it can be compared with the others.
struct Run<'a> {
    x: f64,
    point: &'a TrendPoint,
    change: Option<&'a IntervalPicture>,
}

impl Run<'_> {
    fn in_words(&self) -> String {
        let word = &self.point.badge.word;
        match self.change {
            Some(change) => format!("{word} {}{}", number::signed(change.estimate), change.unit),
            None => format!("{word}, nothing to draw"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::interval::PictureLimit;

    fn drawn(points: &[TrendPoint]) -> Option<Markup> {
        trend(&points.iter().collect::<Vec<_>>())
    }

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
        let svg = drawn(&newest_first).unwrap().into_string();
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
        assert_eq!(drawn(&one), None);
        let another_judge = [point("Pass", Some(1.0), " %"), point("Pass", Some(1.0), "")];
        assert_eq!(drawn(&another_judge), None);
        assert_eq!(drawn(&[]), None);
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
        let svg = drawn(&points).unwrap().into_string();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 3);
    }
}
