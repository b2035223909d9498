//! The view of one metric: why it has its label, what the data were, how they look.

use askama::Template;
use kayenta_judge::UsedValues;
use kayenta_model::{MetricSetPair, PairScope, Side, explanation::Explanation};

use crate::{
    Markup,
    chart::{
        Paint,
        distribution::{Distributions, quantile},
        series::{ChartSide, SeriesChart, Zoom, columns},
    },
    label::Badge,
    number::{self, Timestamp},
    overview::{Links, encoded},
    run::{JudgedRun, MetricRow, signed_percent},
};

/// How the view of a metric looks. All of it stands in the URL of a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricDisplay {
    /// What is drawn.
    pub chart: ChartKind,
    /// The side that is not drawn.
    pub hide: Option<Side>,
    /// The part of the window that is drawn, in seconds from its start.
    pub zoom: Option<(u32, u32)>,
}

/// Where the view of a metric leads.
#[derive(Clone, Copy, Debug, Default)]
pub struct MetricLinks<'a> {
    /// Its values as CSV.
    pub csv: &'a str,
    /// The chart that is shown as an image.
    pub svg: &'a str,
    /// The page of the store's own user interface for a query: an address with `{query}`, `{start}` and `{end}` (ISO-8601),
    /// `{startSeconds}`, `{endSeconds}`, `{startMillis}`, `{endMillis}`, `{range}` and `{step}` (seconds).
    pub store: Option<&'a str>,
}

/// Kinds of charts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChartKind {
    /// Values over time.
    #[default]
    Series,
    /// Counts by value.
    Histogram,
    /// Share of values at or below each value.
    Ecdf,
    /// Quartiles.
    Box,
}

impl ChartKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Series, Self::Histogram, Self::Ecdf, Self::Box];

    /// The word in a URL.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Series => "series",
            Self::Histogram => "histogram",
            Self::Ecdf => "ecdf",
            Self::Box => "box",
        }
    }

    /// The kind a word means; time series for a word that means none.
    #[must_use]
    pub fn of(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|kind| kind.word() == word)
            .unwrap_or_default()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Series => "Time series",
            Self::Histogram => "Histogram",
            Self::Ecdf => "Distribution function",
            Self::Box => "Box plot",
        }
    }
}

/// Columns of pixels that a page's chart distinguishes.
const COLUMNS: usize = 1000;
/// Those of a report, which has a chart of every metric.
const REPORT_COLUMNS: usize = 400;
/// Rows of the table under a chart.
const TABLE_ROWS: usize = 1500;

#[derive(Template)]
#[template(path = "metric.html")]
struct MetricTemplate {
    /// Of the headings within.
    level: u8,
    heading: Option<String>,
    position: String,
    previous: Option<String>,
    next: Option<String>,
    next_failing: Option<String>,
    badge: Badge,
    critical: bool,
    muted: bool,
    groups: String,
    reason: String,
    sentences: Vec<String>,
    picture: Option<Markup>,
    picture_text: String,
    no_picture: String,
    tabs: Vec<Tab>,
    toggles: Vec<Toggle>,
    charts: Vec<Markup>,
    no_chart: bool,
    zooms: Vec<Toggle>,
    /// The part of the window that is drawn, in seconds from its start.
    frame: Option<(u32, u32)>,
    table: Option<ValueTable>,
    statistics: Vec<StatisticLine>,
    facts: Vec<(String, String)>,
    findings: Vec<String>,
    queries: Vec<QueryText>,
    csv: Option<String>,
    svg: Option<String>,
}

struct Tab {
    name: &'static str,
    href: String,
    selected: bool,
}

struct Toggle {
    text: String,
    href: String,
}

struct ValueTable {
    summary: String,
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

struct StatisticLine {
    name: &'static str,
    baseline: String,
    canary: String,
    change: String,
}

struct QueryText {
    side: &'static str,
    class: &'static str,
    name: String,
    text: String,
    /// The page of the store's own user interface.
    href: Option<String>,
}

impl JudgedRun<'_> {
    /// The position of the metric a page asks for: by the id of its pair, by position, or by a name that occurs once.
    #[must_use]
    pub fn find_metric(&self, key: &str) -> Option<usize> {
        let rows = self.rows();
        let found = rows.iter().find(|row| row.key == key).map(|row| row.index);
        let by_position = || key.parse().ok().filter(|index| *index < rows.len());
        let by_name = || {
            let mut named = rows.iter().filter(|row| row.name == key);
            named
                .next()
                .map(|row| row.index)
                .filter(|_| named.next().is_none())
        };
        found.or_else(by_name).or_else(by_position)
    }

    /// Name and tags of a metric.
    #[must_use]
    pub fn metric_title(&self, index: usize) -> String {
        self.rows()
            .get(index)
            .map(MetricRow::title)
            .unwrap_or_default()
    }

    /// The metric at a position, as the body of a page.
    #[must_use]
    pub fn metric(&self, index: usize, query: &MetricDisplay, to: &MetricLinks<'_>) -> Markup {
        let rows = self.rows();
        let Some(row) = rows.get(index) else {
            return Markup::default();
        };
        let links = Links::Query {
            rest: String::new(),
        };
        let href = |row: &MetricRow| links.metric(row);
        let mut template = self.template(row, query, Paint::Classes, COLUMNS);
        template.heading = None;
        template.level = 2;
        template.position = format!("metric {} of {}", index + 1, rows.len());
        template.previous = index.checked_sub(1).map(|previous| href(&rows[previous]));
        template.next = rows.get(index + 1).map(href);
        template.next_failing = rows
            .iter()
            .cycle()
            .skip(index + 1)
            .take(rows.len() - 1)
            .find(|row| row.failed())
            .map(href);
        if let Some(pair) = self.pair(index) {
            template.csv = Some(to.csv.to_owned());
            template.svg = (!template.no_chart).then(|| to.svg.to_owned());
            template.queries = queries(pair, to.store);
        }
        Markup::of(&template)
    }

    /// The metric at a position, as a section of a report: all charts, no links.
    pub(crate) fn metric_section(&self, row: &MetricRow) -> Markup {
        let mut template = self.template(
            row,
            &MetricDisplay::default(),
            Paint::Attributes,
            REPORT_COLUMNS,
        );
        template.tabs.clear();
        template.toggles.clear();
        template.zooms.clear();
        template.frame = None;
        template.table = None;
        if let Some(used) = self.used(row.index) {
            let distributions = Distributions::new(&used.control.values, &used.experiment.values);
            template
                .charts
                .extend(distributions.histogram(&row.name, Paint::Attributes));
            template
                .charts
                .extend(distributions.boxes(&row.name, Paint::Attributes));
        }
        Markup::of(&template)
    }

    fn template(
        &self,
        row: &MetricRow,
        query: &MetricDisplay,
        paint: Paint,
        count: usize,
    ) -> MetricTemplate {
        let index = row.index;
        let result = &self.results()[index];
        let explained = self.explained(index);
        let used = self.used(index);
        let title = row.title();
        let (charts, table) = self.charts(row, query, paint, count);
        let frame = match query.chart {
            ChartKind::Series if !charts.is_empty() => self.frame(row, query),
            _ => None,
        };
        let picture = row.picture.as_ref();
        let sentences = explained
            .map(|explained| explained.explanation.sentences.clone())
            .unwrap_or_default();
        let address = Address {
            key: &row.key,
            query,
        };
        MetricTemplate {
            level: 3,
            heading: Some(title.clone()),
            position: String::new(),
            previous: None,
            next: None,
            next_failing: None,
            badge: row.badge.clone(),
            critical: row.critical,
            muted: row.muted,
            groups: row.groups.join(", "),
            reason: result.classification_reason.clone().unwrap_or_default(),
            sentences,
            picture: picture.map(|picture| picture.large(&title, row.badge.outcome(), paint)),
            picture_text: picture
                .map(|picture| picture.description())
                .unwrap_or_default(),
            no_picture: if explained.is_some() {
                "There is no interval: the test needs different values on both sides.".to_owned()
            } else {
                "There is no explanation: the series of this run cannot be read, or its judge is not known here.".to_owned()
            },
            tabs: ChartKind::ALL
                .into_iter()
                .map(|kind| Tab {
                    name: kind.name(),
                    href: address.with(kind, query.hide, query.zoom),
                    selected: kind == query.chart,
                })
                .collect(),
            toggles: address.toggles(),
            no_chart: charts.is_empty(),
            charts,
            zooms: frame
                .map(|(shown, whole)| address.zooms(shown, whole))
                .unwrap_or_default(),
            frame: frame.map(|(shown, _)| shown),
            table,
            statistics: used
                .as_ref()
                .map(|used| statistics(&used.control.values, &used.experiment.values))
                .unwrap_or_default(),
            facts: self.facts(row, explained.map(|explained| &explained.explanation)),
            findings: explained
                .iter()
                .flat_map(|explained| &explained.findings)
                .map(|finding| finding.sentence.clone())
                .collect(),
            queries: self
                .pair(index)
                .map(|pair| queries(pair, None))
                .unwrap_or_default(),
            csv: None,
            svg: None,
        }
    }

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
    fn frame(&self, row: &MetricRow, query: &MetricDisplay) -> Option<((u32, u32), u32)> {
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

    fn charts(
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

    fn facts(&self, row: &MetricRow, explanation: Option<&Explanation>) -> Vec<(String, String)> {
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
                "Shift that makes it High",
                text(distance.to_high, distance.to_high_percent),
            );
            add(
                "Shift that makes it Low",
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

    /// The series of a metric as CSV: time, baseline, canary, and whether a value is left out as an outlier. Empty when
    /// the series cannot be had.
    #[must_use]
    pub fn csv(&self, index: usize) -> String {
        let Some(pair) = self.pair(index) else {
            return String::new();
        };
        let used = self.used(index);
        let mut text = "offset_seconds,baseline_time,canary_time,baseline,canary,baseline_dropped,canary_dropped\n".to_owned();
        let time = |side: Side, position: usize| {
            let scope = scope(pair, side)?;
            let offset = i64::try_from(position)
                .ok()?
                .checked_mul(scope.step_millis)?;
            Some(Timestamp::of(scope.start_time_millis.checked_add(offset)?)?.iso)
        };
        let (baseline, canary) = (values(pair, Side::Control), values(pair, Side::Experiment));
        let value = |values: &[f64], position: usize| match values.get(position) {
            Some(value) if !value.is_nan() => value.to_string(),
            _ => String::new(),
        };
        let step = scope(pair, Side::Experiment).map_or(0, |scope| scope.step_millis);
        for position in 0..baseline.len().max(canary.len()) {
            let dropped = |outliers: &[usize]| u8::from(outliers.binary_search(&position).is_ok());
            let (of_baseline, of_canary) = used.as_ref().map_or((0, 0), |used| {
                (
                    dropped(&used.control.outliers),
                    dropped(&used.experiment.outliers),
                )
            });
            text.push_str(&format!(
                "{},{},{},{},{},{of_baseline},{of_canary}\n",
                i64::try_from(position)
                    .unwrap_or_default()
                    .saturating_mul(step)
                    / 1000,
                time(Side::Control, position).unwrap_or_default(),
                time(Side::Experiment, position).unwrap_or_default(),
                value(baseline, position),
                value(canary, position),
            ));
        }
        text
    }
}

fn values(pair: &MetricSetPair, side: Side) -> &[f64] {
    pair.values
        .as_ref()
        .and_then(|values| values.get(side.key()))
        .map_or(&[], Vec::as_slice)
}

fn scope(pair: &MetricSetPair, side: Side) -> Option<&PairScope> {
    pair.scopes.as_ref()?.get(side.key())
}

/// Links to the same metric, looked at in another way.
struct Address<'a> {
    key: &'a str,
    query: &'a MetricDisplay,
}

impl Address<'_> {
    fn with(&self, chart: ChartKind, hide: Option<Side>, zoom: Option<(u32, u32)>) -> String {
        let mut href = format!("?metric={}", encoded(self.key));
        if chart != ChartKind::default() {
            href.push_str(&format!("&chart={}", chart.word()));
        }
        if let Some(side) = hide {
            href.push_str(if side == Side::Control {
                "&hide=baseline"
            } else {
                "&hide=canary"
            });
        }
        if let Some((from, to)) = zoom {
            href.push_str(&format!("&zoom={from}-{to}"));
        }
        href
    }

    /// Links to other parts of the window.
    fn zooms(&self, (from, to): (u32, u32), whole: u32) -> Vec<Toggle> {
        let length = to - from;
        let step = (length / 2).max(1);
        let link = |text: &str, zoom: Option<(u32, u32)>| Toggle {
            text: text.to_owned(),
            href: self.with(self.query.chart, self.query.hide, zoom),
        };
        let mut links = Vec::new();
        if length > 1 {
            let quarter = length / 4;
            links.push(link("Zoom in", Some((from + quarter, to - quarter))));
        }
        if self.query.zoom.is_some() {
            if from > 0 {
                let back = step.min(from);
                links.push(link("Earlier", Some((from - back, to - back))));
            }
            if to < whole {
                let on = step.min(whole - to);
                links.push(link("Later", Some((from + on, to + on))));
            }
            links.push(link("Zoom out", None));
        }
        links
    }

    fn toggles(&self) -> Vec<Toggle> {
        if self.query.chart != ChartKind::Series {
            return Vec::new();
        }
        [(Side::Control, "baseline"), (Side::Experiment, "canary")]
            .into_iter()
            .map(|(side, name)| {
                let hidden = self.query.hide == Some(side);
                Toggle {
                    text: format!("{} {name}", if hidden { "Show" } else { "Hide" }),
                    href: self.with(self.query.chart, (!hidden).then_some(side), self.query.zoom),
                }
            })
            .collect()
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

/// A statistic of values in time order and in ascending order.
type Statistic<'a> = &'a dyn Fn(&[f64], &[f64]) -> Option<f64>;

fn statistics(baseline: &[f64], canary: &[f64]) -> Vec<StatisticLine> {
    let sorted = Distributions::new(baseline, canary);
    let mut lines = vec![StatisticLine {
        name: "count",
        baseline: baseline.len().to_string(),
        canary: canary.len().to_string(),
        change: String::new(),
    }];
    let mut line = |name: &'static str, of: Statistic<'_>| {
        let (before, after) = (of(baseline, &sorted.baseline), of(canary, &sorted.canary));
        let text = |value: Option<f64>| value.map_or_else(|| "—".to_owned(), number::number);
        let change = before
            .zip(after)
            .map(|(before, after)| 100.0 * (after - before) / before.abs())
            .filter(|change| change.is_finite());
        lines.push(StatisticLine {
            name,
            baseline: text(before),
            canary: text(after),
            change: change.map(signed_percent).unwrap_or_default(),
        });
    };
    let present = |values: &[f64], of: fn(&[f64]) -> f64| (!values.is_empty()).then(|| of(values));
    line("mean", &|values, _| present(values, kayenta_stats::mean));
    line("median", &|_, sorted| quantile(sorted, 0.5));
    line("min", &|values, _| present(values, kayenta_stats::min));
    line("max", &|values, _| present(values, kayenta_stats::max));
    line("standard deviation", &|values, _| {
        present(values, kayenta_stats::sample_std)
    });
    line("P95", &|_, sorted| quantile(sorted, 0.95));
    lines
}

fn queries(pair: &MetricSetPair, store: Option<&str>) -> Vec<QueryText> {
    let sides = [
        (Side::Control, "Baseline", "b-text"),
        (Side::Experiment, "Canary", "c-text"),
    ];
    let attributes = pair.attributes.as_ref();
    sides
        .into_iter()
        .flat_map(|(side, name, class)| {
            let of_side = attributes
                .and_then(|attributes| attributes.get(side.key()))
                .into_iter()
                .flatten();
            of_side.map(move |(key, text)| QueryText {
                side: name,
                class,
                name: key.clone(),
                text: text.clone(),
                href: store
                    .filter(|_| key == "query")
                    .and_then(|template| in_store(template, text, pair, side)),
            })
        })
        .collect()
}

/// The page of the store's own user interface for a query over the window of a side.
fn in_store(template: &str, query: &str, pair: &MetricSetPair, side: Side) -> Option<String> {
    let scope = scope(pair, side)?;
    let length = i64::try_from(values(pair, side).len()).ok()?;
    let start = scope.start_time_millis;
    let range = length.checked_mul(scope.step_millis)?;
    let end = start.checked_add(range)?;
    let iso = |millis: i64| Some(encoded(&Timestamp::of(millis)?.iso));
    let mut address = template.to_owned();
    for (placeholder, value) in [
        ("{start}", iso(start)?),
        ("{end}", iso(end)?),
        ("{startSeconds}", (start / 1000).to_string()),
        ("{endSeconds}", (end / 1000).to_string()),
        ("{startMillis}", start.to_string()),
        ("{endMillis}", end.to_string()),
        ("{range}", (range / 1000).to_string()),
        ("{step}", (scope.step_millis / 1000).to_string()),
        // Last, because it may contain what looks like the others.
        ("{query}", encoded(query)),
    ] {
        address = address.replace(placeholder, &value);
    }
    Some(address)
}
