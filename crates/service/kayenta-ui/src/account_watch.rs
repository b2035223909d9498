//! What this process has seen of the accounts' stores.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// How long an answer is shown before the store is asked again, in milliseconds.
const FRESH: i64 = 15_000;

/// What this process has seen of the accounts' stores.
#[derive(Debug, Default)]
pub(crate) struct AccountWatch(Mutex<HashMap<String, Seen>>);

/// How a store answered, in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) error: Option<String>,
    pub(crate) asked: i64,
    pub(crate) took: i64,
    /// Since when it has answered, or has not.
    pub(crate) since: i64,
    pub(crate) last_error: Option<(i64, String)>,
}

impl AccountWatch {
    pub(crate) fn fresh(&self, name: &str, now: i64) -> Option<Seen> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = known.get(name)?;
        (now - seen.asked < FRESH).then(|| seen.clone())
    }

    pub(crate) fn keep(&self, name: &str, asked: i64, took: i64, error: Option<String>) -> Seen {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.get(name);
        let same = before.filter(|before| before.error.is_some() == error.is_some());
        let seen = Seen {
            since: same.map_or(asked, |before| before.since),
            last_error: match &error {
                Some(error) => Some((asked, error.clone())),
                None => before.and_then(|before| before.last_error.clone()),
            },
            error,
            asked,
            took,
        };
        known.insert(name.to_owned(), seen.clone());
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_down_since_its_first_failure_and_its_last_error_stays_known() {
        let watch = AccountWatch::default();
        assert!(watch.fresh("a", 0).is_none());
        watch.keep("a", 1_000, 5, None);
        watch.keep("a", 2_000, 5, Some("refused".to_owned()));
        let down = watch.keep("a", 3_000, 5, Some("timed out".to_owned()));
        assert_eq!(
            (down.since, down.error.as_deref()),
            (2_000, Some("timed out"))
        );
        assert_eq!(watch.fresh("a", 3_000 + FRESH - 1), Some(down));
        assert!(watch.fresh("a", 3_000 + FRESH).is_none());
        let up = watch.keep("a", 40_000, 5, None);
        assert_eq!(up.since, 40_000);
        assert_eq!(up.last_error, Some((3_000, "timed out".to_owned())));
    }
}
