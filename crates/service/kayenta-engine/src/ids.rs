//! Where ids come from: chance for what is new, derivation for what a repeated step must name again.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use kayenta_model::IdSource;
use ulid::Ulid;
use uuid::Uuid;

/// Ids from the operating system's random source; within one millisecond and process, ULIDs ascend.
#[derive(Debug, Default)]
pub struct RandomIds {
    last: Mutex<Option<Ulid>>,
}

impl RandomIds {
    /// A fresh source.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl IdSource for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "randomness enters here")]
    fn uuid(&self) -> String {
        Uuid::new_v4().to_string()
    }

    #[expect(clippy::disallowed_methods, reason = "randomness enters here")]
    fn ulid(&self, now_millis: i64) -> String {
        let millis = u64::try_from(now_millis).unwrap_or_default();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let next = last
            .filter(|last| last.timestamp_ms() == millis)
            .and_then(|last| last.increment().ok())
            .unwrap_or_else(|| Ulid::from_parts(millis, Uuid::new_v4().as_u128()));
        *last = Some(next);
        next.to_string()
    }
}

/// When an execution was accepted, in milliseconds since 1970, by its id; `None` for what is no ULID.
#[must_use]
pub fn accepted_millis(id: &str) -> Option<i64> {
    let id: Ulid = id.parse().ok()?;
    i64::try_from(id.timestamp_ms()).ok()
}

/// UUIDs that follow from another UUID: the same seed gives the same ids in the same order, so a
/// mixing step done twice, or by two workers at once, names its pairs alike.
#[derive(Debug)]
pub(crate) struct DerivedIds {
    seed: u128,
    count: AtomicU64,
}

impl DerivedIds {
    pub(crate) fn new(seed: &str) -> Self {
        let seed = Uuid::parse_str(seed).map_or_else(
            // Ids of a test's own making need not be UUIDs.
            |_| {
                seed.bytes().fold(0x6c62_272e_07bb_0142_u128, |hash, byte| {
                    (hash ^ u128::from(byte))
                        .wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
                })
            },
            |uuid| uuid.as_u128(),
        );
        Self {
            seed,
            count: AtomicU64::new(0),
        }
    }
}

/// The output function of SplitMix64 (Steele, Lea, Flood 2014).
fn scramble(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl IdSource for DerivedIds {
    fn uuid(&self) -> String {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let (high, low) = ((self.seed >> 64) as u64, self.seed as u64);
        let high = scramble(high ^ scramble(count.wrapping_mul(STEP)));
        let low = scramble(low.wrapping_add(count.wrapping_mul(STEP)) ^ high);
        let bits = u128::from(high) << 64 | u128::from(low);
        uuid::Builder::from_random_bytes(bits.to_be_bytes())
            .into_uuid()
            .to_string()
    }

    fn ulid(&self, now_millis: i64) -> String {
        let millis = u64::try_from(now_millis).unwrap_or_default();
        let random = Uuid::parse_str(&self.uuid()).unwrap_or_default().as_u128();
        Ulid::from_parts(millis, random).to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn derived_ids_repeat_for_a_seed_and_never_within_it() {
        let seed = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
        let draw = |seed: &str| {
            let ids = DerivedIds::new(seed);
            (0..1000).map(|_| ids.uuid()).collect::<Vec<_>>()
        };
        let first = draw(seed);
        assert_eq!(first, draw(seed));
        assert_ne!(first, draw("6f9619ff-8b86-4d01-b42d-00cf4fc964fe"));
        assert_eq!(first.iter().collect::<HashSet<_>>().len(), 1000);
        assert!(first.iter().all(|id| id.as_bytes()[14] == b'4'));
    }

    #[test]
    fn random_ulids_carry_the_time_and_ascend_within_a_millisecond() {
        let ids = RandomIds::new();
        let drawn: Vec<_> = (0..100).map(|_| ids.ulid(1_744_113_600_000)).collect();
        assert!(drawn.is_sorted());
        let ulid: Ulid = drawn[0].parse().unwrap();
        assert_eq!(ulid.timestamp_ms(), 1_744_113_600_000);
        assert_eq!(drawn[0].len(), 26);
    }
}
