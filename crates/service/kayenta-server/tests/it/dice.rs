//! Numbers that look random, the same for the same seed.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seeded by `KAYENTA_KILL_SEED` where it is set, else by the time; it prints its seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn seeded() -> Self {
        let seed = std::env::var("KAYENTA_KILL_SEED")
            .ok()
            .and_then(|text| text.parse().ok());
        let seed = seed.unwrap_or_else(|| {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap()
                .as_nanos() as u64
        });
        println!("KAYENTA_KILL_SEED={seed} repeats these moments");
        Self(seed | 1)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
