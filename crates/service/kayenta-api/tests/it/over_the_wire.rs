//! Over a real socket: what a router alone cannot show.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::fixture::{Service, service};

async fn listening() -> (Service, SocketAddr) {
    let service = service();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = service.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (service, address)
}

/// Sends bytes and reads until the peer closes.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn connections_are_kept_for_the_next_request() {
    let (_service, address) = listening().await;
    let answers = exchange(
        address,
        "GET /judges HTTP/1.1\r\nHost: x\r\n\r\n\
         GET /nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(answers.starts_with("HTTP/1.1 200 OK"));
    assert!(answers.contains("HTTP/1.1 404 Not Found"));
    assert!(answers.contains("content-length: "));
}

#[tokio::test]
async fn a_form_body_on_a_json_route_is_415_and_unread() {
    let (_service, address) = listening().await;
    let answer = exchange(
        address,
        "POST /canaryConfig HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 415"), "{answer}");
}

#[tokio::test]
async fn cancel_takes_any_body_or_none() {
    let (_service, address) = listening().await;
    for (headers, body) in [
        (
            "Content-Type: application/json\r\nContent-Length: 2\r\n",
            "\"\"",
        ),
        ("Content-Type: text/plain\r\nContent-Length: 3\r\n", "xyz"),
        ("Content-Length: 0\r\n", ""),
    ] {
        let answer = exchange(
            address,
            &format!(
                "PUT /pipelines/none/cancel HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n{body}"
            ),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        assert!(answer.contains("No pipeline found for none"));
    }
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let (_service, address) = listening().await;
    let answer = exchange(
        address,
        "HEAD /judges HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-length: "));
    assert_eq!(body, "");
}

#[tokio::test]
async fn a_chunked_body_is_read() {
    let (_service, address) = listening().await;
    let answer = exchange(
        address,
        "POST /metricSetList HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
         1\r\n[\r\n1\r\n]\r\n0\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
