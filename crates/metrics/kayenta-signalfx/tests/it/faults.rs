//! Back ends that misbehave.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{StatusCode, header},
    response::IntoResponse,
};
use futures::{StreamExt, stream};
use kayenta_http::RetryPolicy;
use kayenta_metrics::FetchErrorKind;
use kayenta_testkit::misbehaving_store::{BadBackEnds, Stored, assert_broken_answers_are_reported};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{
    control, data, fetch, plain, serve, store_at, store_with, streaming, ten_minutes,
};

/// Refusals are not in the suite's words but in the next test's.
#[tokio::test]
async fn broken_answers_are_reported() {
    let points = json!([{"tsId": "A", "value": 1}]);
    let healthy = [
        control("STREAM_START"),
        data(60, &points),
        control("END_OF_CHANNEL"),
    ]
    .concat();
    let mut metric = json!({"name": "m", "query": plain()});
    metric["query"]["type"] = "signalfx".into();
    assert_broken_answers_are_reported(&BadBackEnds {
        store: &|base_url, transport| Arc::new(store_with(base_url, transport)),
        metric,
        scope: ten_minutes(),
        healthy: Stored {
            content_type: "text/event-stream",
            body: healthy,
        },
        preliminaries: Vec::new(),
        secrets: &["sfx-access-token"],
    })
    .await;
}

#[tokio::test]
async fn c_signalfx_01_a_refusal_shows_what_signalfx_said_and_is_not_tried_again() {
    for (status, body, words) in [
        (
            400,
            r#"{"code":400,"context":{"line":1},"errorType":"SIGNALFLOW_INVALID","message":"bad"}"#,
            "400 SIGNALFLOW_INVALID: bad",
        ),
        (500, "<html>", "500 Internal Server Error"),
        (429, r#"{"message":"slow down"}"#, "429 slow down"),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let headers = [(header::RETRY_AFTER, "7")];
        let base =
            serve(Router::new().fallback(move || async move { (status, headers, body) })).await;
        let error = fetch(&store_at(&base), plain()).await.unwrap_err();
        let class = "SignalFxRequestError";
        assert_eq!(error.kind, FetchErrorKind::Refused { class });
        assert!(!error.kind.is_retried_by(&RetryPolicy::default()));
        assert_eq!(
            error.to_string(),
            format!(
                "An error occurred when trying to execute a SignalFlow program with \
                 program='data('request.count', filter=filter('version', \
                 'canary')).mean(by=['version']).publish()', startMs='1605913200000', \
                 endMs='1605913800000', resolution='60000' for accountName: test. Received error \
                 response: {words}"
            )
        );
    }
}

#[tokio::test]
async fn c_signalfx_02_what_is_no_stream_is_no_lack_of_data() {
    let page = || async {
        (
            [(header::CONTENT_TYPE, "text/html")],
            "<html>login</html>\n",
        )
    };
    let base = serve(Router::new().fallback(page)).await;
    let error = fetch(&store_at(&base), plain()).await.unwrap_err();
    assert!(matches!(error.kind, FetchErrorKind::Answer { .. }));
    assert!(
        error.to_string().starts_with(
            "The answer of SignalFx is not usable, it holds no events (content type text/html)"
        ),
        "{error}"
    );
    let base = streaming("event: data\ndata: [1\n\n").await;
    let error = fetch(&store_at(&base), plain()).await.unwrap_err();
    assert!(matches!(error.kind, FetchErrorKind::Answer { .. }));
    assert!(
        error.to_string().contains("its data event cannot be read"),
        "{error}"
    );
}

#[tokio::test]
async fn c_signalfx_03_a_stream_that_stops_in_the_middle_is_tried_again() {
    let begun = [
        control("STREAM_START"),
        data(60, &json!([{"tsId": "A", "value": 1}])),
    ]
    .concat();
    let base = streaming(begun.clone()).await;
    let error = fetch(&store_at(&base), plain()).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Incomplete);
    assert!(error.kind.is_retried_by(&RetryPolicy::default()));
    assert!(
        error
            .to_string()
            .starts_with("The SignalFlow stream ended before its end was announced"),
        "{error}"
    );

    // Cut within a chunk: the connection itself tells.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let _ = connection.read(&mut [0; 4096]).await;
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n";
            let answer = [head, &begun].concat();
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    });
    let error = fetch(&store_at(&base), plain()).await.unwrap_err();
    assert!(matches!(error.kind, FetchErrorKind::Network { .. }));
    assert!(error.to_string().contains("broke off after"), "{error}");
}

#[tokio::test]
async fn slow_and_huge_streams_end_at_their_bounds() {
    let silent = || async {
        let endless = stream::once(async { control("STREAM_START") })
            .chain(stream::once(std::future::pending::<String>()))
            .map(Ok::<_, std::io::Error>);
        Body::from_stream(endless).into_response()
    };
    let base = serve(Router::new().fallback(silent)).await;
    let error = fetch(&store_at(&base), plain()).await.unwrap_err();
    assert!(matches!(error.kind, FetchErrorKind::Network { .. }));

    let slow = || async {
        let pieces = [
            data(60, &json!([{"tsId": "A", "value": 1}])),
            control("END_OF_CHANNEL"),
        ];
        let dripping = stream::iter(pieces).then(|piece| async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok::<_, std::io::Error>(piece)
        });
        Body::from_stream(dripping).into_response()
    };
    let base = serve(Router::new().fallback(slow)).await;
    assert!(fetch(&store_at(&base), plain()).await.is_ok());

    let large = || async {
        let event = data(60, &json!([{"tsId": "A", "value": 1}])).repeat(1000);
        let endless = stream::repeat(event).take(100).map(Ok::<_, std::io::Error>);
        Body::from_stream(endless).into_response()
    };
    let base = serve(Router::new().fallback(large)).await;
    let error = fetch(&store_at(&base), plain()).await.unwrap_err();
    assert!(matches!(error.kind, FetchErrorKind::Answer { .. }));
    assert!(
        error.to_string().contains("larger than 4194304 bytes"),
        "{error}"
    );
}
