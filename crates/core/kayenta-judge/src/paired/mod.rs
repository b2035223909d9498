//! The judge `PairedCanaryJudge-v1.0`: point by point, with an error rate that means what it says.
//!
//! Both sides are compared minute by minute, so what they share (load, time of day) falls out, and the
//! variance takes into account that neighbouring points resemble each other. Three tests share the budget
//! of a metric ([`evidence`]), all metrics share that of a look, all looks that of an analysis
//! ([`settings`]).

mod difference;
pub(crate) mod evidence;
mod metric;
mod settings;
pub(crate) mod words;

#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;

use kayenta_model::explanation::Conclusion;
use kayenta_model::{
    AnalysisResult, CanaryConfig, CanaryJudgeResult, Look, MetricConfig, MetricSetPair,
};
use kayenta_stats::{CompletePairs, Gaps, Summary, benjamini_hochberg, holm, ratio_of_means};

use self::settings::{Multiplicity, check_look};
pub(crate) use self::{
    difference::{Difference, Differences, PairedSeries},
    metric::{DecidedBy, MetricTests, directed},
    settings::PairedSettings,
};
use crate::{
    EarlySuccess, JudgeError, JudgeRequest, LocalJudge, LookVerdict,
    classification::Label,
    cleaning::{CONTROL, EXPERIMENT, side, without_nan},
    metrics_by_name::MetricsByName,
    netflix::{blank_result, ratio_metadata},
    pool,
    scoring::{Judged, JudgedPairs},
    settings::{MetricSettings, NanStrategy},
};

/// A judge that compares point by point.
///
/// Its stated chance of a wrong label holds over all metrics of a canary and all looks of an analysis,
/// for 60 points or more with moderate autocorrelation; `docs/judges.md` says where it is weaker.
#[derive(Clone, Copy, Debug)]
pub struct PairedCanaryJudge {
    threads: NonZeroUsize,
}

impl Default for PairedCanaryJudge {
    fn default() -> Self {
        Self {
            threads: NonZeroUsize::MIN,
        }
    }
}

/// Reads the settings of the judge in a config, to find what it would refuse.
pub(crate) fn check_judge_settings(config: &CanaryConfig) -> Result<(), JudgeError> {
    PairedSettings::read(config).map(drop)
}

impl PairedCanaryJudge {
    /// The name configs ask for.
    pub const NAME: &str = "PairedCanaryJudge-v1.0";

    /// Lets a judgement use up to this many threads. The result does not depend on it.
    #[must_use]
    pub fn with_threads(self, threads: NonZeroUsize) -> Self {
        Self { threads }
    }
}

impl LocalJudge for PairedCanaryJudge {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn visible(&self) -> bool {
        true
    }

    fn heeds_looks(&self) -> bool {
        true
    }

    fn judge(&self, request: &JudgeRequest) -> Result<CanaryJudgeResult, JudgeError> {
        Ok(self.judge_look(request)?.result)
    }

    fn judge_look(&self, request: &JudgeRequest) -> Result<LookVerdict, JudgeError> {
        let verdict = PairedVerdict::new(request, self.threads)?;
        let settled = verdict.settled();
        let (look, settings) = (request.look, verdict.settings);
        let metrics = verdict.metrics.into_iter();
        let judged: JudgedPairs = metrics.map(|metric| metric.judged).collect();
        let result = judged.verdict(Self::NAME, request)?;
        let passed = result
            .total()
            .is_some_and(|total| total >= request.thresholds.pass);
        Ok(LookVerdict {
            early_success: (settled && passed).then_some(EarlySuccess {
                look,
                tolerated_change: settings.tolerated_change,
                miss_rate: settings.miss_rate,
            }),
            result,
        })
    }
}

/// How far a metric can be judged.
#[derive(Debug)]
pub(crate) enum State {
    /// A side has no value.
    NoData,
    /// Both sides are equal in every pair.
    Identical,
    /// Fewer pairs than a verdict needs.
    Few { needed: usize },
    /// Tested.
    Tested(Box<MetricTests>),
}

impl State {
    /// The p-value that takes part in the multiple test.
    fn p(&self, settings: &MetricSettings) -> Option<f64> {
        match self {
            Self::Tested(tests) => Some(tests.p(settings.direction)),
            Self::Identical => Some(1.0),
            Self::NoData | Self::Few { .. } => None,
        }
    }
}

/// A metric before labels are given, which takes all of them.
struct Measured<'a> {
    metric: &'a MetricConfig,
    pair: &'a MetricSetPair,
    settings: MetricSettings,
    state: State,
    pairs: usize,
    /// Pairs that were complete before gaps were filled.
    real_pairs: usize,
    experiment: Summary,
    control: Summary,
}

impl<'a> Measured<'a> {
    fn new(
        request: &'a JudgeRequest,
        metrics: &MetricsByName<'a>,
        paired: &PairedSettings,
        pair: &'a MetricSetPair,
    ) -> Result<Self, JudgeError> {
        let metric = metrics.of_pair(pair)?;
        let raw_experiment = side(pair, metric.name(), EXPERIMENT)?;
        let raw_control = side(pair, metric.name(), CONTROL)?;
        let settings = MetricSettings::read_ratios(metric)?;
        let real = CompletePairs::new(raw_control, raw_experiment, Gaps::Keep);
        let real_pairs = real.len();
        let no_finite = |values: &[f64]| !values.iter().any(|value| value.is_finite());
        let (pairs, no_data) = match settings.nan_strategy {
            NanStrategy::Remove => (real, no_finite(raw_experiment) || no_finite(raw_control)),
            NanStrategy::Replace => (
                CompletePairs::new(raw_control, raw_experiment, Gaps::Zero),
                raw_experiment.is_empty() || raw_control.is_empty(),
            ),
        };
        let count = pairs.len();
        let needed = paired.needed(request.look);
        let state = if no_data {
            State::NoData
        } else if pairs.identical() {
            State::Identical
        } else if count < needed {
            State::Few { needed }
        } else {
            State::Tested(Box::new(MetricTests::new(
                pairs,
                &settings,
                is_concurrent(pair),
                paired.tolerated_change,
            )))
        };
        let summary = |raw: &[f64]| Summary::of(&without_nan(raw, settings.nan_strategy));
        Ok(Self {
            metric,
            pair,
            settings,
            state,
            pairs: count,
            real_pairs,
            experiment: summary(raw_experiment),
            control: summary(raw_control),
        })
    }
}

/// Whether both sides are from the same time; they are when nothing says otherwise.
pub(crate) fn is_concurrent(pair: &MetricSetPair) -> bool {
    let start = |side| Some(pair.scopes.as_ref()?.get(side)?.start_time_millis);
    match (start(CONTROL), start(EXPERIMENT)) {
        (Some(control), Some(experiment)) => control == experiment,
        _ => true,
    }
}

/// A metric with its label.
#[derive(Debug)]
pub(crate) struct PairedMetric {
    pub(crate) judged: Judged,
    pub(crate) settings: MetricSettings,
    pub(crate) state: State,
    pub(crate) pairs: usize,
    pub(crate) p: Option<f64>,
    pub(crate) conclusion: Conclusion,
    /// One-sided share that the shown interval leaves out at either end.
    pub(crate) tail: f64,
}

/// A canary with its labels, before it is scored.
#[derive(Debug)]
pub(crate) struct PairedVerdict {
    pub(crate) settings: PairedSettings,
    pub(crate) look: Look,
    pub(crate) level: f64,
    pub(crate) metrics: Vec<PairedMetric>,
    pub(crate) conclusion: Conclusion,
}

impl PairedVerdict {
    pub(crate) fn new(request: &JudgeRequest, threads: NonZeroUsize) -> Result<Self, JudgeError> {
        let (look, paired) = (request.look, PairedSettings::read(&request.canary_config)?);
        check_look(look)?;
        let metrics = MetricsByName::of(&request.canary_config);
        let measured = pool::map(&request.metric_set_pairs, threads, |pair| {
            Measured::new(request, &metrics, &paired, pair)
        })
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;

        let level = paired.level(look);
        let family: Vec<f64> = measured
            .iter()
            .filter(|measured| !measured.settings.muted)
            .filter_map(|measured| measured.state.p(&measured.settings))
            .collect();
        let shared = level / family.len().max(1) as f64;
        let rejected = match paired.multiplicity {
            Multiplicity::Holm => holm(&family, level),
            Multiplicity::BenjaminiHochberg => benjamini_hochberg(&family, level),
            Multiplicity::None => family.iter().map(|&p| p <= level).collect(),
        };
        let mut rejected = rejected.into_iter();
        let metrics: Vec<PairedMetric> = measured
            .into_iter()
            .map(|measured| {
                let p = measured.state.p(&measured.settings);
                let rejected = match p {
                    None => false,
                    Some(p) if measured.settings.muted => p <= shared,
                    // One mark for each p-value of the family, in the same order.
                    Some(_) => rejected.next().unwrap_or_default(),
                };
                measured.labelled(&paired, look, rejected, shared)
            })
            .collect();
        Ok(Self {
            settings: paired,
            look,
            level,
            conclusion: conclude(&metrics),
            metrics,
        })
    }

    /// Whether the look excludes a harmful change and no drift points to one later, so that an analysis
    /// may end successfully if the score passes.
    pub(crate) fn settled(&self) -> bool {
        let may_end = self.settings.success
            && self.settings.first_success(self.look) <= self.look.index
            && !self.look.is_last();
        may_end
            && self.conclusion == Conclusion::NoWorse
            && self
                .metrics
                .iter()
                .filter(|metric| !metric.settings.muted)
                .all(|metric| metric.passes_drift_guard(self.settings.drift_guard))
    }
}

impl PairedMetric {
    fn passes_drift_guard(&self, guard: f64) -> bool {
        match &self.state {
            State::Tested(tests) => tests.harmful_drift(self.settings.direction) > guard,
            _ => true,
        }
    }
}

/// An intersection-union test, which needs no correction over metrics (R. L. Berger, "Multiparameter
/// Hypothesis Testing and Acceptance Sampling", *Technometrics* 24, 1982).
fn conclude(metrics: &[PairedMetric]) -> Conclusion {
    let counting = || metrics.iter().filter(|metric| !metric.settings.muted);
    let tested = |metric: &PairedMetric| matches!(metric.state, State::Tested(_));
    if counting().any(|metric| metric.conclusion == Conclusion::Worse) {
        Conclusion::Worse
    } else if counting().any(tested)
        && counting().all(|metric| metric.conclusion == Conclusion::NoWorse)
    {
        Conclusion::NoWorse
    } else {
        Conclusion::Inconclusive
    }
}

impl Measured<'_> {
    fn labelled(
        self,
        paired: &PairedSettings,
        look: Look,
        rejected: bool,
        shared_level: f64,
    ) -> PairedMetric {
        let settings = self.settings;
        let label = self.label(look, rejected);
        let critical = settings.critical && self.is_critical(label);
        let conclusion = self.conclusion(label, paired, look);
        let p = self.state.p(&settings);
        let two_sided = settings.direction == crate::settings::Direction::Either;
        let tail = shared_level / if two_sided { 4.0 } else { 2.0 };
        let reason = words::reason(
            self.metric.name(),
            &self.state,
            label,
            critical,
            &settings,
            tail,
            self.pairs,
        );
        let ratio = match self.state {
            State::NoData | State::Identical => 1.0,
            _ => ratio_of_means(self.experiment.mean, self.control.mean),
        };
        let result = AnalysisResult {
            classification: Some(label.as_str().to_owned()),
            classification_reason: reason,
            result_metadata: Some(ratio_metadata(ratio)),
            critical,
            muted: settings.muted,
            ..blank_result(self.metric, self.pair, self.experiment, self.control)
        };
        PairedMetric {
            judged: Judged { label, result },
            settings,
            pairs: self.pairs,
            state: self.state,
            p,
            conclusion,
            tail,
        }
    }

    fn label(&self, look: Look, rejected: bool) -> Label {
        let missing = if self.settings.must_have_data && !self.settings.critical {
            Label::NoDataFailMetric
        } else {
            Label::NoData
        };
        match &self.state {
            State::Tested(tests) if rejected => {
                if tests.points_up(self.settings.direction) {
                    Label::High
                } else {
                    Label::Low
                }
            }
            State::Tested(_) | State::Identical => Label::Pass,
            State::NoData if self.settings.nan_strategy == NanStrategy::Replace => Label::Pass,
            // No verdict yet.
            State::Few { .. } if !look.is_last() => Label::Pass,
            State::NoData | State::Few { .. } => missing,
        }
    }

    /// Whether a critical metric with that label fails the canary. The effect has a veto only where the
    /// typical point decided.
    fn is_critical(&self, label: Label) -> bool {
        match (&self.state, label) {
            (_, Label::NoData) => true,
            (State::Tested(tests), Label::High | Label::Low) => {
                let decided_by = tests.decided_by(self.settings.direction);
                let effect = tests.effect;
                decided_by != DecidedBy::Body
                    || effect.is_nan()
                    || if label == Label::High {
                        effect >= self.settings.critical_increase
                    } else {
                        effect <= self.settings.critical_decrease
                    }
            }
            _ => false,
        }
    }

    fn conclusion(&self, label: Label, paired: &PairedSettings, look: Look) -> Conclusion {
        if matches!(label, Label::High | Label::Low) {
            return Conclusion::Worse;
        }
        // One equal pair, or nothing but filled gaps, excludes nothing.
        if self.real_pairs < paired.needed(look) {
            return Conclusion::Inconclusive;
        }
        let proved = match &self.state {
            State::NoData | State::Few { .. } => false,
            State::Identical => true,
            State::Tested(tests) => tests.p_no_worse <= paired.miss_level(look),
        };
        if proved {
            Conclusion::NoWorse
        } else {
            Conclusion::Inconclusive
        }
    }
}
