//! Large runs in pieces, so that the series of a run are not all in memory at the same time.

use std::{collections::HashSet, ops::Range, sync::Arc};

use kayenta_judge::{Judge, JudgeRegistry, PairJudge, explanation};
use kayenta_model::{CanaryConfig, CanaryExecutionRequest};
use kayenta_storage::{ObjectKind, UPLOAD_PART};

use crate::{
    account::Accounts,
    memory::Expected,
    options::{EngineOptions, EngineParts},
};

/// A piece takes no more of the budget of bytes than one part in so many.
const OF_BUDGET: u64 = 4;

/// Decides which runs are worked on in pieces.
#[derive(Clone, Debug)]
pub(crate) struct PieceRules {
    accounts: Arc<Accounts>,
    judges: Arc<JudgeRegistry>,
    explains: bool,
    /// About how many bytes the series of a piece take.
    bytes: u64,
}

/// How much of a run is in memory at a time.
#[derive(Debug)]
pub(crate) struct RunSize {
    /// `None` for a run that is worked on as a whole.
    pub(crate) pieces: Option<Pieces>,
    /// What the largest piece brings at least, or the whole run.
    pub(crate) largest: Expected,
    /// Bytes that what has been written of the pair list takes at least beside it, until the store has it.
    pub(crate) written: f64,
}

/// The pieces of a run, each of which is fetched, mixed, written and judged before the next is begun.
#[derive(Debug)]
pub(crate) struct Pieces {
    /// The metrics of each.
    pub(crate) metrics: Vec<Range<usize>>,
    pub(crate) judge: Arc<dyn PairJudge>,
}

impl PieceRules {
    pub(crate) fn new(parts: &EngineParts, options: &EngineOptions) -> Self {
        Self {
            accounts: Arc::clone(&parts.accounts),
            judges: Arc::clone(&parts.judges),
            explains: options.explanations,
            bytes: options.piece_bytes,
        }
    }

    /// How a run is worked on. It is in pieces if it is large and its judge needs no more than a pair at a time. An
    /// explanation in the verdict needs all pairs.
    pub(crate) fn of_run(
        &self,
        config: &CanaryConfig,
        request: &CanaryExecutionRequest,
        storage_account: &str,
    ) -> RunSize {
        let all = Expected::of(config, request);
        let most = kayenta_limits::largest_reservation()
            .map_or(self.bytes, |largest| self.bytes.min(largest / OF_BUDGET))
            as f64;
        if all.bytes() > most
            && have_names_of_their_own(config)
            && let Some(judge) = self.pair_judge(config)
        {
            let (metrics, largest) = divide(config, request, most);
            let written = if self.takes_parts(storage_account) {
                all.text().min(UPLOAD_PART as f64)
            } else {
                all.text()
            };
            if largest.bytes() + written < all.bytes() {
                return RunSize {
                    pieces: Some(Pieces { metrics, judge }),
                    largest,
                    written,
                };
            }
        }
        RunSize {
            pieces: None,
            largest: all,
            written: 0.0,
        }
    }

    /// The judge of the config if it looks at each pair alone and its verdict is not explained.
    fn pair_judge(&self, config: &CanaryConfig) -> Option<Arc<dyn PairJudge>> {
        if self.explains || explanation::is_wanted(config) {
            return None;
        }
        match self.judges.select(config.judge.as_ref(), None).ok()? {
            Judge::Local(judge) => Arc::clone(judge).pair_by_pair(),
            Judge::Remote(_) => None,
        }
    }

    fn takes_parts(&self, storage_account: &str) -> bool {
        self.accounts
            .recorded_object_store(storage_account)
            .is_ok_and(|objects| objects.takes_parts(ObjectKind::MetricSetPairList))
    }
}

/// The metrics in pieces of up to so many bytes, and what the largest piece brings.
fn divide(
    config: &CanaryConfig,
    request: &CanaryExecutionRequest,
    most: f64,
) -> (Vec<Range<usize>>, Expected) {
    let mut pieces: Vec<(Range<usize>, Expected)> = Vec::new();
    for (index, metric) in config.metrics().iter().enumerate() {
        let expected = Expected::of_metric(metric, request);
        match pieces.last_mut() {
            Some((metrics, piece)) if piece.bytes() + expected.bytes() <= most => {
                metrics.end = index + 1;
                *piece += expected;
            }
            _ => pieces.push((index..index + 1, expected)),
        }
    }
    let largest = pieces.iter().map(|(_, piece)| piece);
    let largest = largest.max_by(|one, other| one.bytes().total_cmp(&other.bytes()));
    let largest = largest.cloned().unwrap_or_default();
    (
        pieces.into_iter().map(|(metrics, _)| metrics).collect(),
        largest,
    )
}

/// Series are matched to metrics by name: metrics that share one are mixed together.
fn have_names_of_their_own(config: &CanaryConfig) -> bool {
    let mut names = HashSet::new();
    let mut metrics = config.metrics().iter();
    metrics.all(|metric| names.insert(metric.name()))
}
