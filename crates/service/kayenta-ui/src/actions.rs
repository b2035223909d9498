//! What can be done about an execution on its page: cancel it, run it again.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use kayenta_engine::{CancelOutcome, ConfigSource, StartAnalysis, StartCanary};
use kayenta_report::{Markup, encoded};

use crate::{
    query::PageQuery,
    state::PageState,
    visitor::{Action, Visitor, to},
};

/// What an execution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Run,
    Analysis,
}

impl Subject {
    pub(crate) fn segment(self) -> &'static str {
        match self {
            Self::Run => "runs",
            Self::Analysis => "analyses",
        }
    }

    /// What a segment of an address means.
    pub(crate) fn of_segment(segment: &str) -> Option<Self> {
        [Self::Run, Self::Analysis]
            .into_iter()
            .find(|subject| subject.segment() == segment)
    }
}

/// Where the page of an execution leads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leads {
    /// The query of the form that starts it anew; without one it is started as it was.
    pub(crate) again: Option<String>,
    /// The address of its stored config.
    pub(crate) config: Option<String>,
}

#[derive(Template)]
#[template(path = "actions.html")]
struct ActionsTemplate<'a> {
    token: &'a str,
    buttons: Vec<(&'static str, String)>,
    links: Vec<(&'static str, String)>,
}

impl PageState {
    /// Where the page of an execution is.
    pub(crate) fn address_of(&self, subject: Subject, id: &str) -> String {
        format!("{}/{}/{}", self.root, subject.segment(), encoded(id))
    }

    /// Where the stored config of an execution is edited; `None` for one that came with the request.
    pub(crate) fn config_address(&self, id: Option<&str>, account: Option<&str>) -> Option<String> {
        let id = id.filter(|id| *id != "ad-hoc")?;
        let account = account.map(|name| format!("?configurationAccountName={}", encoded(name)));
        Some(format!(
            "{}/configs/{}{}",
            self.root,
            encoded(id),
            account.unwrap_or_default()
        ))
    }

    /// What can be done about an execution; visitors who may only look can open its config.
    pub(crate) fn actions(
        &self,
        visitor: &Visitor,
        subject: Subject,
        id: &str,
        query: &PageQuery,
        complete: bool,
        leads: Leads,
    ) -> Markup {
        let address = self.address_of(subject, id);
        let account = query.only("storageAccountName");
        let (mut buttons, mut links) = (Vec::new(), Vec::new());
        links.extend(leads.config.map(|address| ("Open the config", address)));
        if visitor.may_act && !complete {
            buttons.push(("Cancel", format!("{address}/cancel")));
        }
        if visitor.may_act && complete {
            match leads.again {
                Some(query) => links.push(("Run again", format!("{}/new?{query}", self.root))),
                None => buttons.push(("Run again as it was", format!("{address}/again{account}"))),
            }
        }
        Markup::of(&ActionsTemplate {
            token: &visitor.token,
            buttons,
            links,
        })
    }

    async fn cancel(&self, subject: Subject, id: &str) -> Response {
        match self.engine.cancel(id).await {
            Ok(CancelOutcome::Canceled | CancelOutcome::AlreadyComplete) => {
                to(&self.address_of(subject, id))
            }
            Err(error) => self.failed(&error),
        }
    }

    fn nothing_to_repeat(&self) -> Response {
        self.problem(
            StatusCode::CONFLICT,
            "This cannot be run again",
            "Its record has no request or no config.",
            "Start it anew with kayenta analyze or with the API.",
        )
    }
}

pub(crate) async fn cancel_run(
    State(pages): State<Arc<PageState>>,
    Path(id): Path<String>,
    _: Action,
) -> Response {
    pages.cancel(Subject::Run, &id).await
}

pub(crate) async fn cancel_analysis(
    State(pages): State<Arc<PageState>>,
    Path(id): Path<String>,
    _: Action,
) -> Response {
    pages.cancel(Subject::Analysis, &id).await
}

/// Starts a run with the config and the request of this one.
pub(crate) async fn run_again(
    State(pages): State<Arc<PageState>>,
    Path(id): Path<String>,
    query: PageQuery,
    _: Action,
) -> Response {
    let account = query.get("storageAccountName");
    let status = match pages.engine.canary_status(&id, account).await {
        Ok(status) => status,
        Err(error) => return pages.failed(&error),
    };
    if status.config.is_none() || status.canary_execution_request.is_none() {
        return pages.nothing_to_repeat();
    }
    let start = StartCanary {
        config_source: ConfigSource::AdHoc {
            config: status.config,
        },
        request: status.canary_execution_request,
        application: status.application,
        parent_pipeline_execution_id: None,
        metrics_account: status.metrics_account_name,
        storage_account: status.storage_account_name,
    };
    match pages.engine.start_canary(start).await {
        Ok(id) => to(&pages.address_of(Subject::Run, &id)),
        Err(error) => pages.failed(&error),
    }
}

/// Starts an analysis with the config and the request of this one.
pub(crate) async fn analysis_again(
    State(pages): State<Arc<PageState>>,
    Path(id): Path<String>,
    query: PageQuery,
    Action { visitor, .. }: Action,
) -> Response {
    let account = query.get("storageAccountName");
    let status = match pages.engine.analysis_status(&id, account).await {
        Ok(status) => status,
        Err(error) => return pages.failed(&error),
    };
    if status.canary_config.is_none() || status.canary_analysis_execution_request.is_none() {
        return pages.nothing_to_repeat();
    }
    let start = StartAnalysis {
        config_source: ConfigSource::AdHoc {
            config: status.canary_config,
        },
        request: status.canary_analysis_execution_request,
        user: visitor.name.or(status.user),
        application: status.application,
        parent_pipeline_execution_id: None,
        metrics_account: status.metrics_account_name,
        storage_account: status.storage_account_name,
    };
    match pages.engine.start_analysis(start).await {
        Ok(id) => to(&pages.address_of(Subject::Analysis, &id)),
        Err(error) => pages.failed(&error),
    }
}
