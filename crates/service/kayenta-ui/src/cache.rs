//! The runs somebody is looking at: going from metric to metric should not read and explain everything again.

use std::sync::{Arc, Mutex, PoisonError};

use kayenta_engine::CanaryEvidence;

/// Values of series that are kept at most: 8 MB.
const MOST_VALUES: usize = 1_000_000;
/// Runs that are kept at most.
const MOST_RUNS: usize = 8;

/// Evidence of runs that have ended, which does not change any more; the one looked at last comes first.
#[derive(Debug, Default)]
pub(crate) struct EvidenceCache(Mutex<Vec<(Key, Arc<CanaryEvidence>)>>);

/// Id and storage account as they were asked for.
type Key = (String, Option<String>);

impl EvidenceCache {
    pub(crate) fn get(&self, id: &str, account: Option<&str>) -> Option<Arc<CanaryEvidence>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept
            .iter()
            .position(|(key, _)| key.0 == id && key.1.as_deref() == account)?;
        let found = kept.remove(at);
        let evidence = Arc::clone(&found.1);
        kept.insert(0, found);
        Some(evidence)
    }

    pub(crate) fn keep(&self, id: &str, account: Option<&str>, evidence: &Arc<CanaryEvidence>) {
        // A run without its series may get them when their store answers again.
        if !evidence.status.complete || evidence.explanation.is_none() {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (id.to_owned(), account.map(str::to_owned));
        kept.retain(|(known, _)| *known != key);
        kept.insert(0, (key, Arc::clone(evidence)));
        kept.truncate(MOST_RUNS);
        let mut values = 0;
        kept.retain(|(_, evidence)| {
            values += values_of(evidence);
            values <= MOST_VALUES
        });
    }
}

fn values_of(evidence: &CanaryEvidence) -> usize {
    let series = evidence.pairs.iter().flat_map(|pair| pair.values.iter());
    series.flat_map(|sides| sides.values()).map(Vec::len).sum()
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;
    use kayenta_model::{CanaryStatusResponse, MetricSetPair, explanation::CanaryExplanation};

    use super::*;

    fn evidence(values: usize) -> Arc<CanaryEvidence> {
        let pair = MetricSetPair {
            values: Some(IndexMap::from([("control".to_owned(), vec![0.0; values])])),
            ..MetricSetPair::default()
        };
        Arc::new(CanaryEvidence {
            status: CanaryStatusResponse {
                complete: true,
                ..CanaryStatusResponse::default()
            },
            analysis_id: None,
            stages: Vec::new(),
            pairs: Arc::new(vec![pair]),
            explanation: Some(CanaryExplanation::default()),
            no_memory: None,
        })
    }

    #[test]
    fn the_runs_looked_at_last_are_kept_within_bounds() {
        let cache = EvidenceCache::default();
        cache.keep("large", None, &evidence(MOST_VALUES - 10));
        cache.keep("small", None, &evidence(10));
        assert!(cache.get("large", None).is_some() && cache.get("small", None).is_some());
        assert!(cache.get("small", Some("account")).is_none());
        cache.keep("more", None, &evidence(1));
        assert!(
            cache.get("large", None).is_none(),
            "the one beyond the bound is gone"
        );
        for run in 0..20 {
            cache.keep(&run.to_string(), None, &evidence(1));
        }
        assert!(cache.get("small", None).is_none() && cache.get("19", None).is_some());
        cache.keep("huge", None, &evidence(MOST_VALUES + 1));
        assert!(cache.get("huge", None).is_none());
    }
}
