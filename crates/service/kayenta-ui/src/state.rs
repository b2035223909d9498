//! What the pages share.

use kayenta_engine::Engine;

use crate::cache::EvidenceCache;

/// What every page needs.
#[derive(Debug)]
pub(crate) struct Pages {
    pub(crate) engine: Engine,
    /// Where the pages begin: `/ui` below the context path.
    pub(crate) root: String,
    pub(crate) evidence: EvidenceCache,
}
