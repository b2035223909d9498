//! What can be done on the page of an execution.

use std::time::Duration;

use kayenta_testkit::FakePrometheus;
use serde_json::json;

use super::visit::{SECURITY, location, signed_in};
use crate::{
    requests::{Caller, config, metric},
    samples::embedded_service,
};

/// How long an execution may take.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_is_canceled_and_run_again_from_its_page_with_the_role_write_alone() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), SECURITY).await;
    let load = metric("load", "Load", r#"load{v="${scope}"}"#);
    let scopes = json!([{"scopeName": "default", "controlScope": "baseline", "experimentScope": "canary", "step": 60}]);
    let body = json!({"canaryConfig": config("waiting", &[load], json!({"Load": 100})), "executionRequest": {
        "scopes": scopes, "lifetimeDurationMins": 60, "thresholds": {"pass": "95", "marginal": "10"}}});
    let caller = Caller::new(service.base_url()).as_bearer("0123456789abcdef");
    let id = caller
        .start("/standalone_canary_analysis?application=shop", &body)
        .await
        .unwrap();
    let page = format!("/ui/analyses/{id}");

    let reader = signed_in(&service, "anna", "an-ordinary-password").await;
    let seen = reader.get(&page).await.text().await.unwrap();
    assert!(!seen.contains("<button>Cancel"), "{seen}");
    let token = reader.token("/ui/sign-out").await;
    let refused = reader
        .post(&format!("{page}/cancel"), &[("action-token", &token)])
        .await;
    assert_eq!(refused.status(), 403);
    assert!(
        refused
            .text()
            .await
            .unwrap()
            .contains("anna needs the role write")
    );

    let writer = signed_in(&service, "berta", "another-password").await;
    let token = writer.token(&page).await;
    let action = [("action-token", token.as_str())];
    let forged = writer
        .post_from(
            "https://elsewhere.example",
            &format!("{page}/cancel"),
            &action,
        )
        .await;
    assert_eq!(forged.status(), 403);
    let path = format!("/standalone_canary_analysis/{id}");
    let (_, status) = caller.get(&path).await.unwrap();
    assert_eq!(status["complete"], false, "{status}");
    let canceled = writer.post(&format!("{page}/cancel"), &action).await;
    assert_eq!(
        (canceled.status().as_u16(), location(&canceled)),
        (303, page.as_str())
    );
    let status = caller.complete(&path, PATIENCE).await;
    assert_eq!(status["executionStatus"], "CANCELED", "{status}");

    let again = writer.post(&format!("{page}/again"), &action).await;
    assert_eq!(again.status(), 303);
    let next = location(&again).strip_prefix("/ui/analyses/").unwrap();
    assert_ne!(next, id);
    let (_, repeated) = caller
        .get(&format!("/standalone_canary_analysis/{next}"))
        .await
        .unwrap();
    for (field, value) in [("user", json!("berta")), ("application", json!("shop"))] {
        assert_eq!(repeated[field], value, "{repeated}");
    }
    for field in ["canaryConfig", "canaryAnalysisExecutionRequest"] {
        assert_eq!(repeated[field], status[field]);
    }
}
