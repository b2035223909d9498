//! The charts of a metric, with the same numbers as tables.

use kayenta_judge::UsedValues;
use kayenta_model::Side;

use super::{
    display::{ChartKind, MetricDisplay},
    scope, values,
};
use crate::{
    Markup,
    chart::{
        Paint,
        distribution::{Distributions, quantile},
        series::{ChartSide, SeriesChart, Zoom, columns},
    },
    number::{self, Timestamp},
    run::{JudgedRun, MetricRow},
};

/// Columns of pixels that a page's chart distinguishes.
pub(crate) const COLUMNS: usize = 1000;
/// Rows of the table under a chart.
const TABLE_ROWS: usize = 1500;

pub(crate) struct ValueTable {
    pub(crate) summary: String,
    pub(crate) head: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl JudgedRun<'_> {
    /// The chart that is shown, as an image of its own; `None` when there is nothing to draw.
    #[must_use]
    pub fn svg(&self, index: usize, query: &MetricDisplay) -> Option<String> {
        let rows = self.rows();
        let row = rows.get(index)?;
        let (charts, _) = self.charts(row, query, Paint::Attributes, COLUMNS);
        let chart = charts.into_iter().next()?.into_string();
        Some(chart.replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1))
    }

    /// The part of the window that is drawn and the whole, in seconds.
    pub(crate) fn frame(
        &self,
        row: &MetricRow,
        query: &MetricDisplay,
    ) -> Option<((u32, u32), u32)> {
        let chart = self.series_chart(row.index, query, "", None, Paint::Classes, COLUMNS)?;
        let seconds = |millis: f64| (millis / 1000.0).round() as u32;
        let shown = chart.shown();
        let whole = SeriesChart {
            zoom: None,
            ..chart
        };
        Some((
            (seconds(shown.from), seconds(shown.to)),
            seconds(whole.shown().to),
        ))
    }

    pub(crate) fn charts(
        &self,
        row: &MetricRow,
        query: &MetricDisplay,
        paint: Paint,
        count: usize,
    ) -> (Vec<Markup>, Option<ValueTable>) {
        let used = self.used(row.index);
        let title = row.title();
        let chart = self.series_chart(row.index, query, &title, used.as_ref(), paint, count);
        let Some(chart) = chart else {
            return (Vec::new(), None);
        };
        if chart.baseline.values.is_empty() && chart.canary.values.is_empty() {
            return (Vec::new(), None);
        }
        if query.chart == ChartKind::Series {
            let mut charts = vec![chart.draw()];
            charts.extend(chart.difference());
            return (charts, Some(series_table(&chart)));
        }
        let distributions = used
            .as_ref()
            .map(|used| Distributions::new(&used.control.values, &used.experiment.values))
            .unwrap_or_else(|| Distributions::new(&[], &[]));
        let drawn = match query.chart {
            ChartKind::Histogram => distributions.histogram(&title, paint),
            ChartKind::Ecdf => distributions.cumulative(&title, paint),
            _ => distributions.boxes(&title, paint),
        };
        (
            drawn.into_iter().collect(),
            Some(distribution_table(query.chart, &distributions)),
        )
    }

    fn series_chart<'c>(
        &'c self,
        index: usize,
        query: &MetricDisplay,
        title: &'c str,
        used: Option<&'c UsedValues>,
        paint: Paint,
        columns: usize,
    ) -> Option<SeriesChart<'c>> {
        let pair = self.pair(index)?;
        let outliers = |side: Side| -> &'c [usize] {
            match (used, side) {
                (None, _) => &[],
                (Some(used), Side::Control) => &used.control.outliers,
                (Some(used), Side::Experiment) => &used.experiment.outliers,
            }
        };
        let side = |side: Side| {
            let scope = scope(pair, side);
            ChartSide {
                values: values(pair, side),
                outliers: outliers(side),
                start: scope.map_or(0, |scope| scope.start_time_millis),
                step: scope.map_or(1, |scope| scope.step_millis),
                hidden: query.hide == Some(side),
            }
        };
        Some(SeriesChart {
            title,
            baseline: side(Side::Control),
            canary: side(Side::Experiment),
            zoom: query.zoom.map(|(from, to)| Zoom {
                from: f64::from(from) * 1000.0,
                to: f64::from(to) * 1000.0,
            }),
            columns,
            paint,
        })
    }
}

fn series_table(chart: &SeriesChart<'_>) -> ValueTable {
    let zoom = chart.shown();
    let sides: Vec<_> = chart
        .sides()
        .into_iter()
        .map(|(side, _)| columns(side.points(), zoom, TABLE_ROWS))
        .collect();
    let most = sides.iter().map(Vec::len).max().unwrap_or_default();
    let time = |offset: f64| {
        Timestamp::of(chart.canary.start.saturating_add(offset as i64))
            .map(|time| time.text)
            .unwrap_or_default()
    };
    let mut sampled = false;
    let rows = (0..most)
        .map(|row| {
            let offset = sides
                .iter()
                .find_map(|side| side.get(row))
                .map_or(0.0, |column| column.offset);
            let mut cells = vec![time(offset)];
            for side in &sides {
                cells.push(match side.get(row).and_then(|column| column.extent) {
                    None => "—".to_owned(),
                    Some((least, greatest)) if least == greatest => number::number(least),
                    Some((least, greatest)) => {
                        sampled = true;
                        format!("{} to {}", number::number(least), number::number(greatest))
                    }
                });
            }
            cells
        })
        .collect();
    ValueTable {
        summary: if sampled {
            "The same numbers as a table (least and greatest of each interval; CSV has every value)"
                .to_owned()
        } else {
            "The same numbers as a table".to_owned()
        },
        head: vec!["Time of the canary (UTC)", "Baseline", "Canary"],
        rows,
    }
}

fn distribution_table(kind: ChartKind, distributions: &Distributions) -> ValueTable {
    let summary = "The same numbers as a table".to_owned();
    if kind == ChartKind::Histogram {
        return ValueTable {
            summary,
            head: vec!["From", "To", "Baseline", "Canary"],
            rows: distributions
                .bins()
                .iter()
                .map(|bin| {
                    vec![
                        number::number(bin.from),
                        number::number(bin.to),
                        bin.baseline.to_string(),
                        bin.canary.to_string(),
                    ]
                })
                .collect(),
        };
    }
    let shares: Vec<f64> = match kind {
        ChartKind::Box => vec![0.0, 0.25, 0.5, 0.75, 1.0],
        _ => (0..=20).map(|step| f64::from(step) / 20.0).collect(),
    };
    let value = |sorted: &[f64], share| {
        quantile(sorted, share).map_or_else(|| "—".to_owned(), number::number)
    };
    ValueTable {
        summary,
        head: vec!["Share of values at or below", "Baseline", "Canary"],
        rows: shares
            .into_iter()
            .map(|share| {
                vec![
                    number::percent(100.0 * share),
                    value(&distributions.baseline, share),
                    value(&distributions.canary, share),
                ]
            })
            .collect(),
    }
}
