//! What every call of one account has in common.

use std::{fmt, sync::Arc};

use reqwest::header::HeaderMap;

use crate::{authorizer::Authorizer, transport::Transport};

/// Finds the server's own words in the body of an error answer.
pub type ErrorText = fn(&[u8]) -> Option<String>;

/// Who calls which server, and within which bounds.
pub(crate) struct Account {
    pub(crate) peer: &'static str,
    pub(crate) transport: Transport,
    pub(crate) headers: HeaderMap,
    pub(crate) authorizer: Option<Arc<dyn Authorizer>>,
    pub(crate) error_text: ErrorText,
    pub(crate) within_host: bool,
    pub(crate) max_answer_bytes: usize,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.peer)
    }
}
