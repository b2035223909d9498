//! The engines against servers that answer by the contract of each.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::IntoResponse,
};
use kayenta_aws::AwsEnvironment;
use kayenta_secrets::SecretFiles;
use secrecy::ExposeSecret;

use crate::{FetchSettings, SecretEngines};

/// A server that gives its answers one after the other, the last one again and again, and notes requests.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    /// Status and content.
    answers: VecDeque<(u16, &'static str)>,
    seen: Vec<String>,
}

impl Server {
    async fn start(answers: &[(u16, &'static str)]) -> (Self, String) {
        let server = Self::default();
        server.0.lock().unwrap().answers.extend(answers);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (server, url)
    }

    /// Method, path, authorization and content of every request.
    fn seen(&self) -> Vec<String> {
        self.0.lock().unwrap().seen.clone()
    }
}

async fn answer(
    State(server): State<Server>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> impl IntoResponse {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let Script { answers, seen } = &mut *server.0.lock().unwrap();
    seen.push(format!(
        "{method} {uri} {} {} {body}",
        header("authorization"),
        header("x-amz-target")
    ));
    let (status, body) = match answers.len() {
        1 => answers[0],
        _ => answers.pop_front().unwrap(),
    };
    (StatusCode::from_u16(status).unwrap(), body)
}

fn settings() -> FetchSettings {
    let keys = [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "the-key"),
    ];
    FetchSettings {
        aws: AwsEnvironment::new(
            keys.map(|(name, key)| (name.to_owned(), key.to_owned())),
            None,
        ),
        ..FetchSettings::default()
    }
}

/// The secret of a reference, on a thread that may block.
async fn secret(
    engines: &Arc<SecretEngines>,
    engine: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    settings: FetchSettings,
) -> Result<String, String> {
    let engines = Arc::clone(engines);
    let fetch = move || {
        let source = engines.source(engine, parameters, || settings).unwrap()?;
        let secret = SecretFiles::default().fetch(source)?;
        Ok(secret.current().expose_secret().to_owned())
    };
    tokio::task::spawn_blocking(fetch).await.unwrap()
}

#[tokio::test]
async fn a_secret_of_aws_is_asked_for_once_with_a_signature_and_its_member_found() {
    let body =
        r#"{"Name": "kayenta", "SecretString": "{\"redis\": \"hush\", \"token\": \"hush-2\"}"}"#;
    let (server, url) = Server::start(&[(200, body)]).await;
    let engines = Arc::default();
    let settings = FetchSettings {
        secrets_manager_endpoint: Some(url),
        ..settings()
    };
    for (parameters, expected) in [
        (
            &[("r", "eu-west-1"), ("s", "kayenta"), ("k", "redis")][..],
            "hush",
        ),
        (
            &[("r", "eu-west-1"), ("s", "kayenta"), ("k", "token")],
            "hush-2",
        ),
    ] {
        let found = secret(&engines, "secrets-manager", parameters, settings.clone()).await;
        assert_eq!(found.as_deref(), Ok(expected));
    }
    let seen = server.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    for part in [
        "POST / AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/",
        "/eu-west-1/secretsmanager/aws4_request",
        "secretsmanager.GetSecretValue {\"SecretId\":\"kayenta\"}",
    ] {
        assert!(seen[0].contains(part), "{seen:?}");
    }
}

#[tokio::test]
async fn a_secret_of_google_is_asked_for_with_a_token_and_decoded() {
    let token = r#"{"access_token": "granted", "expires_in": 3600, "token_type": "Bearer"}"#;
    let payload = r#"{"name": "x", "payload": {"data": "aHVzaA=="}}"#;
    let (server, url) = Server::start(&[(200, token), (200, payload)]).await;
    let folder = tempfile::tempdir().unwrap();
    let credentials = folder.path().join("adc.json");
    let user = format!(
        r#"{{"type": "authorized_user", "client_id": "c", "client_secret": "s",
            "refresh_token": "r", "token_uri": "{url}/token"}}"#
    );
    std::fs::write(&credentials, user).unwrap();
    let settings = FetchSettings {
        google_credentials: Some(credentials),
        google_secret_manager_endpoint: Some(url),
        ..settings()
    };
    let parameters = &[("p", "42"), ("s", "redis")];
    let found = secret(
        &Arc::default(),
        "google-secrets-manager",
        parameters,
        settings,
    )
    .await;
    assert_eq!(found.as_deref(), Ok("hush"));
    let asked = server.seen().pop().unwrap();
    assert!(
        asked
            .starts_with("GET /v1/projects/42/secrets/redis/versions/latest:access Bearer granted"),
        "{asked}"
    );
}

#[tokio::test]
async fn a_refusal_says_what_to_allow_and_is_not_repeated_and_a_server_that_fails_is_asked_again() {
    let denied = r#"{"__type": "com.amazon#AccessDeniedException", "Message": "not yours"}"#;
    let no_key = "<Error><Code>NoSuchKey</Code><Message>It is not there.</Message></Error>";
    for (engine, parameters, answers, words, requests) in [
        (
            "secrets-manager",
            &[("r", "eu-west-1"), ("s", "x")][..],
            &[(400, denied)][..],
            "AccessDeniedException not yours; allow secretsmanager:GetSecretValue on it",
            1,
        ),
        (
            "s3",
            &[("r", "eu-west-1"), ("b", "bucket"), ("f", "a b/c.yml")],
            &[(404, no_key)],
            "s3://bucket/a b/c.yml cannot be fetched: Status: 404",
            1,
        ),
        (
            "gcs",
            &[("b", "bucket"), ("f", "c.yml")],
            &[(403, "{}")],
            "grant Storage Object Viewer",
            1,
        ),
        (
            "gcs",
            &[("b", "bucket"), ("f", "c.yml")],
            &[(503, "")],
            "Status: 503",
            3,
        ),
    ] {
        let (server, url) = Server::start(answers).await;
        let settings = FetchSettings {
            s3_endpoint: Some(url.clone()),
            gcs_endpoint: Some(url.clone()),
            secrets_manager_endpoint: Some(url),
            ..settings()
        };
        let engines = Arc::default();
        for _ in 0..2 {
            let error = secret(&engines, engine, parameters, settings.clone())
                .await
                .unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let seen = server.seen();
        assert_eq!(seen.len(), requests, "{seen:?}");
        if engine == "s3" {
            assert!(
                seen[0].starts_with("GET /bucket/a%20b/c.yml AWS4-HMAC-SHA256 "),
                "{seen:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_was_fetched_is_kept_for_the_interval_and_asked_for_again_after_it() {
    let (server, url) = Server::start(&[(200, "first"), (200, "second")]).await;
    let settings = |refresh_interval| FetchSettings {
        gcs_endpoint: Some(url.clone()),
        refresh_interval,
        ..settings()
    };
    let engines = Arc::default();
    let parameters = &[("b", "bucket"), ("f", "token")];
    for (interval, expected) in [
        (Duration::from_secs(300), "first"),
        (Duration::from_secs(300), "first"),
        (Duration::ZERO, "second"),
    ] {
        let found = secret(&engines, "gcs", parameters, settings(interval)).await;
        assert_eq!(found.as_deref(), Ok(expected));
    }
    assert_eq!(server.seen().len(), 2);
}
