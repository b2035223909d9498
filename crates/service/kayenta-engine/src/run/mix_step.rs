//! The second step of a canary run: both sides put next to each other and stored.

use std::sync::Arc;

use kayenta_limits::NoMemory;
use kayenta_model::{CanaryConfig, MetricSetPair};
use kayenta_storage::{ObjectKind, ObjectRepository, WriteCondition};

use super::fetch_step::Fetched;
use crate::{
    computing::compute_values, documents::to_json, error::EngineError, failure::Failure,
    ids::DerivedIds, memory,
};

/// Why there are no pairs.
pub(super) enum NoPairs {
    Failed(Failure),
    /// There is no memory to write them just now: the run waits.
    NoMemory(NoMemory),
}

impl From<Failure> for NoPairs {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<NoMemory> for NoPairs {
    fn from(error: NoMemory) -> Self {
        match error {
            NoMemory::InUse { .. } => Self::NoMemory(error),
            NoMemory::TooLarge { .. } => Self::Failed(Failure::from(&EngineError::from(error))),
        }
    }
}

/// Mixes what was fetched and stores the pairs under the key.
pub(super) async fn mix_and_store(
    config: Arc<CanaryConfig>,
    key: &str,
    objects: &ObjectRepository,
    fetched: Fetched,
) -> Result<Arc<Vec<MetricSetPair>>, NoPairs> {
    // Ids of pairs follow from the list's, so two workers at once would write the same list.
    let ids = DerivedIds::new(key);
    let sets = fetched.control.iter().chain(&fetched.experiment);
    let fetched_values = sets
        .map(|set| set.values.as_ref().map_or(0, Vec::len))
        .sum();
    let pairs = compute_values(fetched_values, move || {
        kayenta_metrics::mixing::mix(config.metrics(), fetched.control, fetched.experiment, &ids)
    })
    .await
    .map_err(|error| Failure::new("IllegalStateException", format!("mixing failed: {error}")))?
    .map_err(|error| Failure::illegal(error.to_string()))?;
    let pairs = Arc::new(pairs);
    let values = pairs
        .iter()
        .flat_map(|pair| pair.values.iter().flat_map(|sides| sides.values()))
        .map(Vec::len)
        .sum();
    let written = memory::reserve_text(2 * pairs.len(), values).await?;
    let bytes = to_json(&pairs, values)
        .await
        .map_err(|error| Failure::from(&error))?;
    objects
        .store_bytes(
            ObjectKind::MetricSetPairList,
            key,
            None,
            bytes,
            WriteCondition::Always,
        )
        .await
        .map_err(|error| Failure::from(&EngineError::from(error)))?;
    // A store in memory keeps the bytes, which would keep the reservation for as long.
    drop(written);
    tracing::debug!(pairs = pairs.len(), values, "mixed both sides");
    Ok(pairs)
}
