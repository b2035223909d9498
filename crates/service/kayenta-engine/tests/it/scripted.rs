//! A metric store and a judge that say what a test wants them to.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use kayenta_judge::{JudgeError, JudgeRequest, LocalJudge};
use kayenta_metrics::{
    FetchError, FetchErrorKind, Metadata, MetricQuery, MetricsStore, StoreDescription,
};
use kayenta_model::{
    AnalysisResult, CanaryJudgeResult, CanaryScope, JudgeScore, MetricSet, MetricStats,
    time::iso_millis,
};
use tokio::sync::Semaphore;

/// What a fetch gives.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Values(Vec<f64>),
    Tagged(Vec<(&'static str, Vec<f64>)>),
    NoSets,
    Status(u16),
    Refused,
    BadTemplate(&'static str),
    /// Waits at the gate, then gives the default.
    Gate,
    Panic,
}

/// Answers by metric and scope; the last of several answers stays.
#[derive(Debug)]
pub(crate) struct ScriptedMetrics {
    answers: Mutex<HashMap<(String, String), VecDeque<Answer>>>,
    calls: Mutex<Vec<(String, CanaryScope)>>,
    pub(crate) gate: Semaphore,
    pub(crate) at_gate: AtomicUsize,
    underway: AtomicUsize,
    most_underway: AtomicUsize,
    description: &'static StoreDescription,
}

impl Default for ScriptedMetrics {
    fn default() -> Self {
        Self {
            answers: Mutex::default(),
            calls: Mutex::default(),
            gate: Semaphore::new(0),
            at_gate: AtomicUsize::new(0),
            underway: AtomicUsize::new(0),
            most_underway: AtomicUsize::new(0),
            description: &SCRIPTED,
        }
    }
}

impl ScriptedMetrics {
    pub(crate) fn described(description: &'static StoreDescription) -> Self {
        Self {
            description,
            ..Self::default()
        }
    }

    pub(crate) fn answer(
        &self,
        metric: &str,
        scope: &str,
        answers: impl IntoIterator<Item = Answer>,
    ) {
        self.answers.lock().unwrap().insert(
            (metric.to_owned(), scope.to_owned()),
            answers.into_iter().collect(),
        );
    }

    pub(crate) fn calls(&self) -> Vec<(String, CanaryScope)> {
        self.calls.lock().unwrap().clone()
    }

    pub(crate) fn most_underway(&self) -> usize {
        self.most_underway.load(Ordering::SeqCst)
    }

    fn next_answer(&self, metric: &str, scope: &str) -> Answer {
        let mut answers = self.answers.lock().unwrap();
        match answers.get_mut(&(metric.to_owned(), scope.to_owned())) {
            Some(queue) if queue.len() > 1 => queue.pop_front().unwrap(),
            Some(queue) => queue.front().cloned().unwrap_or(Answer::NoSets),
            None => Answer::Values(default_values()),
        }
    }
}

pub(crate) fn default_values() -> Vec<f64> {
    (0..60).map(|i| 10.0 + f64::from(i % 7)).collect()
}

fn set(query: &MetricQuery<'_>, tag: Option<&str>, values: Vec<f64>) -> MetricSet {
    let start = query.scope.start.unwrap().millis();
    let step = query.scope.step.unwrap_or(60) * 1000;
    let end = start + step * i64::try_from(values.len()).unwrap();
    MetricSet {
        name: query.metric.name.clone(),
        tags: Some(
            tag.map(|tag| ("pod".to_owned(), tag.to_owned()))
                .into_iter()
                .collect(),
        ),
        start_time_millis: start,
        start_time_iso: Some(iso_millis(start)),
        end_time_millis: end,
        end_time_iso: Some(iso_millis(end)),
        step_millis: step,
        values: Some(values),
        attributes: None,
    }
}

static SCRIPTED: StoreDescription = StoreDescription::new("prometheus", "PrometheusCanaryScope");

#[async_trait]
impl MetricsStore for ScriptedMetrics {
    fn description(&self) -> &'static StoreDescription {
        self.description
    }

    fn query_text(&self, query: &MetricQuery<'_>) -> Result<String, FetchError> {
        Ok(format!(
            "{}{{{}}}",
            query.metric.name(),
            query.scope.scope.as_deref().unwrap_or_default()
        ))
    }

    async fn fetch(&self, query: &MetricQuery<'_>) -> Result<Vec<MetricSet>, FetchError> {
        let metric = query.metric.name().to_owned();
        let scope = query.scope.scope.clone().unwrap_or_default();
        self.calls
            .lock()
            .unwrap()
            .push((metric.clone(), query.scope.clone()));
        let underway = self.underway.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_underway.fetch_max(underway, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let answer = self.next_answer(&metric, &scope);
        if matches!(answer, Answer::Gate) {
            self.at_gate.fetch_add(1, Ordering::SeqCst);
            let passed = self.gate.acquire().await;
            passed.unwrap().forget();
        }
        self.underway.fetch_sub(1, Ordering::SeqCst);
        let url = format!("http://metrics/{metric}/{scope}");
        match answer {
            Answer::Values(values) => Ok(vec![set(query, None, values)]),
            Answer::Gate => Ok(vec![set(query, None, default_values())]),
            Answer::Tagged(series) => Ok(series
                .into_iter()
                .map(|(tag, values)| set(query, Some(tag), values))
                .collect()),
            Answer::NoSets => Ok(Vec::new()),
            Answer::Status(status) => Err(FetchError::new(
                FetchErrorKind::Http {
                    status,
                    url: url.clone(),
                    reason: "Out of order".to_owned(),
                },
                format!("Status: {status}, URL: {url}, Message: Out of order"),
            )),
            Answer::Refused => Err(FetchError::new(
                FetchErrorKind::Network { url },
                "connection refused",
            )),
            Answer::BadTemplate(text) => Err(FetchError::invalid(text)),
            Answer::Panic => panic!("a bug in a metric store"),
        }
    }

    async fn metadata(&self, _filter: &str) -> Result<Metadata, FetchError> {
        Ok(Metadata::default())
    }

    async fn check(&self) -> Result<(), FetchError> {
        Ok(())
    }
}

/// Returns the given scores, then 100.
#[derive(Debug, Default)]
pub(crate) struct ScriptedJudge {
    pub(crate) scores: Mutex<VecDeque<Option<f64>>>,
    /// Points of every series it claims to have seen.
    pub(crate) count: Mutex<Option<i64>>,
    pub(crate) judged: AtomicUsize,
    pub(crate) panics: Mutex<bool>,
}

impl ScriptedJudge {
    pub(crate) const NAME: &str = "scripted";

    pub(crate) fn say(&self, scores: impl IntoIterator<Item = f64>) {
        self.scores
            .lock()
            .unwrap()
            .extend(scores.into_iter().map(Some));
    }
}

impl LocalJudge for ScriptedJudge {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn visible(&self) -> bool {
        true
    }

    fn judge(&self, request: &JudgeRequest) -> Result<CanaryJudgeResult, JudgeError> {
        assert!(!*self.panics.lock().unwrap(), "a bug in a judge");
        self.judged.fetch_add(1, Ordering::SeqCst);
        let score = self
            .scores
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Some(100.0));
        let stats = MetricStats {
            count: self.count.lock().unwrap().unwrap_or(60),
            ..MetricStats::default()
        };
        Ok(CanaryJudgeResult {
            judge_name: Some(Self::NAME.to_owned()),
            results: Some(
                request
                    .metric_set_pairs
                    .iter()
                    .map(|pair| AnalysisResult {
                        name: pair.name.clone(),
                        id: pair.id.clone(),
                        control_metadata: Some(kayenta_model::judgement::SideMetadata {
                            stats: Some(kayenta_model::SideStats::Full(stats)),
                            ..Default::default()
                        }),
                        ..AnalysisResult::default()
                    })
                    .collect(),
            ),
            group_scores: Some(Vec::new()),
            score: score.map(|score| JudgeScore {
                score: Some(score.into()),
                classification: Some("Pass".to_owned()),
                classification_reason: None,
            }),
        })
    }
}
