//! The overview of a run: verdict, score, metrics, findings.

use askama::Template;
use kayenta_judge::GroupShare;

use crate::{
    Markup,
    chart::Paint,
    label::Badge,
    number,
    run::{Compared, JudgedRun, MetricRow},
};

/// Which metrics of an overview are shown, in which order. All of it stands in the URL of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverviewQuery {
    /// Only metrics with this label.
    pub label: Option<String>,
    /// Only metrics of this group.
    pub group: Option<String>,
    /// Only metrics whose name or tags contain this text, in any case.
    pub search: Option<String>,
    /// What they are sorted by; the order of the config by default.
    pub sort: MetricSort,
}

/// Order of metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricSort {
    /// As judged.
    #[default]
    Config,
    /// What failed first.
    Label,
    /// The largest change first.
    Deviation,
    /// By name.
    Name,
    /// By group.
    Group,
}

impl MetricSort {
    /// Every order.
    pub const ALL: [Self; 5] = [
        Self::Config,
        Self::Label,
        Self::Deviation,
        Self::Name,
        Self::Group,
    ];

    /// The word in a URL.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Label => "result",
            Self::Deviation => "deviation",
            Self::Name => "name",
            Self::Group => "group",
        }
    }

    /// The order as a form offers it.
    fn text(self) -> &'static str {
        match self {
            Self::Config => "order of the config",
            Self::Label => "what failed first",
            Self::Deviation => "largest deviation first",
            Self::Name | Self::Group => self.word(),
        }
    }

    /// The order a word means; that of the config for a word that means none.
    #[must_use]
    pub fn of(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|sort| sort.word() == word)
            .unwrap_or_default()
    }
}

/// Where the links of an overview lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Links {
    /// To sections of the same file.
    Sections {
        /// Number of the run in the file.
        run: usize,
    },
    /// To a page with `metric` in its query; the rest of the query stays.
    Query {
        /// The rest, percent-encoded: empty, or `&name=value…`.
        rest: String,
    },
}

impl Links {
    pub(crate) fn metric(&self, row: &MetricRow) -> String {
        match self {
            Self::Sections { run } => format!("#m{run}-{}", row.index),
            Self::Query { rest } => format!("?metric={}{rest}", encoded(&row.key)),
        }
    }

    fn paint(&self) -> Paint {
        match self {
            Self::Sections { .. } => Paint::Attributes,
            Self::Query { .. } => Paint::Classes,
        }
    }
}

/// A text as part of a query.
#[must_use]
pub fn encoded(text: &str) -> String {
    match askama::filters::urlencode_strict(text) {
        Ok(encoded) => encoded.to_string(),
        Err(never) => match never {},
    }
}

/// Tags that have columns of their own; more of them, and longer names, stand beside the name of the metric.
const MOST_TAG_COLUMNS: usize = 3;
/// Bytes of the name of such a tag.
const LONGEST_TAG_NAME: usize = 30;

/// The tags that tell the series of a run apart, if they are few enough for columns.
fn tag_columns(rows: &[MetricRow]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in rows.iter().flat_map(|row| &row.tags) {
        if names.contains(name) {
            continue;
        }
        if names.len() == MOST_TAG_COLUMNS || name.len() > LONGEST_TAG_NAME {
            return Vec::new();
        }
        names.push(name.clone());
    }
    names
}

/// Findings that a page lists; those of a metric are on its own page, too.
const MOST_FINDINGS: usize = 30;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewTemplate {
    verdict: Badge,
    total: String,
    pass: String,
    marginal: String,
    judge: String,
    compared: Vec<Compared>,
    sentences: Vec<String>,
    groups: Vec<GroupLine>,
    equation_total: String,
    decided_otherwise: bool,
    unreachable: Option<String>,
    bar: Option<Markup>,
    tag_columns: Vec<String>,
    rows: Vec<RowLine>,
    shown: usize,
    total_rows: usize,
    findings: Vec<FindingLine>,
    findings_left: usize,
    explained: bool,
    has_data: bool,
    unread: String,
    filters: Option<Filters>,
}

struct Filters {
    labels: Vec<Choice>,
    groups: Vec<Choice>,
    sorts: Vec<Choice>,
    search: String,
}

struct Choice {
    value: String,
    text: String,
    selected: bool,
}

struct GroupLine {
    name: String,
    score: String,
    weight: String,
    passed: u32,
    counted: u32,
    uncounted: u32,
}

struct RowLine {
    href: String,
    name: String,
    /// All tags, where they have no columns.
    tags: String,
    tag_cells: Vec<String>,
    badge: Badge,
    critical: bool,
    muted: bool,
    deviation: String,
    picture: Option<Markup>,
    note: String,
    groups: String,
    failed: bool,
    /// Whether the key for the next metric that failed leads here.
    key: bool,
}

struct FindingLine {
    metric: String,
    sentence: String,
}

impl JudgedRun<'_> {
    /// Verdict, score, metrics and findings as the body of a page or of a report.
    #[must_use]
    pub fn overview(&self, query: &OverviewQuery, links: &Links) -> Markup {
        let rows = self.rows();
        let sum = self.score_sum();
        let groups: Vec<GroupLine> = sum
            .iter()
            .flat_map(|sum| &sum.groups)
            .map(group_line)
            .collect();
        let shown = selected(&rows, query);
        let tag_columns = tag_columns(&rows);
        let mut findings: Vec<FindingLine> = self
            .explanation
            .iter()
            .flat_map(|explanation| &explanation.findings)
            .map(|finding| FindingLine {
                metric: finding.metric.clone().unwrap_or_default(),
                sentence: finding.finding.sentence.clone(),
            })
            .collect();
        let all = findings.len();
        if matches!(links, Links::Query { .. }) {
            findings.truncate(MOST_FINDINGS);
        }
        let mut lines: Vec<RowLine> = {
            let lines = shown.iter();
            lines
                .map(|row| row_line(row, &tag_columns, links))
                .collect()
        };
        if matches!(links, Links::Query { .. })
            && let Some(failed) = lines.iter_mut().find(|line| line.failed)
        {
            failed.key = true;
        }
        let template = OverviewTemplate {
            verdict: self.verdict(),
            total: self.result.total().map(number::score).unwrap_or_default(),
            pass: number::score(self.thresholds.pass.unwrap_or_default()),
            marginal: number::score(self.thresholds.marginal.unwrap_or_default()),
            judge: self.result.judge_name.clone().unwrap_or_default(),
            compared: self.compared(),
            sentences: self.sentences(&rows),
            bar: sum.as_ref().and_then(|sum| {
                group_bar(
                    &sum.groups,
                    self.thresholds.pass.unwrap_or_default(),
                    self.thresholds.marginal.unwrap_or_default(),
                    links.paint(),
                )
            }),
            groups,
            equation_total: sum
                .as_ref()
                .map(|sum| number::score(sum.weighted))
                .unwrap_or_default(),
            decided_otherwise: sum.as_ref().is_some_and(|sum| sum.decided_by.is_some()),
            unreachable: sum
                .as_ref()
                .filter(|sum| !sum.groups.is_empty() && (sum.reachable - 100.0).abs() > 1e-6)
                .map(|sum| {
                    if sum.reachable < 100.0 {
                        format!(
                            "A score of 100 cannot be reached: the group weights add up to {}.",
                            number::score(sum.reachable)
                        )
                    } else {
                        format!(
                            "The group weights add up to {}, not 100.",
                            number::score(sum.reachable)
                        )
                    }
                }),
            shown: shown.len(),
            total_rows: rows.len(),
            rows: lines,
            tag_columns,
            findings_left: all - findings.len(),
            findings,
            explained: self.explanation.is_some(),
            has_data: !self.pairs.is_empty() || rows.is_empty(),
            unread: self.unread.unwrap_or_default().to_owned(),
            filters: matches!(links, Links::Query { .. }).then(|| filters(&rows, query)),
        };
        Markup::of(&template)
    }
}

fn selected<'r>(rows: &'r [MetricRow], query: &OverviewQuery) -> Vec<&'r MetricRow> {
    let search = query.search.as_deref().unwrap_or_default().to_lowercase();
    let mut selected: Vec<&MetricRow> = rows
        .iter()
        .filter(|row| {
            query
                .label
                .as_ref()
                .is_none_or(|label| *label == row.badge.word)
        })
        .filter(|row| {
            query
                .group
                .as_ref()
                .is_none_or(|group| row.groups.contains(group))
        })
        .filter(|row| search.is_empty() || row.title().to_lowercase().contains(&search))
        .collect();
    match query.sort {
        MetricSort::Config => {}
        MetricSort::Label => selected.sort_by_key(|row| {
            let by_class = ["fail", "warn", "none", "pass"]
                .iter()
                .position(|class| *class == row.badge.class);
            (!row.failed(), by_class)
        }),
        MetricSort::Deviation => selected.sort_by(|a, b| {
            let size = |row: &MetricRow| row.deviation.map_or(-1.0, f64::abs);
            size(b).total_cmp(&size(a))
        }),
        MetricSort::Name => selected.sort_by_key(|row| row.title()),
        MetricSort::Group => selected.sort_by_key(|row| row.groups.clone()),
    }
    selected
}

fn filters(rows: &[MetricRow], query: &OverviewQuery) -> Filters {
    let mut labels: Vec<(String, usize)> = Vec::new();
    let mut groups: Vec<String> = Vec::new();
    for row in rows {
        match labels.iter_mut().find(|(word, _)| *word == row.badge.word) {
            Some((_, count)) => *count += 1,
            None => labels.push((row.badge.word.clone(), 1)),
        }
        for group in &row.groups {
            if !groups.contains(group) {
                groups.push(group.clone());
            }
        }
    }
    groups.sort();
    let choice = |value: String, text: String, chosen: &Option<String>| Choice {
        selected: chosen.as_ref() == Some(&value),
        value,
        text,
    };
    Filters {
        labels: labels
            .into_iter()
            .map(|(word, count)| choice(word.clone(), format!("{word} ({count})"), &query.label))
            .collect(),
        groups: groups
            .into_iter()
            .map(|group| choice(group.clone(), group, &query.group))
            .collect(),
        sorts: MetricSort::ALL
            .into_iter()
            .map(|sort| Choice {
                value: sort.word().to_owned(),
                text: sort.text().to_owned(),
                selected: sort == query.sort,
            })
            .collect(),
        search: query.search.clone().unwrap_or_default(),
    }
}

fn group_line(group: &GroupShare) -> GroupLine {
    GroupLine {
        name: group.name.clone(),
        score: number::score(group.score),
        weight: number::score(group.weight),
        passed: group.passed,
        counted: group.passed + group.failed,
        uncounted: group.uncounted,
    }
}

fn row_line(row: &MetricRow, tag_columns: &[String], links: &Links) -> RowLine {
    let beside = row.tags.iter().filter(|_| tag_columns.is_empty());
    let tags: Vec<String> = beside
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let tag = |name: &String| row.tags.iter().find(|(key, _)| key == name);
    let cells = tag_columns
        .iter()
        .map(|name| tag(name).map(|(_, value)| value.clone()));
    RowLine {
        href: links.metric(row),
        name: row.name.clone(),
        tags: tags.join(", "),
        tag_cells: cells.map(Option::unwrap_or_default).collect(),
        badge: row.badge.clone(),
        critical: row.critical,
        muted: row.muted,
        deviation: row.deviation_text(),
        picture: row
            .picture
            .as_ref()
            .map(|picture| picture.small(row.badge.outcome(), links.paint())),
        note: row.note.clone(),
        groups: row.groups.join(", "),
        failed: row.failed() && !row.muted,
        key: false,
    }
}

/// The groups as wide as their weight; `None` when no weight can be drawn.
fn group_bar(groups: &[GroupShare], pass: f64, marginal: f64, paint: Paint) -> Option<Markup> {
    use crate::chart::canvas::{Anchor, Canvas, Style};
    let total: f64 = groups.iter().map(|group| group.weight.max(0.0)).sum();
    if total.is_nan() || total <= 0.0 || !total.is_finite() {
        return None;
    }
    let described: Vec<String> = groups
        .iter()
        .map(|group| {
            format!(
                "{} {} of weight {}",
                group.name,
                number::score(group.score),
                number::score(group.weight)
            )
        })
        .collect();
    let mut canvas = Canvas::new(
        1100,
        30,
        "chart",
        "Groups by weight",
        &described.join("; "),
        paint,
    );
    let mut left = 0.0;
    for group in groups {
        let width = 1100.0 * group.weight.max(0.0) / total;
        let style = if group.score >= pass {
            Style::Pass
        } else if group.score >= marginal {
            Style::Warn
        } else {
            Style::Fail
        };
        canvas.rect(style, (left + 1.0, 1.0), (width - 3.0, 27.0));
        // Six pixels a letter: what does not fit stands in the equation below.
        let text = format!("{} {}", group.name, number::score(group.score));
        if (text.chars().count() as f64) * 6.5 < width - 12.0 {
            canvas.text(Style::Strong, (left + 8.0, 19.0), Anchor::Start, &text);
        }
        left += width;
    }
    Some(canvas.finish())
}
