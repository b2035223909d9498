//! Ids of objects that belong together.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use kayenta_model::IdSource;
use uuid::Uuid;

/// What the UUIDs of a group have in common: everything but the last group of digits.
const SHARED: usize = "01234567-89ab-4def-8123".len();

/// What keys of objects that belong together share; the whole key if it is no UUID.
pub(crate) fn group_of(key: &str) -> &str {
    let is_uuid = Uuid::try_parse(key).is_ok_and(|uuid| uuid.hyphenated().to_string() == key);
    if is_uuid { &key[..SHARED] } else { key }
}

/// UUIDs of one group, such as those of the objects that a run writes: random, different, and alike but
/// for their last twelve digits. A store may keep the objects of a group together, as
/// [`DiskStore`](crate::DiskStore) does in one file.
#[derive(Debug)]
pub struct GroupedIds<'a> {
    ids: &'a dyn IdSource,
    drawn: Mutex<Drawn>,
}

#[derive(Debug, Default)]
struct Drawn {
    group: Option<String>,
    ids: HashSet<String>,
}

impl<'a> GroupedIds<'a> {
    /// A new group of ids drawn from `ids`.
    #[must_use]
    pub fn new(ids: &'a dyn IdSource) -> Self {
        Self {
            ids,
            drawn: Mutex::default(),
        }
    }
}

impl IdSource for GroupedIds<'_> {
    fn uuid(&self) -> String {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let id = self.ids.uuid();
            let shared = group_of(&id);
            if shared == id {
                // Ids of a test's own making need not be UUIDs.
                return id;
            }
            let group = drawn.group.get_or_insert_with(|| shared.to_owned());
            let id = format!("{group}{}", &id[SHARED..]);
            if drawn.ids.insert(id.clone()) {
                return id;
            }
        }
    }

    fn ulid(&self, now_millis: i64) -> String {
        self.ids.ulid(now_millis)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[derive(Debug, Default)]
    struct Drawn64(AtomicU64);

    impl IdSource for Drawn64 {
        fn uuid(&self) -> String {
            let n = self.0.fetch_add(1, Ordering::Relaxed);
            // Every third is drawn twice in its last digits.
            format!("{:08x}-0000-4000-8000-{:012x}", n * 7919, n / 3 * 3 + n % 2)
        }

        fn ulid(&self, _: i64) -> String {
            String::new()
        }
    }

    #[test]
    fn ids_of_a_group_differ_and_share_their_beginning_and_groups_differ() {
        let source = Drawn64::default();
        let draw = || {
            let ids = GroupedIds::new(&source);
            (0..100).map(|_| ids.uuid()).collect::<Vec<_>>()
        };
        let (one, other) = (draw(), draw());
        for ids in [&one, &other] {
            assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 100);
            assert!(ids.iter().all(|id| group_of(id) == group_of(&ids[0])));
            assert!(ids.iter().all(|id| Uuid::try_parse(id).is_ok()));
        }
        assert_ne!(group_of(&one[0]), group_of(&other[0]));
    }

    #[test]
    fn keys_that_are_no_uuid_in_lower_case_with_dashes_are_their_own_group() {
        for key in [
            "a",
            "6F9619FF-8B86-4D01-B42D-00CF4FC964FF",
            "6f9619ff8b864d01b42d00cf4fc964ff",
            "{6f9619ff-8b86-4d01-b42d-00cf4fc964ff}",
        ] {
            assert_eq!(group_of(key), key);
        }
        assert_eq!(
            group_of("6f9619ff-8b86-4d01-b42d-00cf4fc964ff"),
            "6f9619ff-8b86-4d01-b42d"
        );
    }
}
