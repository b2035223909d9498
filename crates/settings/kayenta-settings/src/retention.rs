//! `kayenta.retention.*`: how long stored objects are kept.

use std::time::Duration;

/// How long objects are kept, by kind; `None` where nothing is set, 0 for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionAges {
    /// `metricSets`: the fetched series of each metric and side.
    pub metric_sets: Option<Duration>,
    /// `metricSetPairs`: the series of both sides, which explanations and charts are made from.
    pub metric_set_pairs: Option<Duration>,
    /// `canaryArchives`: finished canary runs.
    pub canary_archives: Option<Duration>,
    /// `standaloneCanaryArchives`: finished standalone analyses.
    pub standalone_canary_archives: Option<Duration>,
}

/// What is removed from the object stores, and how fast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionSettings {
    /// The ages of every account.
    pub ages: RetentionAges,
    /// `accounts[]`: those of single accounts, by name; what they do not set is as for every account.
    pub accounts: Vec<(String, RetentionAges)>,
    /// `interval`, default 6 h: time from one round to the next.
    pub interval: Duration,
    /// `removalsPerSecond`, default 20.
    pub removals_per_second: u32,
}

impl RetentionSettings {
    /// The ages of an account; `None` for ever.
    #[must_use]
    pub fn ages(&self, account: &str) -> RetentionAges {
        let own = self.accounts.iter().find(|(name, _)| name == account);
        let own = own.map(|(_, ages)| *ages).unwrap_or_default();
        let age = |of: fn(&RetentionAges) -> Option<Duration>| {
            of(&own)
                .or_else(|| of(&self.ages))
                .filter(|age| !age.is_zero())
        };
        RetentionAges {
            metric_sets: age(|ages| ages.metric_sets),
            metric_set_pairs: age(|ages| ages.metric_set_pairs),
            canary_archives: age(|ages| ages.canary_archives),
            standalone_canary_archives: age(|ages| ages.standalone_canary_archives),
        }
    }

    /// Whether anything is removed at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        let all = self
            .accounts
            .iter()
            .map(|(_, ages)| ages)
            .chain([&self.ages]);
        all.flat_map(|ages| {
            [
                ages.metric_sets,
                ages.metric_set_pairs,
                ages.canary_archives,
                ages.standalone_canary_archives,
            ]
        })
        .flatten()
        .any(|age| !age.is_zero())
    }
}
