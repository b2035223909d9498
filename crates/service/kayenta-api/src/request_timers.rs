//! What is measured of every request: `http.server.requests` by route, and `controller.invocations`
//! under the names the reference's dashboards know.
//!
//! Of the reference's tags those taken from query parameters (`application`, the account names) are
//! left out: whatever a caller invents would become a time series (C-API-08).

use std::{collections::HashMap, sync::RwLock, time::Duration};

use http::{Method, StatusCode};
use kayenta_metrics::StoreDescription;
use metrics::Histogram;

use crate::controllers::fetch_controller;

/// Methods with a tag of their own; anything else is `OTHER`.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];

/// An undeclared path is chosen by the caller and must not become a tag.
const NO_ROUTE: &str = "UNKNOWN";

/// Timers by route, then by method and status. Looking one up here costs a tenth of asking the
/// recorder, and there are only as many as there are routes, methods and statuses.
#[derive(Debug)]
pub(crate) struct RequestTimers {
    /// The stores whose fetch routes are timed under the names of their controllers.
    metric_stores: Vec<&'static StoreDescription>,
    known: RwLock<HashMap<String, TimersOfRoute>>,
}

type TimersOfRoute = HashMap<(usize, u16), Timers>;

#[derive(Clone, Debug)]
struct Timers {
    request: Histogram,
    controller: Option<Histogram>,
}

impl Timers {
    fn record(&self, elapsed: Duration) {
        self.request.record(elapsed);
        if let Some(controller) = &self.controller {
            controller.record(elapsed);
        }
    }
}

impl RequestTimers {
    pub(crate) fn new(metric_stores: Vec<&'static StoreDescription>) -> Self {
        Self {
            metric_stores,
            known: RwLock::default(),
        }
    }

    /// Counts one answered request.
    pub(crate) fn record(
        &self,
        method: &Method,
        route: Option<&str>,
        status: StatusCode,
        elapsed: Duration,
    ) {
        let route = route.unwrap_or(NO_ROUTE);
        let method = METHODS
            .iter()
            .position(|known| *known == method.as_str())
            .unwrap_or(METHODS.len());
        let key = (method, status.as_u16());
        if let Ok(known) = self.known.read()
            && let Some(timers) = known.get(route).and_then(|of_route| of_route.get(&key))
        {
            timers.record(elapsed);
            return;
        }
        let method = METHODS.get(method).copied().unwrap_or("OTHER");
        let timers = timers(&self.metric_stores, method, route, status);
        timers.record(elapsed);
        if let Ok(mut known) = self.known.write() {
            known
                .entry(route.to_owned())
                .or_default()
                .insert(key, timers);
        }
    }
}

fn timers(
    metric_stores: &[&'static StoreDescription],
    method: &'static str,
    route: &str,
    status: StatusCode,
) -> Timers {
    let (class, outcome) = match status.as_u16() {
        100..200 => ("1xx", "INFORMATIONAL"),
        200..300 => ("2xx", "SUCCESS"),
        300..400 => ("3xx", "REDIRECTION"),
        400..500 => ("4xx", "CLIENT_ERROR"),
        _ => ("5xx", "SERVER_ERROR"),
    };
    let code = status.as_str().to_owned();
    let request = metrics::histogram!(
        "http.server.requests",
        "method" => method,
        "uri" => route.to_owned(),
        "status" => code.clone(),
        "outcome" => outcome,
    );
    let controller = controller(metric_stores, method, route).map(|(controller, handler)| {
        metrics::histogram!(
            "controller.invocations",
            "controller" => controller,
            "method" => handler,
            "status" => class,
            "statusCode" => code,
            "success" => if status.is_server_error() { "false" } else { "true" },
            "cause" => "None",
            "criticality" => "unknown",
        )
    });
    Timers {
        request,
        controller,
    }
}

/// The reference's names of the controller and the method of a route.
fn controller(
    metric_stores: &[&'static StoreDescription],
    method: &str,
    route: &str,
) -> Option<(&'static str, &'static str)> {
    let method = if method == "HEAD" { "GET" } else { method };
    Some(match (method, route) {
        ("GET", "/canaryConfig") => ("CanaryConfigController", "listAllCanaryConfigs"),
        ("POST", "/canaryConfig") => ("CanaryConfigController", "storeCanaryConfig"),
        ("GET", "/canaryConfig/{canaryConfigId}") => ("CanaryConfigController", "loadCanaryConfig"),
        ("PUT", "/canaryConfig/{canaryConfigId}") => {
            ("CanaryConfigController", "updateCanaryConfig")
        }
        ("DELETE", "/canaryConfig/{canaryConfigId}") => {
            ("CanaryConfigController", "deleteCanaryConfig")
        }
        ("POST", "/canary") => ("CanaryController", "initiateCanaryWithConfig"),
        ("POST", "/canary/{id}" | "/canary/executions") => ("CanaryController", "initiateCanary"),
        ("GET", "/canary/{id}/explanation") => ("CanaryController", "getCanaryExplanation"),
        ("GET", "/standalone_canary_analysis/{id}/explanation") => (
            "StandaloneCanaryAnalysisController",
            "getCanaryAnalysisExplanation",
        ),
        ("GET", "/canary/{id}") => ("CanaryController", "getCanaryResults"),
        ("GET", "/executions") => ("CanaryController", "listExecutions"),
        ("GET", "/canary/executions") => ("CanaryController", "getCanaryResultsByApplication"),
        ("GET", "/judges") => ("CanaryJudgesController", "list"),
        ("POST", "/judges/judge") => ("CanaryJudgesController", "judge"),
        ("POST", "/judges/comparison") => ("CanaryJudgesController", "initiateJudgeComparison"),
        ("GET", "/judges/comparison/{executionId}") => {
            ("CanaryJudgesController", "getJudgeComparisonResults")
        }
        ("GET", "/metricSetList") => ("MetricSetListController", "listAllMetricSetLists"),
        ("POST", "/metricSetList") => ("MetricSetListController", "storeMetricSetList"),
        ("GET", "/metricSetList/{metricSetListId}") => {
            ("MetricSetListController", "loadMetricSetList")
        }
        ("DELETE", "/metricSetList/{metricSetListId}") => {
            ("MetricSetListController", "deleteMetricSetList")
        }
        ("GET", "/metricSetPairList") => {
            ("MetricSetPairListController", "listAllMetricSetPairLists")
        }
        ("POST", "/metricSetPairList") => ("MetricSetPairListController", "storeMetricSetPairList"),
        ("GET", "/metricSetPairList/{metricSetPairListId}") => {
            ("MetricSetPairListController", "loadMetricSetPairList")
        }
        ("GET", "/metricSetPairList/{metricSetPairListId}/{metricSetPairId}") => {
            ("MetricSetPairListController", "loadMetricSetPair")
        }
        ("DELETE", "/metricSetPairList/{metricSetPairListId}") => {
            ("MetricSetPairListController", "deleteMetricSetPairList")
        }
        ("GET", "/canaryResultArchive") => (
            "CanaryResultArchiveController",
            "listAllCanaryArchivedResults",
        ),
        ("POST", "/canaryResultArchive") => {
            ("CanaryResultArchiveController", "storeArchivedCanaryResult")
        }
        ("GET", "/canaryResultArchive/{pipelineId}") => {
            ("CanaryResultArchiveController", "loadArchivedCanaryResult")
        }
        ("PUT", "/canaryResultArchive/{pipelineId}") => (
            "CanaryResultArchiveController",
            "updateArchivedCanaryResult",
        ),
        ("DELETE", "/canaryResultArchive/{pipelineId}") => (
            "CanaryResultArchiveController",
            "deleteArchivedCanaryResult",
        ),
        ("GET", "/credentials") => ("CredentialsController", "list"),
        ("DELETE", "/credentials/{accountName}") => ("CredentialsController", "deleteAccount"),
        ("GET", "/metricsServices") => ("MetricsServicesController", "list"),
        ("GET", "/metadata/metricsService") => ("MetricsServiceMetadataController", "listMetadata"),
        ("POST", "/standalone_canary_analysis/{id}") => (
            "StandaloneCanaryAnalysisController",
            "initiateCanaryAnalysis",
        ),
        ("POST", "/standalone_canary_analysis") => (
            "StandaloneCanaryAnalysisController",
            "initiateCanaryAnalysisExecutionWithConfig",
        ),
        ("GET", "/standalone_canary_analysis/{id}") => (
            "StandaloneCanaryAnalysisController",
            "getCanaryAnalysisExecution",
        ),
        ("PUT", "/pipelines/{executionId}/cancel") => ("PipelineController", "cancel"),
        ("GET", "/pipelines") => ("PipelineController", "list"),
        ("GET", "/pipelines/{executionId}") => ("PipelineController", "getPipeline"),
        ("DELETE", "/pipelines/{executionId}") => ("PipelineController", "delete"),
        ("POST", "/admin/orca/instance/enabled") => ("AdminController", "setInstanceEnabled"),
        ("GET", "/admin/deadLetters") => ("DeadLetterController", "listDeadLetters"),
        ("PUT", "/admin/deadLetters/{id}/putBack") => ("DeadLetterController", "putBack"),
        ("POST", path) => (fetch_controller(metric_stores, path)?, "queryMetrics"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_but_management_has_its_controller() {
        let document = crate::document(Vec::new());
        for (route, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                assert_eq!(
                    controller(&[], &method.to_uppercase(), route).is_none(),
                    operation["tags"][0] == "management",
                    "{method} {route}"
                );
            }
        }
    }
}
