//! The timetable of a standalone analysis: how many runs, over which windows, with which waits.

use kayenta_model::{
    AnalysisRequest, AnalysisScope, CanaryExecutionRequest, Instant, time::InstantError,
};

use super::windows::{self, first_scope};
use crate::{
    error::EngineError,
    failure::Failure,
    record::{AnalysisPlan, RunStage, Stage, StageWork},
};

/// Most runs one analysis may have. C-SCAPE-01: the reference has no bound but its memory.
pub(crate) const MOST_RUNS: i64 = 10_000;

/// Type of the stage that spans all waits and runs.
pub(crate) const SETUP_KIND: &str = "setupAndExecuteCanariesStage";
/// Its name, which failures of planning name as the operation.
pub(crate) const SETUP_NAME: &str =
    "Sets up and executes the wait, run and monitor canary task chain.";
/// Type of the stage that sums up.
pub(crate) const SUMMARY_KIND: &str = "generateCanaryAnalysisResultStage";
/// Its name.
pub(crate) const SUMMARY_NAME: &str =
    "Aggregates and evaluates the canary executions and generates the final results.";

/// A planned timetable and its waits and runs in order.
#[derive(Debug)]
pub(crate) struct Timetable {
    pub(crate) plan: AnalysisPlan,
    pub(crate) stages: Vec<Stage>,
}

/// What the first scope says of the time of the whole analysis.
#[derive(Clone, Copy)]
struct AnalysisTimes {
    start: Option<Instant>,
    end: Option<Instant>,
}

/// A time of the first scope that cannot be read.
struct UnreadableTime {
    field: &'static str,
    error: InstantError,
}

impl AnalysisTimes {
    fn of(first: &AnalysisScope) -> Result<Self, UnreadableTime> {
        let read = |field, text: &Option<String>| {
            text.as_deref()
                .map(str::parse)
                .transpose()
                .map_err(|error| UnreadableTime { field, error })
        };
        Ok(Self {
            start: read("startTimeIso", &first.start_time_iso)?,
            end: read("endTimeIso", &first.end_time_iso)?,
        })
    }
}

/// The timetable of an analysis that begins at `now`, which is cut to milliseconds and read once
/// (C-SCAPE-02).
///
/// # Errors
/// A failure with the reference's class and text.
pub(crate) fn make(request: &AnalysisRequest, now: Instant) -> Result<Timetable, Failure> {
    let times = AnalysisTimes::of(first_scope(request)?)
        .map_err(|bad| Failure::new("DateTimeParseException", bad.error.to_string()))?;
    let plan = plan(request, times, now)?;
    Ok(Timetable {
        stages: stages(request, &plan, times.end.is_none())?,
        plan,
    })
}

/// How many runs an analysis that begins at `now` makes, and over which windows.
fn plan(
    request: &AnalysisRequest,
    times: AnalysisTimes,
    now: Instant,
) -> Result<AnalysisPlan, Failure> {
    let start = times.start.unwrap_or(now);
    let lifetime = match (times.end, request.lifetime_duration_mins) {
        (Some(end), _) => (end.0 - start.0).num_minutes(),
        (None, Some(minutes)) => minutes,
        (None, None) => {
            return Err(Failure::illegal(
                "Canary StageExecution configuration must include either `endTime` or `lifetimeDuration`.",
            ));
        }
    };
    let mut interval = request.analysis_interval_mins.unwrap_or(lifetime);
    if interval == 0 || interval > lifetime {
        interval = lifetime;
    }
    if interval == 0 {
        return Err(Failure::new("ArithmeticException", "/ by zero"));
    }
    let runs = lifetime
        .checked_div(interval)
        .filter(|runs| i32::try_from(*runs).is_ok())
        .ok_or_else(|| Failure::new("ArithmeticException", "integer overflow"))?;
    if runs > MOST_RUNS {
        return Err(Failure::illegal(format!(
            "The analysis would make {runs} canary runs, more than the {MOST_RUNS} one analysis may have; choose a longer analysisIntervalMins."
        )));
    }
    // Warm-up shifts the windows only when the analysis has no end of its own.
    let shift = if times.end.is_none() {
        request.begin_after_mins
    } else {
        0
    };
    let plan = AnalysisPlan {
        start: windows::later(start, shift)?,
        interval,
        lookback: request.lookback_mins,
        runs,
    };
    if runs >= 1 {
        if request.thresholds.is_none() {
            return Err(Failure::illegal(
                "scoreThresholds is marked non-null but is null",
            ));
        }
        // Whatever lies between the first and the last window is in range when these are.
        for number in [1, runs] {
            windows::check_range(request, &plan, number)?;
        }
    }
    if request.begin_after_mins > 0 {
        wait_seconds(request.begin_after_mins)?;
    }
    Ok(plan)
}

/// How many runs were planned for an analysis on which work began at `start`; `None` when it cannot have
/// been planned.
pub(crate) fn planned_runs(request: &AnalysisRequest, start: Instant) -> Option<i64> {
    let times = AnalysisTimes::of(first_scope(request).ok()?).ok()?;
    Some(plan(request, times, start).ok()?.runs)
}

/// What the first run of an analysis would ask for if work on it began at `now`. No stages are made for
/// it. C-SCAPE-07: the reference finds out only when it plans, or succeeds without a run.
///
/// # Errors
/// [`InvalidRequest`](crate::EngineErrorKind::InvalidRequest) with the field that has to be corrected
/// when the analysis can never make a run.
pub(crate) fn first_run(
    request: &AnalysisRequest,
    now: Instant,
) -> Result<CanaryExecutionRequest, EngineError> {
    let first = first_scope(request).map_err(refusal)?;
    let times = AnalysisTimes::of(first).map_err(|UnreadableTime { field, error }| {
        EngineError::invalid(format!("scopes[0].{field}: {error}"))
    })?;
    let AnalysisTimes { start, end } = times;
    if let Some(end) = end
        && end < start.unwrap_or(now)
    {
        let start = start.map_or_else(|| format!("now, {now}"), |start| start.to_string());
        return Err(EngineError::invalid(format!(
            "scopes[0].endTimeIso: the analysis would end ({end}) before it starts ({start})."
        )));
    }
    if end.is_some_and(|end| (end.0 - start.unwrap_or(now).0).num_minutes() == 0) {
        return Err(EngineError::invalid(
            "scopes[0].endTimeIso: an analysis must last at least one minute.",
        ));
    }
    let lifetime = request.lifetime_duration_mins;
    if end.is_none() && lifetime.is_some_and(|minutes| minutes <= 0) {
        return Err(EngineError::invalid(
            "lifetimeDurationMins: an analysis must last at least one minute.",
        ));
    }
    if let Some(minutes) = request
        .analysis_interval_mins
        .filter(|minutes| *minutes < 0)
    {
        return Err(EngineError::invalid(format!(
            "analysisIntervalMins: an interval of {minutes} minutes makes no run; leave it out for one run \
             over the whole lifetime."
        )));
    }
    if first.step < 0 {
        return Err(EngineError::invalid(format!(
            "scopes[0].step: a step of {} seconds makes no data point.",
            first.step
        )));
    }
    check_thresholds(request)?;
    let plan = plan(request, times, now).map_err(refusal)?;
    if plan.runs < 1 {
        return Err(EngineError::invalid(
            "The analysis would make no run; check lifetimeDurationMins, analysisIntervalMins, startTimeIso \
             and endTimeIso.",
        ));
    }
    windows::run_request(request, &plan, 1).map_err(refusal)
}

/// Without `marginal` every analysis ends TERMINAL, after all its runs (C-SCAPE-06).
fn check_thresholds(request: &AnalysisRequest) -> Result<(), EngineError> {
    match request.thresholds {
        Some(thresholds) if thresholds.marginal.is_none() => Err(EngineError::invalid(
            "thresholds.marginal: an analysis needs the score at or below which it fails, such as \
             {\"marginal\": 75, \"pass\": 95}.",
        )),
        _ => Ok(()),
    }
}

/// A failure of planning as the refusal of the request.
fn refusal(failure: Failure) -> EngineError {
    EngineError::invalid(failure.message())
}

/// The length of a wait of so many minutes.
fn wait_seconds(minutes: i64) -> Result<i64, Failure> {
    minutes
        .checked_mul(60)
        .ok_or_else(|| Failure::new("ArithmeticException", "long overflow"))
}

fn stages(
    request: &AnalysisRequest,
    plan: &AnalysisPlan,
    waits: bool,
) -> Result<Vec<Stage>, Failure> {
    let wait = |name: String, minutes: i64| -> Result<Stage, Failure> {
        let seconds = wait_seconds(minutes)?;
        Ok(Stage::new("", "wait", name, StageWork::Wait { seconds }))
    };
    let mut stages = Vec::new();
    if request.begin_after_mins > 0 {
        stages.push(wait("Warmup Wait".to_owned(), request.begin_after_mins)?);
    }
    for number in 1..=plan.runs {
        if waits {
            stages.push(wait(format!("Interval Wait #{number}"), plan.interval)?);
        }
        stages.push(Stage::new(
            "",
            "runCanary",
            format!("Run Canary #{number}"),
            StageWork::Run(RunStage {
                number,
                ..RunStage::default()
            }),
        ));
    }
    Ok(stages)
}

/// The stage an analysis has before it is planned, and keeps after its waits and runs.
pub(crate) fn setup_stage() -> Stage {
    Stage::new("", SETUP_KIND, SETUP_NAME, StageWork::Analysis)
}

/// The stage that ends an analysis.
pub(crate) fn summary_stage() -> Stage {
    Stage::new("", SUMMARY_KIND, SUMMARY_NAME, StageWork::Summary)
}

#[cfg(test)]
mod tests {
    use kayenta_model::CanaryScope;
    use serde_json::{Value, json};

    use super::{
        windows::{judged_window, run_request},
        *,
    };

    /// Everything planned of a request at some time of 2025-04-08: waits by name and seconds, and the
    /// windows of both sides by time of day.
    fn planned(request: Value, now: &str) -> (Vec<(String, i64)>, Vec<String>, Vec<String>) {
        let mut request = request;
        let fields = request.as_object_mut().unwrap();
        fields.entry("scopes").or_insert(json!([{}]));
        fields
            .entry("thresholds")
            .or_insert(json!({"pass": 95, "marginal": 75}));
        let request: AnalysisRequest = serde_json::from_value(request).unwrap();
        let now = format!("2025-04-08T{now}Z").parse().unwrap();
        let timetable = make(&request, now).unwrap();
        let waits = timetable
            .stages
            .iter()
            .filter_map(|stage| match stage.work {
                StageWork::Wait { seconds } => Some((stage.name.clone(), seconds)),
                _ => None,
            })
            .collect();
        let text = |side: Option<CanaryScope>| {
            let side = side.unwrap();
            let time = |instant: Option<Instant>| instant.unwrap().0.format("%H:%M").to_string();
            format!("{}-{}", time(side.start), time(side.end))
        };
        let mut experiment = Vec::new();
        let mut control = Vec::new();
        for number in 1..=timetable.plan.runs {
            let asked = run_request(&request, &timetable.plan, number).unwrap();
            let judged = judged_window(&asked).unwrap();
            let pair = asked.scopes.unwrap()["default"].clone().unwrap();
            assert_eq!(
                Some(judged.start),
                pair.control_scope.as_ref().unwrap().start
            );
            experiment.push(text(pair.experiment_scope));
            control.push(text(pair.control_scope));
        }
        (waits, experiment, control)
    }

    fn seconds(waits: &[(String, i64)]) -> Vec<i64> {
        waits.iter().map(|(_, seconds)| *seconds).collect()
    }

    #[test]
    fn example_a_growing_windows_after_a_warm_up() {
        let (waits, windows, _) = planned(
            json!({"lifetimeDurationMins": 60, "analysisIntervalMins": 20, "beginAfterMins": 5}),
            "10:00:00",
        );
        let names: Vec<_> = waits.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "Warmup Wait",
                "Interval Wait #1",
                "Interval Wait #2",
                "Interval Wait #3"
            ]
        );
        assert_eq!(seconds(&waits), [300, 1200, 1200, 1200]);
        assert_eq!(windows, ["10:05-10:25", "10:05-10:45", "10:05-11:05"]);
    }

    #[test]
    fn example_b_sliding_windows() {
        for (lookback, wanted) in [
            (10, ["10:10-10:20", "10:30-10:40", "10:50-11:00"]),
            (30, ["09:50-10:20", "10:10-10:40", "10:30-11:00"]),
            (-30, ["10:00-10:20", "10:00-10:40", "10:00-11:00"]),
        ] {
            let (waits, windows, _) = planned(
                json!({"lifetimeDurationMins": 60, "analysisIntervalMins": 20, "lookbackMins": lookback}),
                "10:00:00",
            );
            assert_eq!(seconds(&waits), [1200, 1200, 1200]);
            assert_eq!(windows, wanted);
        }
    }

    #[test]
    fn example_c_in_retrospect() {
        let scopes = json!([{
            "startTimeIso": "2025-04-07T10:00:00Z", "endTimeIso": "2025-04-07T11:30:30Z",
        }]);
        for (lookback, warm_up, waited, wanted) in [
            (0, 0, vec![], ["10:00-10:45", "10:00-11:30"]),
            (30, 0, vec![], ["10:15-10:45", "11:00-11:30"]),
            // A warm-up is waited for, but shifts no window of an analysis with an end of its own.
            (0, 5, vec![300], ["10:00-10:45", "10:00-11:30"]),
        ] {
            let (waits, windows, _) = planned(
                json!({
                    "scopes": scopes, "analysisIntervalMins": 45,
                    "lookbackMins": lookback, "beginAfterMins": warm_up,
                }),
                "12:00:00",
            );
            assert_eq!(seconds(&waits), waited);
            assert_eq!(windows, wanted);
        }
    }

    #[test]
    fn example_d_the_remainder_is_left_alone() {
        let (waits, windows, _) = planned(
            json!({"lifetimeDurationMins": 60, "analysisIntervalMins": 25}),
            "10:00:00",
        );
        assert_eq!(seconds(&waits), [1500, 1500]);
        assert_eq!(windows, ["10:00-10:25", "10:00-10:50"]);
    }

    #[test]
    fn example_e_one_run_without_a_usable_interval() {
        for interval in [json!(null), json!(0), json!(16)] {
            let (waits, windows, _) = planned(
                json!({"lifetimeDurationMins": 15, "analysisIntervalMins": interval}),
                "10:00:00",
            );
            assert_eq!(seconds(&waits), [900]);
            assert_eq!(windows, ["10:00-10:15"]);
        }
    }

    #[test]
    fn example_f_a_start_alone_still_waits() {
        let (waits, windows, _) = planned(
            json!({
                "scopes": [{"startTimeIso": "2025-04-08T08:00:00Z"}],
                "lifetimeDurationMins": 30, "analysisIntervalMins": 10, "beginAfterMins": 2,
            }),
            "12:00:00",
        );
        assert_eq!(seconds(&waits), [120, 600, 600, 600]);
        assert_eq!(windows, ["08:02-08:12", "08:02-08:22", "08:02-08:32"]);
    }

    #[test]
    fn examples_g_and_i_the_control_lies_before_the_canary() {
        let (waits, windows, controls) = planned(
            json!({
                "scopes": [{"controlOffsetInMinutes": 60, "step": 0, "extendedScopeParams": null}],
                "lifetimeDurationMins": 5, "analysisIntervalMins": 1,
            }),
            "10:00:00",
        );
        assert_eq!(seconds(&waits), [60; 5]);
        assert_eq!(
            windows,
            [
                "10:00-10:01",
                "10:00-10:02",
                "10:00-10:03",
                "10:00-10:04",
                "10:00-10:05"
            ]
        );
        assert_eq!(controls[0], "09:00-09:01");
        assert_eq!(controls[4], "09:00-09:05");
    }

    #[test]
    fn example_h_the_first_scope_rules_and_the_last_of_one_name_counts() {
        let request: AnalysisRequest = serde_json::from_value(json!({
            "scopes": [
                {"step": 30, "controlScope": "a"},
                {"scopeName": "other", "step": 300, "startTimeIso": "x"},
                {"controlScope": "b"},
            ],
            "lifetimeDurationMins": 5,
            "thresholds": {},
        }))
        .unwrap();
        let timetable = make(&request, "2025-04-08T10:00:00Z".parse().unwrap()).unwrap();
        let scopes = run_request(&request, &timetable.plan, 1)
            .unwrap()
            .scopes
            .unwrap();
        assert_eq!(scopes.len(), 2);
        for pair in scopes.values() {
            let pair = pair.as_ref().unwrap();
            assert_eq!(pair.control_scope.as_ref().unwrap().step, Some(30));
            assert_eq!(
                pair.experiment_scope.as_ref().unwrap().end,
                Some("2025-04-08T10:05:00Z".parse().unwrap())
            );
        }
        let first = scopes["default"].clone().unwrap();
        assert_eq!(first.control_scope.unwrap().scope.as_deref(), Some("b"));
    }

    #[test]
    fn a_reversed_window_is_one_run_and_negative_intervals_are_none() {
        let (_, windows, _) = planned(
            json!({"scopes": [{
                "startTimeIso": "2025-04-08T11:00:00Z", "endTimeIso": "2025-04-08T10:00:00Z",
            }]}),
            "12:00:00",
        );
        assert_eq!(windows, ["11:00-10:00"]);
        let (waits, windows, _) = planned(
            json!({"lifetimeDurationMins": 60, "analysisIntervalMins": -5}),
            "12:00:00",
        );
        assert!(waits.is_empty() && windows.is_empty());
    }
}
