//! The form that starts an analysis, with the same as a command and as a request.

mod again;
mod commands;
mod wish;

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use kayenta_engine::{ConfigSource, StartAnalysis};
use kayenta_lint::request_problems;
use kayenta_model::{AccountType, AnalysisRequest, AnalysisScope, CanaryConfig};
use kayenta_report::{Markup, encoded};

pub(crate) use again::{again_analysis, again_run};

use crate::{
    config_catalogues::catalogue,
    editor::accounts_for_metrics,
    new_analysis::wish::Wish,
    query::PageQuery,
    scope_fields::ScopeFields,
    shell::Crumb,
    state::PageState,
    visitor::{Action, Visitor, to},
};

#[derive(Template)]
#[template(path = "new_analysis.html")]
struct NewAnalysisTemplate<'a> {
    token: &'a str,
    action: String,
    may_act: bool,
    mistakes: Vec<(&'static str, String)>,
    configs: Vec<(String, String)>,
    config: String,
    /// The execution whose config can be used, and what it is called.
    executed: Option<(String, String)>,
    configuration_account: String,
    canary_location: String,
    config_name: String,
    judge: String,
    metrics_accounts: Vec<String>,
    storage_accounts: Vec<String>,
    storage: String,
    locations: Vec<String>,
    uses_location: bool,
    parameters_needed: String,
    scope: ScopeFields,
    step: String,
    same: bool,
    application: String,
    user: String,
    pass: String,
    marginal: String,
    lifetime: String,
    interval: String,
    begin: String,
    lookback: String,
    offset: String,
    /// The same as a command and as a request, once a config is chosen.
    same_elsewhere: Option<(String, String)>,
}

/// `GET /ui/new`.
pub(crate) async fn show(
    State(pages): State<Arc<PageState>>,
    visitor: Visitor,
    query: PageQuery,
) -> Response {
    let wish = Wish::read(|name| query.get(name), pages.engine.clock().now_millis());
    render(&pages, &visitor, wish, Vec::new(), false).await
}

/// `POST /ui/new`: starts, or shows the form again with what is to be changed.
pub(crate) async fn act(
    State(pages): State<Arc<PageState>>,
    Action { visitor, form }: Action,
) -> Response {
    let wish = Wish::read(|name| form.get(name), pages.engine.clock().now_millis());
    if form.text("do") != Some("start") {
        return render(&pages, &visitor, wish, Vec::new(), true).await;
    }
    let config = match load(&pages, &wish).await {
        Ok(config) => config,
        Err(mistake) => return refused(&pages, &visitor, wish, vec![mistake]).await,
    };
    let (request, mut mistakes) = wish.request(&scope_name(&config));
    let found = problems(&config, &request).into_iter();
    mistakes.extend(found.filter_map(|(is_error, sentence)| is_error.then_some(sentence)));
    if !mistakes.is_empty() {
        return refused(&pages, &visitor, wish, mistakes).await;
    }
    let wish = wish.with_application_of(&config);
    let started = pages
        .engine
        .start_analysis(StartAnalysis {
            config_source: match wish.executed_config() {
                Some(_) => ConfigSource::AdHoc {
                    config: Some(config),
                },
                None => ConfigSource::ById {
                    configuration_account: wish.configuration_account.clone(),
                    config_id: wish.config.clone(),
                },
            },
            request: Some(request),
            user: visitor.name.clone().or(wish.user.clone()),
            application: wish.application.clone(),
            parent_pipeline_execution_id: None,
            metrics_account: wish.scope.account.clone(),
            storage_account: wish.storage.clone(),
        })
        .await;
    match started {
        Ok(id) => {
            let account = wish
                .storage
                .map(|account| format!("?storageAccountName={}", encoded(&account)))
                .unwrap_or_default();
            to(&format!(
                "{}/analyses/{}{account}",
                pages.root,
                encoded(&id)
            ))
        }
        Err(error) => refused(&pages, &visitor, wish, vec![error.to_string()]).await,
    }
}

async fn refused(
    pages: &PageState,
    visitor: &Visitor,
    wish: Wish,
    mistakes: Vec<String>,
) -> Response {
    let page = render(pages, visitor, wish, mistakes, true).await;
    (StatusCode::BAD_REQUEST, page).into_response()
}

async fn load(pages: &PageState, wish: &Wish) -> Result<CanaryConfig, String> {
    if let Some(executed) = wish.executed_config() {
        return pages
            .executed_config(executed, wish.storage.as_deref())
            .await;
    }
    if wish.config.is_empty() {
        return Err("Choose a config.".to_owned());
    }
    let account = wish.configuration_account.as_deref();
    let catalogue = catalogue(&pages.configs, pages.engine.accounts(), account)
        .map_err(|error| error.to_string())?;
    catalogue
        .get(&wish.config)
        .await
        .map_err(|error| error.to_string())
}

/// What is wrong with the request, and whether it is an error. That a side is missing is one sentence, however many metrics
/// ask for it.
fn problems(config: &CanaryConfig, request: &AnalysisRequest) -> Vec<(bool, String)> {
    let mut problems = request_problems(config, request);
    let sides = ["/controlScope", "/experimentScope"];
    let all = problems.len();
    problems.retain(|problem| !sides.iter().any(|side| problem.pointer.ends_with(side)));
    let missing = (problems.len() < all).then(|| {
        (
            true,
            "Enter what is compared under Baseline and Canary.".to_owned(),
        )
    });
    let others = problems
        .iter()
        .map(|problem| (problem.is_error(), problem.sentence()));
    missing.into_iter().chain(others).collect()
}

/// The scope that the metrics ask for.
fn scope_name(config: &CanaryConfig) -> String {
    let mut names = config
        .metrics()
        .iter()
        .filter_map(|metric| metric.scope_name.clone());
    names.next().unwrap_or("default".to_owned())
}

/// The templates of a config, for what they refer to.
fn templates(config: &CanaryConfig) -> Vec<&str> {
    let metrics = config
        .metrics()
        .iter()
        .filter_map(|metric| metric.query.as_ref());
    let inline = metrics.filter_map(|query| query.inline_template());
    let named = config
        .templates
        .iter()
        .flatten()
        .map(|(_, text)| text.as_str());
    inline.chain(named).collect()
}

async fn render(
    pages: &PageState,
    visitor: &Visitor,
    wish: Wish,
    mistakes: Vec<String>,
    checked: bool,
) -> Response {
    let account = wish.configuration_account.as_deref();
    let mut notes: Vec<(&'static str, String)> = mistakes
        .into_iter()
        .map(|mistake| ("fail", mistake))
        .collect();
    let mut configs = Vec::new();
    match catalogue(&pages.configs, pages.engine.accounts(), account) {
        Ok(catalogue) => match catalogue.list(&[]).await {
            Ok(list) => configs.extend(list.into_iter().map(|config| {
                let applications = config.applications.join(", ");
                (config.id, format!("{} ({applications})", config.name))
            })),
            Err(error) => notes.push(("fail", format!("The configs cannot be listed: {error}"))),
        },
        Err(error) => notes.push(("fail", error.to_string())),
    }
    let config = if wish.config.is_empty() && wish.executed.is_none() {
        None
    } else {
        match load(pages, &wish).await {
            Ok(config) => Some(config),
            Err(mistake) => {
                if notes.is_empty() {
                    notes.push(("fail", mistake));
                }
                None
            }
        }
    };
    let config_known = config.is_some();
    let config = config.unwrap_or_default();
    let wish = wish.with_application_of(&config);
    let (request, written_wrongly) = wish.request(&scope_name(&config));
    if checked && notes.is_empty() {
        notes.extend(written_wrongly.into_iter().map(|mistake| ("fail", mistake)));
        let found = problems(&config, &request).into_iter();
        notes.extend(found.map(|(is_error, sentence)| {
            let class = if is_error { "fail" } else { "warn" };
            (class, sentence)
        }));
        if notes.is_empty() && config_known {
            notes.push(("pass", "✓ No problems".to_owned()));
        }
    }
    let texts = templates(&config);
    // A store that has no templates uses both fields in its own way, so only a template hides one.
    let uses_location = texts.is_empty()
        || texts
            .iter()
            .any(|text| text.contains("{location") || !text.starts_with("PromQL:"));
    let known: Vec<&str> = vec!["scope", "location", "step", "start", "end", "timeFilter"];
    let mut needed: Vec<String> = request_problems(
        &config,
        &AnalysisRequest {
            scopes: Some(vec![Some(AnalysisScope {
                scope_name: scope_name(&config),
                ..AnalysisScope::default()
            })]),
            ..AnalysisRequest::default()
        },
    )
    .into_iter()
    .filter_map(|problem| {
        let name = problem
            .pointer
            .strip_prefix("/scopes/0/extendedScopeParams/")?;
        (!known.contains(&name)).then(|| name.to_owned())
    })
    .collect();
    needed.sort_unstable();
    needed.dedup();
    let accounts = pages.engine.accounts().in_configured_order();
    let chosen = pages
        .engine
        .accounts()
        .resolve(wish.scope.account.as_deref(), AccountType::MetricsStore)
        .ok();
    let base = &visitor.service;
    let template = NewAnalysisTemplate {
        token: &visitor.token,
        action: format!("{}/new", pages.root),
        may_act: visitor.may_act,
        mistakes: notes,
        config_name: config.name.clone().unwrap_or_default(),
        judge: config
            .judge
            .as_ref()
            .and_then(|judge| judge.name.clone())
            .filter(|name| !name.is_empty())
            .unwrap_or("the default judge".to_owned()),
        configs,
        metrics_accounts: accounts_for_metrics(pages),
        storage_accounts: accounts
            .iter()
            .filter(|account| account.supports(AccountType::ObjectStore))
            .map(|account| account.name.clone())
            .collect(),
        storage: wish.storage.clone().unwrap_or_default(),
        locations: chosen
            .map(|account| account.known_locations())
            .unwrap_or_default(),
        uses_location,
        parameters_needed: needed.join(", "),
        step: wish.scope.step.unwrap_or(60).to_string(),
        same: wish.same,
        application: wish.application.clone().unwrap_or_default(),
        user: visitor
            .name
            .clone()
            .or(wish.user.clone())
            .unwrap_or_default(),
        pass: wish.shown("pass"),
        marginal: wish.shown("marginal"),
        lifetime: wish.shown("lifetime"),
        interval: wish.shown("interval"),
        begin: wish.shown("begin"),
        lookback: wish.shown("lookback"),
        offset: wish.shown("offset"),
        same_elsewhere: config_known.then(|| {
            (
                wish.command(base, &request),
                wish.curl(base, &config, &request),
            )
        }),
        executed: wish
            .executed
            .as_ref()
            .map(|executed| (executed.text(), executed.title())),
        configuration_account: wish.configuration_account.clone().unwrap_or_default(),
        canary_location: wish.canary_location.clone().unwrap_or_default(),
        config: wish.config,
        scope: wish.scope,
    };
    let trail = [Crumb {
        text: "Configs".to_owned(),
        href: format!("{}/configs", pages.root),
    }];
    pages.page("Start an analysis", &trail, &Markup::of(&template), false)
}
