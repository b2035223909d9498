//! Which objects of one kind may go.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kayenta_engine::accepted_millis;
use kayenta_storage::{ObjectKind, ObjectStore, StorageError};

/// The objects of one kind that may go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Their keys, the oldest first.
    pub keys: Vec<String>,
    /// When the oldest of them was written.
    pub oldest: Option<DateTime<Utc>>,
    /// When the youngest of them was written.
    pub youngest: Option<DateTime<Utc>>,
    /// Objects of the kind that stay.
    pub kept: usize,
}

/// The objects of a kind that are older than `age` and that nothing refers to that stays. `oldest_unfinished` is when the oldest
/// execution was accepted that is not complete.
///
/// # Errors
/// When the store cannot be listed.
pub async fn expired(
    store: &dyn ObjectStore,
    kind: ObjectKind,
    age: Duration,
    now: DateTime<Utc>,
    oldest_unfinished: Option<DateTime<Utc>>,
) -> Result<Expired, StorageError> {
    let age = TimeDelta::from_std(age).unwrap_or(TimeDelta::MAX);
    let Some(cut) = now.checked_sub_signed(age) else {
        return Ok(Expired::default());
    };
    let mut floor = oldest_unfinished.map_or(cut, |accepted| cut.min(accepted));
    for archives in referring(kind) {
        for archive in store.list(*archives).await? {
            if archive.updated >= cut {
                // Nothing an execution refers to was written before it was accepted. An archive under another
                // kind of key does not say when that was.
                let accepted = accepted_millis(&archive.key)
                    .and_then(DateTime::from_timestamp_millis)
                    .unwrap_or(DateTime::<Utc>::MIN_UTC);
                floor = floor.min(accepted);
            }
        }
    }
    let mut objects = store.list(kind).await?;
    let all = objects.len();
    objects.retain(|object| object.updated < floor);
    objects.sort_by_key(|object| object.updated);
    Ok(Expired {
        oldest: objects.first().map(|object| object.updated),
        youngest: objects.last().map(|object| object.updated),
        kept: all - objects.len(),
        keys: objects.into_iter().map(|object| object.key).collect(),
    })
}

/// The kinds whose objects refer to objects of a kind.
fn referring(kind: ObjectKind) -> &'static [ObjectKind] {
    match kind {
        ObjectKind::MetricSetList | ObjectKind::MetricSetPairList => &[
            ObjectKind::CanaryResultArchive,
            ObjectKind::StandaloneCanaryResultArchive,
        ],
        ObjectKind::CanaryResultArchive => &[ObjectKind::StandaloneCanaryResultArchive],
        ObjectKind::CanaryConfig | ObjectKind::StandaloneCanaryResultArchive => &[],
    }
}
