//! The verdict of an analysis as a table.

use std::fmt::Write as _;

use kayenta_model::{
    AnalysisResult, AnalysisStatusResponse, CanaryExecutionResult, CanaryJudgeResult,
};
use serde_json::Value;

/// Verdict, scores of every run, and for the last run the score of each group and what became of each
/// metric.
pub(crate) fn render(status: &AnalysisStatusResponse) -> String {
    let mut text = String::new();
    let runs = status
        .canary_analysis_execution_result
        .as_ref()
        .map(|result| result.canary_execution_results.as_slice())
        .unwrap_or_default();
    let judged = |run: &CanaryExecutionResult| run.result.clone()?.judge_result;
    for (number, run) in runs.iter().enumerate() {
        let score = judged(run).and_then(|judged| judged.total());
        line(
            &mut text,
            format_args!(
                "run {} of {}: {} to {}, score {}",
                number + 1,
                runs.len(),
                run.judgement_start_time_iso.as_deref().unwrap_or("?"),
                run.judgement_end_time_iso.as_deref().unwrap_or("?"),
                score.map_or_else(|| "none".to_owned(), |score| format!("{score:.1}")),
            ),
        );
    }
    if let Some(last) = runs.last().and_then(judged) {
        details(&mut text, &last);
    }
    let message = status
        .canary_analysis_execution_result
        .as_ref()
        .and_then(|result| result.canary_score_message.as_deref());
    let outcome = match status.canary_analysis_execution_result.as_ref() {
        Some(result) if result.did_pass_thresholds => "PASS",
        Some(_) => "FAIL",
        None => "NO VERDICT",
    };
    line(
        &mut text,
        format_args!("\nVerdict: {outcome}. {}", message.unwrap_or_default()),
    );
    if let Some(exception) = &status.exception {
        line(&mut text, format_args!("{exception}"));
    }
    text
}

fn details(text: &mut String, judged: &CanaryJudgeResult) {
    let groups = judged.group_scores.iter().flatten().map(|group| {
        let name = group.name.clone().unwrap_or_default();
        let score = group
            .score
            .map_or_else(String::new, |s| format!("{:.1}", f64::from(s)));
        vec![name, score]
    });
    table(text, &["group", "score"], groups.collect());
    let metrics = judged.results.iter().flatten().map(row).collect();
    table(
        text,
        &[
            "metric", "group", "verdict", "baseline", "canary", "ratio", "reason",
        ],
        metrics,
    );
}

fn row(metric: &AnalysisResult) -> Vec<String> {
    let mean = |side: &Option<kayenta_model::SideMetadata>| {
        side.as_ref()
            .and_then(|side| side.full_stats())
            .map_or_else(String::new, |stats| significant(f64::from(stats.mean)))
    };
    let ratio = metric
        .result_metadata
        .as_ref()
        .and_then(|data| data.get("ratio"))
        .and_then(Value::as_f64)
        .map_or_else(String::new, |ratio| format!("{ratio:.2}"));
    let reason = match metric.classification_reason.as_deref() {
        Some(reason) if !reason.is_empty() => reason.to_owned(),
        _ => "no significant difference".to_owned(),
    };
    vec![
        metric.name.clone().unwrap_or_default(),
        metric.groups.clone().unwrap_or_default().join(", "),
        metric.classification.clone().unwrap_or_default(),
        mean(&metric.control_metadata),
        mean(&metric.experiment_metadata),
        ratio,
        reason,
    ]
}

/// Four significant digits, thousands grouped by a suffix.
fn significant(value: f64) -> String {
    let (value, unit) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, "G"),
        size if size >= 1e6 => (value / 1e6, "M"),
        size if size >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let whole_digits = value.abs().max(1.0).log10().floor() as usize + 1;
    let decimals = if value.abs() < 1.0 {
        4
    } else {
        4_usize.saturating_sub(whole_digits)
    };
    format!("{value:.decimals$}{unit}")
}

fn table(text: &mut String, heads: &[&str], rows: Vec<Vec<String>>) {
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        cells
            .chain([heads[column].chars().count()])
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let mut write_row = |cells: &[&str]| {
        let cells: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        line(
            text,
            format_args!("{}", format!("  {}", cells.join("  ")).trim_end()),
        );
    };
    write_row(&vec![""; heads.len()]);
    write_row(heads);
    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    write_row(&rules.iter().map(String::as_str).collect::<Vec<_>>());
    for row in &rows {
        write_row(&row.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    writeln!(text, "{what}").expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_significant_digits() {
        for (value, text) in [
            (0.0123, "0.0123"),
            (42.0, "42.00"),
            (310.25, "310.2"),
            (512e6, "512.0M"),
            (12_345.0, "12.35k"),
        ] {
            assert_eq!(significant(value), text);
        }
    }

    #[test]
    fn columns_line_up() {
        let mut text = String::new();
        table(
            &mut text,
            &["a", "bb"],
            vec![vec!["long".into(), "x".into()]],
        );
        assert_eq!(
            text.lines().skip(1).collect::<Vec<_>>(),
            ["  a     bb", "  ----  --", "  long  x"]
        );
    }
}
