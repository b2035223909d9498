//! Nothing anybody sends, and nothing that lies in the store, makes a failure without a word or takes
//! the service down.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use kayenta_testkit::{FakePrometheus, Service};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    requests::{Caller, WINDOW, canary, config, metric},
    samples::embedded_service,
};

async fn service(prometheus: &FakePrometheus) -> Service {
    embedded_service(&prometheus.base_url(), "").await
}

fn plain_config(name: &str) -> Value {
    let errors = metric("errors", "errors", "errors{v=\"${scope}\"}");
    config(name, &[errors], json!({"errors": 100}))
}

/// Runs a canary from start to verdict: the service still does what it is for.
async fn still_works(caller: &Caller) {
    let body = canary(&plain_config("alive"), "baseline", "canary", WINDOW);
    let id = caller.start("/canary", &body).await.unwrap();
    let done = caller
        .complete(&format!("/canary/{id}"), Duration::from_secs(20))
        .await;
    assert_eq!(done["status"], json!("succeeded"), "{done}");
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json" || extension == "pack")
        {
            found.push(path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_objects_are_reported_and_end_nothing_else() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = service(&prometheus).await;
    let caller = Caller::new(service.base_url());
    let (_, stored) = caller
        .post("/canaryConfig", &plain_config("broken"))
        .await
        .unwrap();
    let config_id = stored["canaryConfigId"].as_str().unwrap().to_owned();
    let request =
        canary(&plain_config("x"), "baseline", "canary", WINDOW)["executionRequest"].clone();
    let run = caller
        .start(&format!("/canary/{config_id}"), &request)
        .await
        .unwrap();
    let done = caller
        .complete(&format!("/canary/{run}"), Duration::from_secs(20))
        .await;
    let pairs = done["metricSetPairListId"].as_str().unwrap().to_owned();

    let mut files = Vec::new();
    files_below(service.data_dir(), &mut files);
    // The config, the pack of the run and that of its archive.
    assert!(files.len() >= 3, "{files:?}");
    let deep = "[".repeat(300_000);
    let contents: [&[u8]; 8] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\"text\"",
        b"\xff\xfe\x00",
        deep.as_bytes(),
        b"{\"name\":{},\"metrics\":[null],\"applications\":[null],\"query\":7,\"values\":\"x\"}",
    ];
    for content in contents {
        for file in &files {
            std::fs::write(file, content).unwrap();
        }
        let shown = String::from_utf8_lossy(&content[..content.len().min(60)]).into_owned();
        for path in [
            "/canaryConfig".to_owned(),
            format!("/canaryConfig/{config_id}"),
            format!("/metricSetPairList/{pairs}"),
            format!("/metricSetPairList/{pairs}/one"),
            "/metricSetList".to_owned(),
            format!("/canaryResultArchive/{run}"),
            "/canaryResultArchive".to_owned(),
            format!("/canary/{run}"),
        ] {
            let (status, answer) = caller.get(&path).await.unwrap();
            assert!(
                status < 400
                    || answer["message"]
                        .as_str()
                        .is_some_and(|text| !text.is_empty()),
                "{shown}: {path} answers {status} {answer}"
            );
        }
        for path in [
            format!("/canary/{config_id}"),
            format!("/standalone_canary_analysis/{config_id}"),
            format!(
                "/judges/judge?canaryConfigId={config_id}&metricSetPairListId={pairs}\
                 &passThreshold=95&marginalThreshold=75"
            ),
        ] {
            let (status, answer) = caller.post(&path, &request).await.unwrap();
            assert!(
                status < 400
                    || answer["message"]
                        .as_str()
                        .is_some_and(|text| !text.is_empty()),
                "{shown}: {path} answers {status} {answer}"
            );
        }
    }
    still_works(&caller).await;
}

/// Sends bytes; what came back until the peer closed or had nothing more to say.
async fn exchange(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A peer that has heard enough may close while this still talks.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_header_or_nonsense_makes_a_500_without_a_message() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = service(&prometheus).await;
    let base_url = service.base_url();
    let address = base_url.trim_start_matches("http://").to_owned();
    let get = |target: &str, headers: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")
            .into_bytes()
    };
    let mut requests = vec![
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"nonsense\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /judges HTTP/1.1\r\n\r\n".to_vec(),
        b"\r\n\r\n\r\n".to_vec(),
        b"POST /canary HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"POST /canary HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n{}".to_vec(),
        b"POST /canary HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\nzz\r\n".to_vec(),
        b"POST /canary HTTP/1.1\r\nHost: x\r\nContent-Type: \xff\xfe\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}".to_vec(),
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec(),
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec(),
        b"BREW /judges HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec(),
        get("/judges", &format!("X-Long: {}\r\n", "a".repeat(200_000))),
        get("/judges", &"X-Many: 1\r\n".repeat(5_000)),
        get("/judges", "Accept: ;;;,,q=\r\n"),
        get("/judges", "Origin: \x01\r\n"),
        get("/judges", "X-Request-Id: \"><script>\r\n"),
        get("/judges", "Authorization: Basic %%%\r\n"),
        get(&format!("/{}", "a".repeat(100_000)), ""),
        get(&format!("/canaryConfig?{}", "application=a&".repeat(4_000)), ""),
        get("/canaryConfig/%ff%fe", ""),
        get("/canaryConfig/%00", ""),
        get("/canary/executions?limit=9223372036854775807&page=9223372036854775807", ""),
        get("/canary/executions?limit=0x7fffffffffffffff&page=-9223372036854775808", ""),
        get("/spectator/metrics?meterNameRegex=(((((((((((((((((((a*)*)*)*)*)*)*", ""),
        get("/metrics/x?tag=%ff", ""),
        get("/env/%F0%9F%A6%80", ""),
        get("/v3/api-docs?%", ""),
        get("/swagger-ui/..%2f..%2fetc/passwd", ""),
    ];
    for number in ["1e309", "NaN", "-1", "0x", "9223372036854775808", "%00"] {
        requests.push(
            format!(
                "POST /judges/judge?canaryConfigId=a&metricSetPairListId=b&passThreshold={number}\
                 &marginalThreshold={number} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            )
            .into_bytes(),
        );
    }
    for request in &requests {
        let shown = String::from_utf8_lossy(&request[..request.len().min(80)]).into_owned();
        let answer = exchange(&address, request).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(
            !status.starts_with('5') || answer.contains("\"message\":\"") || status == "505",
            "{shown:?} is answered {answer}"
        );
        assert!(!answer.contains("panicked"), "{shown:?}: {answer}");
    }
    println!("{} hostile requests answered", requests.len());
    assert!(!service.log().contains("panicked"), "{}", service.log());
    still_works(&Caller::new(base_url)).await;
}

/// The answer to a request that ends its connection.
async fn answer_to(address: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_to_name_one_host_and_a_path_in_utf_8() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = service(&prometheus).await;
    let base_url = service.base_url();
    let address = base_url.trim_start_matches("http://");
    for (request, status, part) in [
        (
            &b"GET /judges HTTP/1.1\r\nConnection: close\r\n\r\n"[..],
            "400",
            "The request has no Host header, which HTTP/1.1 requires.",
        ),
        (
            b"GET /judges HTTP/1.1\r\nHost: a\r\nHost: a\r\nConnection: close\r\n\r\n",
            "400",
            "The request has 2 Host headers; it must have one.",
        ),
        (
            b"GET /canaryConfig/%ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "400",
            "the URL contains bytes that are not UTF-8",
        ),
        (
            b"GET /canaryConfig/\xff\xfe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "400",
            "",
        ),
        (b"GET /judges HTTP/1.0\r\n\r\n", "200", "NetflixACAJudge"),
        (
            b"GET /judges HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "200",
            "NetflixACAJudge",
        ),
    ] {
        let answer = answer_to(address, request).await;
        let shown = String::from_utf8_lossy(request);
        assert_eq!(answer.split(' ').nth(1), Some(status), "{shown}{answer}");
        assert!(answer.contains(part), "{shown}{answer}");
    }
}
