//! The windows of an analysis' runs, and what each run asks for over its window.

use chrono::TimeDelta;
use indexmap::IndexMap;
use kayenta_model::{
    AnalysisRequest, AnalysisScope, CanaryExecutionRequest, CanaryScope, Instant, ScopePair,
    java_hash::strings_in_table_order,
};

use crate::{failure::Failure, record::AnalysisPlan};

/// A window of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) start: Instant,
    pub(crate) end: Instant,
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

/// Refuses an analysis whose run `number` would have times outside the calendar's range.
///
/// # Errors
/// A failure with the reference's class and text.
pub(super) fn check_range(
    request: &AnalysisRequest,
    plan: &AnalysisPlan,
    number: i64,
) -> Result<(), Failure> {
    let window = plan.window(number)?;
    for (index, scope) in request.scopes.iter().flatten().enumerate() {
        let scope = scope.as_ref().ok_or_else(|| null_scope(index))?;
        control_window(scope, window)?;
    }
    Ok(())
}

/// The baseline's window of a run whose canary has `window`.
fn control_window(scope: &AnalysisScope, window: Window) -> Result<Window, Failure> {
    let offset = scope.control_offset_in_minutes;
    Ok(Window {
        start: earlier(window.start, offset)?,
        end: earlier(window.end, offset)?,
    })
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
        let control = control_window(scope, window)?;
        let side = |name: &Option<String>, location: &Option<String>, window: Window| CanaryScope {
            scope: name.clone(),
            location: location.clone(),
            start: Some(window.start),
            end: Some(window.end),
            step: Some(step),
            extended_scope_params: Some(scope.extended_scope_params.clone()),
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

/// Leaves out the control scopes that the analysis does not name, for a judge that needs none.
pub(crate) fn drop_absent_controls(request: &mut CanaryExecutionRequest) {
    let pairs = request.scopes.iter_mut().flat_map(IndexMap::values_mut);
    for pair in pairs.flatten() {
        pair.control_scope
            .take_if(|control| control.scope.is_none());
    }
}

/// The baseline's window of the first scope pair in hash order, which is what a run reports as the
/// time it judged.
pub(crate) fn judged_window(request: &CanaryExecutionRequest) -> Option<Window> {
    let scopes = request.scopes.as_ref()?;
    let first = *strings_in_table_order(scopes.keys().map(String::as_str)).first()?;
    let control = scopes.get(first)?.as_ref()?.control_scope.as_ref()?;
    Some(Window {
        start: control.start?,
        end: control.end?,
    })
}

/// The scope that rules start, end and step of the whole analysis.
pub(super) fn first_scope(request: &AnalysisRequest) -> Result<&AnalysisScope, Failure> {
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

/// The time so many minutes later.
pub(super) fn later(instant: Instant, minutes: i64) -> Result<Instant, Failure> {
    TimeDelta::try_minutes(minutes)
        .and_then(|delta| instant.0.checked_add_signed(delta))
        .map(Instant)
        .ok_or_else(|| {
            Failure::new(
                "DateTimeException",
                "Instant exceeds minimum or maximum instant",
            )
        })
}

fn earlier(instant: Instant, minutes: i64) -> Result<Instant, Failure> {
    later(instant, minutes.saturating_neg())
}
