//! Where objects lie in a bucket, and which of several files under a key counts.

use chrono::{DateTime, Utc};

use super::BucketEntry;
use crate::{kind::ObjectKind, segment::is_path_segment, store::ObjectSummary};

/// Kinds whose listing is asked for all the time and changes seldom.
pub(super) fn is_marked(kind: ObjectKind) -> bool {
    kind == ObjectKind::CanaryConfig
}

/// A file under a key.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) summary: ObjectSummary,
    /// Whether it is the file that writes replace in place, whatever else lies beside it.
    replaced: bool,
}

impl Found {
    /// What decides which of two files under one key is the newer. Within a second of services that
    /// report whole ones it is the file that is replaced in place, which can be written beside another;
    /// otherwise the version decides, which is arbitrary but the same for everyone.
    pub(super) fn age(&self) -> (DateTime<Utc>, bool, &str) {
        let summary = &self.summary;
        (summary.updated, self.replaced, &summary.version)
    }
}

pub(super) fn newest(found: impl IntoIterator<Item = Found>) -> Option<Found> {
    found.into_iter().max_by(|a, b| a.age().cmp(&b.age()))
}

/// A listed object if it is one of the store's: exactly where a file of a key lies. What others left in the
/// folder is not.
pub(super) fn ours(
    kind: ObjectKind,
    prefix: &str,
    key: Option<&str>,
    entry: &BucketEntry,
) -> Option<Found> {
    let rest = entry.name.strip_prefix(prefix)?;
    let (key, filename) = match key {
        Some(key) => (key, rest),
        None => rest.split_once('/')?,
    };
    let ours = is_path_segment(key) && is_path_segment(filename);
    ours.then(|| Found {
        name: entry.name.clone(),
        summary: ObjectSummary {
            key: key.to_owned(),
            filename: filename.to_owned(),
            updated: entry.updated,
            version: entry.version.clone(),
            size: entry.size,
        },
        replaced: kind.is_replaced_in_place() && filename == kind.default_filename(),
    })
}
