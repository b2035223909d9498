use std::{collections::HashMap, time::Duration};

use axum::{http::Method, response::IntoResponse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use kayenta_metrics::FetchErrorKind;
use kayenta_stackdriver::GoogleCredentials;
use kayenta_testkit::{ManualClock, fake_metric_stores::write_google_key};
use serde_json::{Value, json};

use crate::support::{
    Google, failure, fetch, json_answer, machine, metric, store, store_with, ten_minutes,
};

/// A key file whose tokens come from here, and its public key.
fn service_account(google: &Google) -> (GoogleCredentials, DecodingKey) {
    let folder = tempfile::tempdir().unwrap();
    let file = write_google_key(folder.path(), &format!("{}/token", google.base_url())).unwrap();
    let json = std::fs::read(file).unwrap();
    let pem: Value = serde_json::from_slice(&json).unwrap();
    let key = rcgen::KeyPair::from_pem(pem["private_key"].as_str().unwrap()).unwrap();
    let public = DecodingKey::from_rsa_pem(key.public_key_pem().as_bytes()).unwrap();
    (GoogleCredentials::from_json(&json).unwrap(), public)
}

fn form(body: &str) -> HashMap<String, String> {
    form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect()
}

#[tokio::test]
async fn a_service_account_signs_its_assertion() {
    let google = Google::empty().await;
    let (credentials, public) = service_account(&google);
    fetch(&store(&google, credentials), metric(), ten_minutes())
        .await
        .unwrap();
    let asked = &google.seen()[0];
    assert_eq!(
        (asked.method.clone(), asked.target.as_str()),
        (Method::POST, "/token")
    );
    assert_eq!(
        asked.headers["content-type"],
        "application/x-www-form-urlencoded; charset=UTF-8"
    );
    let start = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    let assertion = asked.body.strip_prefix(start).unwrap();
    let token_uri = format!("{}/token", google.base_url());
    let mut checks = Validation::new(Algorithm::RS256);
    checks.set_audience(&[&token_uri]);
    // The clock of the test stands at the beginning of 2024.
    checks.validate_exp = false;
    let claims = jsonwebtoken::decode::<Value>(assertion, &public, &checks).unwrap();
    assert_eq!(claims.header.kid.as_deref(), Some("0123456789abcdef"));
    assert_eq!(
        claims.claims,
        json!({
            "iss": "canary@my-project.iam.gserviceaccount.com", "aud": token_uri,
            "scope": "https://www.googleapis.com/auth/monitoring.read",
            "iat": 1_704_067_200, "exp": 1_704_070_800
        }),
        "C-STACKDRIVER-04"
    );
    assert_eq!(google.tokens_shown(), ["Bearer token-1"]);
}

#[tokio::test]
async fn a_token_is_shared_and_renewed_before_it_ends() {
    let google = Google::empty().await;
    let clock = ManualClock::default();
    let (credentials, _) = service_account(&google);
    let store = store_with(&google, credentials, &clock);
    let burst = (0..8).map(|_| fetch(&store, metric(), ten_minutes()));
    for outcome in futures::future::join_all(burst).await {
        outcome.unwrap();
    }
    assert_eq!(google.tokens_asked(), 1);
    clock.advance(Duration::from_secs(3539));
    fetch(&store, metric(), ten_minutes()).await.unwrap();
    assert_eq!(google.tokens_asked(), 1);
    clock.advance(Duration::from_secs(2));
    fetch(&store, metric(), ten_minutes()).await.unwrap();
    assert_eq!(google.tokens_asked(), 2);
    assert_eq!(
        google.tokens_shown()[8..],
        ["Bearer token-1", "Bearer token-2"]
    );
    assert!(!format!("{store:?}").contains("token-2"));
}

#[tokio::test]
async fn a_token_google_does_not_know_any_more_is_renewed_once() {
    let answer = |seen: &kayenta_testkit::NotedRequest| {
        if seen.target.contains("token") {
            return json_answer(&json!({"access_token": "same", "expires_in": 3600}));
        }
        failure(401, "Request had invalid authentication credentials.")
    };
    let google = Google::answering(answer).await;
    let error = fetch(&store(&google, machine(&google)), metric(), ten_minutes())
        .await
        .unwrap_err();
    assert!(matches!(
        error.kind,
        FetchErrorKind::Http { status: 401, .. }
    ));
    assert_eq!(google.tokens_asked(), 2);
    assert_eq!(google.tokens_shown().len(), 2);
}

#[tokio::test]
async fn the_metadata_server_vouches_for_the_machine() {
    let google = Google::empty().await;
    fetch(&store(&google, machine(&google)), metric(), ten_minutes())
        .await
        .unwrap();
    let asked = &google.seen()[0];
    assert_eq!(
        asked.target,
        "/computeMetadata/v1/instance/service-accounts/default/token?\
         scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fmonitoring.read"
    );
    assert_eq!(asked.headers["metadata-flavor"], "Google");
}

#[tokio::test]
async fn a_person_s_refresh_token_is_exchanged() {
    let google = Google::empty().await;
    let file = json!({
        "type": "authorized_user", "client_id": "id", "client_secret": "client-secret",
        "refresh_token": "refresh-token", "token_uri": format!("{}/token", google.base_url())
    });
    let credentials = GoogleCredentials::from_json(file.to_string().as_bytes()).unwrap();
    fetch(&store(&google, credentials), metric(), ten_minutes())
        .await
        .unwrap();
    assert_eq!(
        google.seen()[0].body,
        "grant_type=refresh_token&client_id=id&client_secret=client-secret&\
         refresh_token=refresh-token"
    );
}

#[tokio::test]
async fn another_provider_s_token_is_exchanged_and_may_act_as_a_service_account() {
    let google = Google::answering(|seen| match seen.target.as_str() {
        "/subject" => json_answer(&json!({"value": "subject-of-the-url"})),
        "/impersonate" => json_answer(&json!({
            "accessToken": "impersonated", "expireTime": "2024-01-01T01:00:00Z"
        })),
        "/sts-token" => json_answer(&json!({"access_token": "exchanged", "expires_in": 3600})),
        _ => json_answer(&json!({})),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "subject-of-the-file\n").unwrap();
    let base = google.base_url();
    let external = |source: Value, impersonation: Option<String>| {
        let file = json!({
            "type": "external_account", "audience": "//iam/pool",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": format!("{base}/sts-token"), "credential_source": source,
            "service_account_impersonation_url": impersonation
        });
        GoogleCredentials::from_json(file.to_string().as_bytes()).unwrap()
    };
    let read = "https://www.googleapis.com/auth/monitoring.read";

    let credentials = external(json!({"file": file}), None);
    fetch(&store(&google, credentials), metric(), ten_minutes())
        .await
        .unwrap();
    let exchanged = form(&google.seen()[0].body);
    assert_eq!(exchanged["subject_token"], "subject-of-the-file");
    assert_eq!(exchanged["audience"], "//iam/pool");
    assert_eq!(exchanged["scope"], read);
    assert_eq!(google.tokens_shown(), ["Bearer exchanged"]);

    let from_url = json!({
        "url": format!("{base}/subject"), "headers": {"Metadata": "True"},
        "format": {"type": "json", "subject_token_field_name": "value"}
    });
    let credentials = external(from_url, Some(format!("{base}/impersonate")));
    fetch(&store(&google, credentials), metric(), ten_minutes())
        .await
        .unwrap();
    let seen = google.seen();
    let asked = |target: &str| seen.iter().rev().find(|s| s.target == target).unwrap();
    assert_eq!(asked("/subject").headers["metadata"], "True");
    let exchanged = form(&asked("/sts-token").body);
    assert_eq!(exchanged["subject_token"], "subject-of-the-url");
    assert_eq!(exchanged["scope"], "https://www.googleapis.com/auth/iam");
    let impersonated = asked("/impersonate");
    assert_eq!(impersonated.headers["authorization"], "Bearer exchanged");
    assert_eq!(impersonated.body, json!({"scope": [read]}).to_string());
    assert_eq!(google.tokens_shown()[1], "Bearer impersonated");
}

#[tokio::test]
async fn a_refused_credential_says_why_and_shows_no_secret() {
    let refusal = |_: &kayenta_testkit::NotedRequest| {
        let body = json!({"error": "invalid_grant", "error_description": "Invalid JWT Signature."});
        (axum::http::StatusCode::BAD_REQUEST, body.to_string()).into_response()
    };
    let google = Google::answering(refusal).await;
    let (credentials, _) = service_account(&google);
    let error = fetch(&store(&google, credentials), metric(), ten_minutes())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "Status: 400, URL: {}/token, Message: invalid_grant: Invalid JWT Signature.",
            google.base_url()
        )
    );
    let leaky = |_: &kayenta_testkit::NotedRequest| {
        json_answer(&json!({"access_token": 1, "x": "hush-hush"}))
    };
    let google = Google::answering(leaky).await;
    let error = fetch(&store(&google, machine(&google)), metric(), ten_minutes())
        .await
        .unwrap_err();
    assert!(matches!(error.kind, FetchErrorKind::Answer { .. }));
    assert!(!format!("{error:?}").contains("hush-hush"));
}
