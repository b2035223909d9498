//! Which canaries are judged.

use std::sync::Arc;

use indexmap::IndexMap;
use kayenta_model::{Look, MetricConfig, MetricSetPair};
use kayenta_stats::GaussianSource;
use serde_json::json;

use crate::pairs::{Change, Data, Family, pair};

/// What is measured with a canary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Question {
    /// One metric, nothing changed.
    Healthy {
        /// What is the matter with the data.
        data: Data,
    },
    /// One metric, changed.
    Changed(Change),
    /// Twenty metrics, the first of them changed or none.
    Twenty(Change),
    /// One metric over a growing window.
    Looks {
        /// What is changed.
        change: Change,
        /// Which run of twelve looks it belongs to.
        run: usize,
    },
}

/// A canary to judge.
#[derive(Clone, Debug)]
pub(crate) struct Canary {
    pub(crate) question: Question,
    /// Family of the only metric.
    pub(crate) family: Family,
    pub(crate) points: usize,
    pub(crate) phi: f64,
    pub(crate) metrics: Vec<MetricConfig>,
    pub(crate) pairs: Arc<Vec<MetricSetPair>>,
    pub(crate) look: Look,
}

/// Points of a window, healthy and changed canaries of each kind.
const SIZES: [(usize, usize, usize); 5] = [
    (10, 20, 4),
    (30, 30, 8),
    (60, 40, 8),
    (240, 30, 6),
    (1440, 6, 2),
];

/// Autocorrelations of what the sides do not share.
const PHIS: [f64; 3] = [0.0, 0.4, 0.8];

const CHANGES: [Change; 17] = [
    Change::Shift(0.02),
    Change::Shift(0.05),
    Change::Shift(0.10),
    Change::Shift(0.25),
    Change::Shift(0.50),
    Change::Variance(2.0),
    Change::Variance(3.0),
    Change::Tail(1.0),
    Change::Tail(3.0),
    Change::Drift(0.2),
    Change::Drift(0.5),
    Change::LateStep(0.25),
    Change::LateStep(0.50),
    Change::Burst(1.0),
    Change::Burst(4.0),
    Change::SecondMode(0.25),
    Change::SecondMode(0.60),
];

const LOOKS: u32 = 12;

/// Points that each look adds.
const POINTS_A_LOOK: usize = 20;

/// Hands out every canary, the same ones for the same seed.
pub(crate) fn canaries<E>(
    seed: u64,
    scale: f64,
    mut each: impl FnMut(Canary) -> Result<(), E>,
) -> Result<(), E> {
    let times = |count: usize| ((count as f64 * scale).round() as usize).max(1);
    let mut cell = 0;
    let mut source = || {
        cell += 1;
        GaussianSource::new(mixed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ cell))
    };
    let mut alone = |question, family, points, phi, change, data, count| {
        let mut source = source();
        for _ in 0..count {
            let sides = pair(family, points, phi, change, data, &mut source);
            each(Canary {
                question,
                family,
                points,
                phi,
                metrics: vec![metric(0, family)],
                pairs: Arc::new(vec![metric_set_pair(0, sides)]),
                look: Look::default(),
            })?;
        }
        Ok(())
    };
    for (points, healthy, changed) in SIZES {
        let (healthy, changed) = (times(healthy), times(changed));
        for phi in PHIS {
            let full = Question::Healthy { data: Data::Full };
            for family in Family::COMMON {
                alone(full, family, points, phi, Change::None, Data::Full, healthy)?;
            }
            for data in [Data::Gaps, Data::Ties] {
                let question = Question::Healthy { data };
                alone(
                    question,
                    Family::Latency,
                    points,
                    phi,
                    Change::None,
                    data,
                    healthy,
                )?;
            }
            for family in [
                Family::Latency,
                Family::LatencyP99,
                Family::Cpu,
                Family::Errors,
            ] {
                for change in CHANGES {
                    if family != Family::Errors || !matches!(change, Change::Variance(_)) {
                        let question = Question::Changed(change);
                        alone(question, family, points, phi, change, Data::Full, changed)?;
                    }
                }
            }
            for share in [0.02, 0.05, 0.25] {
                let change = Change::Drop(share);
                let question = Question::Changed(change);
                alone(
                    question,
                    Family::Traffic,
                    points,
                    phi,
                    change,
                    Data::Full,
                    changed,
                )?;
            }
        }
        for events in [3.0, 10.0, 30.0] {
            let change = Change::Events(events);
            let question = Question::Changed(change);
            alone(
                question,
                Family::Rare,
                points,
                0.0,
                change,
                Data::Full,
                3 * changed,
            )?;
        }
        for events in [1.0, 3.0, 10.0] {
            let (change, question) = (
                Change::Events(events),
                Question::Healthy { data: Data::Full },
            );
            alone(
                question,
                Family::RareHealthy,
                points,
                0.0,
                change,
                Data::Full,
                healthy,
            )?;
        }
    }
    twenty(times(40), &mut source, &mut each)?;
    looks(times(40), &mut source, &mut each)
}

fn twenty<E>(
    count: usize,
    source: &mut impl FnMut() -> GaussianSource,
    each: &mut impl FnMut(Canary) -> Result<(), E>,
) -> Result<(), E> {
    // All but the saw-tooth, with which no judge can be trusted.
    let families: Vec<Family> = (0..20).map(|index| Family::COMMON[index % 7]).collect();
    for points in [60, 240] {
        for phi in PHIS {
            for change in [Change::None, Change::Shift(0.25)] {
                let mut source = source();
                for _ in 0..count {
                    let sides = families.iter().enumerate().map(|(index, &family)| {
                        let change = if index == 0 { change } else { Change::None };
                        let sides = pair(family, points, phi, change, Data::Full, &mut source);
                        metric_set_pair(index, sides)
                    });
                    let pairs = Arc::new(sides.collect());
                    let metrics = families.iter().enumerate();
                    each(Canary {
                        question: Question::Twenty(change),
                        family: families[0],
                        points,
                        phi,
                        metrics: metrics
                            .map(|(index, &family)| metric(index, family))
                            .collect(),
                        pairs,
                        look: Look::default(),
                    })?;
                }
            }
        }
    }
    Ok(())
}

fn looks<E>(
    count: usize,
    source: &mut impl FnMut() -> GaussianSource,
    each: &mut impl FnMut(Canary) -> Result<(), E>,
) -> Result<(), E> {
    let mut run = 0;
    for phi in PHIS {
        for change in [
            Change::None,
            Change::Shift(0.10),
            Change::Shift(0.25),
            Change::Shift(0.50),
        ] {
            let mut source = source();
            for _ in 0..count {
                run += 1;
                let all = POINTS_A_LOOK * LOOKS as usize;
                let (family, data) = (Family::Latency, Data::Full);
                let (control, experiment) = pair(family, all, phi, change, data, &mut source);
                for index in 1..=LOOKS {
                    let points = POINTS_A_LOOK * index as usize;
                    let sides = (control[..points].to_vec(), experiment[..points].to_vec());
                    each(Canary {
                        question: Question::Looks { change, run },
                        family,
                        points,
                        phi,
                        metrics: vec![metric(0, family)],
                        pairs: Arc::new(vec![metric_set_pair(0, sides)]),
                        look: Look {
                            index,
                            total: LOOKS,
                        },
                    })?;
                }
            }
        }
    }
    Ok(())
}

/// Spreads neighbouring numbers over all of them (the finaliser of SplitMix64).
fn mixed(number: u64) -> i64 {
    let mut z = number;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) as i64
}

fn name(index: usize) -> String {
    format!("m{index}")
}

fn metric(index: usize, family: Family) -> MetricConfig {
    let gaps = if family.counts() { "replace" } else { "remove" };
    let canary = json!({"direction": family.direction(), "nanStrategy": gaps});
    MetricConfig {
        name: Some(name(index)),
        groups: Some(vec!["all".to_owned()]),
        analysis_configurations: canary
            .as_object()
            .map(|canary| IndexMap::from([("canary".to_owned(), canary.clone())])),
        ..MetricConfig::default()
    }
}

fn metric_set_pair(index: usize, (control, experiment): (Vec<f64>, Vec<f64>)) -> MetricSetPair {
    MetricSetPair {
        name: Some(name(index)),
        id: Some(name(index)),
        values: Some(IndexMap::from([
            ("control".to_owned(), control),
            ("experiment".to_owned(), experiment),
        ])),
        ..MetricSetPair::default()
    }
}
