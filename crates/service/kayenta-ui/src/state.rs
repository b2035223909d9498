//! What the pages share.

use std::sync::Arc;

use kayenta_access::Guard;
use kayenta_engine::Engine;

use tokio::sync::Semaphore;

use crate::{
    account_watch::AccountWatch, cache::EvidenceCache, config_catalogues::ConfigCatalogues,
    options::PagesOptions,
};

/// What every page needs.
#[derive(Debug)]
pub(crate) struct PageState {
    pub(crate) engine: Engine,
    /// Who decides which visitor may do what; `None` where everybody may do everything.
    pub(crate) guard: Option<Arc<Guard>>,
    pub(crate) options: PagesOptions,
    /// Where the pages begin: `/ui` below the context path.
    pub(crate) root: String,
    pub(crate) evidence: EvidenceCache,
    pub(crate) configs: ConfigCatalogues,
    /// How many metrics are tried at a time.
    pub(crate) previews: Semaphore,
    pub(crate) accounts: AccountWatch,
}
