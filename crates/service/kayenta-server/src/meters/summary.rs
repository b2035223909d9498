//! A histogram's memory: how often, how much, how spread, and the largest of late.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use metrics::HistogramFn;

/// Upper bounds of the buckets Prometheus is shown: from a store's millisecond to a slow fetch.
pub(super) const BOUNDS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];

/// For how long the largest value is remembered, at least; at most twice as long.
const WINDOW: Duration = Duration::from_secs(60);

/// What was recorded so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Totals {
    /// How many values.
    pub(super) count: u64,
    /// Their sum.
    pub(super) sum: f64,
    /// Values up to each of [`BOUNDS`], not cumulated.
    pub(super) buckets: [u64; BOUNDS.len()],
    /// The largest of late.
    pub(super) max: f64,
}

#[derive(Debug)]
struct State {
    count: u64,
    sum: f64,
    buckets: [u64; BOUNDS.len()],
    window: Instant,
    max: f64,
    max_before: f64,
}

/// A histogram in constant space.
#[derive(Debug)]
pub(super) struct Summary(Mutex<State>);

impl Default for Summary {
    fn default() -> Self {
        Self(Mutex::new(State {
            count: 0,
            sum: 0.0,
            buckets: [0; BOUNDS.len()],
            window: Instant::now(),
            max: 0.0,
            max_before: 0.0,
        }))
    }
}

impl Summary {
    /// What was recorded so far.
    pub(super) fn totals(&self) -> Totals {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.turn(Instant::now());
        Totals {
            count: state.count,
            sum: state.sum,
            buckets: state.buckets,
            max: state.max.max(state.max_before),
        }
    }
}

impl State {
    fn turn(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.window);
        if age >= WINDOW {
            self.max_before = if age < WINDOW * 2 { self.max } else { 0.0 };
            self.max = 0.0;
            self.window = now;
        }
    }
}

impl HistogramFn for Summary {
    fn record(&self, value: f64) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.turn(Instant::now());
        state.count += 1;
        state.sum += value;
        if let Some(bucket) = BOUNDS.iter().position(|bound| value <= *bound) {
            state.buckets[bucket] += 1;
        }
        state.max = state.max.max(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_sums_buckets_and_the_largest_are_kept() {
        let summary = Summary::default();
        for value in [0.0004, 0.3, 100.0] {
            summary.record(value);
        }
        let totals = summary.totals();
        assert_eq!(totals.count, 3);
        assert!((totals.sum - 100.3004).abs() < 1e-9);
        assert_eq!(totals.buckets[0], 1);
        assert_eq!(totals.buckets.iter().sum::<u64>(), 2);
        assert!((totals.max - 100.0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_largest_is_forgotten_after_two_windows() {
        let summary = Summary::default();
        summary.record(9.0);
        let mut state = summary.0.lock().unwrap();
        let later = state.window + WINDOW;
        state.turn(later);
        assert!((state.max.max(state.max_before) - 9.0).abs() < f64::EPSILON);
        state.turn(later + WINDOW * 3);
        assert!(state.max.max(state.max_before).abs() < f64::EPSILON);
    }
}
