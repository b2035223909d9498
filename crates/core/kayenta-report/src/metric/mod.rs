//! The view of one metric: why it has its label, what the data were, how they look.

mod address;
mod charts;
mod csv;
mod display;
mod facts;
mod queries;
mod statistics;

use askama::Template;
use kayenta_model::{MetricSetPair, PairScope, Side};

pub use self::display::{ChartKind, MetricDisplay, MetricLinks};
use self::{
    address::{Address, Toggle},
    charts::{COLUMNS, ValueTable},
    queries::{QueryText, queries},
    statistics::{StatisticLine, statistics},
};
use crate::{
    Markup,
    chart::{Paint, distribution::Distributions},
    label::Badge,
    overview::Links,
    run::{JudgedRun, MetricRow},
};

/// Columns of pixels of a report's charts; it has one of every metric.
const REPORT_COLUMNS: usize = 400;

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

    /// Up to `most` metrics, each as a section of its own without links and queries, and how many are left.
    #[must_use]
    pub fn metric_sections(&self, most: usize) -> (Vec<Markup>, usize) {
        let rows = self.rows();
        let section = |row: &MetricRow| {
            let mut template = self.section(row, Paint::Classes, COLUMNS);
            template.queries.clear();
            Markup::of(&template)
        };
        let sections: Vec<Markup> = rows.iter().take(most).map(section).collect();
        let left = rows.len() - sections.len();
        (sections, left)
    }

    /// The metric at a position, as a section of a report: all charts, no links.
    pub(crate) fn metric_section(&self, row: &MetricRow) -> Markup {
        Markup::of(&self.section(row, Paint::Attributes, REPORT_COLUMNS))
    }

    fn section(&self, row: &MetricRow, paint: Paint, columns: usize) -> MetricTemplate {
        let mut template = self.template(row, &MetricDisplay::default(), paint, columns);
        template.tabs.clear();
        template.toggles.clear();
        template.zooms.clear();
        template.frame = None;
        template.table = None;
        if let Some(used) = self.used(row.index) {
            let distributions = Distributions::new(&used.control.values, &used.experiment.values);
            template
                .charts
                .extend(distributions.histogram(&row.name, paint));
            template
                .charts
                .extend(distributions.boxes(&row.name, paint));
        }
        template
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
            no_picture: match self.unread {
                _ if explained.is_some() => {
                    "There is no interval: the test needs different values on both sides.".to_owned()
                }
                Some(unread) => format!(
                    "There is no explanation: it rests on the series of all metrics. {unread}."
                ),
                None => "There is no explanation: the series of this run cannot be read, or its judge is not known here.".to_owned(),
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
