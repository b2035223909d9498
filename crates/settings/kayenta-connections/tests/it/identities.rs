//! Identities against fakes of the services that issue tokens.

use axum::{
    Router,
    body::Bytes,
    extract::Query,
    http::{HeaderMap, StatusCode, Uri},
    routing::{any, get, post},
};
use std::collections::HashMap;

use crate::support::{client, environment, serve};

/// Answers with the proof and the tenant it was shown.
fn echo() -> Router {
    Router::new().fallback(any(|headers: HeaderMap| async move {
        let text = |name| {
            headers
                .get(name)
                .map_or("", |v| v.to_str().unwrap_or("?"))
                .to_owned()
        };
        format!("{} {}", text("authorization"), text("x-scope-orgid"))
    }))
}

async fn asked(base: &str, environment: &kayenta_properties::Environment) -> String {
    let answer = client(base, environment).get("/api").send().await.unwrap();
    String::from_utf8(answer.body().to_vec()).unwrap()
}

#[tokio::test]
async fn fixed_proofs_and_headers_are_sent_at_once() {
    let base = serve(echo()).await;
    let basic = [
        ("headers.X-Scope-OrgID", "team-a"),
        ("authentication.type", "basic"),
        ("authentication.username", "u"),
        ("authentication.password", "p"),
    ];
    assert_eq!(
        asked(&base, &environment(&basic)).await,
        "Basic dTpw team-a"
    );
    let bearer = [
        ("authentication.type", "bearer"),
        ("authentication.token", "t"),
    ];
    assert_eq!(asked(&base, &environment(&bearer)).await, "Bearer t ");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "from-a-file\n").unwrap();
    let path = file.display().to_string();
    let bearer_file = [
        ("authentication.type", "bearerFile"),
        ("authentication.file", &*path),
    ];
    assert_eq!(
        asked(&base, &environment(&bearer_file)).await,
        "Bearer from-a-file "
    );
}

#[tokio::test]
async fn a_kubernetes_workload_shows_entra_its_service_account_s_token() {
    let token = post(|uri: Uri, body: Bytes| async move {
        let form = String::from_utf8(body.to_vec()).unwrap();
        assert_eq!(uri.path(), "/tenant-1/oauth2/v2.0/token");
        for part in [
            "grant_type=client_credentials",
            "client_id=client-1",
            "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
            "client_assertion=jwt-of-the-pod",
            "scope=https%3A%2F%2Fprometheus.monitor.azure.com%2F.default",
        ] {
            assert!(
                form.split('&').any(|field| field == part),
                "{form} has no {part}"
            );
        }
        r#"{"token_type":"Bearer","expires_in":3599,"access_token":"entra-token"}"#
    });
    let login = serve(Router::new().fallback(token)).await;
    let base = serve(echo()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "jwt-of-the-pod").unwrap();
    let entra = environment(&[("authentication.type", "entra")])
        .variable("AZURE_AUTHORITY_HOST", &login)
        .variable("AZURE_TENANT_ID", "tenant-1")
        .variable("AZURE_CLIENT_ID", "client-1")
        .variable("AZURE_FEDERATED_TOKEN_FILE", file.display().to_string());
    assert_eq!(asked(&base, &entra).await, "Bearer entra-token ");
}

type Parameters = Query<HashMap<String, String>>;

#[tokio::test]
async fn a_machine_on_azure_asks_its_metadata_service_or_app_service() {
    let machine = get(|headers: HeaderMap, Query(query): Parameters| async move {
        assert_eq!(headers["metadata"], "true");
        assert_eq!(query["api-version"], "2018-02-01");
        assert_eq!(query["resource"], "https://prometheus.monitor.azure.com");
        assert_eq!(query.get("client_id"), None);
        r#"{"access_token":"machine-token","expires_in":"86399","token_type":"Bearer"}"#
    });
    let metadata = Router::new().route("/metadata/identity/oauth2/token", machine);
    let metadata = serve(metadata).await;
    let base = serve(echo()).await;
    let of_machine = environment(&[("authentication.type", "entra")])
        .variable("AZURE_POD_IDENTITY_AUTHORITY_HOST", &metadata);
    assert_eq!(asked(&base, &of_machine).await, "Bearer machine-token ");

    let app = get(|headers: HeaderMap, Query(query): Parameters| async move {
        assert_eq!(headers["x-identity-header"], "s3cret");
        assert_eq!(query["api-version"], "2019-08-01");
        assert_eq!(query["resource"], "api://metrics");
        assert_eq!(query["client_id"], "assigned");
        r#"{"access_token":"app-token","expires_on":"4600"}"#
    });
    let endpoint = serve(Router::new().route("/msi/token", app)).await;
    let settings = [
        ("authentication.type", "entra"),
        ("authentication.scope", "api://metrics/.default"),
        ("authentication.clientId", "assigned"),
    ];
    let of_app = environment(&settings)
        .variable("IDENTITY_ENDPOINT", format!("{endpoint}/msi/token"))
        .variable("IDENTITY_HEADER", "s3cret");
    assert_eq!(asked(&base, &of_app).await, "Bearer app-token ");
}

#[tokio::test]
async fn google_s_metadata_server_is_asked_for_a_token_that_reads_metrics() {
    let token = get(|headers: HeaderMap, uri: Uri| async move {
        let scope = uri.query().unwrap_or_default().to_owned();
        match headers.get("metadata-flavor") {
            Some(_) if scope.contains("monitoring.read") => (
                StatusCode::OK,
                r#"{"access_token":"google-token","expires_in":3599}"#,
            ),
            _ => (StatusCode::FORBIDDEN, "{}"),
        }
    });
    let metadata = serve(Router::new().fallback(token)).await;
    let base = serve(echo()).await;
    let google = environment(&[("authentication.type", "google")])
        .variable("GCE_METADATA_HOST", metadata.trim_start_matches("http://"));
    assert_eq!(asked(&base, &google).await, "Bearer google-token ");
}

#[tokio::test]
async fn requests_to_aws_are_signed_with_the_keys_of_the_environment() {
    let base = serve(echo()).await;
    let settings = [
        ("authentication.type", "sigv4"),
        ("authentication.region", "eu-west-1"),
    ];
    let aws = environment(&settings)
        .variable("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .variable("AWS_SECRET_ACCESS_KEY", "secret");
    let proof = asked(&base, &aws).await;
    assert!(
        proof.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"),
        "{proof}"
    );
    assert!(proof.contains("/eu-west-1/aps/aws4_request"), "{proof}");
    let none = environment(&settings).variable("AWS_EC2_METADATA_DISABLED", "true");
    let error = client(&base, &none).get("/api").send().await.unwrap_err();
    assert!(error.to_string().contains("no AWS credentials"), "{error}");
}
