//! All tests of one metric, and what they say together.

use kayenta_stats::CompletePairs;

use super::{
    difference::{Difference, Differences, PairedSeries},
    evidence::{Body, Drift, Second, Tails},
};
use crate::settings::{Direction, MetricSettings};

/// Which test accuses most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecidedBy {
    Body,
    Second,
    Drift,
}

/// Everything known of a metric that is tested.
#[derive(Debug)]
pub(crate) struct MetricTests {
    pub(crate) series: PairedSeries,
    /// At ratio 1.
    pub(crate) neutral: Body,
    /// Lag-one autocorrelation and number of clipped differences at ratio 1.
    pub(crate) autocorrelation: f64,
    pub(crate) clipped: usize,
    /// At the allowed increase.
    pub(crate) body: Body,
    /// At the allowed decrease.
    pub(crate) body_low: Body,
    pub(crate) second: Second,
    pub(crate) drift: Drift,
    pub(crate) tails: Tails,
    pub(crate) effect: f64,
    /// p-value of a harmful change of the tolerated size or more not being excluded.
    pub(crate) p_no_worse: f64,
    concurrent: bool,
}

impl MetricTests {
    pub(crate) fn new(
        pairs: CompletePairs,
        settings: &MetricSettings,
        concurrent: bool,
        tolerated_change: f64,
    ) -> Self {
        let series = PairedSeries::new(pairs);
        let mut differences = Differences::new(&series);
        let (increase, decrease) = (settings.allowed_increase, settings.allowed_decrease);
        let mut body = |allowed: f64| Body::new(&series, differences.at(allowed));
        let neutral = body(1.0);
        let (at_increase, at_decrease) = (body(increase), body(decrease));
        let no_rise = || increase.max(1.0 + tolerated_change);
        let no_fall = || decrease.min(1.0 / (1.0 + tolerated_change));
        let p_no_worse = match settings.direction {
            Direction::Increase => body(no_rise()).tails.low,
            Direction::Decrease => body(no_fall()).tails.high,
            Direction::Either => body(no_rise()).tails.low.max(body(no_fall()).tails.high),
        };
        let second = Second::new(&mut differences, increase, decrease);
        let drift = Drift::new(&mut differences, increase, decrease);
        let at_one: &Difference = differences.at(1.0);
        let (autocorrelation, clipped) = (at_one.memory.autocorrelation, at_one.clipped.changed);
        let effect = series.effect(at_one);
        let mut tests = Self {
            neutral,
            autocorrelation,
            clipped,
            body: at_increase,
            body_low: at_decrease,
            second,
            drift,
            tails: Tails {
                high: 1.0,
                low: 1.0,
            },
            effect,
            p_no_worse,
            concurrent,
            series,
        };
        tests.tails = Tails {
            high: tests.smallest(true).0,
            low: tests.smallest(false).0,
        };
        tests
    }

    /// The smallest weighted p-value of a direction, at most 1, and whose it is. Half of the budget is for
    /// the typical point and a quarter each for the others; sides from different times drift apart by
    /// themselves, so their drift counts for nothing.
    fn smallest(&self, high: bool) -> (f64, DecidedBy) {
        let side = |tails: Tails| if high { tails.high } else { tails.low };
        let body = 2.0 * side(if high { self.body } else { self.body_low }.tails);
        let (second, drift) = if self.concurrent {
            (4.0 * side(self.second.tails), 4.0 * side(self.drift.tails))
        } else {
            (2.0 * side(self.second.tails), f64::INFINITY)
        };
        let mut smallest = (body, DecidedBy::Body);
        for candidate in [(second, DecidedBy::Second), (drift, DecidedBy::Drift)] {
            if candidate.0 < smallest.0 {
                smallest = candidate;
            }
        }
        (smallest.0.min(1.0), smallest.1)
    }

    /// Whether the canary is judged for being higher, as opposed to lower.
    pub(crate) fn points_up(&self, direction: Direction) -> bool {
        match direction {
            Direction::Increase => true,
            Direction::Decrease => false,
            Direction::Either => self.tails.high <= self.tails.low,
        }
    }

    /// The p-value of the directions that matter.
    pub(crate) fn p(&self, direction: Direction) -> f64 {
        directed(self.tails, direction)
    }

    /// Which test accuses most, on the side that is judged.
    pub(crate) fn decided_by(&self, direction: Direction) -> DecidedBy {
        self.smallest(self.points_up(direction)).1
    }

    /// p-value of a harmful drift, before the gate: a drift within the allowance can leave it later.
    pub(crate) fn harmful_drift(&self, direction: Direction) -> f64 {
        let raw = self.drift.raw;
        match direction {
            Direction::Increase => raw.high,
            Direction::Decrease => raw.low,
            Direction::Either => raw.high.min(raw.low),
        }
    }
}

/// The p-value of the directions that matter, of a test or of all together.
pub(crate) fn directed(tails: Tails, direction: Direction) -> f64 {
    match direction {
        Direction::Increase => tails.high,
        Direction::Decrease => tails.low,
        Direction::Either => (2.0 * tails.high.min(tails.low)).min(1.0),
    }
}
