//! What a round would remove.

use std::fmt;

use kayenta_storage::{ObjectKind, ObjectStore};

use crate::expired::Expired;

/// Objects that are read to estimate the size of the rest.
const SAMPLES: usize = 10;

/// What would be removed of one kind in one account.
#[derive(Clone, Debug)]
pub struct PlannedRemoval {
    /// The account.
    pub account: String,
    /// The kind.
    pub kind: ObjectKind,
    /// Which objects.
    pub expired: Expired,
    /// About how many bytes they have.
    pub bytes: u64,
}

impl PlannedRemoval {
    /// The number of objects.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.expired.keys.len()
    }
}

impl fmt::Display for PlannedRemoval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (account, group) = (&self.account, self.kind.group());
        let Expired {
            oldest,
            youngest,
            kept,
            ..
        } = &self.expired;
        match (oldest, youngest) {
            (Some(oldest), Some(youngest)) => write!(
                f,
                "{account}: {} objects of {group}, about {:.1} MiB, written {} to {}; {kept} stay",
                self.objects(),
                self.bytes as f64 / f64::from(1 << 20),
                oldest.format("%Y-%m-%d %H:%M"),
                youngest.format("%Y-%m-%d %H:%M"),
            ),
            _ => write!(f, "{account}: nothing of {group}; {kept} stay"),
        }
    }
}

/// About how many bytes the objects have: the mean of some of them, spread evenly.
pub(crate) async fn estimate(store: &dyn ObjectStore, kind: ObjectKind, keys: &[String]) -> u64 {
    let step = keys.len().div_ceil(SAMPLES).max(1);
    let (mut read, mut bytes) = (0_u64, 0_u64);
    for key in keys.iter().step_by(step) {
        if let Ok(object) = store.load(kind, key).await {
            read += 1;
            bytes += object.bytes.len() as u64;
        }
    }
    bytes / read.max(1) * keys.len() as u64
}
