//! The query that a run could not fetch, as the form that tries it again in the editor.

use kayenta_engine::Accounts;
use kayenta_model::{
    CanaryConfig, CanaryScope, CanaryStatusResponse, ExecutionStatus, JsonMap, ScopePair,
    time::iso_millis,
};
use kayenta_report::{encoded, failure::detail};

use crate::{
    actions::Subject, config_catalogues::catalogue, executed::Executed, scope_fields::ScopeFields,
    state::PageState,
};

/// What the editor is asked for.
pub(crate) const TRY_AGAIN: &str = "try-again";
/// The field with the execution whose config is tried unless a stored one has the metric.
pub(crate) const EXECUTION: &str = "of";
/// The field with the name of the metric.
pub(crate) const METRIC: &str = "metric";
/// The field with the account in which the archive of the execution is.
pub(crate) const STORAGE: &str = "storage";

/// A form that opens the editor with a preview of the query.
pub(crate) struct TryAgain {
    pub(crate) address: String,
    pub(crate) fields: Vec<(&'static str, String)>,
}

/// What a failure says of itself.
pub(crate) fn details(status: &CanaryStatusResponse) -> Option<&JsonMap> {
    status
        .exception
        .as_ref()
        .and_then(|exception| exception.get("details")?.as_object())
}

/// Where a metric of this name is in a config.
pub(crate) fn position(config: &CanaryConfig, name: &str) -> Option<usize> {
    config
        .metrics()
        .iter()
        .position(|metric| metric.name() == name)
}

/// The fields of the form: the metric that failed, with both sides, the window of the side that failed, and the account.
/// `None` for a run that failed otherwise.
fn fields(id: &str, status: &CanaryStatusResponse) -> Option<Vec<(&'static str, String)>> {
    let details = details(status)?;
    let metric = detail(details, "metric")?;
    let config = status.config.as_ref()?;
    let settings = config.metrics().get(position(config, &metric)?)?;
    let scopes = status.canary_execution_request.as_ref()?.scopes.as_ref()?;
    let pair: &ScopePair = scopes
        .get(settings.scope_name.as_deref().unwrap_or("default"))
        .or_else(|| scopes.values().next())?
        .as_ref()?;
    let scope = |side: &Option<CanaryScope>| side.as_ref()?.scope.clone();
    let baseline_failed = status.stage_status.iter().flatten().any(|(name, status)| {
        name.starts_with("fetchControl") && *status == ExecutionStatus::Terminal.lower()
    });
    let failed = match baseline_failed {
        true => pair.control_scope.as_ref(),
        false => pair.experiment_scope.as_ref(),
    }?;
    let parameters = ScopeFields {
        parameters: failed.extended_scope_params.clone().unwrap_or_default(),
        ..ScopeFields::default()
    };
    let executed = Executed {
        subject: Subject::Run,
        id: id.to_owned(),
    };
    let account = detail(details, "metricsAccountName");
    let fields = [
        (EXECUTION, Some(executed.text())),
        (METRIC, Some(metric)),
        (STORAGE, status.storage_account_name.clone()),
        (
            "try-account",
            account.or_else(|| status.metrics_account_name.clone()),
        ),
        ("try-baseline", scope(&pair.control_scope)),
        ("try-canary", scope(&pair.experiment_scope)),
        ("try-location", failed.location.clone()),
        (
            "try-start",
            failed.start.map(|start| iso_millis(start.millis())),
        ),
        ("try-end", failed.end.map(|end| iso_millis(end.millis()))),
        ("try-step", failed.step.map(|step| step.to_string())),
        ("try-params", Some(parameters.parameter_lines())),
    ];
    let given = fields.into_iter().filter_map(|(name, value)| {
        let value = value.filter(|value| !value.is_empty())?;
        Some((name, value))
    });
    Some(given.collect())
}

impl PageState {
    /// The form that tries the query again that this run could not fetch: in the editor of its stored config where that is
    /// still there, else in that of a new one.
    pub(crate) async fn try_again(
        &self,
        id: &str,
        status: &CanaryStatusResponse,
    ) -> Option<TryAgain> {
        let fields = fields(id, status)?;
        let account = status.configuration_account_name.as_deref();
        let query = account
            .map(|account| format!("?configurationAccountName={}", encoded(account)))
            .unwrap_or_default();
        let stored = status.canary_config_id.as_deref();
        let address = match stored {
            Some(config)
                if self
                    .has_config(self.engine.accounts(), account, config)
                    .await =>
            {
                format!("{}/configs/{}{query}", self.root, encoded(config))
            }
            _ => format!("{}/new-config{query}", self.root),
        };
        Some(TryAgain { address, fields })
    }

    async fn has_config(&self, accounts: &Accounts, account: Option<&str>, id: &str) -> bool {
        match catalogue(&self.configs, accounts, account) {
            Ok(catalogue) => catalogue.get(id).await.is_ok(),
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn failed(details: Value) -> CanaryStatusResponse {
        let side = |scope: &str, start: &str, end: &str| {
            json!({"scope": scope, "location": "eu", "start": start, "end": end, "step": 30,
                "extendedScopeParams": {"pod": "a"}})
        };
        serde_json::from_value(json!({
            "config": {"name": "c", "metrics": [
                {"name": "load", "scopeName": "default", "query": {"type": "prometheus"}},
                {"name": "errors", "scopeName": "other", "query": {"type": "prometheus"}}]},
            "canaryExecutionRequest": {"scopes": {
                "default": {"controlScope": side("1.0", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"),
                    "experimentScope": side("1.1", "2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z")},
                "other": {"controlScope": side("a", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"),
                    "experimentScope": side("b", "2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z")}}},
            "stageStatus": {"fetchControl0": "succeeded", "fetchExperiment1": "terminal"},
            "metricsAccountName": "of-the-run", "storageAccountName": "disk",
            "exception": {"details": details},
        }))
        .unwrap()
    }

    #[test]
    fn the_query_that_failed_is_tried_over_the_window_of_its_side() {
        let mut status = failed(json!({"metric": "errors", "metricsAccountName": "prom"}));
        let read = |status: &CanaryStatusResponse| {
            fields("01R", status)
                .unwrap()
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            read(&status),
            "of=runs/01R metric=errors storage=disk try-account=prom try-baseline=a try-canary=b try-location=eu \
             try-start=2026-01-01T02:00:00Z try-end=2026-01-01T03:00:00Z try-step=30 try-params=pod=a"
        );
        let stages = status.stage_status.as_mut().unwrap();
        stages.insert("fetchControl1".to_owned(), "terminal".to_owned());
        assert!(read(&status).contains("try-start=2026-01-01T00:00:00Z"));
    }

    #[test]
    fn a_run_that_failed_otherwise_has_no_query_to_try() {
        for details in [
            json!({"error": "the judge failed"}),
            json!({"metric": "gone"}),
        ] {
            assert!(fields("01R", &failed(details)).is_none());
        }
    }
}
