//! A report: one file that needs no script, asks nothing of anybody, and prints.
//!
//! Charts carry their colours in the elements as well, so that they show where an artifact store refuses style sheets.

use askama::Template;

use crate::{JudgedRun, Markup, OverviewQuery, label::Badge, number, overview::Links};

/// The style of reports and pages.
pub const STYLE: &str = include_str!("../assets/report.css");

#[derive(Template)]
#[template(path = "report_head.html")]
struct HeadTemplate<'a> {
    title: &'a str,
    style: StyleSheet,
}

/// The style sheet as it is: it holds nothing from outside.
struct StyleSheet;

impl std::fmt::Display for StyleSheet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(STYLE)
    }
}

impl askama::filters::HtmlSafe for StyleSheet {}

#[derive(Template)]
#[template(path = "report_index.html")]
struct IndexTemplate<'a> {
    lines: &'a [IndexLine],
}

#[derive(Template)]
#[template(path = "report_section.html")]
struct SectionTemplate {
    number: usize,
    heading: String,
    error: Option<String>,
    overview: Markup,
    metrics: Vec<MetricEntry>,
}

struct MetricEntry {
    index: usize,
    title: String,
    word: String,
    open: bool,
    body: Markup,
}

/// A run in the index of a report.
#[derive(Clone, Debug)]
pub struct IndexLine {
    number: usize,
    id: String,
    badge: Badge,
    score: String,
    config: String,
}

/// The beginning of a report.
#[must_use]
pub fn report_head(title: &str) -> String {
    Markup::of(&HeadTemplate {
        title,
        style: StyleSheet,
    })
    .into_string()
}

/// The runs of a report with links to their sections.
#[must_use]
pub fn report_index(lines: &[IndexLine]) -> String {
    Markup::of(&IndexTemplate { lines }).into_string()
}

/// The section of a judged run, `number` of its file: overview, then every metric, those that failed opened.
#[must_use]
pub fn report_section(number: usize, run: &JudgedRun<'_>) -> (IndexLine, String) {
    let section = run_section(number, run);
    let line = IndexLine {
        number,
        id: if run.id.is_empty() {
            number.to_string()
        } else {
            run.id.to_owned()
        },
        badge: run.verdict(),
        score: run.result.total().map(number::score).unwrap_or_default(),
        config: run.config_name().to_owned(),
    };
    (line, section.into_string())
}

/// A judged run with all its metrics, as a section of a report.
fn run_section(number: usize, run: &JudgedRun<'_>) -> Markup {
    let rows = run.rows();
    let metrics = rows
        .iter()
        .map(|row| MetricEntry {
            index: row.index,
            title: row.title(),
            word: row.badge.word.clone(),
            open: row.failed(),
            body: run.metric_section(row),
        })
        .collect();
    let heading = format!("{} · {}", run.title(), run.id);
    Markup::of(&SectionTemplate {
        number,
        heading: if run.id.is_empty() {
            run.title()
        } else {
            heading
        },
        error: None,
        overview: run.overview(&OverviewQuery::default(), &Links::Sections { run: number }),
        metrics,
    })
}

/// The section of what has no verdict, and why.
#[must_use]
pub fn report_failure(number: usize, id: &str, error: &str) -> (IndexLine, String) {
    let template = SectionTemplate {
        number,
        heading: id.to_owned(),
        error: Some(error.to_owned()),
        overview: Markup::default(),
        metrics: Vec::new(),
    };
    let line = IndexLine {
        number,
        id: if id.is_empty() {
            number.to_string()
        } else {
            id.to_owned()
        },
        badge: Badge::of_label("Error"),
        score: String::new(),
        config: String::new(),
    };
    (line, Markup::of(&template).into_string())
}

/// The end of a report.
#[must_use]
pub fn report_foot() -> &'static str {
    "</main>\n</body>\n</html>\n"
}
