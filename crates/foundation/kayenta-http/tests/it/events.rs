use std::time::Duration;

use axum::{
    Router,
    body::Body,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use futures::{StreamExt, stream};
use kayenta_http::{Event, HttpClient, HttpError, HttpErrorKind, HttpSettings, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::server::serve;

fn client(base: &str) -> HttpClient {
    let settings = HttpSettings {
        read_timeout: Duration::from_millis(300),
        total_timeout: Duration::from_secs(1),
        max_answer_bytes: 64 << 10,
        ..HttpSettings::default()
    };
    HttpClient::builder("Store", base.parse().unwrap())
        .build(&Transport::new(&settings).unwrap())
        .unwrap()
}

/// A body sent in these pieces.
fn body(pieces: &'static [&'static str]) -> impl IntoResponse {
    let pieces = stream::iter(pieces).then(|piece| async move {
        tokio::task::yield_now().await;
        Ok::<_, std::io::Error>(*piece)
    });
    Body::from_stream(pieces)
}

/// The events of an answer, and how it ended.
async fn events(base: &str) -> (Vec<Event>, Result<(), HttpError>) {
    let mut seen = Vec::new();
    let mut events = match client(base).get("/").events().await {
        Ok(events) => events,
        Err(error) => return (seen, Err(error)),
    };
    loop {
        match events.next().await {
            Ok(Some(event)) => seen.push(event),
            Ok(None) => return (seen, Ok(())),
            Err(error) => return (seen, Err(error)),
        }
    }
}

fn event(name: &str, data: &str) -> Event {
    Event {
        name: name.to_owned(),
        data: data.to_owned(),
    }
}

#[tokio::test]
async fn events_are_read_whatever_pieces_they_arrive_in() {
    let router = Router::new().fallback(|| async {
        body(&[
            ": a comment\n\nev",
            "ent: da",
            "ta\nid: 1\ndata: {\"a\":\ndata:  1}\n",
            "\n\r\n",
            "data: plain\r\n\r\nevent: without data\n\nretry: 5\n\n",
            "data: the last has no blank line",
        ])
    });
    let (seen, ended) = events(&serve(router).await).await;
    ended.unwrap();
    assert_eq!(
        seen,
        [
            event("data", "{\"a\":\n 1}"),
            event("message", "plain"),
            event("message", "the last has no blank line"),
        ]
    );
}

#[tokio::test]
async fn events_are_handed_out_before_the_answer_ends() {
    let router = Router::new().fallback(|| async {
        let endless =
            stream::iter(["data: 1\n\n"]).chain(stream::once(std::future::pending::<&str>()));
        Body::from_stream(endless.map(Ok::<_, std::io::Error>)).into_response()
    });
    let (seen, ended) = events(&serve(router).await).await;
    assert_eq!(seen, [event("message", "1")]);
    // A stream that falls silent is a network failure, hence tried again.
    let error = ended.unwrap_err();
    assert!(matches!(error.kind, HttpErrorKind::Network { .. }));
    assert!(
        error.to_string().contains("broke off after 9 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn endless_and_dripping_streams_end_at_their_bounds() {
    let router = Router::new()
        .route(
            "/",
            get(|| async {
                let large = stream::repeat("data: x\n\n").map(Ok::<_, std::io::Error>);
                Body::from_stream(large.ready_chunks(1000).map(|chunk| {
                    Ok::<_, std::io::Error>(
                        chunk.into_iter().map(Result::unwrap).collect::<String>(),
                    )
                }))
                .into_response()
            }),
        )
        .route(
            "/drips/",
            get(|| async {
                let drops = stream::unfold((), |()| async {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    Some((Ok::<_, std::io::Error>("."), ()))
                });
                Body::from_stream(drops).into_response()
            }),
        );
    let base = serve(router).await;
    let (seen, ended) = events(&base).await;
    let error = ended.unwrap_err();
    assert!(matches!(error.kind, HttpErrorKind::Answer { .. }));
    assert!(error.to_string().contains("larger than 65536 bytes"));
    assert!(seen.len() > 5000);
    let (_, ended) = events(&format!("{base}/drips")).await;
    let error = ended.unwrap_err();
    assert!(matches!(error.kind, HttpErrorKind::Network { .. }));
    assert!(error.to_string().contains("within 1 s"), "{error}");
}

#[tokio::test]
async fn a_stream_cut_in_the_middle_is_a_network_failure() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                          9\r\ndata: 1\n\n\r\n6\r\ndata: \r\n";
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let (seen, ended) = events(&base).await;
    assert_eq!(seen, [event("message", "1")]);
    let error = ended.unwrap_err();
    assert!(matches!(error.kind, HttpErrorKind::Network { .. }));
    assert!(
        error.to_string().contains("broke off after 15 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_no_stream_of_events_says_what_it_is() {
    let router = Router::new()
        .route(
            "/",
            get(|| async { ([(header::CONTENT_TYPE, "text/html")], "<html></html>\n") }),
        )
        .route("/nothing/", get(|| async {}))
        .route("/bytes/", get(|| async { b"data: \xff\n\n".as_slice() }))
        .route(
            "/busy/",
            get(|| async {
                let headers = [(header::RETRY_AFTER, "7")];
                (
                    StatusCode::TOO_MANY_REQUESTS,
                    headers,
                    "{\"message\":\"slow down\"}",
                )
            }),
        );
    let base = serve(router).await;
    let mut html = client(&base).get("/").events().await.unwrap();
    assert_eq!(html.next().await.unwrap(), None);
    assert_eq!(
        html.without_events().to_string(),
        format!(
            "The answer of Store is not usable, it holds no events (content type text/html) \
             (URL: {base}/)"
        )
    );
    let url = format!("{base}/nothing");
    let mut nothing = client(&url).get("/").events().await.unwrap();
    assert_eq!(nothing.next().await.unwrap(), None);
    assert_eq!(nothing.without_events().kind, HttpErrorKind::Incomplete);
    let (_, ended) = events(&format!("{base}/bytes")).await;
    let error = ended.unwrap_err();
    assert!(
        matches!(error.kind, HttpErrorKind::Answer { .. }),
        "{error:?}"
    );
    let (_, ended) = events(&format!("{base}/busy")).await;
    let error = ended.unwrap_err();
    assert!(matches!(
        error.kind,
        HttpErrorKind::Status { status: 429, .. }
    ));
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
    assert!(error.to_string().ends_with("Message: slow down"), "{error}");
}

#[tokio::test]
async fn a_secret_the_store_repeats_is_in_no_error() {
    let base = serve(Router::new().route("/", get(|| async { body(&["data: x\n\n"]) }))).await;
    let client = HttpClient::builder("Store", base.parse().unwrap())
        .secret("secret-key".into())
        .build(&Transport::new(&HttpSettings::default()).unwrap())
        .unwrap();
    let events = client.get("/").events().await.unwrap();
    for error in [
        events.unexpected("it says secret-key"),
        events.incomplete("failed: secret-key"),
    ] {
        assert!(error.to_string().contains("******"), "{error}");
        assert!(!format!("{error:?} {error}").contains("secret-key"));
    }
    assert_eq!(events.masked("no secret-key here"), "no ****** here");
}
