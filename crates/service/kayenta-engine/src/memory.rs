//! What a run takes of the budget of bytes, and whether it can fit at all.

use kayenta_limits::{NoMemory, RUN_PATIENCE, Reserved, reserve, reserve_and_hold};
use kayenta_model::{CanaryConfig, CanaryExecutionRequest, CanaryScope, Side};

use crate::error::{EngineError, EngineErrorKind};

/// Bytes of one value of a series: as it was fetched, and put next to the other side.
const VALUE: usize = 16;
/// Bytes of one series beside its values: names, tags, attributes.
const SERIES: usize = 2_048;
/// Bytes of one value as JSON.
const TEXT: usize = 20;

impl From<NoMemory> for EngineError {
    fn from(error: NoMemory) -> Self {
        let kind = match error {
            NoMemory::InUse { .. } => EngineErrorKind::Unavailable,
            NoMemory::TooLarge { .. } => EngineErrorKind::InvalidRequest,
        };
        Self::new(kind, error.to_string()).caused_by(error)
    }
}

/// Reserves what fetched series take until the run has been driven as far as it goes.
pub(crate) async fn hold_series(series: usize, values: usize) -> Result<(), NoMemory> {
    let bytes = SERIES
        .saturating_mul(series)
        .saturating_add(VALUE.saturating_mul(values));
    reserve_and_hold("a metric's series", bytes, RUN_PATIENCE).await
}

/// Reserves what so many values take as JSON.
pub(crate) async fn reserve_text(values: usize) -> Result<Reserved, NoMemory> {
    reserve("writing series", TEXT.saturating_mul(values), RUN_PATIENCE).await
}

/// C-ENG-21: refuses a run that cannot fit into the budget, by what its windows and steps may bring at
/// least: one series for each metric and side.
///
/// # Errors
/// [`InvalidRequest`](EngineErrorKind::InvalidRequest) with the numbers.
pub(crate) fn check_size(
    config: &CanaryConfig,
    request: &CanaryExecutionRequest,
) -> Result<(), EngineError> {
    let Some((budget, _)) = kayenta_limits::budget() else {
        return Ok(());
    };
    let metrics = config.metrics();
    let values: f64 = metrics
        .iter()
        .flat_map(|metric| {
            let name = metric.scope_name.as_deref();
            let pair = name.and_then(|name| request.scopes.as_ref()?.get(name)?.as_ref());
            [Side::Control, Side::Experiment].map(|side| {
                pair.and_then(|pair| match side {
                    Side::Control => pair.control_scope.as_ref(),
                    Side::Experiment => pair.experiment_scope.as_ref(),
                })
            })
        })
        .flatten()
        .map(values_of)
        .sum();
    let series = 2 * metrics.len();
    let bytes = values * (VALUE + TEXT) as f64 + (series * SERIES) as f64;
    if bytes <= budget as f64 {
        return Ok(());
    }
    Err(EngineError::invalid(format!(
        "The run may bring {values:.0} values in {series} series ({} metrics on two sides), which take about {} MiB; \
         the budget is {} MiB (kayenta.memory.budget). Use a longer step, a shorter time or fewer metrics, or \
         give the service more memory.",
        metrics.len(),
        (bytes / f64::from(1 << 20)).ceil(),
        budget >> 20,
    )))
}

/// How many values a series over the scope has.
fn values_of(scope: &CanaryScope) -> f64 {
    let (Some(start), Some(end)) = (&scope.start, &scope.end) else {
        return 0.0;
    };
    let seconds = ((end.0 - start.0).as_seconds_f64()).max(0.0);
    let step = scope.step.filter(|step| *step > 0).unwrap_or(60);
    seconds / step as f64
}
