//! The page of a run: overview, one metric, failure, stages while it goes on; its report and its values.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use kayenta_engine::{CanaryEvidence, EngineError};
use kayenta_model::{CanaryConfig, CanaryStatusResponse, JsonMap, Side};
use kayenta_report::{
    Badge, ChartKind, Fact, JudgedRun, Links, Markup, MetricDisplay, MetricLinks, MetricSort,
    OverviewQuery, encoded,
    failure::{detail, first_error},
    number::{Timestamp, duration},
    report_failure, report_foot, report_head, report_section,
};
use serde_json::Value;

use crate::{
    actions::{Leads, Subject},
    failed_fetch::{self, TryAgain},
    new_analysis::again_run,
    query::PageQuery,
    shell::{Crumb, download, drawn, file_name},
    state::PageState,
    visitor::Visitor,
};

#[derive(Template)]
#[template(path = "run.html")]
struct RunTemplate {
    facts: Markup,
    report: String,
    what_if: String,
    compare: String,
    actions: Markup,
    overview: Markup,
}

#[derive(Template)]
#[template(path = "unfinished_run.html")]
struct UnfinishedTemplate {
    badge: Badge,
    errors: Vec<String>,
    details: Vec<(&'static str, String)>,
    query: Option<String>,
    stages: Vec<StageLine>,
    facts: Markup,
    actions: Markup,
    /// Why the run may not go on.
    trouble: Option<String>,
    token: String,
    try_again: Option<TryAgain>,
    raw: String,
}

/// What stands beside the status of a run that has no verdict.
struct Beside {
    actions: Markup,
    trouble: Option<String>,
    token: String,
    try_again: Option<TryAgain>,
}

/// One stage of a run that has no verdict.
struct StageLine {
    name: String,
    badge: Badge,
    /// What it fetches.
    what: String,
    began: Option<Timestamp>,
    took: String,
}

impl PageState {
    pub(crate) async fn evidence(
        &self,
        id: &str,
        query: &PageQuery,
    ) -> Result<Arc<CanaryEvidence>, EngineError> {
        let account = query.get("storageAccountName");
        if let Some(known) = self.evidence.get(id, account) {
            return Ok(known);
        }
        let evidence = Arc::new(self.engine.canary_evidence(id, account).await?);
        self.evidence.keep(id, account, &evidence);
        Ok(evidence)
    }

    /// The evidence with at least the series of the metric that is asked for. Only they are read, unless all are known or
    /// the metric has no id by which they are found.
    async fn evidence_of_metric(
        &self,
        id: &str,
        query: &PageQuery,
        key: &str,
    ) -> Result<Arc<CanaryEvidence>, EngineError> {
        let account = query.get("storageAccountName");
        if let Some(known) = self.evidence.get(id, account) {
            return Ok(known);
        }
        let mut evidence = self.engine.canary_without_series(id, account).await?;
        let found = judged(&evidence).and_then(|run| Some((run, run.find_metric(key)?)));
        if found.is_some_and(|(run, metric)| run.pair_id(metric).is_none()) {
            return self.evidence(id, query).await;
        }
        self.add_pair(&mut evidence, query, key).await;
        Ok(Arc::new(evidence))
    }

    /// Reads the series of one metric of a run.
    async fn add_pair(&self, evidence: &mut CanaryEvidence, query: &PageQuery, key: &str) {
        let wanted = judged(evidence).and_then(|run| run.pair_id(run.find_metric(key)?));
        let Some(wanted) = wanted else {
            return;
        };
        let account = query.get("storageAccountName");
        let pair = self
            .engine
            .canary_pair(&evidence.status, account, wanted)
            .await;
        match pair {
            Ok(pair) => evidence.pairs = Arc::new(pair.into_iter().collect()),
            Err(error) => {
                let id = evidence.status.pipeline_id.as_deref();
                tracing::info!(execution.id = id, %error, "a metric is shown without its series");
            }
        }
    }

    /// What stands above a run: the list, and its analysis.
    pub(crate) fn above(&self, evidence: &CanaryEvidence) -> Vec<Crumb> {
        let analysis = evidence.analysis_id.as_ref().map(|id| Crumb {
            text: "Analysis".to_owned(),
            href: self.address_of(Subject::Analysis, id),
        });
        std::iter::once(self.to_list()).chain(analysis).collect()
    }
}

/// The run as the report draws it; `None` while it has no verdict.
pub(crate) fn judged(evidence: &CanaryEvidence) -> Option<JudgedRun<'_>> {
    let status = &evidence.status;
    let request = status.canary_execution_request.as_ref();
    Some(JudgedRun {
        id: status.pipeline_id.as_deref().unwrap_or_default(),
        application: status.application.as_deref(),
        config: status.config.as_ref()?,
        thresholds: request
            .and_then(|request| request.thresholds)
            .unwrap_or_default(),
        scopes: request.and_then(|request| request.scopes.as_ref()),
        pairs: &evidence.pairs,
        result: status.result.as_ref()?.judge_result.as_ref()?,
        explanation: evidence.explanation.as_ref(),
        unread: evidence.no_memory.as_deref(),
    })
}

async fn rendered<T: Send + 'static>(
    evidence: &Arc<CanaryEvidence>,
    render: impl FnOnce(&CanaryEvidence) -> T + Send + 'static,
) -> Option<T> {
    let evidence = Arc::clone(evidence);
    drawn(move || render(&evidence)).await
}

pub(crate) async fn show(
    State(pages): State<Arc<PageState>>,
    Path(id): Path<String>,
    visitor: Visitor,
    query: PageQuery,
) -> Response {
    let mut evidence = match pages.evidence(&id, &query).await {
        Ok(evidence) => evidence,
        Err(error) => return pages.failed(&error),
    };
    if let Some(key) = query.get("metric")
        && evidence.no_memory.is_some()
    {
        pages
            .add_pair(Arc::make_mut(&mut evidence), &query, key)
            .await;
    }
    let Some(run) = judged(&evidence) else {
        let complete = evidence.status.complete;
        let leads = leads(&pages, &id, &evidence.status);
        let actions = pages.actions(&visitor, Subject::Run, &id, &query, complete, leads);
        let try_again = match visitor.may_act {
            true => pages.try_again(&id, &evidence.status).await,
            false => None,
        };
        let trouble = match complete {
            true => None,
            false => {
                let account = evidence.status.metrics_account_name.as_deref();
                pages.trouble(account).await
            }
        };
        let beside = Beside {
            actions,
            trouble,
            token: visitor.token,
            try_again,
        };
        return unfinished(&pages, &id, &evidence, beside);
    };
    let run_href = format!("{}/runs/{}", pages.root, encoded(&id));
    let title = run.title();
    if let Some(key) = query.get("metric") {
        let Some(index) = run.find_metric(key) else {
            return pages.problem(
                StatusCode::NOT_FOUND,
                "There is no such metric",
                &format!("The run has no metric '{key}', or several of that name."),
                "The run's page lists its metrics.",
            );
        };
        let metric = run.metric_title(index);
        let display = display(&query);
        let csv = format!(
            "{run_href}/metric.csv?metric={}{}",
            encoded(key),
            query.rest(&["metric", "chart", "hide", "zoom"])
        );
        let svg = format!(
            "{run_href}/metric.svg?metric={}{}",
            encoded(key),
            query.rest(&["metric"])
        );
        let account = evidence.status.metrics_account_name.as_deref();
        let account = account.and_then(|name| pages.engine.accounts().get(name));
        let body = rendered(&evidence, move |evidence| {
            let links = MetricLinks {
                csv: &csv,
                svg: &svg,
                store: account
                    .as_ref()
                    .and_then(|account| account.ui_url.as_deref()),
            };
            judged(evidence).map(|run| run.metric(index, &display, &links))
        });
        let mut trail = pages.above(&evidence);
        trail.push(Crumb {
            text: title,
            href: run_href,
        });
        return match body.await.flatten() {
            Some(body) => pages.page(&metric, &trail, &body, false),
            None => not_drawn(&pages),
        };
    }
    let overview = OverviewQuery {
        label: query.text("label"),
        group: query.text("group"),
        search: query.text("search"),
        sort: MetricSort::of(query.get("sort").unwrap_or_default()),
    };
    let report = format!(
        "{run_href}/report.html{}",
        query
            .rest(&["label", "group", "search", "sort"])
            .replacen('&', "?", 1)
    );
    let links = Links::Query {
        rest: query.rest(&["metric", "label", "group", "search", "sort"]),
    };
    let leads = leads(&pages, &id, &evidence.status);
    let actions = pages.actions(&visitor, Subject::Run, &id, &query, true, leads);
    let what_if = format!("{run_href}/what-if{}", query.only("storageAccountName"));
    let rest = query.rest(&["metric", "label", "group", "search", "sort"]);
    let compare = format!("{}/compare?a={}{rest}", pages.root, encoded(&id));
    let body = rendered(&evidence, move |evidence| {
        let overview = judged(evidence)?.overview(&overview, &links);
        let template = RunTemplate {
            facts: facts(&evidence.status),
            report,
            what_if,
            compare,
            actions,
            overview,
        };
        Some(Markup::of(&template))
    });
    match body.await.flatten() {
        Some(body) => pages.page(&title, &pages.above(&evidence), &body, false),
        None => not_drawn(&pages),
    }
}

fn leads(pages: &PageState, id: &str, status: &CanaryStatusResponse) -> Leads {
    Leads {
        again: again_run(id, status),
        config: pages.config_address(
            status.canary_config_id.as_deref(),
            status.configuration_account_name.as_deref(),
        ),
    }
}

fn not_drawn(pages: &PageState) -> Response {
    pages.not_drawn("run", "/canary/{id}")
}

fn display(query: &PageQuery) -> MetricDisplay {
    MetricDisplay {
        chart: ChartKind::of(query.get("chart").unwrap_or_default()),
        hide: match query.get("hide") {
            Some("baseline") => Some(Side::Control),
            Some("canary") => Some(Side::Experiment),
            _ => None,
        },
        zoom: query.get("zoom").and_then(|zoom| {
            let (from, to) = zoom.split_once('-')?;
            Some((from.parse().ok()?, to.parse().ok()?))
        }),
    }
}

fn facts(status: &CanaryStatusResponse) -> Markup {
    let took = status
        .start_time_millis
        .zip(status.end_time_millis)
        .map(|(start, end)| duration(end - start));
    let facts: Vec<Fact> = [
        Fact::text("Run", status.pipeline_id.clone()),
        Fact::text("Application", status.application.clone()),
        Fact::text(
            "Config",
            status
                .config
                .as_ref()
                .and_then(|config| config.name.clone()),
        ),
        Fact::text("Config id", status.canary_config_id.clone()),
        Fact::text("Pipeline", status.parent_pipeline_execution_id.clone()),
        Fact::time("Accepted", status.build_time_millis),
        Fact::text("Took", took),
        Fact::text("Metrics account", status.metrics_account_name.clone()),
        Fact::text("Storage account", status.storage_account_name.clone()),
    ]
    .into_iter()
    .flatten()
    .collect();
    Fact::list(&facts)
}

/// How far the run came: what each stage does, how it stands, and when it was worked on.
fn stages(evidence: &CanaryEvidence) -> Vec<StageLine> {
    let status = &evidence.status;
    let metrics = status.config.as_ref().map(CanaryConfig::metrics);
    let fetched = |(side, metric): (Side, usize)| {
        let name = metrics?.get(metric)?.name();
        let side = match side {
            Side::Control => "baseline",
            Side::Experiment => "canary",
        };
        Some(format!("{name}, {side}"))
    };
    let known = |name: &str| evidence.stages.iter().find(|stage| stage.stage == name);
    let line = |(name, status): (&String, &String)| {
        let progress = known(name);
        let began = progress.and_then(|stage| stage.start_time_millis);
        let ended = progress.and_then(|stage| stage.end_time_millis);
        StageLine {
            name: name.clone(),
            badge: Badge::of_status(status),
            what: progress
                .and_then(|stage| fetched(stage.fetches?))
                .unwrap_or_default(),
            began: began.and_then(Timestamp::of),
            took: began
                .zip(ended)
                .map(|(began, ended)| duration(ended - began))
                .unwrap_or_default(),
        }
    };
    status.stage_status.iter().flatten().map(line).collect()
}

/// What failed first, then how far the run came; the raw status last.
fn unfinished(pages: &PageState, id: &str, evidence: &CanaryEvidence, beside: Beside) -> Response {
    let status = &evidence.status;
    let empty = JsonMap::new();
    let exception = status.exception.as_ref();
    let details = failed_fetch::details(status).unwrap_or(&empty);
    let mut errors: Vec<String> = details
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|error| error.as_str().map(str::to_owned))
        .collect();
    if errors.is_empty() {
        errors.extend(exception.map(first_error).filter(|error| !error.is_empty()));
    }
    let named = [
        ("Metric", "metric"),
        ("Account", "metricsAccountName"),
        ("Asked", "url"),
        ("Status of the store", "status"),
        ("Tries", "attempts"),
    ];
    let body = Markup::of(&UnfinishedTemplate {
        badge: Badge::of_status(status.status.as_deref().unwrap_or_default()),
        errors,
        details: named
            .into_iter()
            .filter_map(|(name, key)| Some((name, detail(details, key)?)))
            .collect(),
        query: detail(details, "query"),
        stages: stages(evidence),
        facts: facts(status),
        actions: beside.actions,
        trouble: beside.trouble,
        token: beside.token,
        try_again: beside.try_again,
        raw: serde_json::to_string_pretty(status).unwrap_or_default(),
    });
    let config = status
        .config
        .as_ref()
        .and_then(|config| config.name.clone());
    let named = [status.application.clone(), config].into_iter().flatten();
    let named: Vec<String> = named.filter(|name| !name.is_empty()).collect();
    let title = match named.is_empty() {
        true => format!("Run {id}"),
        false => named.join(" · "),
    };
    pages.page(&title, &pages.above(evidence), &body, !status.complete)
}

/// The report of the run as a file.
pub(crate) async fn report(
    State(pages): State<Arc<PageState>>,
    Path(id): Path<String>,
    query: PageQuery,
) -> Response {
    let evidence = match pages.evidence(&id, &query).await {
        Ok(evidence) => evidence,
        Err(error) => return pages.failed(&error),
    };
    let html = rendered(&evidence, |evidence| {
        let (title, section) = match judged(evidence) {
            Some(run) => (run.title(), report_section(1, &run).1),
            None => {
                let status = &evidence.status;
                let why = status.exception.as_ref().map(first_error);
                let why = why.filter(|why| !why.is_empty()).unwrap_or_else(|| {
                    format!(
                        "The run is {}.",
                        status.status.as_deref().unwrap_or("unknown")
                    )
                });
                let id = status.pipeline_id.clone().unwrap_or_default();
                ("Canary run".to_owned(), report_failure(1, &id, &why).1)
            }
        };
        format!("{}{section}{}", report_head(&title), report_foot())
    });
    match html.await {
        Some(html) => download("canary", &id, html),
        None => not_drawn(&pages),
    }
}

/// The values of one metric.
pub(crate) async fn csv(
    State(pages): State<Arc<PageState>>,
    Path(id): Path<String>,
    query: PageQuery,
) -> Response {
    let values = |run: &JudgedRun<'_>, metric| Some(run.csv(metric)).filter(|csv| !csv.is_empty());
    match of_metric(&pages, &id, &query, values).await {
        Ok((csv, metric)) => file(csv, "text/csv; charset=utf-8", &[&id, &metric], "csv"),
        Err(response) => response,
    }
}

/// The chart of one metric as an image.
pub(crate) async fn svg(
    State(pages): State<Arc<PageState>>,
    Path(id): Path<String>,
    query: PageQuery,
) -> Response {
    let display = display(&query);
    let chart = move |run: &JudgedRun<'_>, metric| run.svg(metric, &display);
    match of_metric(&pages, &id, &query, chart).await {
        Ok((svg, metric)) => file(svg, "image/svg+xml", &[&id, &metric], "svg"),
        Err(response) => response,
    }
}

/// What `make` makes of the metric that the query names, with what the metric is called, or the page that says why there is nothing.
async fn of_metric(
    pages: &PageState,
    id: &str,
    query: &PageQuery,
    make: impl FnOnce(&JudgedRun<'_>, usize) -> Option<String> + Send + 'static,
) -> Result<(String, String), Response> {
    let key = query.text("metric").unwrap_or_default();
    let evidence = match pages.evidence_of_metric(id, query, &key).await {
        Ok(evidence) => evidence,
        Err(error) => return Err(pages.failed(&error)),
    };
    let made = rendered(&evidence, move |evidence| {
        let run = judged(evidence)?;
        let metric = run.find_metric(&key)?;
        Some((make(&run, metric)?, run.metric_title(metric)))
    });
    made.await.flatten().ok_or_else(|| no_values(pages))
}

fn no_values(pages: &PageState) -> Response {
    pages.problem(
        StatusCode::NOT_FOUND,
        "There are no values",
        "The run has no such metric, or its series are gone.",
        "The run's page lists its metrics.",
    )
}

/// A file to keep, named after what it is of.
fn file(text: String, kind: &'static str, of: &[&str], ending: &str) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let name = file_name(of, ending);
    let disposition = format!("attachment; filename=\"{name}\"");
    if let Ok(disposition) = HeaderValue::try_from(disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}
