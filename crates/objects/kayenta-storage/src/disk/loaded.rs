//! What a look under a key found.

use crate::store::{ObjectSummary, StoredObject};

/// An object, or what is known of one that is larger than asked for.
#[derive(Debug)]
pub(super) enum Loaded {
    Whole(StoredObject),
    /// It was not read.
    Larger(ObjectSummary),
}

impl Loaded {
    pub(super) fn summary(&self) -> &ObjectSummary {
        match self {
            Self::Whole(object) => &object.summary,
            Self::Larger(summary) => summary,
        }
    }
}
