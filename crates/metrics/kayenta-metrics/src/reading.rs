//! Reading the body of an answer: the part the stores have in common.

use std::{fmt, marker::PhantomData};

use kayenta_json::JsonError;
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

/// Why the body of a success is of no use. The texts complete "The answer of … is not usable, ".
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// No JSON, or JSON of another shape.
    #[error("it cannot be read: {0}")]
    Unreadable(#[source] JsonError),
    /// A success that reports a failure, in the store's own words.
    #[error("it reports an error: {0}")]
    Failure(String),
    /// What the store always sends is not there, or makes no series.
    #[error("{0}")]
    Unusable(String),
}

impl From<serde_json::Error> for BodyError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(error.into())
    }
}

/// Reads a list element by element into one value, so that no list of elements is ever in memory.
/// `expected` says what should be there (`a list of points`).
///
/// # Errors
/// When there is no list, or an element is no `T`.
pub fn fold_list<'de, D, T, A>(
    deserializer: D,
    expected: &'static str,
    take: impl FnMut(&mut A, T),
) -> Result<A, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
    A: Default,
{
    struct List<T, A, F> {
        expected: &'static str,
        take: F,
        made_of: PhantomData<fn(T) -> A>,
    }

    impl<'de, T, A, F> Visitor<'de> for List<T, A, F>
    where
        T: Deserialize<'de>,
        A: Default,
        F: FnMut(&mut A, T),
    {
        type Value = A;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.expected)
        }

        fn visit_seq<S: SeqAccess<'de>>(mut self, mut seq: S) -> Result<A, S::Error> {
            let mut all = A::default();
            while let Some(element) = seq.next_element()? {
                (self.take)(&mut all, element);
            }
            Ok(all)
        }
    }

    deserializer.deserialize_seq(List {
        expected,
        take,
        made_of: PhantomData,
    })
}
