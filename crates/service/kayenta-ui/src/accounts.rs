//! The accounts: what each is for, where it points, and whether its store answers.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use kayenta_engine::Account;
use kayenta_report::{
    Markup, encoded,
    number::{Timestamp, duration},
};
use serde_json::Value;

use crate::{
    account_watch::Seen,
    state::PageState,
    visitor::{Action, Visitor, to},
};

/// How long a store may take to answer before the page is drawn without it.
const PATIENCE: Duration = Duration::from_secs(5);

impl PageState {
    /// That the store of a run under way does not answer, in a sentence; nothing while it does.
    pub(crate) async fn trouble(&self, account: Option<&str>) -> Option<String> {
        let account = self.engine.accounts().get(account?)?;
        let error = self.look_at(&account, false).await?.error?;
        Some(format!(
            "The account {} does not answer now: {error}. A fetch without an answer is tried again before the run fails.",
            account.name
        ))
    }

    /// Asks the account's stores, unless that was done a few seconds ago.
    async fn look_at(&self, account: &Account, again: bool) -> Option<Seen> {
        let now = self.engine.clock().now_millis();
        if let Some(seen) = self.accounts.fresh(&account.name, now).filter(|_| !again) {
            return Some(seen);
        }
        if account.metrics.is_none() && account.objects.is_none() {
            return None;
        }
        let asking = async {
            if let Some(metrics) = &account.metrics {
                metrics.check().await.map_err(|error| error.to_string())?;
            }
            if let Some(objects) = &account.objects {
                let store = objects.object_store();
                store.check().await.map_err(|error| error.to_string())?;
            }
            Ok(())
        };
        let answer: Result<(), String> = tokio::time::timeout(PATIENCE, asking)
            .await
            .unwrap_or_else(|_| {
                Err(format!(
                    "the store has not answered within {} s",
                    PATIENCE.as_secs()
                ))
            });
        let took = self.engine.clock().now_millis() - now;
        Some(self.accounts.keep(&account.name, now, took, answer.err()))
    }
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsTemplate<'a> {
    accounts: Vec<AccountView>,
    absent: Vec<(String, String)>,
    token: &'a str,
    may_act: bool,
}

struct AccountView {
    name: String,
    anchor: String,
    kind: String,
    types: String,
    details: Vec<(String, String)>,
    health: Option<HealthView>,
    try_it: String,
}

struct HealthView {
    error: Option<String>,
    since: Option<Timestamp>,
    took: String,
    last_error: Option<(Option<Timestamp>, String)>,
}

fn view(pages: &PageState, account: &Account, seen: Option<Seen>) -> AccountView {
    let types: Vec<&str> = account
        .supported_types
        .iter()
        .map(|kind| kind.as_str())
        .collect();
    let mut details = Vec::new();
    for (name, value) in account.shown_details() {
        if !["name", "type", "supportedTypes"].contains(&name.as_str()) {
            flatten(name, &value, &mut details);
        }
    }
    AccountView {
        name: account.name.clone(),
        anchor: encoded(&account.name),
        kind: account.kind.clone(),
        types: types.join(", "),
        details,
        health: seen.map(|seen| HealthView {
            since: Timestamp::of(seen.since),
            took: duration(seen.took),
            last_error: match &seen.error {
                Some(_) => None,
                None => seen.last_error.map(|(at, text)| (Timestamp::of(at), text)),
            },
            error: seen.error,
        }),
        try_it: format!("{}/accounts/{}/try", pages.root, encoded(&account.name)),
    }
}

/// Nested values by dotted names; lists as their elements.
fn flatten(name: String, value: &Value, details: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (inner, value) in fields {
                flatten(format!("{name}.{inner}"), value, details);
            }
        }
        Value::Array(elements) => {
            let texts: Vec<String> = elements.iter().map(text).collect();
            if !texts.is_empty() {
                details.push((name, texts.join(", ")));
            }
        }
        value => details.push((name, text(value))),
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

pub(crate) async fn show(State(pages): State<Arc<PageState>>, visitor: Visitor) -> Response {
    let accounts = pages.engine.accounts().in_configured_order();
    let looks = accounts.iter().map(|account| async {
        let seen = pages.look_at(account, false).await;
        view(&pages, account, seen)
    });
    let template = AccountsTemplate {
        accounts: futures::future::join_all(looks).await,
        absent: pages.engine.accounts().absent(),
        token: &visitor.token,
        may_act: visitor.may_act,
    };
    pages.page("Accounts", &[], &Markup::of(&template), false)
}

/// Asks the store of an account at once.
pub(crate) async fn try_again(
    State(pages): State<Arc<PageState>>,
    Path(name): Path<String>,
    _: Action,
) -> Response {
    let Some(account) = pages.engine.accounts().get(&name) else {
        return pages.problem(
            StatusCode::NOT_FOUND,
            "Not found",
            &format!("There is no account '{name}'."),
            "The page of the accounts lists those there are.",
        );
    };
    pages.look_at(&account, true).await;
    to(&format!("{}/accounts#{}", pages.root, encoded(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_shown_by_dotted_names() {
        let mut details = Vec::new();
        let value =
            serde_json::json!({"baseUrl": "http://p", "none": null, "list": ["a", 1], "empty": []});
        flatten("endpoint".to_owned(), &value, &mut details);
        let expected = [("endpoint.baseUrl", "http://p"), ("endpoint.list", "a, 1")];
        assert_eq!(
            details,
            expected.map(|(name, text)| (name.to_owned(), text.to_owned()))
        );
    }
}
