//! What the list of configs knows of each, remembered by version.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kayenta_model::{ConfigSummary, time::iso_millis};

use crate::store::ObjectSummary;

/// The entry of a config in lists.
pub(super) fn summary(object: &ObjectSummary, applications: Vec<String>) -> ConfigSummary {
    let updated_timestamp = object.updated.timestamp_millis();
    ConfigSummary {
        id: object.key.clone(),
        name: config_name(&object.filename).to_owned(),
        updated_timestamp,
        updated_timestamp_iso: iso_millis(updated_timestamp),
        applications,
    }
}

/// The config's name as its file tells it.
pub(super) fn config_name(filename: &str) -> &str {
    filename.strip_suffix(".json").unwrap_or(filename)
}

/// A remembered config; `None` is one that cannot be listed.
pub(super) type Known = Option<Arc<ConfigSummary>>;

/// Summaries by key, each valid for one version of its object.
#[derive(Debug)]
pub(super) struct SummaryCache {
    capacity: usize,
    entries: Mutex<HashMap<String, (String, Known)>>,
}

impl SummaryCache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            entries: Mutex::default(),
        }
    }

    /// No code that can panic runs under the lock, so a poisoned one is still whole.
    fn entries(&self) -> MutexGuard<'_, HashMap<String, (String, Known)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Splits a listing into what is known and what has to be read.
    pub(super) fn split<'a>(
        &self,
        listing: impl IntoIterator<Item = &'a ObjectSummary>,
    ) -> (Vec<Known>, Vec<&'a ObjectSummary>) {
        let entries = self.entries();
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for object in listing {
            match entries.get(&object.key) {
                Some((version, summary)) if *version == object.version => {
                    known.push(summary.clone());
                }
                _ => unknown.push(object),
            }
        }
        (known, unknown)
    }

    /// Remembers the summary of one version; a full cache remembers nothing more.
    pub(super) fn remember(&self, object: &ObjectSummary, summary: Known) {
        let mut entries = self.entries();
        if entries.len() < self.capacity || entries.contains_key(&object.key) {
            entries.insert(object.key.clone(), (object.version.clone(), summary));
        }
    }

    /// Forgets what a complete listing no longer shows.
    pub(super) fn retain(&self, listing: &[ObjectSummary]) {
        let mut entries = self.entries();
        if entries.len() > listing.len() {
            let present: HashSet<&str> = listing.iter().map(|object| object.key.as_str()).collect();
            entries.retain(|key, _| present.contains(key.as_str()));
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "any time will do")]
    fn object(key: &str, version: &str) -> ObjectSummary {
        ObjectSummary {
            key: key.to_owned(),
            filename: "x.json".to_owned(),
            updated: Utc::now(),
            version: version.to_owned(),
            size: 2,
        }
    }

    #[test]
    fn knows_a_version_forgets_the_absent_and_stays_small() {
        let cache = SummaryCache::new(2);
        for key in ["a", "b", "c"] {
            cache.remember(&object(key, "1"), None);
        }
        let listing = [object("a", "1"), object("b", "2"), object("c", "1")];
        let (known, unknown) = cache.split(&listing);
        assert_eq!(known.len(), 1);
        assert_eq!(
            unknown.iter().map(|o| o.key.as_str()).collect::<Vec<_>>(),
            ["b", "c"]
        );
        cache.retain(&listing[..1]);
        assert_eq!(cache.split(&listing).0.len(), 1);
        assert_eq!(cache.entries().len(), 1);
    }
}
