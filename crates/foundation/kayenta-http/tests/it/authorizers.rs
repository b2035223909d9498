use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::{any, post},
};
use chrono::DateTime;
use kayenta_http::{
    BearerFile, BearerTokens, ClientCredentials, ClientCredentialsGrant, ClientProof, Credentials,
    HttpClient, HttpErrorKind, HttpSettings, Now, Transport,
};

use crate::server::serve;

/// A token server that grants `token-1`, `token-2`…, and an API that takes the newest alone.
#[derive(Clone, Default)]
struct Granting {
    granted: Arc<AtomicUsize>,
    revoked: Arc<AtomicUsize>,
}

impl Granting {
    fn granted(&self) -> usize {
        self.granted.load(Ordering::SeqCst)
    }

    async fn serve(&self) -> String {
        let (tokens, api) = (self.clone(), self.clone());
        let token = post(move |body: Bytes| async move {
            let form = String::from_utf8(body.to_vec()).unwrap();
            let wanted =
                "grant_type=client_credentials&client_id=me&client_secret=s3cret&scope=a+b";
            if form != wanted {
                let refusal = format!(
                    r#"{{"error":"invalid_client","error_description":"not known: {form}"}}"#
                );
                return (StatusCode::BAD_REQUEST, refusal).into_response();
            }
            let number = tokens.granted.fetch_add(1, Ordering::SeqCst) + 1;
            format!(r#"{{"access_token":"token-{number}","expires_in":"600"}}"#).into_response()
        });
        let answer = any(move |headers: HeaderMap| async move {
            let newest = api.granted();
            let proof = headers
                .get("authorization")
                .map(|v| v.to_str().unwrap().to_owned());
            let good = newest > api.revoked.load(Ordering::SeqCst)
                && proof == Some(format!("Bearer token-{newest}"));
            match good {
                true => "fine".into_response(),
                false => {
                    let words = format!(
                        r#"{{"message":"{} is not known"}}"#,
                        proof.unwrap_or_default()
                    );
                    (StatusCode::UNAUTHORIZED, words).into_response()
                }
            }
        });
        serve(Router::new().route("/token", token).route("/api", answer)).await
    }
}

struct Clock(Arc<AtomicI64>);

impl Clock {
    fn now(&self) -> Now {
        let seconds = Arc::clone(&self.0);
        Arc::new(move || DateTime::from_timestamp(seconds.load(Ordering::SeqCst), 0).unwrap())
    }
}

fn transport() -> Transport {
    Transport::new(&HttpSettings::default()).unwrap()
}

fn client(base: &str, credentials: Credentials) -> HttpClient {
    HttpClient::builder("Store", base.parse().unwrap())
        .credentials(credentials)
        .build(&transport())
        .unwrap()
}

fn oauth2(base: &str, secret: &str, clock: &Clock) -> Credentials {
    let settings = ClientCredentials {
        token_url: format!("{base}/token").parse().unwrap(),
        client_id: "me".to_owned(),
        proof: ClientProof::Secret(secret.into()),
        scope: Some("a b".to_owned()),
        audience: None,
    };
    let grant = ClientCredentialsGrant::new(settings, &transport()).unwrap();
    Credentials::PerRequest(Arc::new(BearerTokens::new(grant, clock.now())))
}

#[tokio::test]
async fn a_token_is_granted_once_for_a_burst_renewed_before_its_end_and_replaced_when_refused() {
    let granting = Granting::default();
    let base = granting.serve().await;
    let clock = Clock(Arc::default());
    let client = client(&base, oauth2(&base, "s3cret", &clock));
    let burst = (0..5).map(|_| client.get("/api").send());
    for answer in futures::future::join_all(burst).await {
        assert_eq!(answer.unwrap().body(), b"fine");
    }
    assert_eq!(granting.granted(), 1);

    // A minute before the end of its ten.
    clock.0.store(539, Ordering::SeqCst);
    client.get("/api").send().await.unwrap();
    assert_eq!(granting.granted(), 1);
    clock.0.store(540, Ordering::SeqCst);
    client.get("/api").send().await.unwrap();
    assert_eq!(granting.granted(), 2);

    // Taken back before its time: one more request with another token.
    granting.revoked.store(2, Ordering::SeqCst);
    client.get("/api").send().await.unwrap();
    assert_eq!(granting.granted(), 3);

    // Refused for good: two requests, and what the server repeats of the token is masked.
    granting.revoked.store(100, Ordering::SeqCst);
    let error = client.get("/api").send().await.unwrap_err();
    assert!(matches!(
        error.kind,
        HttpErrorKind::Status { status: 401, .. }
    ));
    assert!(!error.to_string().contains("token-"), "{error}");
    assert_eq!(granting.granted(), 4);
}

#[tokio::test]
async fn a_refused_client_is_reported_in_the_servers_words_without_its_secret() {
    let granting = Granting::default();
    let base = granting.serve().await;
    let client = client(&base, oauth2(&base, "wr0ng", &Clock(Arc::default())));
    let error = client.get("/api").send().await.unwrap_err();
    assert_eq!(error.kind, HttpErrorKind::Invalid);
    let text = error.to_string();
    assert!(text.contains("no token: Status: 400"), "{text}");
    assert!(text.contains("invalid_client: not known"), "{text}");
    assert!(!text.contains("wr0ng"), "{text}");
}

#[tokio::test]
async fn a_token_server_that_is_down_is_worth_another_attempt() {
    let clock = Clock(Arc::default());
    let client = client(
        "http://127.0.0.1:1",
        oauth2("http://127.0.0.1:1", "s", &clock),
    );
    let error = client.get("/api").send().await.unwrap_err();
    assert!(
        matches!(error.kind, HttpErrorKind::Unreachable { .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("there are no credentials"),
        "{error}"
    );
}

#[tokio::test]
async fn a_token_in_a_file_is_read_anew_and_stays_with_its_host() {
    let proofs = any(|headers: HeaderMap| async move {
        let proof = headers.get("authorization");
        proof.map_or("none".to_owned(), |v| v.to_str().unwrap().to_owned())
    });
    let foreign = serve(Router::new().fallback(proofs.clone())).await;
    // Another name of the same machine is another host.
    let foreign = foreign.replace("127.0.0.1", "localhost");
    let away = any(move || async move { Response::from(Redirect::to(&foreign).into_response()) });
    let base = serve(Router::new().route("/away", away).fallback(proofs)).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let client = client(
        &base,
        Credentials::PerRequest(Arc::new(BearerFile::new(path.clone()))),
    );
    let error = client.get("/").send().await.unwrap_err();
    assert!(error.to_string().contains("cannot be used"), "{error}");
    for token in ["one", "two"] {
        std::fs::write(&path, format!("{token}\n")).unwrap();
        let answer = client.get("/").send().await.unwrap();
        assert_eq!(answer.body(), format!("Bearer {token}").as_bytes());
    }
    assert_eq!(client.get("/away").send().await.unwrap().body(), b"none");
}
