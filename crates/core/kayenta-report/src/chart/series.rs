//! Time series of both sides, and their difference.

use chrono::{DateTime, Utc};

use super::{
    Paint,
    canvas::{Anchor, Canvas, Path, Style},
    scale::{Scale, extent, time_ticks},
};
use crate::{Markup, number};

const WIDTH: f64 = 1100.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 1088.0;
/// Outliers that are marked at most.
const MARKED: usize = 300;

/// One side of a chart.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ChartSide<'a> {
    pub(crate) values: &'a [f64],
    /// Positions of values that are not judged.
    pub(crate) outliers: &'a [usize],
    /// Time of the first value, in milliseconds since 1970.
    pub(crate) start: i64,
    /// Milliseconds between values.
    pub(crate) step: i64,
    pub(crate) hidden: bool,
}

impl ChartSide<'_> {
    fn length(&self) -> i64 {
        i64::try_from(self.values.len().saturating_sub(1))
            .unwrap_or(i64::MAX)
            .saturating_mul(self.step.max(1))
    }

    /// Values with their offset from the start of the window, in milliseconds.
    pub(crate) fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        let step = self.step.max(1) as f64;
        self.values
            .iter()
            .enumerate()
            .map(move |(position, &value)| (position as f64 * step, value))
    }
}

/// A part of the window, in milliseconds from its start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Zoom {
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// Both sides over one axis of time since the start of each window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeriesChart<'a> {
    pub(crate) title: &'a str,
    pub(crate) baseline: ChartSide<'a>,
    pub(crate) canary: ChartSide<'a>,
    pub(crate) zoom: Option<Zoom>,
    /// Columns of pixels that are distinguished.
    pub(crate) columns: usize,
    pub(crate) paint: Paint,
}

/// The least and the greatest value that fall into one column of pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Column {
    /// Milliseconds from the start of the window.
    pub(crate) offset: f64,
    /// `None` for a gap.
    pub(crate) extent: Option<(f64, f64)>,
    /// The value the column ends with.
    pub(crate) last: f64,
}

/// The values as columns: one per value while there are fewer values than columns, else the extremes of each, so
/// that no spike disappears.
pub(crate) fn columns(
    points: impl Iterator<Item = (f64, f64)>,
    zoom: Zoom,
    count: usize,
) -> Vec<Column> {
    let width = (zoom.to - zoom.from).max(1.0);
    let points: Vec<(f64, f64)> = points
        .filter(|(offset, _)| (zoom.from..=zoom.to).contains(offset))
        .collect();
    let gap = |value: f64| value.is_finite().then_some((value, value));
    if points.len() <= count {
        return points
            .into_iter()
            .map(|(offset, value)| Column {
                offset,
                extent: gap(value),
                last: value,
            })
            .collect();
    }
    let mut columns: Vec<Column> = Vec::with_capacity(count);
    let mut current = usize::MAX;
    for (offset, value) in points {
        let index = (((offset - zoom.from) / width * count as f64) as usize).min(count - 1);
        if index != current {
            current = index;
            columns.push(Column {
                offset,
                extent: gap(value),
                last: value,
            });
            continue;
        }
        let Some(column) = columns.last_mut() else {
            continue;
        };
        if value.is_finite() {
            column.extent = Some(match column.extent {
                None => (value, value),
                Some((least, greatest)) => (least.min(value), greatest.max(value)),
            });
            column.last = value;
        }
    }
    columns
}

impl SeriesChart<'_> {
    /// What of the window is shown.
    pub(crate) fn shown(&self) -> Zoom {
        let whole = self.baseline.length().max(self.canary.length()).max(1) as f64;
        match self.zoom {
            Some(Zoom { from, to }) if from < to && from < whole && to > 0.0 => Zoom {
                from: from.max(0.0),
                to: to.min(whole),
            },
            _ => Zoom {
                from: 0.0,
                to: whole,
            },
        }
    }

    pub(crate) fn sides(&self) -> [(ChartSide<'_>, Style); 2] {
        [
            (self.baseline, Style::Baseline),
            (self.canary, Style::Canary),
        ]
    }

    /// Both sides as lines; gaps are gaps, values that are not judged are marked.
    pub(crate) fn draw(&self) -> Markup {
        let zoom = self.shown();
        let (top, bottom) = (12.0, 236.0);
        let x = Scale::new((zoom.from, zoom.to), (LEFT, RIGHT));
        let drawn: Vec<(Vec<Column>, Style)> = self
            .sides()
            .into_iter()
            .filter(|(side, _)| !side.hidden)
            .map(|(side, style)| (columns(side.points(), zoom, self.columns), style))
            .collect();
        let range = extent(
            drawn
                .iter()
                .flat_map(|(columns, _)| columns)
                .filter_map(|column| column.extent)
                .flat_map(|(least, greatest)| [least, greatest]),
        );
        let (least, greatest) = range.unwrap_or((0.0, 1.0));
        let room = (greatest - least) * 0.05;
        let y = Scale::new((least - room, greatest + room), (bottom, top));
        let mut canvas = Canvas::new(
            1100,
            276,
            "chart",
            self.title,
            &self.description(range),
            self.paint,
        );
        for tick in y.ticks(5) {
            canvas.line(Style::Axis, (LEFT, y.at(tick)), (RIGHT, y.at(tick)));
            canvas.text(
                Style::Label,
                (LEFT - 6.0, y.at(tick) + 4.0),
                Anchor::End,
                &number::number(tick),
            );
        }
        self.time_axis(&mut canvas, self.canary.start, x, zoom, 252.0);
        if self.baseline.start != self.canary.start {
            self.time_axis(&mut canvas, self.baseline.start, x, zoom, 268.0);
            canvas.text(Style::Label, (4.0, 252.0), Anchor::Start, "Canary");
            canvas.text(Style::Label, (4.0, 268.0), Anchor::Start, "Baseline");
        }
        for (columns, style) in &drawn {
            canvas.path(*style, &outline(columns, x, y));
        }
        for (side, _) in self.sides().into_iter().filter(|(side, _)| !side.hidden) {
            for &position in side.outliers.iter().take(MARKED) {
                let offset = position as f64 * side.step.max(1) as f64;
                let value = side.values.get(position).copied().unwrap_or(f64::NAN);
                if value.is_finite() && x.contains(offset) {
                    canvas.circle(Style::Dropped, (x.at(offset), y.at(value)), 4.0);
                }
            }
        }
        canvas.finish()
    }

    /// Canary minus baseline, point by point. `None` where the two have no point in common.
    pub(crate) fn difference(&self) -> Option<Markup> {
        let step = self.canary.step.max(1) as f64;
        let points = self
            .baseline
            .values
            .iter()
            .zip(self.canary.values)
            .enumerate()
            .map(|(position, (baseline, canary))| (position as f64 * step, canary - baseline));
        let zoom = self.shown();
        let columns = columns(points, zoom, self.columns);
        let (least, greatest) = extent(
            columns
                .iter()
                .filter_map(|column| column.extent)
                .flat_map(|(least, greatest)| [least, greatest]),
        )?;
        let (least, greatest) = (least.min(0.0), greatest.max(0.0));
        let x = Scale::new((zoom.from, zoom.to), (LEFT, RIGHT));
        let y = Scale::new((least, greatest), (84.0, 12.0));
        let title = format!("{}: canary minus baseline", self.title);
        let description = format!(
            "Between {} and {}",
            number::signed(least),
            number::signed(greatest)
        );
        let mut canvas = Canvas::new(1100, 92, "chart", &title, &description, self.paint);
        let mut area = Path::default();
        let mut open: Option<f64> = None;
        for column in &columns {
            let at = x.at(column.offset);
            match (column.extent, open) {
                (Some((least, greatest)), _) => {
                    let far = if least.abs() > greatest.abs() {
                        least
                    } else {
                        greatest
                    };
                    if open.is_none() {
                        area.move_to((at, y.at(0.0)));
                    }
                    area.line_to((at, y.at(far)));
                    open = Some(at);
                }
                (None, Some(last)) => {
                    area.line_to((last, y.at(0.0)));
                    area.close();
                    open = None;
                }
                (None, None) => {}
            }
        }
        if let Some(last) = open {
            area.line_to((last, y.at(0.0)));
            area.close();
        }
        canvas.path(Style::Difference, &area);
        canvas.line(Style::Zero, (LEFT, y.at(0.0)), (RIGHT, y.at(0.0)));
        for tick in y.ticks(3) {
            canvas.text(
                Style::Label,
                (LEFT - 6.0, y.at(tick) + 4.0),
                Anchor::End,
                &number::signed(tick),
            );
        }
        Some(canvas.finish())
    }

    fn time_axis(&self, canvas: &mut Canvas, start: i64, x: Scale, zoom: Zoom, at: f64) {
        let named = self.baseline.start != self.canary.start;
        let from = start.saturating_add(zoom.from as i64);
        let length = (zoom.to - zoom.from) as i64;
        let form = if length < 300_000 {
            "%H:%M:%S"
        } else if length <= 2 * 86_400_000 {
            "%H:%M"
        } else {
            "%m-%d %H:%M"
        };
        for tick in time_ticks(from, length, 9) {
            let Some(time) = DateTime::<Utc>::from_timestamp_millis(tick) else {
                continue;
            };
            let position = x.at((tick - start) as f64).min(WIDTH - 24.0);
            // There stands the name of the side.
            if named && position < LEFT + 12.0 {
                continue;
            }
            canvas.text(
                Style::Label,
                (position, at),
                Anchor::Middle,
                &time.format(form).to_string(),
            );
        }
    }

    fn description(&self, range: Option<(f64, f64)>) -> String {
        let Some((least, greatest)) = range else {
            return "No data on either side".to_owned();
        };
        let count =
            |side: ChartSide<'_>| side.values.iter().filter(|value| !value.is_nan()).count();
        format!(
            "Baseline with {} values, canary with {}, between {} and {}",
            count(self.baseline),
            count(self.canary),
            number::number(least),
            number::number(greatest)
        )
    }
}

fn outline(columns: &[Column], x: Scale, y: Scale) -> Path {
    let mut path = Path::default();
    let mut open = false;
    for column in columns {
        let Some((least, greatest)) = column.extent else {
            open = false;
            continue;
        };
        let at = x.at(column.offset);
        // From the extreme that does not end the column to the one that does.
        let (first, last) = if column.last - least < greatest - column.last {
            (greatest, least)
        } else {
            (least, greatest)
        };
        if open {
            path.line_to((at, y.at(first)));
        } else {
            path.move_to((at, y.at(first)));
            // A single point shows as a dot of the line's width.
            path.vertical_to(y.at(first));
        }
        if first != last {
            path.vertical_to(y.at(last));
        }
        open = true;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spike_disappears_among_ten_thousand_points() {
        let mut values = vec![1.0; 10_080];
        values[5_003] = 900.0;
        values[7_777] = -300.0;
        let points = values
            .iter()
            .enumerate()
            .map(|(at, &value)| (at as f64 * 60_000.0, value));
        let columns = columns(
            points,
            Zoom {
                from: 0.0,
                to: 10_079.0 * 60_000.0,
            },
            1000,
        );
        assert!(columns.len() <= 1000, "{}", columns.len());
        let drawn = extent(
            columns
                .iter()
                .filter_map(|c| c.extent)
                .flat_map(|(a, b)| [a, b]),
        );
        assert_eq!(drawn, Some((-300.0, 900.0)));
    }

    #[test]
    fn a_chart_of_ten_thousand_noisy_points_stays_under_100_kilobytes() {
        let noise = |seed: u64| -> Vec<f64> {
            let mut state = seed;
            (0..10_080)
                .map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    (state >> 40) as f64
                })
                .collect()
        };
        let (baseline, canary) = (noise(1), noise(2));
        let side = |values| ChartSide {
            values,
            step: 60_000,
            ..ChartSide::default()
        };
        let chart = SeriesChart {
            title: "latency",
            baseline: side(&baseline),
            canary: side(&canary),
            zoom: None,
            columns: 1000,
            paint: Paint::Attributes,
        };
        let svg = chart.draw().into_string();
        assert!(svg.len() < 100_000, "{}", svg.len());
        assert_eq!(svg, chart.draw().into_string());
    }

    #[test]
    fn gaps_break_the_line_and_a_window_without_data_says_so() {
        let values = [1.0, f64::NAN, 3.0, 4.0];
        let zoom = Zoom { from: 0.0, to: 3.0 };
        let columns = columns(
            values.iter().enumerate().map(|(at, &v)| (at as f64, v)),
            zoom,
            100,
        );
        let scale = Scale::new((0.0, 4.0), (0.0, 100.0));
        let path = format!("{:?}", outline(&columns, scale, scale));
        assert_eq!(path.matches('M').count(), 2, "{path}");
        let chart = SeriesChart {
            title: "m",
            baseline: ChartSide::default(),
            canary: ChartSide::default(),
            zoom: Some(Zoom { from: 5.0, to: 1.0 }),
            columns: 100,
            paint: Paint::Classes,
        };
        assert!(chart.draw().as_str().contains("No data on either side"));
        assert_eq!(chart.difference(), None);
    }
}
