//! Two judgements beside one another, metric by metric.

use std::collections::HashMap;

use askama::Template;

use crate::{
    Markup,
    label::Badge,
    number,
    run::{Compared, JudgedRun, MetricRow, Tag},
};

/// One of two judgements.
#[derive(Clone, Copy, Debug)]
pub struct ComparisonSide<'a> {
    /// What it is called.
    pub name: &'a str,
    /// The judgement.
    pub run: &'a JudgedRun<'a>,
    /// Where the page of the run is; its metrics are below it.
    pub page: Option<&'a str>,
}

/// Two judgements beside one another.
#[derive(Clone, Copy)]
pub struct RunComparison<'a> {
    /// The one before.
    pub before: ComparisonSide<'a>,
    /// The one after.
    pub after: ComparisonSide<'a>,
    /// Only metrics whose label changed.
    pub changed_only: bool,
    /// The way to show all metrics, or only those whose label changed.
    pub toggle: &'a str,
    /// Where the settings of a metric (position in the config of the judgement before) can be changed.
    pub edit: Option<&'a dyn Fn(usize) -> String>,
}

impl std::fmt::Debug for RunComparison<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunComparison")
            .field("before", &self.before)
            .field("after", &self.after)
            .finish_non_exhaustive()
    }
}

#[derive(Template)]
#[template(path = "comparison.html")]
struct ComparisonTemplate<'a> {
    sides: Vec<SideView<'a>>,
    counts: String,
    rows: Vec<RowView>,
    changed_only: bool,
    toggle: &'a str,
    editable: bool,
}

struct SideView<'a> {
    name: &'a str,
    href: Option<String>,
    title: String,
    verdict: Badge,
    score: String,
    pass: String,
    marginal: String,
    judge: String,
    /// What tells the runs apart: their scopes, unless both have the same.
    compared: Vec<Compared>,
    sentences: Vec<String>,
}

struct RowView {
    name: String,
    tags: String,
    groups: String,
    cells: Vec<Cell>,
    change: &'static str,
    class: &'static str,
    edit: Option<String>,
}

/// One side of a metric.
struct Cell {
    badge: Option<Badge>,
    href: Option<String>,
    deviation: String,
}

/// What a metric is the same by in both judgements: name, tags, and how many of these came before.
type Identity = (String, Vec<Tag>, usize);

fn identified(rows: Vec<MetricRow>) -> Vec<(Identity, MetricRow)> {
    let mut seen: HashMap<(String, Vec<Tag>), usize> = HashMap::new();
    rows.into_iter()
        .map(|row| {
            let mut tags = row.tags.clone();
            tags.sort();
            let count = seen.entry((row.name.clone(), tags.clone())).or_default();
            *count += 1;
            ((row.name.clone(), tags, *count), row)
        })
        .collect()
}

impl RunComparison<'_> {
    /// The comparison as the body of a page.
    #[must_use]
    pub fn overview(&self) -> Markup {
        let before = identified(self.before.run.rows());
        let mut after: Vec<(Identity, Option<MetricRow>)> = identified(self.after.run.rows())
            .into_iter()
            .map(|(identity, row)| (identity, Some(row)))
            .collect();
        let places: HashMap<Identity, usize> = after
            .iter()
            .enumerate()
            .map(|(place, (identity, _))| (identity.clone(), place))
            .collect();
        let mut pairs: Vec<(Option<MetricRow>, Option<MetricRow>)> = before
            .into_iter()
            .map(|(identity, row)| {
                let place = places.get(&identity);
                let other = place.and_then(|place| after[*place].1.take());
                (Some(row), other)
            })
            .collect();
        pairs.extend(
            after
                .into_iter()
                .filter_map(|(_, row)| Some((None, Some(row?)))),
        );
        let rows: Vec<RowView> = pairs
            .into_iter()
            .filter_map(|(before, after)| self.row(before, after))
            .collect();
        let count = |change: &str| rows.iter().filter(|row| row.change == change).count();
        let counts: Vec<String> = [FAILS, PASSES, OTHER, GONE, NEW]
            .into_iter()
            .filter_map(|change| {
                let count = count(change);
                (count > 0).then(|| format!("{count} × {change}"))
            })
            .collect();
        let template = ComparisonTemplate {
            sides: self.sides(),
            counts: match counts.is_empty() {
                true => "No metric changed its label.".to_owned(),
                false => format!("{}.", counts.join(", ")),
            },
            rows: rows
                .into_iter()
                .filter(|row| !self.changed_only || row.change != SAME)
                .collect(),
            changed_only: self.changed_only,
            toggle: self.toggle,
            editable: self.edit.is_some(),
        };
        Markup::of(&template)
    }

    fn sides(&self) -> Vec<SideView<'_>> {
        let mut sides = vec![side(&self.before), side(&self.after)];
        if sides[0].compared == sides[1].compared {
            for side in &mut sides {
                side.compared.clear();
            }
        }
        sides
    }

    fn row(&self, before: Option<MetricRow>, after: Option<MetricRow>) -> Option<RowView> {
        let cells = vec![
            cell(&self.before, before.as_ref()),
            cell(&self.after, after.as_ref()),
        ];
        let (change, class) = change(before.as_ref(), after.as_ref());
        let row = before.or(after)?;
        let metrics = self.before.run.config.metrics();
        let place = metrics.iter().position(|metric| metric.name() == row.name);
        let tags: Vec<String> = row
            .tags
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        Some(RowView {
            tags: tags.join(", "),
            groups: row.groups.join(", "),
            cells,
            change,
            class,
            edit: self.edit.zip(place).map(|(edit, place)| edit(place)),
            name: row.name,
        })
    }
}

const SAME: &str = "same";
const FAILS: &str = "now fails";
const PASSES: &str = "now passes";
const OTHER: &str = "other label";
const GONE: &str = "gone";
const NEW: &str = "new";

fn change(before: Option<&MetricRow>, after: Option<&MetricRow>) -> (&'static str, &'static str) {
    let (Some(before), Some(after)) = (before, after) else {
        return (if before.is_some() { GONE } else { NEW }, "none");
    };
    let passes = |row: &MetricRow| row.badge.class == "pass";
    if after.failed() && !before.failed() {
        (FAILS, "fail")
    } else if passes(after) && !passes(before) {
        (PASSES, "pass")
    } else if before.badge.word != after.badge.word {
        (OTHER, "warn")
    } else {
        (SAME, "none")
    }
}

fn side<'a>(side: &ComparisonSide<'a>) -> SideView<'a> {
    let run = side.run;
    let rows = run.rows();
    let score = |score: Option<f64>| number::score(score.unwrap_or_default());
    SideView {
        name: side.name,
        href: side.page.map(str::to_owned),
        title: run.title(),
        verdict: run.verdict(),
        score: run.result.total().map(number::score).unwrap_or_default(),
        pass: score(run.thresholds.pass),
        marginal: score(run.thresholds.marginal),
        judge: run.result.judge_name.clone().unwrap_or_default(),
        compared: run.compared(),
        sentences: run.sentences(&rows),
    }
}

fn cell(side: &ComparisonSide<'_>, row: Option<&MetricRow>) -> Cell {
    Cell {
        badge: row.map(|row| row.badge.clone()),
        href: side
            .page
            .zip(row)
            .map(|(page, row)| format!("{page}?metric={}", crate::encoded(&row.key))),
        deviation: row.map(MetricRow::deviation_text).unwrap_or_default(),
    }
}
