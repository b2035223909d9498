//! The editor of a config: form and text as one document, problems at their fields, a preview of each metric.

mod diff;
mod draft;
mod fields;
mod guided;
mod preview;

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use kayenta_engine::ExecutionQuery;
use kayenta_lint::{ServiceOffer, config_problems};
use kayenta_model::{CanaryConfig, ExecutionKind};
use kayenta_report::{Markup, encoded};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(crate) use self::preview::AT_A_TIME;
use self::{
    diff::{DiffLine, diff},
    draft::Draft,
    fields::{ConfigForm, escaped, form},
    preview::{Preview, preview},
};
use crate::{
    config_catalogues::catalogue,
    executed::{Executed, as_written},
    failed_fetch::{EXECUTION, METRIC, STORAGE, TRY_AGAIN, position},
    last_run::{LastRun, last_run},
    query::PageQuery,
    scope_fields::ScopeFields,
    shell::{Crumb, drawn},
    state::PageState,
    visitor::{Action, Form, Visitor, to},
};

/// The effects that a history suggests.
pub(crate) const SUGGESTED: [&str; 2] = ["allowedIncrease", "allowedDecrease"];
/// The metric whose effects are suggested.
pub(crate) const SUGGESTED_METRIC: &str = "metric";

/// Runs of the config that are listed.
const LAST_RUNS: usize = 10;

#[derive(Template)]
#[template(path = "editor.html")]
struct EditorTemplate<'a> {
    token: &'a str,
    /// Where the form goes.
    action: String,
    id: Option<&'a str>,
    may_act: bool,
    /// What happened: class and text.
    notice: Option<(&'static str, String)>,
    base: &'a str,
    text: &'a str,
    drawn: String,
    mistake: Option<String>,
    form: ConfigForm,
    errors: usize,
    warnings: usize,
    /// The metric whose fields are shown where there are many.
    edit: String,
    changes: Vec<DiffLine>,
    /// What somebody else has changed meanwhile.
    foreign: Vec<DiffLine>,
    accounts: Vec<String>,
    scope: ScopeFields,
    step: String,
    preview: Option<Preview>,
    runs: Vec<LastRun>,
    /// What has to be typed to delete it.
    stored_name: String,
    start_href: Option<String>,
    history_href: Option<String>,
    copy_href: Option<String>,
}

/// One showing of the editor.
struct Showing<'a> {
    id: Option<&'a str>,
    account: Option<&'a str>,
    draft: Draft,
    /// The stored config, pretty, and its fingerprint.
    stored: Option<(String, String)>,
    /// The fingerprint the draft is based on.
    base: String,
    notice: Option<(&'static str, String)>,
    foreign: Vec<DiffLine>,
    scope: ScopeFields,
    preview: Option<Preview>,
    edit: Option<usize>,
    /// Whether the last metric is new and waits for its name.
    added: bool,
}

/// A stored config as the editor shows it: what the service sets itself is left out.
fn editable(config: &CanaryConfig) -> Value {
    let mut value = serde_json::to_value(config).unwrap_or_default();
    if let Value::Object(map) = &mut value {
        for name in [
            "createdTimestamp",
            "updatedTimestamp",
            "createdTimestampIso",
            "updatedTimestampIso",
            "id",
        ] {
            map.shift_remove(name);
        }
    }
    let metrics = value.get_mut("metrics").and_then(Value::as_array_mut);
    for metric in metrics.into_iter().flatten() {
        if let Some(query) = metric.get_mut("query").and_then(Value::as_object_mut) {
            query.shift_remove("serviceType");
        }
    }
    value
}

/// What tells one state of a stored config from another.
fn fingerprint(config: &CanaryConfig) -> String {
    let text = serde_json::to_vec(config).unwrap_or_default();
    let digest = Sha256::digest(&text);
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn empty() -> Value {
    json!({
        "name": "", "applications": [], "configVersion": "1",
        "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}},
        "metrics": [], "templates": {}, "classifier": {"groupWeights": {}}
    })
}

/// A metric to begin with.
fn new_metric(config: &Value, stores: &[String]) -> Value {
    let last = config["metrics"]
        .as_array()
        .and_then(|metrics| metrics.last());
    let store = last
        .and_then(|metric| metric["query"]["type"].as_str())
        .or_else(|| {
            stores
                .iter()
                .map(String::as_str)
                .find(|store| *store == "prometheus")
        })
        .or_else(|| stores.first().map(String::as_str))
        .unwrap_or("prometheus");
    let mut query = json!({"type": store});
    if store == "prometheus" {
        query["customInlineTemplate"] =
            json!("PromQL:sum(rate(http_requests_total{version=\"${scope}\"}[5m]))");
    }
    let group = last
        .and_then(|metric| metric["groups"][0].as_str())
        .unwrap_or("Metrics");
    json!({
        "name": "", "query": query, "groups": [group],
        "analysisConfigurations": {"canary": {"direction": "increase"}},
        "scopeName": "default"
    })
}

/// `GET /ui/configs/{id}`.
pub(crate) async fn show(
    State(pages): State<Arc<PageState>>,
    Path(id): Path<String>,
    visitor: Visitor,
    query: PageQuery,
) -> Response {
    let account = query.get("configurationAccountName");
    let (stored, config) = match stored(&pages, account, &id).await {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    let draft = Draft::new(editable(&config));
    let notice = query
        .get("saved")
        .map(|_| ("pass", "The config is saved.".to_owned()));
    let showing = Showing {
        id: Some(&id),
        account,
        draft,
        base: stored.1.clone(),
        stored: Some(stored),
        notice,
        foreign: Vec::new(),
        scope: ScopeFields::read("try-", |name| query.get(name)),
        preview: None,
        edit: query.get("edit").and_then(|metric| metric.parse().ok()),
        added: false,
    };
    render(&pages, &visitor, showing).await
}

/// The stored config as text with its fingerprint.
async fn stored(
    pages: &PageState,
    account: Option<&str>,
    id: &str,
) -> Result<((String, String), CanaryConfig), Response> {
    let catalogue = catalogue(&pages.configs, pages.engine.accounts(), account)
        .map_err(|error| pages.failed(&error))?;
    let config = catalogue
        .get(id)
        .await
        .map_err(|error| pages.storage_failed(&error))?;
    let text = draft::pretty(&editable(&config));
    Ok(((text, fingerprint(&config)), config))
}

/// `GET /ui/new-config`.
pub(crate) async fn show_new(
    State(pages): State<Arc<PageState>>,
    visitor: Visitor,
    query: PageQuery,
) -> Response {
    let account = query.get("configurationAccountName");
    let mut draft = Draft::new(empty());
    if let Some(from) = query.get("from") {
        match stored(&pages, account, from).await {
            Ok((_, config)) => {
                let mut copy = editable(&config);
                let name = copy["name"].as_str().unwrap_or_default().to_owned();
                copy["name"] = json!(format!("{name}-copy"));
                draft = Draft::new(copy);
            }
            Err(refusal) => return refusal,
        }
    }
    if query.get("guided").is_some() {
        return pages.page(
            "New config for Prometheus",
            &[configs_crumb(&pages)],
            &guided::page(&pages.root, &visitor.token),
            false,
        );
    }
    render(&pages, &visitor, Showing::of_new(account, draft)).await
}

impl<'a> Showing<'a> {
    fn of_new(account: Option<&'a str>, draft: Draft) -> Self {
        Self {
            id: None,
            account,
            draft,
            stored: None,
            base: String::new(),
            notice: None,
            foreign: Vec::new(),
            scope: ScopeFields::default(),
            preview: None,
            edit: None,
            added: false,
        }
    }
}

/// `POST /ui/new-config`.
pub(crate) async fn act_new(
    State(pages): State<Arc<PageState>>,
    query: PageQuery,
    Action { visitor, form }: Action,
) -> Response {
    if form.text("do") == Some("guided") {
        let showing = Showing::of_new(None, Draft::new(guided::config(&form)));
        return render(&pages, &visitor, showing).await;
    }
    act_on(
        &pages,
        &visitor,
        None,
        query.get("configurationAccountName"),
        &form,
    )
    .await
}

/// `POST /ui/configs/{id}`.
pub(crate) async fn act(
    State(pages): State<Arc<PageState>>,
    Path(id): Path<String>,
    query: PageQuery,
    Action { visitor, form }: Action,
) -> Response {
    act_on(
        &pages,
        &visitor,
        Some(&id),
        query.get("configurationAccountName"),
        &form,
    )
    .await
}

async fn act_on(
    pages: &PageState,
    visitor: &Visitor,
    id: Option<&str>,
    account: Option<&str>,
    form: &Form,
) -> Response {
    let command = form.text("do").unwrap_or("check");
    let (verb, at) = command.split_once(':').unwrap_or((command, ""));
    let at: usize = at.parse().unwrap_or(usize::MAX);
    let (stored, config) = match id {
        Some(id) => match stored(pages, account, id).await {
            Ok((stored, config)) => (Some(stored), Some(config)),
            Err(refusal) => return refusal,
        },
        None => (None, None),
    };
    if let (Some(id), Some(config), "delete") = (id, &config, verb) {
        return delete(pages, account, id, config, form).await;
    }
    let sent = form.clone();
    let Some(draft) = drawn(move || Draft::sent(&sent)).await else {
        return pages.not_drawn("config", "/canaryConfig/{id}");
    };
    let mut showing = Showing {
        id,
        account,
        draft,
        stored,
        base: form.get("base").unwrap_or_default().to_owned(),
        notice: None,
        foreign: Vec::new(),
        scope: ScopeFields::read("try-", |name| form.get(name)),
        preview: None,
        edit: form.text("edit").and_then(|metric| metric.parse().ok()),
        added: false,
    };
    // A form of another page knows nothing of what is stored.
    if showing.base.is_empty()
        && let Some((_, fingerprint)) = &showing.stored
    {
        showing.base.clone_from(fingerprint);
    }
    let stores = pages.engine.accounts().service_types();
    match verb {
        "edit" => showing.edit = Some(at),
        "take-over" => {
            showing.draft = taken_over(showing.draft);
            showing.notice = Some(("warn", "These changes are not saved yet.".to_owned()));
        }
        // The settings that the history of the config suggests, laid over what is stored.
        "suggested" => {
            if let Some(config) = &config {
                showing.draft = with_suggestion(Draft::new(editable(config)), form);
                showing.notice = Some(("warn", "These changes are not saved yet.".to_owned()));
            }
        }
        "add-metric" => {
            showing.added = true;
            showing.draft = showing.draft.changed(|config| {
                let metric = new_metric(config, &stores);
                match &mut config["metrics"] {
                    Value::Array(metrics) => metrics.push(metric),
                    other => *other = json!([metric]),
                }
            })
        }
        "copy-metric" => {
            showing.draft = showing.draft.changed(|config| {
                if let Some(metrics) = config.get_mut("metrics").and_then(Value::as_array_mut)
                    && let Some(mut copy) = metrics.get(at).cloned()
                {
                    let name = copy["name"].as_str().unwrap_or_default().to_owned();
                    copy["name"] = json!(format!("{name} copy"));
                    metrics.insert(at + 1, copy);
                }
            })
        }
        "remove-metric" => {
            showing.draft = showing.draft.changed(|config| {
                if let Some(metrics) = config.get_mut("metrics").and_then(Value::as_array_mut)
                    && at < metrics.len()
                {
                    metrics.remove(at);
                }
            })
        }
        "add-template" => {
            let name = form.text("new-template").unwrap_or("template").to_owned();
            showing.draft = showing.draft.changed(|config| {
                if config
                    .pointer(&format!("/templates/{}", escaped(&name)))
                    .is_none()
                {
                    if !config["templates"].is_object() {
                        config["templates"] = json!({});
                    }
                    config["templates"][&name] = json!("PromQL:");
                }
            });
        }
        TRY_AGAIN => {
            let wanted = form.get(METRIC).unwrap_or_default();
            let found = config.and_then(|config| Some((position(&config, wanted)?, config)));
            let (at, config) = match found {
                Some(found) => found,
                None => {
                    let executed = match executed_again(pages, form).await {
                        Ok(executed) => executed,
                        Err(refusal) => return refusal,
                    };
                    let why = "This is the config as the run had it. It is not stored like this.";
                    showing.notice = Some(("warn", why.to_owned()));
                    (position(&executed, wanted).unwrap_or(usize::MAX), executed)
                }
            };
            showing.draft = Draft::new(editable(&config));
            showing.edit = Some(at);
            if let Ok(config) = &showing.draft.config {
                showing.preview = Some(preview(pages, config, at, &showing.scope).await);
            }
        }
        "try" => {
            if let Ok(config) = &showing.draft.config {
                showing.preview = Some(preview(pages, config, at, &showing.scope).await);
            }
        }
        "save" => return save(pages, visitor, showing).await,
        _ => {}
    }
    render(pages, visitor, showing).await
}

/// The config of the execution whose query is tried again.
async fn executed_again(pages: &PageState, form: &Form) -> Result<CanaryConfig, Response> {
    let refused = |why: &str| {
        pages.problem(
            StatusCode::NOT_FOUND,
            "There is no such config",
            why,
            "Open the page of the run again.",
        )
    };
    let executed = form.text(EXECUTION).and_then(Executed::read);
    let executed = executed.ok_or_else(|| refused("The form names no execution."))?;
    let config = pages.executed_config(&executed, form.text(STORAGE)).await;
    config.map_err(|why| refused(&why))
}

/// The draft with the suggested effects of one metric.
fn with_suggestion(draft: Draft, form: &Form) -> Draft {
    let name = form.get(SUGGESTED_METRIC).unwrap_or_default();
    draft.changed(|config| {
        let metrics = config.get_mut("metrics").and_then(Value::as_array_mut);
        let mut metrics = metrics.into_iter().flatten();
        let Some(metric) = metrics.find(|metric| metric["name"].as_str() == Some(name)) else {
            return;
        };
        for setting in SUGGESTED {
            let value: Option<f64> = form.text(setting).and_then(|text| text.parse().ok());
            if let Some(value) = value.filter(|value| value.is_finite()) {
                let pointer = format!("/analysisConfigurations/canary/effectSize/{setting}");
                draft::set(metric, &pointer, Some(json!(value)));
            }
        }
    })
}

/// A config of a run as the draft of its stored one: templates of runs are escaped.
fn taken_over(draft: Draft) -> Draft {
    let Ok(Ok(config)) = draft
        .config
        .as_ref()
        .map(|config| serde_json::from_value::<CanaryConfig>(config.clone()))
    else {
        return draft;
    };
    Draft::new(editable(&as_written(config)))
}

async fn delete(
    pages: &PageState,
    account: Option<&str>,
    id: &str,
    config: &CanaryConfig,
    form: &Form,
) -> Response {
    let name = config.name.as_deref().unwrap_or_default();
    if form.text("confirm") != Some(name) {
        return pages.problem(
            StatusCode::BAD_REQUEST,
            "The config is not deleted",
            &format!("The name that was typed is not '{name}'."),
            "Go back and type the name of the config to delete it.",
        );
    }
    let catalogue = match catalogue(&pages.configs, pages.engine.accounts(), account) {
        Ok(catalogue) => catalogue,
        Err(error) => return pages.failed(&error),
    };
    match catalogue.delete(id).await {
        Ok(()) => to(&format!("{}/configs", pages.root)),
        Err(error) => pages.storage_failed(&error),
    }
}

/// The editor again, with why the config is not saved.
async fn not_saved(
    pages: &PageState,
    visitor: &Visitor,
    mut showing: Showing<'_>,
    why: String,
) -> Response {
    showing.notice = Some(("fail", format!("The config is not saved. {why}")));
    let page = render(pages, visitor, showing).await;
    (StatusCode::BAD_REQUEST, page).into_response()
}

/// Saves the draft unless somebody else has changed the config since it was opened.
async fn save(pages: &PageState, visitor: &Visitor, mut showing: Showing<'_>) -> Response {
    let config = match &showing.draft.config {
        Ok(config) => serde_json::from_value::<CanaryConfig>(config.clone())
            .map_err(|error| kayenta_json::JsonError::from(error).to_string()),
        Err(mistake) => Err(mistake.clone()),
    };
    let config = match config {
        Ok(config) => config,
        Err(mistake) => return not_saved(pages, visitor, showing, mistake).await,
    };
    let catalogue = match catalogue(&pages.configs, pages.engine.accounts(), showing.account) {
        Ok(catalogue) => catalogue,
        Err(error) => return pages.failed(&error),
    };
    let outcome = match showing.id {
        None => catalogue.create(config).await,
        Some(id) => {
            let base = showing.base.clone();
            catalogue
                .update_if(id, config, move |stored| fingerprint(stored) == base)
                .await
        }
    };
    match outcome {
        Ok(id) => {
            let account = showing
                .account
                .map(|account| format!("&configurationAccountName={}", encoded(account)))
                .unwrap_or_default();
            to(&format!(
                "{}/configs/{}?saved=1{account}",
                pages.root,
                encoded(&id)
            ))
        }
        Err(error) if error.kind == kayenta_storage::StorageErrorKind::Conflict => {
            if let (Some(id), Some((text, _))) = (showing.id, &showing.stored) {
                // What stands there now, which may be newer than what was read before.
                let now = match stored(pages, showing.account, id).await {
                    Ok((now, _)) => now,
                    Err(refusal) => return refusal,
                };
                let mine = match &showing.draft.config {
                    Ok(config) => draft::pretty(config),
                    Err(_) => text.clone(),
                };
                let theirs = now.0.clone();
                showing.foreign = drawn(move || diff(&theirs, &mine))
                    .await
                    .unwrap_or_default();
                showing.base = now.1.clone();
                showing.stored = Some(now);
            }
            showing.notice = Some((
                "fail",
                "The config was changed by somebody else since you opened it, and is not saved. Below is what differs; saving \
                 again replaces their change."
                    .to_owned(),
            ));
            let page = render(pages, visitor, showing).await;
            (StatusCode::CONFLICT, page).into_response()
        }
        Err(error) if error.kind == kayenta_storage::StorageErrorKind::Invalid => {
            not_saved(pages, visitor, showing, error.to_string()).await
        }
        Err(error) => pages.storage_failed(&error),
    }
}

fn configs_crumb(pages: &PageState) -> Crumb {
    Crumb {
        text: "Configs".to_owned(),
        href: format!("{}/configs", pages.root),
    }
}

async fn render(pages: &PageState, visitor: &Visitor, showing: Showing<'_>) -> Response {
    let engine = &pages.engine;
    let judges: Vec<String> = engine
        .judges()
        .list()
        .into_iter()
        .filter(|judge| judge.visible)
        .map(|judge| judge.name)
        .collect();
    let all_judges: Vec<String> = engine
        .judges()
        .list()
        .into_iter()
        .map(|judge| judge.name)
        .collect();
    let stores = engine.accounts().service_types();
    let Showing {
        id,
        account,
        draft,
        stored,
        base,
        notice,
        foreign,
        scope,
        preview,
        edit,
        added,
    } = showing;
    let stored_name = stored
        .as_ref()
        .and_then(|(text, _)| serde_json::from_str::<Value>(text).ok())
        .and_then(|config| Some(config["name"].as_str()?.to_owned()))
        .unwrap_or_default();
    let checking = drawn(move || {
        let problems = match &draft.config {
            Ok(config) => config_problems(
                config,
                &ServiceOffer {
                    judges: Some(&all_judges),
                    stores: Some(&stores),
                    to_store: true,
                },
            ),
            Err(_) => Vec::new(),
        };
        let changes = match (&stored, &draft.config) {
            (Some((stored, _)), Ok(config)) => diff(stored, &draft::pretty(config)),
            _ => Vec::new(),
        };
        let errors = problems.iter().filter(|problem| problem.is_error()).count();
        let mut form = form(&draft.drawn, &problems, &judges, &stores, edit);
        if added
            && let Some(name) = form
                .metrics
                .last_mut()
                .and_then(|new| new.fields.first_mut())
        {
            name.focus = true;
        }
        (draft, form, errors, changes)
    });
    let Some((draft, form, errors, changes)) = checking.await else {
        return pages.not_drawn("config", "/canaryConfig/{id}");
    };
    let runs = match id {
        Some(id) => runs_of(pages, id).await,
        None => Vec::new(),
    };
    let query = account
        .map(|account| format!("?configurationAccountName={}", encoded(account)))
        .unwrap_or_default();
    let name = draft.drawn["name"].as_str().unwrap_or_default().to_owned();
    let and = |text: String| match account {
        Some(account) => format!("{text}&configurationAccountName={}", encoded(account)),
        None => text,
    };
    let template = EditorTemplate {
        token: &visitor.token,
        action: match id {
            Some(id) => format!("{}/configs/{}{query}", pages.root, encoded(id)),
            None => format!("{}/new-config{query}", pages.root),
        },
        id,
        may_act: visitor.may_act,
        notice,
        base: &base,
        text: &draft.text,
        drawn: draft::pretty(&draft.drawn),
        mistake: draft.config.as_ref().err().cloned(),
        warnings: form.problems.len() - errors,
        errors,
        form,
        edit: edit.map(|metric| metric.to_string()).unwrap_or_default(),
        changes,
        foreign,
        accounts: accounts_for_metrics(pages),
        step: scope.step.unwrap_or(60).to_string(),
        scope,
        preview,
        runs,
        start_href: id.map(|id| and(format!("{}/new?config={}", pages.root, encoded(id)))),
        history_href: id.map(|id| format!("{}/configs/{}/history{query}", pages.root, encoded(id))),
        copy_href: id.map(|id| and(format!("{}/new-config?from={}", pages.root, encoded(id)))),
        stored_name,
    };
    let title = match (id, name.as_str()) {
        (None, "") => "New config".to_owned(),
        (_, "") => "Config".to_owned(),
        (_, name) => format!("Config {name}"),
    };
    let body = Markup::of(&template);
    pages.page(&title, &[configs_crumb(pages)], &body, false)
}

/// The accounts that have series, by name.
pub(crate) fn accounts_for_metrics(pages: &PageState) -> Vec<String> {
    let accounts = pages.engine.accounts().in_configured_order();
    let accounts = accounts.iter().filter(|account| account.metrics.is_some());
    accounts.map(|account| account.name.clone()).collect()
}

/// The newest runs and analyses of a config.
async fn runs_of(pages: &PageState, id: &str) -> Vec<LastRun> {
    let query = ExecutionQuery {
        configs: vec![id.to_owned()],
        kinds: vec![ExecutionKind::Run, ExecutionKind::Analysis],
        ..ExecutionQuery::default()
    };
    match pages.engine.list_executions(&query, None, LAST_RUNS).await {
        Ok(page) => page
            .executions
            .iter()
            .filter_map(|execution| last_run(&pages.root, execution))
            .collect(),
        // The config can be edited without them.
        Err(error) => {
            tracing::info!(%error, "a config is shown without its runs");
            Vec::new()
        }
    }
}
