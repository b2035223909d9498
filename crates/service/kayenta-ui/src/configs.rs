//! The list of stored configs.

use std::{collections::HashMap, sync::Arc};

use askama::Template;
use axum::{extract::State, response::Response};
use kayenta_engine::ExecutionQuery;
use kayenta_model::{ConfigSummary, ExecutionKind};
use kayenta_report::{Markup, encoded, number::Timestamp};

use crate::{
    config_catalogues::catalogue,
    last_run::{LastRun, last_run},
    query::PageQuery,
    state::PageState,
};

/// Configs of a page.
const LIMIT: usize = 100;
/// Executions that are looked at for the verdicts of a page.
const EXECUTIONS: usize = 500;
/// Verdicts of a config that are shown.
const STRIP: usize = 10;

#[derive(Template)]
#[template(path = "configs.html")]
struct ConfigsTemplate<'a> {
    root: &'a str,
    search: String,
    application: String,
    account: Option<&'a str>,
    rows: Vec<Row>,
    total: usize,
    more: Option<String>,
    new_query: String,
}

struct Row {
    href: String,
    name: String,
    applications: String,
    updated: Option<Timestamp>,
    runs: Vec<LastRun>,
    start_href: String,
}

/// `GET /ui/configs`.
pub(crate) async fn show(State(pages): State<Arc<PageState>>, query: PageQuery) -> Response {
    let account = query.get("configurationAccountName");
    let catalogue = match catalogue(&pages.configs, pages.engine.accounts(), account) {
        Ok(catalogue) => catalogue,
        Err(error) => return pages.failed(&error),
    };
    let applications: Vec<String> = query.text("application").into_iter().collect();
    let mut configs = match catalogue.list(&applications).await {
        Ok(configs) => configs,
        Err(error) => return pages.storage_failed(&error),
    };
    if let Some(search) = query.text("search").map(|search| search.to_lowercase()) {
        configs.retain(|config| finds(config, &search));
    }
    let total = configs.len();
    let skip: usize = query
        .get("skip")
        .and_then(|skip| skip.parse().ok())
        .unwrap_or(0);
    let shown: Vec<ConfigSummary> = configs.into_iter().skip(skip).take(LIMIT).collect();
    let mut runs = runs(&pages, &shown).await;
    let and = account.map(|account| format!("configurationAccountName={}", encoded(account)));
    let with = |address: String, first: char| match &and {
        Some(and) => format!("{address}{first}{and}"),
        None => address,
    };
    let template = ConfigsTemplate {
        root: &pages.root,
        search: query.text("search").unwrap_or_default(),
        application: query.text("application").unwrap_or_default(),
        account,
        more: (skip + LIMIT < total).then(|| query.with("skip", Some(&(skip + LIMIT).to_string()))),
        total,
        new_query: with(String::new(), '&'),
        rows: shown
            .into_iter()
            .map(|config| Row {
                href: with(
                    format!("{}/configs/{}", pages.root, encoded(&config.id)),
                    '?',
                ),
                start_href: with(
                    format!("{}/new?config={}", pages.root, encoded(&config.id)),
                    '&',
                ),
                runs: runs.remove(&config.id).unwrap_or_default(),
                name: config.name,
                applications: config.applications.join(", "),
                updated: Timestamp::of(config.updated_timestamp),
            })
            .collect(),
    };
    pages.page("Configs", &[], &Markup::of(&template), false)
}

fn finds(config: &ConfigSummary, search: &str) -> bool {
    let fields = [&config.name, &config.id]
        .into_iter()
        .chain(&config.applications);
    let mut fields = fields.map(|field| field.to_lowercase());
    fields.any(|field| field.contains(search))
}

/// The newest verdicts of each config, the oldest of them first.
async fn runs(pages: &PageState, configs: &[ConfigSummary]) -> HashMap<String, Vec<LastRun>> {
    let query = ExecutionQuery {
        configs: configs.iter().map(|config| config.id.clone()).collect(),
        kinds: vec![ExecutionKind::Run, ExecutionKind::Analysis],
        ..ExecutionQuery::default()
    };
    if configs.is_empty() {
        return HashMap::new();
    }
    let mut runs: HashMap<String, Vec<LastRun>> = HashMap::new();
    match pages.engine.list_executions(&query, None, EXECUTIONS).await {
        Ok(page) => {
            for execution in &page.executions {
                let Some(id) = &execution.config_id else {
                    continue;
                };
                let strip = runs.entry(id.clone()).or_default();
                if strip.len() < STRIP {
                    strip.extend(last_run(&pages.root, execution));
                }
            }
        }
        // The configs can be shown without their verdicts.
        Err(error) => tracing::info!(%error, "configs are listed without their runs"),
    }
    for strip in runs.values_mut() {
        strip.reverse();
    }
    runs
}
