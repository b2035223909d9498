use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Redirect},
    routing::{any, get},
};
use kayenta_http::{
    Credentials, HttpClient, HttpError, HttpErrorKind, HttpSettings, Transport, form_encoded,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::server::serve;

fn transport(settings: HttpSettings) -> Transport {
    Transport::new(&settings).unwrap()
}

fn client(base: &str, credentials: Credentials) -> HttpClient {
    HttpClient::builder("Store", base.parse().unwrap())
        .credentials(credentials)
        .build(&transport(HttpSettings::default()))
        .unwrap()
}

fn api_key() -> Credentials {
    Credentials::Headers(vec![("X-Api-Key".to_owned(), "secret-key".into())])
}

#[tokio::test]
async fn requests_arrive_exactly_as_encoded_and_authenticated_at_once() {
    let seen: Arc<Mutex<Vec<(String, HeaderMap, Bytes)>>> = Arc::default();
    let log = Arc::clone(&seen);
    let router = Router::new().fallback(any(
        move |uri: Uri, headers: HeaderMap, body: Bytes| async move {
            log.lock().unwrap().push((uri.to_string(), headers, body));
            "[1,2]"
        },
    ));
    let base = serve(router).await;
    let client = client(&format!("{base}/prom/"), api_key());
    let text = "avg(m{a=\"b c\",d=~\"x.*|y\"}) + 1 ' ä";
    let answer = client
        .get("/api/v1/query_range")
        .query("query", text)
        .query_some("step", None)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.json::<Vec<u8>>().unwrap(), [1, 2]);
    assert!(answer.json::<String>().is_err());
    client
        .post("/p?x=1")
        .query("y", "2")
        .json(&[1])
        .unwrap()
        .send()
        .await
        .unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(
        seen[0].0,
        format!("/prom/api/v1/query_range?query={}", form_encoded(text))
    );
    assert_eq!(seen[0].1["x-api-key"], "secret-key");
    // Other crates of a build may teach the client more encodings.
    let encodings = seen[0].1[header::ACCEPT_ENCODING].to_str().unwrap();
    assert!(
        encodings
            .split(',')
            .any(|encoding| encoding.trim() == "gzip"),
        "{encodings}"
    );
    assert_eq!(seen[1].0, "/prom/p?x=1&y=2");
    assert_eq!(seen[1].1[header::CONTENT_TYPE], "application/json");
    assert_eq!(seen[1].2, "[1]");
}

#[tokio::test]
async fn error_answers_carry_status_words_and_wait_but_no_secret() {
    let router = Router::new()
        .route(
            "/reported",
            get(|| async {
                let body = r#"{"message":"no metric for secret-key"}"#;
                (StatusCode::TOO_MANY_REQUESTS, [("Retry-After", "12")], body)
            }),
        )
        .route("/silent", get(|| async { StatusCode::BAD_GATEWAY }))
        .route(
            "/endless",
            get(|| async {
                let piece = || Ok::<_, std::io::Error>(vec![b'x'; 1 << 16]);
                let stream = futures::stream::repeat_with(piece);
                (StatusCode::FORBIDDEN, Body::from_stream(stream))
            }),
        );
    let base = serve(router).await;
    let client = client(&base, api_key());
    let error = client
        .get("/reported")
        .query("k", "secret-key")
        .query("token", "t")
        .send()
        .await
        .unwrap_err();
    let url = format!("{base}/reported?k=******&token=******");
    assert_eq!(
        error.to_string(),
        format!("Status: 429, URL: {url}, Message: no metric for ******")
    );
    assert_eq!(error.retry_after, Some(Duration::from_secs(12)));
    assert_eq!(
        error.kind,
        HttpErrorKind::Status {
            status: 429,
            url,
            reason: "no metric for ******".to_owned()
        }
    );
    let text = |error: HttpError| error.to_string();
    assert_eq!(
        text(client.get("/silent").send().await.unwrap_err()),
        format!("Status: 502, URL: {base}/silent, Message: Bad Gateway")
    );
    assert_eq!(
        text(client.get("/endless").send().await.unwrap_err()),
        format!("Status: 403, URL: {base}/endless, Message: Forbidden")
    );
}

#[tokio::test]
async fn answers_are_bounded_also_when_compressed() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&vec![b'0'; 4 << 20]).unwrap();
    let packed = packed.finish().unwrap();
    assert!(packed.len() < 10_000);
    let router = Router::new()
        .route(
            "/bomb",
            get(move || async move { ([(header::CONTENT_ENCODING, "gzip")], packed) }),
        )
        .route("/fits", get(|| async { vec![b' '; 1 << 20] }));
    let base = serve(router).await;
    let client = HttpClient::builder("Store", base.parse().unwrap())
        .build(&transport(HttpSettings {
            max_answer_bytes: 1 << 20,
            ..HttpSettings::default()
        }))
        .unwrap();
    let error = client.get("/bomb").send().await.unwrap_err();
    assert!(matches!(error.kind, HttpErrorKind::Answer { .. }));
    assert!(error.to_string().contains("larger than 1048576 bytes"));
    assert_eq!(
        client.get("/fits").send().await.unwrap().body().len(),
        1 << 20
    );
}

#[tokio::test]
async fn redirects_are_followed_but_keys_stay_at_home() {
    let keys: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
    let log = Arc::clone(&keys);
    let abroad = serve(Router::new().route(
        "/",
        get(move |headers: HeaderMap| async move {
            let key = headers.get("x-api-key");
            log.lock()
                .unwrap()
                .push(key.map(|value| value.to_str().unwrap().to_owned()));
            "abroad"
        }),
    ))
    .await;
    let router = Router::new()
        .route("/away", get(move || async move { Redirect::to(&abroad) }))
        .route("/near", get(|| async { Redirect::permanent("/here") }))
        .route(
            "/here",
            get(|headers: HeaderMap| async move { headers["x-api-key"].as_bytes().to_vec() }),
        )
        .route("/round", get(|| async { Redirect::to("/round") }))
        .route(
            "/post",
            axum::routing::post(|| async { Redirect::to("/here") }),
        )
        .route(
            "/kept",
            axum::routing::post(|| async { Redirect::temporary("/here") }),
        );
    let base = serve(router).await;
    let client = client(&base, api_key());
    let body = async |path| client.get(path).send().await.map(|a| a.body().to_vec());
    assert_eq!(body("/away").await.unwrap(), b"abroad");
    assert_eq!(*keys.lock().unwrap(), [None]);
    assert_eq!(body("/near").await.unwrap(), b"secret-key");
    let posted = client.post("/post").body("text/plain", "x").send().await;
    assert_eq!(posted.unwrap().body(), b"secret-key");
    // A POST is not sent again elsewhere.
    let kept = client.post("/kept").send().await.unwrap_err();
    assert!(matches!(
        kept.kind,
        HttpErrorKind::Status { status: 307, .. }
    ));
    let error = body("/round").await.unwrap_err();
    assert!(matches!(error.kind, HttpErrorKind::Network { .. }));
    assert!(
        error
            .to_string()
            .starts_with("Too many follow-up requests: 21")
    );
}

/// Answers every connection with these bytes and hangs up.
async fn raw(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer).await;
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn failures_say_whether_there_was_a_connection() {
    let cut = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,").await;
    let silent = raw(b"").await;
    let garbage = raw(b"SSH-2.0-OpenSSH\r\n").await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    for (base, connected, words) in [
        (cut, true, "broke off after 3 bytes"),
        (silent, true, "No answer from"),
        (garbage, true, "No answer from"),
        (refused, false, "onnection refused"),
        (
            "http://no-such-host.invalid".to_owned(),
            false,
            "No answer from",
        ),
    ] {
        let error = client(&base, Credentials::None)
            .get("/x")
            .send()
            .await
            .unwrap_err();
        let url = format!("{base}/x");
        let kind = if connected {
            HttpErrorKind::Network { url }
        } else {
            HttpErrorKind::Unreachable { url }
        };
        assert_eq!(error.kind, kind, "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn slow_servers_are_given_up_on() {
    let router = Router::new()
        .route(
            "/hangs",
            get(|| async {
                std::future::pending::<()>().await;
            }),
        )
        .route(
            "/drips",
            get(|| async {
                let drops = futures::stream::unfold((), |()| async {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    Some((Ok::<_, std::io::Error>("."), ()))
                });
                Body::from_stream(drops).into_response()
            }),
        );
    let base = serve(router).await;
    let client = HttpClient::builder("Store", base.parse().unwrap())
        .build(&transport(HttpSettings {
            read_timeout: Duration::from_millis(200),
            total_timeout: Duration::from_secs(1),
            ..HttpSettings::default()
        }))
        .unwrap();
    let hangs = client.get("/hangs").send().await.unwrap_err();
    assert!(matches!(hangs.kind, HttpErrorKind::Network { .. }));
    assert!(hangs.to_string().contains("timed out"), "{hangs}");
    let drips = client.get("/drips").send().await.unwrap_err();
    assert!(drips.to_string().contains("within 1 s"), "{drips}");
}
