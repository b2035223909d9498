//! The form that starts an analysis, with the same as a command and as a request.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use indexmap::IndexMap;
use kayenta_engine::{ConfigSource, StartAnalysis};
use kayenta_lint::request_problems;
use kayenta_model::{AccountType, AnalysisRequest, AnalysisScope, CanaryConfig, Thresholds};
use kayenta_report::{Markup, encoded};
use serde_json::json;

use crate::{
    config_catalogues::catalogue,
    editor::accounts_for_metrics,
    query::PageQuery,
    scope_fields::{ScopeFields, time},
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
    curl: String,
    command: String,
}

/// What the form asks for.
#[derive(Clone, Debug, Default)]
struct Wish {
    config: String,
    configuration_account: Option<String>,
    scope: ScopeFields,
    /// An A/A test: the canary is compared with itself.
    same: bool,
    storage: Option<String>,
    application: Option<String>,
    user: Option<String>,
    /// The fields with numbers, as they were written.
    numbers: IndexMap<&'static str, String>,
}

/// Fields with a number and what they hold when nothing is written.
const NUMBERS: [(&str, &str, &str); 7] = [
    ("pass", "95", "Pass from a score of"),
    ("marginal", "75", "Fail at or below a score of"),
    ("lifetime", "60", "Lifetime"),
    ("interval", "", "Interval"),
    ("begin", "0", "Warm-up"),
    ("lookback", "0", "Lookback"),
    ("offset", "0", "Baseline offset"),
];

impl Wish {
    fn read<'f>(field: impl Fn(&str) -> Option<&'f str>) -> Self {
        let text = |name: &str| {
            let text = field(name)?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let same = text("aa").is_some();
        let mut scope = ScopeFields::read("", &field);
        if same {
            scope.canary.clone_from(&scope.baseline);
        }
        Self {
            config: text("config").unwrap_or_default(),
            configuration_account: text("configurationAccountName"),
            scope,
            same,
            storage: text("storage"),
            application: text("application"),
            user: text("user"),
            numbers: NUMBERS
                .into_iter()
                .map(|(name, usual, _)| (name, text(name).unwrap_or(usual.to_owned())))
                .collect(),
        }
    }

    fn shown(&self, name: &str) -> String {
        self.numbers.get(name).cloned().unwrap_or_default()
    }

    /// The number of a field; an empty one is absent.
    fn number(&self, name: &str, mistakes: &mut Vec<String>) -> Option<f64> {
        let text = self
            .numbers
            .get(name)
            .map(|text| text.trim())
            .unwrap_or_default();
        if text.is_empty() {
            return None;
        }
        let number = text
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite() && *number >= 0.0);
        if number.is_none() {
            let label = NUMBERS.iter().find(|(known, ..)| *known == name);
            let label = label.map_or(name, |(.., label)| label);
            mistakes.push(format!("{label}: '{text}' is no number."));
        }
        number
    }

    /// The request, and what is written wrongly.
    fn request(&self, scope_name: &str) -> (AnalysisRequest, Vec<String>) {
        let mut mistakes = Vec::new();
        let mut minutes = |name: &str| {
            let number = self.number(name, &mut mistakes);
            number.map(|number| number as i64)
        };
        let (lifetime, interval) = (minutes("lifetime"), minutes("interval"));
        let (begin, lookback, offset) = (minutes("begin"), minutes("lookback"), minutes("offset"));
        let thresholds = Thresholds {
            pass: self.number("pass", &mut mistakes),
            marginal: self.number("marginal", &mut mistakes),
        };
        let mut iso = |text: &Option<String>| {
            let text = text.as_deref()?;
            match time(text) {
                Ok(millis) => Some(kayenta_model::time::iso_millis(millis)),
                Err(mistake) => {
                    mistakes.push(mistake);
                    None
                }
            }
        };
        let (start, end) = (iso(&self.scope.start), iso(&self.scope.end));
        let scope = AnalysisScope {
            scope_name: scope_name.to_owned(),
            control_scope: self.scope.baseline.clone(),
            experiment_scope: self.scope.canary.clone(),
            control_location: self.scope.location.clone(),
            experiment_location: self.scope.location.clone(),
            control_offset_in_minutes: offset.unwrap_or(0),
            start_time_iso: start,
            end_time_iso: end.clone(),
            step: self.scope.step.unwrap_or(60),
            extended_scope_params: self.scope.parameters.clone(),
        };
        let request = AnalysisRequest {
            scopes: Some(vec![Some(scope)]),
            thresholds: Some(thresholds),
            lifetime_duration_mins: if end.is_some() { None } else { lifetime },
            begin_after_mins: begin.unwrap_or(0),
            lookback_mins: lookback.unwrap_or(0),
            analysis_interval_mins: interval,
            site_local: None,
        };
        (request, mistakes)
    }

    /// The query of the request.
    fn parameters(&self) -> Vec<(&'static str, &str)> {
        [
            ("application", &self.application),
            ("user", &self.user),
            ("metricsAccountName", &self.scope.account),
            ("storageAccountName", &self.storage),
            ("configurationAccountName", &self.configuration_account),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
        .collect()
    }

    fn curl(&self, base: &str, request: &AnalysisRequest) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.parameters())
            .finish();
        let mark = if query.is_empty() { "" } else { "?" };
        let body = serde_json::to_string_pretty(&json!(request)).unwrap_or_default();
        let url = format!(
            "{base}/standalone_canary_analysis/{}{mark}{query}",
            encoded(&self.config)
        );
        format!(
            "curl -X POST -H 'Content-Type: application/json' {} -d {}",
            in_shell(&url),
            in_shell(&body)
        )
    }

    fn command(&self, base: &str, request: &AnalysisRequest) -> String {
        let mut words = vec![
            "kayenta analyze".to_owned(),
            format!(
                "--url {}",
                in_shell(if base.is_empty() {
                    "http://localhost:8090"
                } else {
                    base
                })
            ),
            format!("--config-id {}", in_shell(&self.config)),
        ];
        let mut flag = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                words.push(format!("{name} {}", in_shell(&value)));
            }
        };
        let scope = request.scopes.iter().flatten().flatten().next();
        flag("--application", self.application.clone());
        flag("--user", self.user.clone());
        flag("--metrics-account", self.scope.account.clone());
        flag("--storage-account", self.storage.clone());
        flag(
            "--configuration-account",
            self.configuration_account.clone(),
        );
        flag("--baseline", self.scope.baseline.clone());
        flag("--canary", self.scope.canary.clone());
        if let Some(scope) = scope {
            flag("--control-location", scope.control_location.clone());
            flag("--experiment-location", scope.experiment_location.clone());
            flag("--start", scope.start_time_iso.clone());
            flag("--end", scope.end_time_iso.clone());
            flag("--step", Some(scope.step.to_string()));
            if scope.scope_name != "default" {
                flag("--scope-name", Some(scope.scope_name.clone()));
            }
            if scope.control_offset_in_minutes > 0 {
                flag(
                    "--control-offset",
                    Some(format!("{}m", scope.control_offset_in_minutes)),
                );
            }
        }
        for (name, value) in &self.scope.parameters {
            flag("--param", Some(format!("{name}={value}")));
        }
        let minutes = |minutes: i64| format!("{minutes}m");
        flag("--lifetime", request.lifetime_duration_mins.map(minutes));
        flag("--interval", request.analysis_interval_mins.map(minutes));
        let set = |value: i64| (value > 0).then(|| minutes(value));
        flag("--begin-after", set(request.begin_after_mins));
        flag("--lookback", set(request.lookback_mins));
        let thresholds = request.thresholds.unwrap_or_default();
        flag("--pass", thresholds.pass.map(|pass| pass.to_string()));
        flag(
            "--marginal",
            thresholds.marginal.map(|marginal| marginal.to_string()),
        );
        words.join(" \\\n  ")
    }
}

/// A text as one word of a POSIX shell.
fn in_shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// `GET /ui/new`.
pub(crate) async fn show(
    State(pages): State<Arc<PageState>>,
    visitor: Visitor,
    query: PageQuery,
) -> Response {
    let wish = Wish::read(|name| query.get(name));
    render(&pages, &visitor, wish, Vec::new(), false).await
}

/// `POST /ui/new`: starts, or shows the form again with what is to be changed.
pub(crate) async fn act(
    State(pages): State<Arc<PageState>>,
    Action { visitor, form }: Action,
) -> Response {
    let wish = Wish::read(|name| form.get(name));
    if form.text("do") != Some("start") {
        return render(&pages, &visitor, wish, Vec::new(), true).await;
    }
    let config = match load(&pages, &wish).await {
        Ok(config) => config,
        Err(mistake) => return refused(&pages, &visitor, wish, vec![mistake]).await,
    };
    let (request, mut mistakes) = wish.request(&scope_name(&config));
    let problems = request_problems(&config, &request);
    mistakes.extend(
        problems
            .iter()
            .filter(|problem| problem.is_error())
            .map(|problem| problem.sentence()),
    );
    if !mistakes.is_empty() {
        return refused(&pages, &visitor, wish, mistakes).await;
    }
    let started = pages
        .engine
        .start_analysis(StartAnalysis {
            config_source: ConfigSource::ById {
                configuration_account: wish.configuration_account.clone(),
                config_id: wish.config.clone(),
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
    let config = if wish.config.is_empty() {
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
    let (request, written_wrongly) = wish.request(&scope_name(&config));
    if checked && notes.is_empty() {
        notes.extend(written_wrongly.into_iter().map(|mistake| ("fail", mistake)));
        let problems = request_problems(&config, &request);
        notes.extend(problems.iter().map(|problem| {
            let class = if problem.is_error() { "fail" } else { "warn" };
            (class, problem.sentence())
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
    let base = pages.options.public_url.clone().unwrap_or_default();
    let base = base.trim_end_matches('/');
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
        application: wish
            .application
            .clone()
            .or_else(|| config.applications.as_ref()?.first().cloned())
            .unwrap_or_default(),
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
        curl: wish.curl(
            if base.is_empty() {
                "http://localhost:8090"
            } else {
                base
            },
            &request,
        ),
        command: wish.command(base, &request),
        config: wish.config,
        scope: wish.scope,
    };
    let trail = [Crumb {
        text: "Configs".to_owned(),
        href: format!("{}/configs", pages.root),
    }];
    pages.page("Start an analysis", &trail, &Markup::of(&template), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(pairs: &[(&'static str, &'static str)]) -> Wish {
        Wish::read(|name| {
            pairs
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| *value)
        })
    }

    #[test]
    fn an_a_a_test_compares_the_baseline_with_itself() {
        let wish = wish(&[("baseline", "1.0"), ("canary", "1.1"), ("aa", "1")]);
        let (request, mistakes) = wish.request("default");
        assert_eq!(mistakes, [] as [&str; 0]);
        let scopes = request.scopes.unwrap();
        let scope = scopes[0].as_ref().unwrap();
        assert_eq!(scope.experiment_scope.as_deref(), Some("1.0"));
    }

    #[test]
    fn the_command_and_the_request_quote_what_a_shell_would_change() {
        let wish = wish(&[
            ("config", "id"),
            ("baseline", "it's"),
            ("canary", "$(rm)"),
            ("lifetime", "5"),
            ("params", "zone=a b"),
        ]);
        let (request, _) = wish.request("default");
        let command = wish.command("http://kayenta", &request);
        assert!(
            command.contains("--baseline 'it'\\''s'") && command.contains("--canary '$(rm)'"),
            "{command}"
        );
        assert!(
            command.contains("--param 'zone=a b'") && command.contains("--lifetime 5m"),
            "{command}"
        );
        let curl = wish.curl("http://kayenta", &request);
        assert!(
            curl.contains("http://kayenta/standalone_canary_analysis/id"),
            "{curl}"
        );
    }

    #[test]
    fn what_is_no_number_is_reported_with_the_name_of_its_field() {
        let (_, mistakes) = wish(&[("interval", "often"), ("start", "noon")]).request("default");
        assert!(mistakes[0].contains("Interval: 'often'"), "{mistakes:?}");
        assert!(mistakes[1].contains("is no time"), "{mistakes:?}");
    }
}
