//! What a judged run comes to, as values ready to be shown.

use indexmap::IndexMap;
use kayenta_judge::{ScoreSum, UsedValues};
use kayenta_model::{
    AnalysisResult, CanaryConfig, CanaryJudgeResult, CanaryScope, MetricSetPair, ScopePair,
    Thresholds,
    explanation::{CanaryExplanation, ExplainedEffect, ExplainedTest, MetricExplanation},
};

use crate::{
    chart::{
        interval::{IntervalPicture, PictureLimit},
        trend::MetricChange,
    },
    label::Badge,
    number,
};

/// A judged run and all that is known of it.
#[derive(Clone, Copy, Debug)]
pub struct JudgedRun<'a> {
    /// Id of the run, or what a batch calls it.
    pub id: &'a str,
    /// The application it was started for.
    pub application: Option<&'a str>,
    /// The config that was judged by.
    pub config: &'a CanaryConfig,
    /// Where the score passes.
    pub thresholds: Thresholds,
    /// What was compared.
    pub scopes: Option<&'a IndexMap<String, Option<ScopePair>>>,
    /// The compared series, in the order of the results; empty when they cannot be had.
    pub pairs: &'a [MetricSetPair],
    /// The judgement.
    pub result: &'a CanaryJudgeResult,
    /// Why, when it has been explained.
    pub explanation: Option<&'a CanaryExplanation>,
    /// Why the series could not be read together, where that is known: a sentence without its full stop.
    pub unread: Option<&'a str>,
}

/// A tag of a series.
pub(crate) type Tag = (String, String);

/// One metric of a run.
#[derive(Clone, Debug)]
pub(crate) struct MetricRow {
    /// Position among the results.
    pub(crate) index: usize,
    /// What a link to it says: the id of its pair, or its position.
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) tags: Vec<Tag>,
    pub(crate) badge: Badge,
    pub(crate) critical: bool,
    pub(crate) muted: bool,
    /// Change of the mean in percent.
    pub(crate) deviation: Option<f64>,
    pub(crate) groups: Vec<String>,
    /// A few words beside the picture.
    pub(crate) note: String,
    pub(crate) picture: Option<IntervalPicture>,
}

impl MetricRow {
    pub(crate) fn deviation_text(&self) -> String {
        self.deviation
            .map_or_else(|| "—".to_owned(), signed_percent)
    }

    pub(crate) fn failed(&self) -> bool {
        self.badge.class == "fail" || (self.critical && self.badge.word != "Pass")
    }

    pub(crate) fn title(&self) -> String {
        if self.tags.is_empty() {
            return self.name.clone();
        }
        let tags: Vec<String> = self
            .tags
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        format!("{} ({})", self.name, tags.join(", "))
    }
}

pub(crate) fn signed_percent(value: f64) -> String {
    let text = number::percent(value);
    if value > 0.0 && text != "0 %" {
        format!("+{text}")
    } else {
        text
    }
}

impl<'a> JudgedRun<'a> {
    /// Name of the config.
    #[must_use]
    pub fn config_name(&self) -> &'a str {
        self.config
            .name
            .as_deref()
            .filter(|name| !name.is_empty())
            .unwrap_or("ad-hoc config")
    }

    /// What the run is called at the top of a page.
    #[must_use]
    pub fn title(&self) -> String {
        match self.application {
            Some(application) if !application.is_empty() => {
                format!("{application} · {}", self.config_name())
            }
            _ => self.config_name().to_owned(),
        }
    }

    /// The word of the verdict.
    #[must_use]
    pub fn verdict(&self) -> Badge {
        let score = self.result.score.as_ref();
        Badge::of_label(
            score
                .and_then(|score| score.classification.as_deref())
                .unwrap_or_default(),
        )
    }

    pub(crate) fn results(&self) -> &'a [AnalysisResult] {
        self.result.results.as_deref().unwrap_or_default()
    }

    /// The pair of a result: the one with its id, or in its place.
    pub(crate) fn pair(&self, index: usize) -> Option<&'a MetricSetPair> {
        let result = self.results().get(index)?;
        let in_place = self.pairs.get(index).filter(|pair| pair.id == result.id);
        in_place.or_else(|| {
            self.pairs
                .iter()
                .find(|pair| pair.id.is_some() && pair.id == result.id)
        })
    }

    /// The id of the pair of a result.
    #[must_use]
    pub fn pair_id(&self, index: usize) -> Option<&'a str> {
        self.results().get(index)?.id.as_deref()
    }

    pub(crate) fn explained(&self, index: usize) -> Option<&'a MetricExplanation> {
        self.explanation?.results.get(index)
    }

    pub(crate) fn score_sum(&self) -> Option<ScoreSum> {
        let weights = self
            .config
            .classifier
            .as_ref()
            .and_then(|classifier| classifier.group_weights.as_ref());
        ScoreSum::of(self.result, weights)
    }

    pub(crate) fn used(&self, index: usize) -> Option<UsedValues> {
        UsedValues::of(self.config, self.pair(index)?).ok()
    }

    /// What a metric did, where the judge's test says it.
    #[must_use]
    pub fn change(&self, index: usize) -> Option<MetricChange> {
        let critical = self.is_critical(self.results().get(index)?);
        self.picture(index, critical).map(MetricChange)
    }

    /// Whether the result, or the config of its metric, says that it is critical.
    fn is_critical(&self, result: &AnalysisResult) -> bool {
        let configured = || {
            let name = result.name.as_deref().unwrap_or_default();
            let metrics = self.config.metrics();
            let metric = metrics.iter().find(|metric| metric.name() == name)?;
            let canary = metric.analysis_configurations.as_ref()?.get("canary")?;
            canary.get("critical")?.as_bool()
        };
        result.critical || configured().unwrap_or_default()
    }

    fn picture(&self, index: usize, critical: bool) -> Option<IntervalPicture> {
        let baseline = self.results().get(index)?.control_metadata.as_ref();
        let mean = baseline.and_then(|side| Some(f64::from(side.full_stats()?.mean)));
        picture(self.explained(index)?, mean, critical)
    }

    pub(crate) fn rows(&self) -> Vec<MetricRow> {
        (0..self.results().len())
            .map(|index| self.row(index))
            .collect()
    }

    fn row(&self, index: usize) -> MetricRow {
        let result = &self.results()[index];
        let name = result.name.clone().unwrap_or_default();
        let critical = self.is_critical(result);
        let badge = Badge::of_label(result.classification.as_deref().unwrap_or_default());
        let ratio = result
            .result_metadata
            .as_ref()
            .and_then(|metadata| metadata.get("ratio")?.as_f64());
        let explained = self.explained(index);
        MetricRow {
            index,
            key: result
                .id
                .clone()
                .filter(|id| !id.is_empty())
                .unwrap_or_else(|| index.to_string()),
            tags: result
                .tags
                .clone()
                .unwrap_or_default()
                .into_iter()
                .collect(),
            note: note(result, &badge, explained),
            picture: self.picture(index, critical),
            // Without data the ratio is 1 by definition and says nothing.
            deviation: ratio
                .map(|ratio| 100.0 * (ratio - 1.0))
                .filter(|deviation| deviation.is_finite() && !badge.word.starts_with("Nodata")),
            groups: result.groups.clone().unwrap_or_default(),
            muted: result.muted,
            name,
            badge,
            critical,
        }
    }

    /// Baseline and canary of each scope, with their window.
    pub(crate) fn compared(&self) -> Vec<Compared> {
        let scopes = self.scopes.into_iter().flatten();
        scopes
            .filter_map(|(name, pair)| {
                let pair = pair.as_ref()?;
                Some(Compared {
                    name: name.clone(),
                    baseline: place(pair.control_scope.as_ref()),
                    canary: place(pair.experiment_scope.as_ref()),
                    window: window(pair.experiment_scope.as_ref()),
                    offset: offset(pair),
                    parameters: parameters(pair),
                })
            })
            .collect()
    }

    /// What decided, in sentences: what failed first, then how the others fared.
    pub(crate) fn sentences(&self, rows: &[MetricRow]) -> Vec<String> {
        let mut sentences = Vec::new();
        if let Some(decided) = self.score_sum().and_then(|sum| sum.decided_by) {
            sentences.push(match rows.iter().find(|row| row.critical && !row.muted && row.badge.word != "Pass" && self.results()[row.index].critical) {
                Some(row) => format!("{} is critical and did not pass, so the score is 0 whatever the others say.", row.title()),
                None => format!("{decided}, so the score is 0."),
            });
        }
        const NAMED: usize = 3;
        let mut failed: Vec<&MetricRow> = rows
            .iter()
            .filter(|row| row.failed() && !row.muted)
            .collect();
        failed.sort_by_key(|row| !row.critical);
        for row in failed.iter().take(NAMED) {
            sentences.push(self.sentence(row));
        }
        if failed.len() > NAMED {
            sentences.push(format!("{} more failed.", failed.len() - NAMED));
        }
        let count =
            |wanted: &dyn Fn(&MetricRow) -> bool| rows.iter().filter(|row| wanted(row)).count();
        let counts = [
            (
                count(&|row| row.badge.word == "Pass" && !row.muted),
                "passed",
            ),
            (
                count(&|row| row.badge.word == "Nodata" && !row.muted),
                "had no data",
            ),
            (
                count(&|row| row.badge.word == "Error" && !row.muted),
                "could not be judged",
            ),
            (count(&|row| row.muted), "muted and not counted"),
        ];
        let counts: Vec<_> = counts.into_iter().filter(|(count, _)| *count > 0).collect();
        match counts.as_slice() {
            [] => {}
            [(count, what)] => {
                sentences.push(format!("{count} of {} metrics {what}.", rows.len()));
            }
            several => {
                let several: Vec<String> = several
                    .iter()
                    .map(|(count, what)| format!("{count} {what}"))
                    .collect();
                sentences.push(format!(
                    "Of {} metrics, {}.",
                    rows.len(),
                    several.join(", ")
                ));
            }
        }
        sentences
    }

    fn sentence(&self, row: &MetricRow) -> String {
        let critical = if row.critical { " (critical)" } else { "" };
        let allowed = self
            .explained(row.index)
            .and_then(|explained| explained.explanation.effect.as_ref())
            .map(|effect| allowed(effect, &row.badge.word))
            .unwrap_or_default();
        let change = |more: &str| match row.deviation {
            Some(deviation) => format!("{} {more}", number::percent(deviation.abs())),
            None => more.to_owned(),
        };
        match row.badge.word.as_str() {
            "High" => format!(
                "{}{critical} is {}{allowed}.",
                row.title(),
                change("higher")
            ),
            "Low" => format!("{}{critical} is {}{allowed}.", row.title(), change("lower")),
            _ => {
                let reason = self.results()[row.index]
                    .classification_reason
                    .clone()
                    .unwrap_or_default();
                let reason = reason.trim().trim_end_matches('.');
                if reason.is_empty() {
                    format!("{}{critical}: {}.", row.title(), row.badge.word)
                } else {
                    format!("{}{critical}: {reason}.", row.title())
                }
            }
        }
    }
}

/// One scope of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Compared {
    pub(crate) name: String,
    pub(crate) baseline: String,
    pub(crate) canary: String,
    pub(crate) window: Option<Window>,
    /// How much earlier the baseline's window starts.
    pub(crate) offset: Option<String>,
    /// The extended parameters of both sides; empty without any.
    pub(crate) parameters: String,
}

/// A window of time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Window {
    pub(crate) start: number::Timestamp,
    pub(crate) end: number::Timestamp,
    pub(crate) length: String,
    pub(crate) step: String,
}

fn place(scope: Option<&CanaryScope>) -> String {
    let Some(scope) = scope else {
        return "—".to_owned();
    };
    let name = scope.scope.as_deref().unwrap_or("—");
    match scope
        .location
        .as_deref()
        .filter(|location| !location.is_empty())
    {
        Some(location) => format!("{name} ({location})"),
        None => name.to_owned(),
    }
}

/// Extended parameters as `name=value`, those of each side where the sides differ.
fn parameters(pair: &ScopePair) -> String {
    let of = |scope: Option<&CanaryScope>| {
        let parameters = scope.and_then(|scope| scope.extended_scope_params.as_ref());
        let texts = parameters.into_iter().flatten();
        let texts: Vec<String> = texts
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        texts.join(", ")
    };
    let baseline = of(pair.control_scope.as_ref());
    let canary = of(pair.experiment_scope.as_ref());
    if baseline == canary {
        return baseline;
    }
    let sides = [("baseline", baseline), ("canary", canary)];
    let sides: Vec<String> = sides
        .into_iter()
        .filter(|(_, texts)| !texts.is_empty())
        .map(|(side, texts)| format!("{texts} ({side})"))
        .collect();
    sides.join("; ")
}

fn window(scope: Option<&CanaryScope>) -> Option<Window> {
    let scope = scope?;
    let (start, end) = (scope.start?.millis(), scope.end?.millis());
    Some(Window {
        start: number::Timestamp::of(start)?,
        end: number::Timestamp::of(end)?,
        length: number::duration(end.saturating_sub(start)),
        step: number::duration(scope.step.unwrap_or_default().saturating_mul(1000)),
    })
}

fn offset(pair: &ScopePair) -> Option<String> {
    let baseline = pair.control_scope.as_ref()?.start?.millis();
    let canary = pair.experiment_scope.as_ref()?.start?.millis();
    (baseline < canary).then(|| number::duration(canary - baseline))
}

/// `, 10 % is allowed`, when the config allows something.
fn allowed(effect: &ExplainedEffect, label: &str) -> String {
    let limit = if label == "High" {
        effect.allowed_increase
    } else {
        effect.allowed_decrease
    };
    let limit = f64::from(limit);
    if effect.measure == "cles" {
        return if limit == 0.5 {
            String::new()
        } else {
            format!("; an effect size of {} is allowed", number::number(limit))
        };
    }
    if limit == 1.0 {
        return String::new();
    }
    format!(
        "; {} is allowed",
        number::percent(100.0 * (limit - 1.0).abs())
    )
}

fn note(result: &AnalysisResult, badge: &Badge, explained: Option<&MetricExplanation>) -> String {
    let mut notes = Vec::new();
    if let Some(explained) = explained {
        let explanation = &explained.explanation;
        match badge.word.as_str() {
            "High" | "Low" => {
                let allowed = explanation
                    .effect
                    .as_ref()
                    .map(|effect| allowed(effect, &badge.word))
                    .unwrap_or_default();
                notes.extend(
                    Some(allowed.trim_start_matches("; ").to_owned())
                        .filter(|text| !text.is_empty()),
                );
            }
            "Pass" => {
                let percent = explanation
                    .detectable
                    .and_then(|detectable| detectable.percent);
                notes.extend(percent.map(|percent| {
                    format!(
                        "could have found {}",
                        number::percent(f64::from(percent).abs())
                    )
                }));
            }
            _ => {}
        }
        notes.extend(
            (!explained.findings.is_empty()).then(|| match explained.findings.len() {
                1 => "1 finding".to_owned(),
                many => format!("{many} findings"),
            }),
        );
    }
    if notes.is_empty() && badge.word != "Pass" {
        notes.extend(
            result
                .classification_reason
                .clone()
                // The result beside it says as much.
                .filter(|reason| !reason.is_empty() && !reason.contains(" was classified as ")),
        );
    }
    notes.join("; ")
}

/// The picture of a metric's test.
fn picture(
    explained: &MetricExplanation,
    baseline_mean: Option<f64>,
    critical: bool,
) -> Option<IntervalPicture> {
    let explanation = &explained.explanation;
    let limits = |unit: f64, by_mean: bool| {
        let effect = explanation
            .effect
            .as_ref()
            .filter(|effect| by_mean && effect.measure != "cles");
        effect
            .map(|effect| limits_of(effect, unit, critical))
            .unwrap_or_default()
    };
    match explanation.test.as_ref()? {
        ExplainedTest::MannWhitney(test) => {
            let bound = f64::from(test.bound);
            let mean = baseline_mean.filter(|mean| mean.is_finite());
            Some(IntervalPicture {
                unit: "",
                zero: Some(0.0),
                band: Some((-bound, bound)),
                ends: Some((test.lower.into(), test.upper.into())),
                estimate: test.estimate.into(),
                confidence: Some(test.confidence.into()),
                limits: limits(mean.unwrap_or_default(), mean.is_some()),
            })
        }
        ExplainedTest::Paired(test) => {
            let percent = |value: kayenta_model::Double| 100.0 * f64::from(value);
            Some(IntervalPicture {
                unit: " %",
                zero: Some(0.0),
                band: None,
                ends: test.lower.map(percent).zip(test.upper.map(percent)),
                estimate: percent(test.estimate?),
                confidence: test.confidence.map(f64::from),
                limits: limits(100.0, true),
            })
        }
        ExplainedTest::StaticLimit(test) => {
            let limit = |at: Option<kayenta_model::Double>, label: &str| {
                at.map(|at| PictureLimit {
                    at: at.into(),
                    label: format!("{label} limit (config)"),
                    critical: false,
                })
            };
            Some(IntervalPicture {
                estimate: test.value?.into(),
                limits: [limit(test.lower, "lower"), limit(test.upper, "upper")]
                    .into_iter()
                    .flatten()
                    .collect(),
                ..IntervalPicture::default()
            })
        }
    }
}

/// The limits of a ratio as shifts; those that are at their default are no limits.
fn limits_of(effect: &ExplainedEffect, unit: f64, critical: bool) -> Vec<PictureLimit> {
    let limit = |ratio: kayenta_model::Double, what: &str, critical: bool| {
        let ratio = f64::from(ratio);
        let side = if ratio > 1.0 { "higher" } else { "lower" };
        (ratio != 1.0 && ratio.is_finite()).then(|| PictureLimit {
            at: (ratio - 1.0) * unit,
            label: format!(
                "{what}: {} {side} (config)",
                number::percent(100.0 * (ratio - 1.0).abs())
            ),
            critical,
        })
    };
    let allowed = [
        limit(effect.allowed_decrease, "allowed", false),
        limit(effect.allowed_increase, "allowed", false),
    ];
    let critical = critical.then(|| {
        [
            limit(effect.critical_decrease, "critical", true),
            limit(effect.critical_increase, "critical", true),
        ]
    });
    allowed
        .into_iter()
        .chain(critical.into_iter().flatten())
        .flatten()
        .collect()
}
