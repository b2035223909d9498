//! The second step of a canary run: both sides put next to each other and stored.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use kayenta_limits::{NoMemory, Reserved};
use kayenta_model::{CanaryConfig, MetricSetPair};
use kayenta_storage::{ObjectKind, ObjectRepository, StorageError, TextUpload, WriteCondition};

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

/// Storing what cannot be stored just now for lack of memory waits, too.
impl From<StorageError> for NoPairs {
    fn from(error: StorageError) -> Self {
        match NoMemory::of(&error) {
            Some(no_memory) => no_memory.clone().into(),
            None => Self::Failed(Failure::from(&EngineError::from(error))),
        }
    }
}

/// Mixes what was fetched of all metrics and stores the pairs under the key.
pub(super) async fn mix_and_store(
    config: Arc<CanaryConfig>,
    key: &str,
    objects: &ObjectRepository,
    fetched: Fetched,
) -> Result<Arc<Vec<MetricSetPair>>, NoPairs> {
    let metrics = 0..config.metrics().len();
    let pairs = mix(config, metrics, Arc::new(DerivedIds::new(key)), fetched).await?;
    let (bytes, written) = text_of(&pairs).await?;
    objects
        .store_bytes(
            ObjectKind::MetricSetPairList,
            key,
            None,
            bytes,
            WriteCondition::Always,
        )
        .await?;
    // A store in memory keeps the bytes, which would keep the reservation for as long.
    drop(written);
    Ok(pairs)
}

/// The pair list of a run in pieces, on its way into the store.
#[derive(Debug)]
pub(super) struct PairListUpload<'s> {
    config: Arc<CanaryConfig>,
    /// Ids of pairs follow from the list's, so two workers at once would write the same list.
    ids: Arc<DerivedIds>,
    upload: TextUpload<'s>,
    /// What comes before the next pair.
    before: &'static [u8],
}

impl<'s> PairListUpload<'s> {
    pub(super) fn new(config: Arc<CanaryConfig>, key: &str, objects: &'s ObjectRepository) -> Self {
        Self {
            config,
            ids: Arc::new(DerivedIds::new(key)),
            upload: objects.upload(ObjectKind::MetricSetPairList, key),
            before: b"[",
        }
    }

    /// Mixes what was fetched of some metrics, which follow those before, and adds the pairs to the list.
    pub(super) async fn add(
        &mut self,
        metrics: Range<usize>,
        fetched: Fetched,
    ) -> Result<Arc<Vec<MetricSetPair>>, NoPairs> {
        let (config, ids) = (Arc::clone(&self.config), Arc::clone(&self.ids));
        let pairs = mix(config, metrics, ids, fetched).await?;
        let (text, _written) = text_of(&pairs).await?;
        let elements = text
            .strip_prefix(b"[")
            .and_then(|text| text.strip_suffix(b"]"));
        if let Some(elements) = elements.filter(|elements| !elements.is_empty()) {
            self.upload.write(self.before).await?;
            self.upload.write(elements).await?;
            self.before = b",";
        }
        Ok(pairs)
    }

    /// Stores the list.
    pub(super) async fn finish(mut self) -> Result<(), NoPairs> {
        if self.before == b"[" {
            self.upload.write(self.before).await?;
        }
        self.upload.write(b"]").await?;
        self.upload.finish().await?;
        Ok(())
    }

    /// Gives up: there will be no list.
    pub(super) async fn abandon(self) {
        self.upload.abandon().await;
    }
}

async fn mix(
    config: Arc<CanaryConfig>,
    metrics: Range<usize>,
    ids: Arc<DerivedIds>,
    fetched: Fetched,
) -> Result<Arc<Vec<MetricSetPair>>, NoPairs> {
    let sets = fetched.control.iter().chain(&fetched.experiment);
    let fetched_values = sets
        .map(|set| set.values.as_ref().map_or(0, Vec::len))
        .sum();
    let pairs = compute_values(fetched_values, move || {
        let metrics = &config.metrics()[metrics];
        kayenta_metrics::mixing::mix(metrics, fetched.control, fetched.experiment, &*ids)
    })
    .await
    .map_err(|error| Failure::new("IllegalStateException", format!("mixing failed: {error}")))?
    .map_err(|error| Failure::illegal(error.to_string()))?;
    tracing::debug!(
        pairs = pairs.len(),
        values = fetched_values,
        "mixed both sides"
    );
    Ok(Arc::new(pairs))
}

/// The pairs as JSON, and what was reserved for it.
async fn text_of(pairs: &Arc<Vec<MetricSetPair>>) -> Result<(Bytes, Reserved), NoPairs> {
    let values = pairs
        .iter()
        .flat_map(|pair| pair.values.iter().flat_map(|sides| sides.values()))
        .map(Vec::len)
        .sum();
    let written = memory::reserve_text(2 * pairs.len(), values).await?;
    let bytes = to_json(pairs, values)
        .await
        .map_err(|error| Failure::from(&error))?;
    Ok((bytes, written))
}
