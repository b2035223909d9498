//! How the texts of large stored objects become what is written for them, as far as it is known.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use crate::{kind::ObjectKind, store::ObjectSummary};

/// So many are known.
const MOST_KNOWN: usize = 256;

/// How a text becomes what is written for what is read from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KnownText {
    /// It is that already.
    AsWritten,
    /// Piece by piece.
    Rewritten {
        /// How many bytes it has then.
        size: u64,
    },
    /// It has to be read as a whole.
    Whole,
}

/// The objects looked through last, by their versions.
#[derive(Debug, Default)]
pub(crate) struct KnownTexts(Mutex<VecDeque<(ObjectKind, ObjectSummary, KnownText)>>);

impl KnownTexts {
    pub(crate) fn get(&self, kind: ObjectKind, found: &ObjectSummary) -> Option<KnownText> {
        // Without a version it may be another object for each part.
        if found.version.is_empty() {
            return Some(KnownText::Whole);
        }
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .iter()
            .find(|(known, object, _)| *known == kind && object == found)
            .map(|(_, _, text)| *text)
    }

    pub(crate) fn add(&self, kind: ObjectKind, found: &ObjectSummary, text: KnownText) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The one used last is dropped last.
        known.retain(|(known, object, _)| *known != kind || object.key != found.key);
        if known.len() >= MOST_KNOWN {
            known.pop_front();
        }
        known.push_back((kind, found.clone(), text));
    }
}
