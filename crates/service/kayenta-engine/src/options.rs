//! What an engine is made of and how it behaves.

use std::{sync::Arc, time::Duration};

use kayenta_http::RetryPolicy;
use kayenta_judge::JudgeRegistry;
use kayenta_model::{Clock, IdSource, time::JsonTimes};
use kayenta_queue::{ExecutionStore, WorkQueue};

use crate::{account::Accounts, notices::NoticeBoard, traces::TraceCarrier};

/// Everything the engine works with, by its seams.
#[derive(Clone, Debug)]
pub struct EngineParts {
    /// The accounts callers may name.
    pub accounts: Arc<Accounts>,
    /// The judges configs may name.
    pub judges: Arc<JudgeRegistry>,
    /// Who works on what when.
    pub queue: Arc<dyn WorkQueue>,
    /// How far every execution is.
    pub executions: Arc<dyn ExecutionStore>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdSource>,
}

/// How the engine behaves. The defaults suit a service with a few hundred runs at a time.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// When a failed fetch is tried again.
    pub retry: RetryPolicy,
    /// Executions one process works on at a time. Waiting analyses take none.
    pub workers: usize,
    /// Fetches one run has under way at a time.
    pub fetches_per_run: usize,
    /// Fetches one process has under way at a time; a fetch between two tries does not count.
    pub fetches_total: usize,
    /// About how many bytes of the budget the series of a run take at a time, if its judge looks at each pair alone.
    pub piece_bytes: u64,
    /// Judgements computed at a time; one thread each.
    pub judgements: usize,
    /// Whether finished executions are written to their storage account.
    pub archive: bool,
    /// Whether verdicts contain their explanations; configs can ask for theirs either way.
    pub explanations: bool,
    /// Whether an analysis that can never make a run is refused when it is asked for (C-SCAPE-07)
    /// instead of ending at once with the reason.
    pub refuse_impossible_requests: bool,
    /// `<uuid>@<host>`: names this process, and the application of runs without one.
    pub instance_id: String,
    /// How often running work asks whether it was canceled by another process.
    pub cancel_poll: Duration,
    /// Shortest time between two records of progress within a step; zero records every one.
    pub progress_interval: Duration,
    /// How long running work may go on after shutdown begins before it is put back.
    pub grace: Duration,
    /// How often records whose job got lost are looked for.
    pub sweep_interval: Duration,
    /// A job whose worker died this often without a word is given up.
    pub max_deliveries: u32,
    /// How long sibling fetches may still end on their own after one has failed.
    pub settle: Duration,
    /// Pairs of application and config whose results are shown as time series of their own.
    pub result_series: usize,
    /// Whom to notify of how far executions have come; `None` for no receiver.
    pub notices: Option<Arc<dyn NoticeBoard>>,
    /// Who carries traces across the queue; `None` when there are no traces.
    pub traces: Option<Arc<dyn TraceCarrier>>,
    /// How archives write timestamps and durations.
    pub json_times: JsonTimes,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            workers: 256,
            fetches_per_run: 16,
            fetches_total: 128,
            piece_bytes: 16 << 20,
            judgements: std::thread::available_parallelism().map_or(2, usize::from),
            archive: true,
            explanations: false,
            refuse_impossible_requests: false,
            instance_id: "UNKNOWN".to_owned(),
            cancel_poll: Duration::from_secs(1),
            progress_interval: Duration::from_millis(100),
            grace: Duration::from_secs(20),
            sweep_interval: Duration::from_secs(30),
            max_deliveries: 5,
            settle: Duration::from_millis(250),
            result_series: 200,
            notices: None,
            traces: None,
            json_times: JsonTimes::default(),
        }
    }
}
