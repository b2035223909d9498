//! What executions take of the budget of bytes, and whether a run can fit at all.

use std::{ops::AddAssign, sync::Arc};

use kayenta_json::parsed_size;
use kayenta_limits::{
    CALLER_PATIENCE, NoMemory, Panicked, RUN_PATIENCE, Reserved, compute_sized, require, reserve,
    reserve_and_hold, written,
};
use kayenta_model::{CanaryConfig, CanaryExecutionRequest, CanaryScope, MetricConfig, Side};
use kayenta_queue::ExecutionRecord;

use crate::{
    error::{EngineError, EngineErrorKind},
    pieces::RunSize,
    record::Execution,
};

/// Bytes of one value of a series: as it was fetched, and put next to the other side.
const VALUE: usize = 16;
/// Bytes of one series beside its values: names, tags, attributes; as JSON, no more than as much again.
const SERIES: usize = 1_024;
/// Bytes of one value as JSON.
const TEXT: usize = 20;
/// Bytes of one value in the answer of a metric store, which is reserved twice while it is read.
const ANSWER: usize = 60;
/// Bytes of one stage of an execution: itself, and twice its text, in the record and on its way into the store.
const STAGE: usize = 1_024;
/// How much more than its text a config and a request take.
const BODY: usize = 12;
/// How often the text of a record is there while its execution is worked on: as it was read or is written, and in the
/// store.
const COPIES: usize = 2;

impl From<NoMemory> for EngineError {
    fn from(error: NoMemory) -> Self {
        let kind = match error {
            NoMemory::InUse { .. } => EngineErrorKind::Unavailable,
            NoMemory::TooLarge { .. } => EngineErrorKind::InvalidRequest,
        };
        Self::new(kind, error.to_string()).caused_by(error)
    }
}

/// Reads a record; the execution counts until the surrounding scope ends.
///
/// # Errors
/// [`Internal`](EngineErrorKind::Internal) when it cannot be read,
/// [`Unavailable`](EngineErrorKind::Unavailable) when there is no memory for it.
pub(crate) async fn read_record(record: ExecutionRecord) -> Result<Execution, EngineError> {
    let broke_off = |panic| broke_off("reading", panic);
    let (length, body, parts) = (record.length(), record.body.clone(), record.parts.clone());
    let size = compute_sized(length, move || {
        let parts = parts.iter().flatten().map(|part| parsed_size(part));
        parsed_size(&body) + parts.sum::<usize>()
    })
    .await
    .map_err(broke_off)?;
    let all = size + COPIES * length;
    reserve_and_hold("the record of an execution", all, CALLER_PATIENCE).await?;
    compute_sized(length, move || Execution::from_record(&record))
        .await
        .map_err(broke_off)?
}

/// The record of a new execution. How long it is shows only when it is written.
///
/// # Errors
/// As [`write_record`].
pub(crate) async fn write_new_record(
    execution: &Arc<Execution>,
) -> Result<ExecutionRecord, EngineError> {
    let panicked = |panic| broke_off("writing", panic);
    let body = written(Arc::clone(execution), |execution, text| {
        serde_json::to_writer(text, execution.as_ref())
    });
    let body = body.await.map_err(panicked)?;
    let body = body.map_err(|error| execution.unwritable(error))?;
    let parts = STAGE * execution.stages.to_write();
    let execution = Arc::clone(execution);
    compute_sized(parts, move || execution.record_of(body))
        .await
        .map_err(panicked)?
}

/// The record of an execution, without the stages that the store has. `length` is that of its body as far as is known.
///
/// # Errors
/// [`Internal`](EngineErrorKind::Internal) when it cannot be written.
pub(crate) async fn write_record(
    execution: &Arc<Execution>,
    length: usize,
) -> Result<ExecutionRecord, EngineError> {
    let length = length + STAGE * execution.stages.to_write();
    let execution = Arc::clone(execution);
    compute_sized(length, move || execution.to_record())
        .await
        .map_err(|panic| broke_off("writing", panic))?
}

fn broke_off(what: &str, panic: Panicked) -> EngineError {
    let message = format!("{what} the record of an execution panicked");
    EngineError::new(EngineErrorKind::Internal, message).caused_by(panic)
}

/// What an execution takes whose record has a body of so many bytes.
pub(crate) fn of_execution(execution: &Execution, length: usize) -> usize {
    BODY.saturating_mul(length) + of_stages(execution)
}

/// What the stages of an execution take.
pub(crate) fn of_stages(execution: &Execution) -> usize {
    STAGE.saturating_mul(execution.stages.len())
}

/// Reserves what a planned execution takes beside the request it was planned from, until the surrounding scope ends.
pub(crate) async fn hold_new_record(execution: &Execution) -> Result<(), NoMemory> {
    reserve_and_hold("a new execution", of_stages(execution), CALLER_PATIENCE).await
}

/// Reserves what fetched series take until the run has been driven as far as it goes.
pub(crate) async fn hold_series(series: usize, values: usize) -> Result<(), NoMemory> {
    let bytes = SERIES
        .saturating_mul(series)
        .saturating_add(VALUE.saturating_mul(values));
    reserve_and_hold("a metric's series", bytes, RUN_PATIENCE).await
}

/// Reserves what so many values in so many series take as JSON.
pub(crate) async fn reserve_text(series: usize, values: usize) -> Result<Reserved, NoMemory> {
    let bytes = SERIES
        .saturating_mul(series)
        .saturating_add(TEXT.saturating_mul(values));
    reserve("writing series", bytes, RUN_PATIENCE).await
}

/// C-ENG-21: refuses a run that cannot fit into the budget, by what its windows and steps may bring at
/// least: one series for each metric and side. Of a run in pieces the largest one counts.
///
/// # Errors
/// [`InvalidRequest`](EngineErrorKind::InvalidRequest) with the numbers.
pub(crate) fn check_size(
    config: &CanaryConfig,
    request: &CanaryExecutionRequest,
    size: &RunSize,
) -> Result<(), EngineError> {
    let Some(budget) = kayenta_limits::largest_reservation() else {
        return Ok(());
    };
    let bytes = size.largest.bytes() + size.written;
    if bytes <= budget as f64 {
        return Ok(());
    }
    let expected = Expected::of(config, request);
    Err(EngineError::invalid(format!(
        "The run may bring {:.0} values in {} series ({} metrics on two sides), which take about {} MiB; \
         the budget is {} MiB (kayenta.memory.budget). Use a longer step, a shorter time or fewer metrics, or \
         give the service more memory.",
        expected.values,
        expected.series,
        config.metrics().len(),
        (bytes / f64::from(1 << 20)).ceil(),
        kayenta_limits::budget().map_or(budget, |(whole, _)| whole) >> 20,
    )))
}

/// Makes sure that there is memory for what the run brings at least before it begins to fetch.
///
/// # Errors
/// [`NoMemory::InUse`] when others have it.
pub(crate) fn require_for_run(size: &RunSize, fetches_at_once: usize) -> Result<(), NoMemory> {
    let Some(budget) = kayenta_limits::largest_reservation() else {
        return Ok(());
    };
    let RunSize {
        largest, written, ..
    } = size;
    let at_once = largest.longest * fetches_at_once.min(largest.series) as f64;
    let bytes = written + largest.held() + largest.text().max(at_once * (ANSWER + TEXT) as f64);
    // A run that needs more than there is learns it when it gets there, and says so.
    require("a run", bytes.min(budget as f64 / 2.0) as usize)
}

/// What metrics of a run bring at least: one series for each metric and side.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    values: f64,
    /// Values of the longest series.
    longest: f64,
    series: usize,
}

impl Expected {
    /// What all metrics bring.
    pub(crate) fn of(config: &CanaryConfig, request: &CanaryExecutionRequest) -> Self {
        let mut expected = Self::default();
        for metric in config.metrics() {
            expected += Self::of_metric(metric, request);
        }
        expected
    }

    pub(crate) fn of_metric(metric: &MetricConfig, request: &CanaryExecutionRequest) -> Self {
        let name = metric.scope_name.as_deref();
        let pair = name.and_then(|name| request.scopes.as_ref()?.get(name)?.as_ref());
        let values = [Side::Control, Side::Experiment].map(|side| {
            let scope = pair.and_then(|pair| match side {
                Side::Control => pair.control_scope.as_ref(),
                Side::Experiment => pair.experiment_scope.as_ref(),
            });
            scope.map_or(0.0, values_of)
        });
        Self {
            values: values.iter().sum(),
            longest: values[0].max(values[1]),
            series: values.len(),
        }
    }

    /// Bytes that they take in all.
    pub(crate) fn bytes(&self) -> f64 {
        self.held() + self.text()
    }

    /// Bytes that their pair list takes as JSON.
    pub(crate) fn text(&self) -> f64 {
        self.values * TEXT as f64 + (self.series * SERIES) as f64
    }

    /// Bytes that the series take until they have been judged.
    fn held(&self) -> f64 {
        self.values * VALUE as f64 + (self.series * SERIES) as f64
    }
}

impl AddAssign for Expected {
    fn add_assign(&mut self, other: Self) {
        self.values += other.values;
        self.longest = self.longest.max(other.longest);
        self.series += other.series;
    }
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
