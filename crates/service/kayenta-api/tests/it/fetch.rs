use serde_json::json;

use crate::fixture::{options, service, service_with};

const QUERY: &str = "/fetch/prometheus/query?metricSetName=cpu&metricName=m&step=60&scope=good\
                     &start=2024-01-01T00:00:00Z&end=2024-01-01T01:00:00Z&customFilter=PromQL:x";

#[tokio::test]
async fn a_query_is_shown_or_fetched_and_stored() {
    let service = service();
    let answer = service
        .call("POST", &format!("{QUERY}&dryRun=true"), &[])
        .await;
    assert_eq!(answer.json(), json!({"query": "PromQL:x of good"}));
    let answer = service.call("POST", QUERY, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let id = answer.json()["metricSetListId"]
        .as_str()
        .unwrap()
        .to_owned();
    let sets = service.get(&format!("/metricSetList/{id}")).await.json();
    assert_eq!(sets[0]["name"], "cpu");
}

#[tokio::test]
async fn parameters_may_come_as_a_form() {
    let service = service();
    let (path, query) = QUERY.split_once('?').unwrap();
    let answer = service
        .raw(
            "POST",
            path,
            "application/x-www-form-urlencoded",
            &format!("{query}&dryRun=on"),
        )
        .await;
    assert_eq!(answer.json(), json!({"query": "PromQL:x of good"}));
}

#[tokio::test]
async fn a_store_that_is_off_has_no_route() {
    let service = service();
    let answer = service.call("POST", "/fetch/datadog/query", &[]).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["error"], "Not Found");
}

#[tokio::test]
async fn the_stores_status_is_handed_on() {
    let service = service();
    let path = QUERY.replace("PromQL:x", "teapot");
    let answer = service.call("POST", &path, &[]).await;
    assert_eq!(answer.status, 418, "{}", answer.text);
    assert_eq!(answer.json()["error"], "I'm a teapot");
    assert!(answer.message().starts_with("Status: 418, URL: "));
}

#[tokio::test]
async fn c_api_06_a_bad_time_is_400_with_the_references_text() {
    let service = service();
    let path = QUERY.replace("start=2024-01-01T00:00:00Z", "start=yesterday");
    let answer = service.call("POST", &path, &[]).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.message(),
        "Text 'yesterday' could not be parsed at index 0"
    );
    for missing in ["step=60", "metricName=m"] {
        let answer = service
            .call("POST", &QUERY.replace(missing, "x=y"), &[])
            .await;
        assert_eq!(answer.status, 400, "{missing}");
    }
    let answer = service
        .call("POST", &QUERY.replace("step=60", "step=abc"), &[])
        .await;
    assert_eq!(answer.status, 400);
    let answer = service
        .call("POST", &format!("{QUERY}&metricsAccountName=nope"), &[])
        .await;
    assert_eq!(answer.message(), "Unable to resolve account nope.");
}

#[tokio::test]
async fn empty_parameters_take_the_configured_defaults() {
    let mut with_defaults = options();
    with_defaults.fetch_defaults.insert(
        "prometheus".to_owned(),
        [("scope".to_owned(), "default-scope".to_owned())].into(),
    );
    let service = service_with(with_defaults, Vec::new());
    let path = format!("{QUERY}&dryRun=true").replace("scope=good", "scope=");
    let answer = service.call("POST", &path, &[]).await;
    assert_eq!(answer.json(), json!({"query": "PromQL:x of default-scope"}));
}

#[tokio::test]
async fn c_api_07_wavefronts_summarization_goes_by_both_names() {
    let service = service();
    let path = "/fetch/wavefront/query?metricSetName=cpu&metricName=m&step=m\
                &start=2024-01-01T00:00:00Z&end=2024-01-01T01:00:00Z&dryRun=true&metricsAccountName=wave";
    let reference = "%5BMEAN,%20MEDIAN,%20MIN,%20MAX,%20SUM,%20COUNT,%20FIRST,%20LAST%5D";
    for name in ["summarization", reference] {
        let answer = service
            .call("POST", &format!("{path}&{name}=MAX"), &[])
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let answer = service
        .call("POST", &path.replace("step=m", "step=60"), &[])
        .await;
    assert_eq!(answer.status, 400);
}
