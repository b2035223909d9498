//! Counting outcomes, and the tables made of them.

use std::{collections::HashSet, fmt::Write as _};

use indexmap::IndexMap;
use kayenta_model::CanaryJudgeResult;

use crate::{
    blocks::{Canary, Question},
    pairs::{Change, Data, Family},
};

/// A row of a table and a column of it.
type Cell = (Table, String, String);

/// The tables, in the order in which they are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Table {
    FalseAlarms,
    Families,
    Found,
    Twenty,
    Looks,
}

impl Table {
    const ALL: [(Self, &'static str); 5] = [
        (
            Self::FalseAlarms,
            "One healthy metric fails, all families but memory",
        ),
        (
            Self::Families,
            "One healthy metric fails, all points and phi",
        ),
        (Self::Found, "One changed metric fails, all phi"),
        (Self::Twenty, "Twenty metrics"),
        (Self::Looks, "Any of twelve looks fails"),
    ];
}

/// Outcomes of one judge.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    cells: IndexMap<Cell, (usize, usize)>,
    /// Runs of looks that failed already.
    failed_runs: HashSet<usize>,
}

impl Tally {
    /// Counts the outcome of one canary.
    pub(crate) fn add(&mut self, canary: &Canary, result: &CanaryJudgeResult) {
        let failed: Vec<bool> = result
            .results
            .iter()
            .flatten()
            .map(|result| {
                matches!(
                    result.classification.as_deref(),
                    Some("High" | "Low" | "NodataFailMetric")
                )
            })
            .collect();
        let first = failed.first().copied().unwrap_or_default();
        let phi = format!("phi {}", canary.phi);
        let points = format!("{} points", canary.points);
        match canary.question {
            Question::Healthy { data } => {
                if canary.family != Family::Memory {
                    self.count(Table::FalseAlarms, points, phi, first);
                }
                let family = match data {
                    Data::Full => format!("{:?}", canary.family),
                    data => format!("{:?}, {data:?}", canary.family),
                };
                self.count(Table::Families, family, "rate".to_owned(), first);
            }
            Question::Changed(change) => self.count(Table::Found, change.name(), points, first),
            Question::Twenty(change) => {
                let healthy = if change == Change::None {
                    &failed[..]
                } else {
                    self.count(
                        Table::Twenty,
                        format!("{points}, the changed one fails"),
                        phi.clone(),
                        first,
                    );
                    &failed[1..]
                };
                let wrong = healthy.contains(&true);
                let row = format!("{points}, a healthy one fails");
                self.count(Table::Twenty, row, phi, wrong);
            }
            Question::Looks { change, run } => {
                if first {
                    self.failed_runs.insert(run);
                }
                if canary.look.is_last() {
                    let any = self.failed_runs.contains(&run);
                    self.count(Table::Looks, change.name(), phi, any);
                }
            }
        }
    }

    fn count(&mut self, table: Table, row: String, column: String, failed: bool) {
        let cell = self.cells.entry((table, row, column)).or_default();
        cell.0 += usize::from(failed);
        cell.1 += 1;
    }
}

/// All tables in Markdown; each cell has the rates of the judges in their order.
pub(crate) fn tables(judges: &[&str], tallies: &[Tally]) -> String {
    let mut text = format!("Rates of {}.\n", judges.join(" / "));
    for (table, title) in Table::ALL {
        let mut rows: IndexMap<&str, IndexMap<&str, String>> = IndexMap::new();
        let mut columns: IndexMap<&str, ()> = IndexMap::new();
        for (of, row, column) in tallies.iter().flat_map(|tally| tally.cells.keys()) {
            if *of == table {
                columns.entry(column).or_default();
                rows.entry(row).or_default();
            }
        }
        for (row, cells) in &mut rows {
            for column in columns.keys() {
                let key = (table, (*row).to_owned(), (*column).to_owned());
                let rates: Vec<String> = tallies
                    .iter()
                    .filter_map(|tally| tally.cells.get(&key))
                    .map(|(failed, all)| format!("{:.3}", *failed as f64 / *all as f64))
                    .collect();
                cells.insert(column, rates.join(" / "));
            }
        }
        let heads: Vec<&str> = columns.keys().copied().collect();
        let _ = writeln!(text, "\n## {title}\n\n| | {} |", heads.join(" | "));
        let _ = writeln!(text, "|---|{}", "---|".repeat(heads.len()));
        for (row, cells) in rows {
            let cells: Vec<&str> = cells.values().map(String::as_str).collect();
            let _ = writeln!(text, "| {row} | {} |", cells.join(" | "));
        }
    }
    text
}
