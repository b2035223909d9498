//! The timetable of a standalone analysis: how many runs, over which windows, with which waits.

use chrono::TimeDelta;
use indexmap::IndexMap;
use kayenta_model::{
    AnalysisRequest, AnalysisScope, CanaryExecutionRequest, CanaryScope, Instant, ScopePair,
};

use crate::{
    exception::Failure,
    hash_order,
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

/// A window of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) start: Instant,
    pub(crate) end: Instant,
}

/// Plans an analysis that begins at `now`, which is cut to milliseconds and read once (C-SCAPE-02).
///
/// # Errors
/// A failure with the reference's class and text.
pub(crate) fn plan(request: &AnalysisRequest, now: Instant) -> Result<Timetable, Failure> {
    let first = first_scope(request)?;
    let read = |text: &Option<String>| -> Result<Option<Instant>, Failure> {
        text.as_deref().map(str::parse).transpose().map_err(
            |error: kayenta_model::time::InstantError| {
                Failure::new("DateTimeParseException", error.to_string())
            },
        )
    };
    let start = read(&first.start_time_iso)?.unwrap_or(now);
    let end = read(&first.end_time_iso)?;
    let lifetime = match (end, request.lifetime_duration_mins) {
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
    let shift = if end.is_none() {
        request.begin_after_mins
    } else {
        0
    };
    let plan = AnalysisPlan {
        start: later(start, shift)?,
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
            scopes(request, &plan, number)?;
        }
    }
    Ok(Timetable {
        stages: stages(request, &plan, end.is_none())?,
        plan,
    })
}

fn first_scope(request: &AnalysisRequest) -> Result<&AnalysisScope, Failure> {
    let Some(scopes) = &request.scopes else {
        return Err(Failure::new(
            "NullPointerException",
            "The analysis request must contain scopes.",
        ));
    };
    match scopes.first() {
        None => Err(Failure::illegal(
            "Canary StageExecution configuration must contain at least one scope.",
        )),
        Some(None) => Err(null_scope(0)),
        Some(Some(scope)) => Ok(scope),
    }
}

fn null_scope(index: usize) -> Failure {
    Failure::new(
        "NullPointerException",
        format!("Scope {index} of the analysis request is null."),
    )
}

fn later(moment: Instant, minutes: i64) -> Result<Instant, Failure> {
    TimeDelta::try_minutes(minutes)
        .and_then(|delta| moment.0.checked_add_signed(delta))
        .map(Instant)
        .ok_or_else(|| {
            Failure::new(
                "DateTimeException",
                "Instant exceeds minimum or maximum instant",
            )
        })
}

fn earlier(moment: Instant, minutes: i64) -> Result<Instant, Failure> {
    later(moment, minutes.saturating_neg())
}

impl AnalysisPlan {
    /// The canary's window of run `number`, from 1.
    pub(crate) fn window(&self, number: i64) -> Result<Window, Failure> {
        let end = later(self.start, number.saturating_mul(self.interval))?;
        let start = if self.lookback > 0 {
            earlier(end, self.lookback)?
        } else {
            self.start
        };
        Ok(Window { start, end })
    }
}

/// The scope pairs of run `number` by name; of several with one name the last counts.
fn scopes(
    request: &AnalysisRequest,
    plan: &AnalysisPlan,
    number: i64,
) -> Result<IndexMap<String, Option<ScopePair>>, Failure> {
    let step = first_scope(request)?.step;
    let window = plan.window(number)?;
    let mut pairs = IndexMap::new();
    for (index, scope) in request.scopes.iter().flatten().enumerate() {
        let scope = scope.as_ref().ok_or_else(|| null_scope(index))?;
        let offset = scope.control_offset_in_minutes;
        let side = |name: &Option<String>, location: &Option<String>, window: Window| CanaryScope {
            scope: name.clone(),
            location: location.clone(),
            start: Some(window.start),
            end: Some(window.end),
            step: Some(step),
            extended_scope_params: Some(scope.extended_scope_params.clone()),
        };
        let control = Window {
            start: earlier(window.start, offset)?,
            end: earlier(window.end, offset)?,
        };
        pairs.insert(
            scope.scope_name.clone(),
            Some(ScopePair {
                control_scope: Some(side(&scope.control_scope, &scope.control_location, control)),
                experiment_scope: Some(side(
                    &scope.experiment_scope,
                    &scope.experiment_location,
                    window,
                )),
            }),
        );
    }
    Ok(pairs)
}

/// What run `number` asks for.
pub(crate) fn run_request(
    request: &AnalysisRequest,
    plan: &AnalysisPlan,
    number: i64,
) -> Result<CanaryExecutionRequest, Failure> {
    Ok(CanaryExecutionRequest {
        scopes: Some(scopes(request, plan, number)?),
        thresholds: request.thresholds,
        metadata: None,
        site_local: request.site_local.clone(),
    })
}

/// The baseline's window of the first scope pair in hash order, which is what a run reports as the
/// time it judged.
pub(crate) fn judged_window(request: &CanaryExecutionRequest) -> Option<Window> {
    let scopes = request.scopes.as_ref()?;
    let first = *hash_order::strings(scopes.keys().map(String::as_str)).first()?;
    let control = scopes.get(first)?.as_ref()?.control_scope.as_ref()?;
    Some(Window {
        start: control.start?,
        end: control.end?,
    })
}

fn stages(
    request: &AnalysisRequest,
    plan: &AnalysisPlan,
    waits: bool,
) -> Result<Vec<Stage>, Failure> {
    let wait = |name: String, minutes: i64| -> Result<Stage, Failure> {
        let seconds = minutes
            .checked_mul(60)
            .ok_or_else(|| Failure::new("ArithmeticException", "long overflow"))?;
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

/// The stage an analysis has before it is planned, and keeps behind its waits and runs.
pub(crate) fn setup_stage() -> Stage {
    Stage::new("", SETUP_KIND, SETUP_NAME, StageWork::Analysis)
}

/// The stage that ends an analysis.
pub(crate) fn summary_stage() -> Stage {
    Stage::new("", SUMMARY_KIND, SUMMARY_NAME, StageWork::Summary)
}
