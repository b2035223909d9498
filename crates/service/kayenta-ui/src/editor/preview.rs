//! Trying a metric: both queries as the store would be sent them, its data, and what the judge makes of them. Nothing is
//! stored.

use std::{sync::Arc, time::Duration};

use kayenta_engine::{EngineError, JudgePairs};
use kayenta_metrics::{MetricQuery, MetricsStore, mixing::mix};
use kayenta_model::{AccountType, CanaryConfig, CanaryScope, Instant, Look, MetricSet, Thresholds};
use kayenta_report::{JudgedRun, Markup};
use serde_json::Value;

use crate::{scope_fields::ScopeFields, shell::drawn, state::PageState};

/// How long a store may take for both sides.
const PATIENCE: Duration = Duration::from_secs(20);
/// Previews at a time in this process.
pub(crate) const AT_A_TIME: usize = 2;
/// Series that are drawn at most.
const MOST_PICTURES: usize = 8;
/// Points of a side at most.
const MOST_POINTS: i64 = 2_880;

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Preview {
    pub(super) metric: String,
    pub(super) account: String,
    /// The queries of baseline and canary.
    pub(super) queries: Vec<(&'static str, String)>,
    /// Why there is no picture, or not all of it.
    pub(super) mistakes: Vec<String>,
    /// A picture of each series.
    pub(super) pictures: Vec<Markup>,
    /// Series without a picture.
    pub(super) further: usize,
}

impl Preview {
    fn failed(mut self, mistake: impl Into<String>) -> Self {
        self.mistakes.push(mistake.into());
        self
    }
}

/// Tries the metric of this place in the config.
pub(super) async fn preview(
    pages: &PageState,
    config: &Value,
    index: usize,
    scope: &ScopeFields,
) -> Preview {
    let mut preview = Preview::default();
    let config: CanaryConfig = match serde_json::from_value(config.clone()) {
        Ok(config) => config,
        Err(error) => return preview.failed(format!("The config cannot be read: {error}")),
    };
    let Some(metric) = config.metrics().get(index).cloned() else {
        return preview.failed("There is no such metric.");
    };
    preview.metric = metric.name().to_owned();
    // The metric alone, so that only it is judged.
    let config = CanaryConfig {
        metrics: Some(vec![metric]),
        ..config
    };
    let (name, store) = match account(pages, scope.account.as_deref()) {
        Ok(found) => found,
        Err(error) => return preview.failed(error.to_string()),
    };
    preview.account = name;
    let window = match scope.window(pages.engine.clock().now_millis()) {
        Ok(window) => window,
        Err(mistake) => return preview.failed(mistake),
    };
    let step = scope.step.unwrap_or(60);
    if step < 1 || (window.1 - window.0) / 1_000 / step > MOST_POINTS {
        return preview.failed(format!(
            "The window has more than {MOST_POINTS} points; choose a shorter window or a longer step."
        ));
    }
    let side = |baseline: bool| CanaryScope {
        scope: match baseline {
            true => scope.baseline.clone(),
            false => scope.canary.clone(),
        },
        location: scope.location.clone(),
        start: Instant::from_millis(window.0),
        end: Instant::from_millis(window.1),
        step: Some(step),
        extended_scope_params: Some(scope.parameters.clone()),
    };
    let scopes = [("Baseline", side(true)), ("Canary", side(false))];
    let Some(metric) = config.metrics().first() else {
        return preview;
    };
    let query = |scope| MetricQuery {
        config: &config,
        metric,
        scope,
    };
    for (title, scope) in &scopes {
        match store.query_text(&query(scope)) {
            Ok(text) => preview.queries.push((*title, text)),
            Err(_) if scope.scope.is_none() => {
                return preview.failed(format!(
                    "{title}: the query needs a scope. Enter a baseline and a canary, then try again."
                ));
            }
            Err(error) => return preview.failed(format!("{title}: {error}")),
        }
    }
    let Ok(_permit) = pages.previews.try_acquire() else {
        return preview.failed("Other previews are being fetched; try again in a few seconds.");
    };
    let (of_baseline, of_canary) = (query(&scopes[0].1), query(&scopes[1].1));
    let both = async { tokio::join!(store.fetch(&of_baseline), store.fetch(&of_canary)) };
    let Ok((control, experiment)) = tokio::time::timeout(PATIENCE, both).await else {
        return preview.failed(format!(
            "The store has not answered within {} s.",
            PATIENCE.as_secs()
        ));
    };
    let (control, experiment) = match (control, experiment) {
        (Ok(control), Ok(experiment)) => (control, experiment),
        (control, experiment) => {
            for (title, side) in [("Baseline", control.err()), ("Canary", experiment.err())] {
                if let Some(error) = side {
                    preview.mistakes.push(format!("{title}: {error}"));
                }
            }
            return preview;
        }
    };
    picture(pages, preview, config, control, experiment).await
}

/// Judges what was fetched and draws it.
async fn picture(
    pages: &PageState,
    preview: Preview,
    config: CanaryConfig,
    control: Vec<MetricSet>,
    experiment: Vec<MetricSet>,
) -> Preview {
    let ids = pages.engine.ids_source().as_ref();
    let pairs = match mix(config.metrics(), control, experiment, ids) {
        Ok(pairs) => Arc::new(pairs),
        Err(error) => return preview.failed(error.to_string()),
    };
    let thresholds = Thresholds {
        pass: Some(95.0),
        marginal: Some(75.0),
    };
    let judged = pages.engine.judge_pairs(JudgePairs {
        config: config.clone(),
        thresholds,
        pairs: Arc::clone(&pairs),
        look: Look::default(),
    });
    let (result, explanation) = match judged.await {
        Ok(judged) => judged,
        Err(error) => return preview.failed(error.to_string()),
    };
    let drawn = drawn(move || {
        let run = JudgedRun {
            id: "",
            application: None,
            config: &config,
            thresholds,
            scopes: None,
            pairs: &pairs,
            result: &result,
            explanation: explanation.as_ref(),
            unread: None,
        };
        run.metric_sections(MOST_PICTURES)
    });
    match drawn.await {
        Some((pictures, further)) => Preview {
            pictures,
            further,
            ..preview
        },
        None => preview.failed("The picture could not be drawn; the log says more."),
    }
}

fn account(
    pages: &PageState,
    name: Option<&str>,
) -> Result<(String, Arc<dyn MetricsStore>), EngineError> {
    let accounts = pages.engine.accounts();
    let account = accounts.resolve(name, AccountType::MetricsStore)?;
    Ok((account.name.clone(), accounts.metrics_store(&account)?))
}
