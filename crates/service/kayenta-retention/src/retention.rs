//! Rounds of removal.

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kayenta_engine::{Engine, EngineError, PeriodicTask, UnfinishedWork};
use kayenta_settings::RetentionSettings;
use kayenta_storage::{ObjectKind, ObjectRepository, StorageError};

use crate::{
    expired::{Expired, expired},
    plan::{PlannedRemoval, estimate},
};

/// Failures in a row after which an account is left alone until the next round.
const FAILURES: usize = 5;
/// The kinds that may be removed: what refers before what is referred to is not needed, as a round removes only what nothing refers
/// to that stays.
const KINDS: [ObjectKind; 4] = [
    ObjectKind::MetricSetList,
    ObjectKind::MetricSetPairList,
    ObjectKind::CanaryResultArchive,
    ObjectKind::StandaloneCanaryResultArchive,
];

/// Why a round cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// It is unknown what unfinished executions refer to.
    #[error("the executions that are not complete cannot be read, so nothing is removed: {0}")]
    Executions(#[from] EngineError),
    /// An account cannot be listed.
    #[error("the objects of account {account} cannot be listed: {error}")]
    Listing {
        /// The account.
        account: String,
        /// Why.
        error: StorageError,
    },
}

/// What a round removed of one kind in one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Objects that are gone.
    pub removed: usize,
    /// Objects that could not be removed.
    pub failed: usize,
    /// Objects that were not tried, because the store failed too often in a row.
    pub left: usize,
}

/// Removes what is older than the settings say.
#[derive(Debug)]
pub struct Retention {
    settings: RetentionSettings,
    engine: Engine,
}

impl Retention {
    /// For the accounts of an engine.
    #[must_use]
    pub fn new(settings: RetentionSettings, engine: Engine) -> Self {
        Self { settings, engine }
    }

    fn now(&self) -> DateTime<Utc> {
        self.engine.clock().now()
    }

    /// The accounts and kinds that have an age.
    fn wanted(&self) -> Vec<(Arc<ObjectRepository>, ObjectKind, Duration)> {
        let mut wanted = Vec::new();
        for account in self.engine.accounts().in_configured_order() {
            let Some(objects) = account.objects.clone() else {
                continue;
            };
            for kind in KINDS {
                let ages = self.settings.ages(&account.name);
                let age = match kind {
                    ObjectKind::MetricSetList => ages.metric_sets,
                    ObjectKind::MetricSetPairList => ages.metric_set_pairs,
                    ObjectKind::CanaryResultArchive => ages.canary_archives,
                    ObjectKind::StandaloneCanaryResultArchive => ages.standalone_canary_archives,
                    ObjectKind::CanaryConfig => None,
                };
                wanted.extend(age.map(|age| (Arc::clone(&objects), kind, age)));
            }
        }
        wanted
    }

    async fn expired(
        &self,
        (objects, kind, age): &(Arc<ObjectRepository>, ObjectKind, Duration),
        unfinished: &UnfinishedWork,
    ) -> Result<Expired, RetentionError> {
        let oldest = unfinished.oldest_millis.map(|millis| {
            DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::<Utc>::MIN_UTC)
        });
        let store = objects.object_store().as_ref();
        let found = expired(store, *kind, *age, self.now(), oldest).await;
        let mut found = found.map_err(|error| RetentionError::Listing {
            account: objects.account().to_owned(),
            error,
        })?;
        if *kind == ObjectKind::MetricSetPairList {
            let read: HashSet<&str> = unfinished.pair_lists.iter().map(String::as_str).collect();
            let all = found.keys.len();
            found.keys.retain(|key| !read.contains(key.as_str()));
            found.kept += all - found.keys.len();
        }
        Ok(found)
    }

    /// What a round would remove now, with an estimate of its size.
    ///
    /// # Errors
    /// When executions or objects cannot be listed.
    pub async fn plan(&self) -> Result<Vec<PlannedRemoval>, RetentionError> {
        let unfinished = self.engine.unfinished_work().await?;
        let mut plan = Vec::new();
        for wanted in self.wanted() {
            let expired = self.expired(&wanted, &unfinished).await?;
            let (objects, kind, _) = wanted;
            let store = objects.object_store().as_ref();
            plan.push(PlannedRemoval {
                account: objects.account().to_owned(),
                bytes: estimate(store, kind, &expired.keys).await,
                kind,
                expired,
            });
        }
        Ok(plan)
    }

    /// Removes what is planned, no faster than the settings say.
    pub async fn remove(&self, planned: &PlannedRemoval) -> Removed {
        let objects = self.engine.accounts().get(&planned.account);
        let Some(objects) = objects.and_then(|account| account.objects.clone()) else {
            return Removed::default();
        };
        self.remove_keys(&objects, planned.kind, &planned.expired)
            .await
    }

    async fn remove_keys(
        &self,
        objects: &ObjectRepository,
        kind: ObjectKind,
        expired: &Expired,
    ) -> Removed {
        let pause = Duration::from_secs(1) / self.settings.removals_per_second.max(1);
        let mut came = Removed::default();
        let mut failures = 0;
        for (done, key) in expired.keys.iter().enumerate() {
            match objects.object_store().delete(kind, key).await {
                Ok(()) => {
                    came.removed += 1;
                    failures = 0;
                }
                // Someone else was quicker.
                Err(error) if error.is_not_found() => failures = 0,
                Err(error) => {
                    came.failed += 1;
                    failures += 1;
                    if failures == FAILURES {
                        came.left = expired.keys.len() - done - 1;
                        tracing::warn!(
                            account = objects.account(),
                            kind = kind.group(),
                            left = came.left,
                            %error,
                            "retention stops for this account, as its store fails; the next round continues"
                        );
                        break;
                    }
                }
            }
            self.engine.clock().sleep(pause).await;
        }
        if came != Removed::default() {
            tracing::info!(
                account = objects.account(),
                kind = kind.group(),
                removed = came.removed,
                failed = came.failed,
                kept = expired.kept,
                "retention removed objects"
            );
        }
        let account = || objects.account().to_owned();
        metrics::counter!("kayenta_retention_removed_total", "account" => account(), "kind" => kind.group())
            .increment(came.removed as u64);
        metrics::counter!("kayenta_retention_failures_total", "account" => account(), "kind" => kind.group())
            .increment(came.failed as u64);
        metrics::gauge!("kayenta_retention_objects", "account" => account(), "kind" => kind.group())
            .set((expired.kept + came.failed + came.left) as f64);
        came
    }

    /// One round over all accounts. An account that fails does not keep the others.
    ///
    /// # Errors
    /// When it is unknown which executions are not complete.
    pub async fn apply(&self) -> Result<Removed, RetentionError> {
        let mut total = Removed::default();
        for wanted in self.wanted() {
            // Asked anew for each kind: a round may take hours.
            let unfinished = self.engine.unfinished_work().await?;
            let expired = match self.expired(&wanted, &unfinished).await {
                Ok(expired) => expired,
                Err(error) => {
                    tracing::warn!(%error, "retention leaves an account out of this round");
                    continue;
                }
            };
            let (objects, kind, _) = wanted;
            let removed = self.remove_keys(&objects, kind, &expired).await;
            total.removed += removed.removed;
            total.failed += removed.failed;
            total.left += removed.left;
        }
        Ok(total)
    }
}

#[async_trait]
impl PeriodicTask for Retention {
    fn name(&self) -> &'static str {
        "retention"
    }

    fn interval(&self) -> Duration {
        self.settings.interval
    }

    async fn round(&self) {
        match self.apply().await {
            Ok(total) => tracing::info!(
                removed = total.removed,
                failed = total.failed,
                left = total.left,
                "a round of retention is over"
            ),
            Err(error) => tracing::warn!(%error, "a round of retention was left out"),
        }
    }
}
