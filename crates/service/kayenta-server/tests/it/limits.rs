//! Nobody takes more than there is: memory, connections.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use kayenta_model::MetricSetPair;
use kayenta_testkit::{FakePrometheus, Service, eventually};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::{
    operations_page,
    requests::{Caller, WINDOW, Window, canary, config, metric, metrics},
    samples::embedded_service,
};

const MIB: usize = 1 << 20;

async fn limited(prometheus: &FakePrometheus, limits: &str) -> Service {
    embedded_service(&prometheus.base_url(), limits).await
}

async fn connect(service: &Service) -> TcpStream {
    let base_url = service.base_url();
    TcpStream::connect(base_url.trim_start_matches("http://"))
        .await
        .unwrap()
}

fn run() -> Value {
    let errors = metric("errors", "errors", "errors{v=\"${scope}\"}");
    let config = config("limited", &[errors], json!({"errors": 100}));
    canary(&config, "baseline", "canary", WINDOW)
}

async fn still_works(caller: &Caller) {
    let id = caller.start("/canary", &run()).await.unwrap();
    let done = caller
        .complete(&format!("/canary/{id}"), Duration::from_secs(20))
        .await;
    assert_eq!(done["status"], json!("succeeded"), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_sent_bodies_take_no_more_than_the_budget_and_others_are_asked_to_come_back() {
    const BUDGET: usize = 24 * MIB;
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = limited(&prometheus, "kayenta.memory.budget: 24MB\n").await;
    let caller = Caller::new(service.base_url());
    still_works(&caller).await;
    let before = service.resident_kib().unwrap();
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = connect(&service).await;
        clients.push(tokio::spawn(async move {
            let head = format!(
                "POST /metricSetList HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n",
                12 * MIB
            );
            client.write_all(head.as_bytes()).await.unwrap();
            // All but the end. The service may have answered before it has read everything.
            let _ = client.write_all(&vec![b' '; 11 * MIB]).await;
            let mut answer = vec![0; 4096];
            let read = client.read(&mut answer).await.unwrap_or(0);
            String::from_utf8_lossy(&answer[..read]).into_owned()
        }));
    }
    let mut refused = 0;
    for client in clients {
        let answer = tokio::time::timeout(Duration::from_secs(60), client)
            .await
            .expect("an answer in time")
            .unwrap();
        if answer.starts_with("HTTP/1.1 503") {
            assert!(answer.to_lowercase().contains("retry-after: 5"), "{answer}");
            assert!(answer.contains("kayenta.memory.budget"), "{answer}");
            refused += 1;
        } else {
            // Its body did not arrive in time.
            assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        }
    }
    assert!((1..8).contains(&refused), "{refused} of 8 were refused");
    let peak = service.peak_resident_kib().unwrap().saturating_sub(before) as usize * 1024;
    // A buffer that grows is there twice while it is copied, and the allocator keeps freed pages for a while. Without the
    // budget it would be four times as much.
    assert!(peak < 3 * BUDGET, "{} MiB more than before", peak / MIB);
    still_works(&caller).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn configs_larger_than_the_budget_together_are_listed_also_by_a_service_that_has_just_started()
 {
    const BUDGET: usize = 32 * MIB;
    const CONFIGS: usize = 24;
    let prometheus = FakePrometheus::start().await.unwrap();
    let mut service = limited(&prometheus, "kayenta.memory.budget: 32MB\n").await;
    let caller = Caller::patient(service.base_url(), Duration::from_secs(120));
    let metrics = metrics(7_000);
    for number in 0..CONFIGS {
        let large = config(&format!("large-{number}"), &metrics, json!({"errors": 100}));
        assert!(large.to_string().len() * CONFIGS > BUDGET);
        let (status, answer) = caller.post("/canaryConfig", &large).await.unwrap();
        assert_eq!(status, 200, "{answer}");
    }
    service.terminate().await.unwrap();
    service.restart().await.unwrap();
    let before = service.resident_kib().unwrap();
    let (status, list) = caller.get("/canaryConfig").await.unwrap();
    assert_eq!(status, 200, "{list}");
    assert_eq!(list.as_array().unwrap().len(), CONFIGS);
    let peak = service.peak_resident_kib().unwrap().saturating_sub(before) as usize * 1024;
    assert!(peak < 3 * BUDGET, "{} MiB more than before", peak / MIB);
    still_works(&caller).await;
}

/// Each of them needs an eighth of what there is, and in all they need twice as much.
#[tokio::test(flavor = "multi_thread")]
async fn readers_of_a_large_list_wait_for_one_another_and_are_all_served() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = limited(&prometheus, "kayenta.memory.budget: 36MB\n").await;
    let caller = Caller::patient(service.base_url(), Duration::from_secs(120));
    let values: Vec<f64> = (0..100_000_u32).map(|n| f64::from(n) * 1.000_1).collect();
    let list = json!([{
        "name": "large", "tags": {}, "startTimeMillis": 1_605_913_200_000_u64,
        "startTimeIso": "2020-11-20T23:00:00Z", "stepMillis": 1000, "values": values,
    }]);
    let size = list.to_string().len();
    assert!((MIB * 9 / 10..MIB * 3 / 2).contains(&size), "{size}");
    let (status, answer) = caller.post("/metricSetList", &list).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    let path = format!(
        "/metricSetList/{}",
        answer["metricSetListId"].as_str().unwrap()
    );
    let reads = (0..16).map(|_| caller.get(&path));
    for read in futures::future::join_all(reads).await {
        let (status, answer) = read.unwrap();
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer[0]["values"].as_array().unwrap().len(), 100_000);
    }
}

/// The folder in which the service keeps its objects.
fn objects_folder(below: &Path) -> Option<PathBuf> {
    let folders = std::fs::read_dir(below)
        .unwrap()
        .map(|entry| entry.unwrap());
    let folders = folders
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    let folders: Vec<PathBuf> = folders.collect();
    if folders.iter().any(|folder| folder.ends_with("packed")) {
        return Some(below.to_owned());
    }
    folders.iter().find_map(|folder| objects_folder(folder))
}

/// What `/prometheus` has for a gauge.
async fn gauge(service: &Service, name: &str) -> f64 {
    let url = format!("{}/prometheus", service.base_url());
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|value| value.trim().parse().ok())
        .unwrap_or_else(|| panic!("no {name} in {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_several_times_larger_than_the_budget_is_read_and_takes_little_of_it() {
    const BUDGET: usize = 16 * MIB;
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = limited(&prometheus, "kayenta.memory.budget: 16MB\n").await;
    let caller = Caller::patient(service.base_url(), Duration::from_secs(120));
    let (status, _) = caller.post("/metricSetList", &json!([{}])).await.unwrap();
    assert_eq!(status, 200);
    // Another program's, and one as this service writes it.
    let values: Vec<String> = (0..4 * BUDGET / 10).map(|n| format!("{n}.5")).collect();
    let written = format!(
        r#"[{{"name":"m","startTimeMillis":0,"endTimeMillis":0,"stepMillis":1,"values":[{}]}}]"#,
        values.join(",")
    );
    let foreign = written
        .replace(".5,", ".50,")
        .replace("\"name\"", "\n\"name\" ");
    assert!(written.len() > 3 * BUDGET);
    let folder = objects_folder(service.data_dir()).unwrap();
    for (id, text) in [("own", &written), ("foreign", &foreign)] {
        let folder = folder.join("metrics").join(id);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("metric_sets.json"), text).unwrap();
    }
    let before = service.resident_kib().unwrap();
    for id in ["foreign", "own", "own"] {
        let url = format!("{}/metricSetList/{id}", service.base_url());
        let answer = reqwest::get(url).await.unwrap();
        assert_eq!(answer.status(), 200);
        let body = answer.bytes().await.unwrap();
        assert!(body == written.as_bytes(), "{id} came back changed");
    }
    let peak = gauge(&service, "kayenta_memory_reserved_peak_bytes").await;
    assert!(peak <= (2 * MIB) as f64, "{peak} bytes were reserved");
    let resident = service.peak_resident_kib().unwrap().saturating_sub(before) as usize / 1024;
    assert!(resident < 24, "{resident} MiB more than before");

    // Clients that take nothing of it have no more, and nothing when they are gone.
    let address = service.base_url().trim_start_matches("http://").to_owned();
    let mut idle = Vec::new();
    for id in ["own", "foreign", "own"] {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut client = socket.connect(address.parse().unwrap()).await.unwrap();
        let request = format!("GET /metricSetList/{id} HTTP/1.1\r\nHost: a\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        client.read_exact(&mut [0; 512]).await.unwrap();
        idle.push(client);
    }
    let reserved = gauge(&service, "kayenta_memory_reserved_bytes").await;
    assert!(
        reserved > 0.0 && reserved <= (6 * MIB) as f64,
        "{reserved} bytes are reserved"
    );
    drop(idle);
    eventually("it is given back", Duration::from_secs(20), async || {
        let reserved = gauge(&service, "kayenta_memory_reserved_bytes").await;
        (reserved == 0.0).then_some(()).ok_or(reserved)
    })
    .await;
    still_works(&caller).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_series_exceed_the_budget_has_pages_that_say_so_and_each_metric_its_values() {
    const BUDGET: usize = 16 * MIB;
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = limited(&prometheus, "kayenta.memory.budget: 16MB\n").await;
    let caller = Caller::patient(service.base_url(), Duration::from_secs(60));
    let id = caller.start("/canary", &run()).await.unwrap();
    let done = caller
        .complete(&format!("/canary/{id}"), Duration::from_secs(20))
        .await;
    assert_eq!(done["status"], json!("succeeded"), "{done}");
    let list = done["metricSetPairListId"].as_str().unwrap();
    let path = format!("/metricSetPairList/{list}");
    let (status, mut pairs) = caller.get(&path).await.unwrap();
    assert_eq!(status, 200, "{pairs}");
    let pair_id = pairs[0]["id"].as_str().unwrap().to_owned();
    let values: Vec<f64> = (0..20_000).map(|n| f64::from(n % 7) + 0.25).collect();
    pairs[0]["values"] = json!({"control": values, "experiment": values});
    let other = |number: usize| {
        let mut other = pairs[0].clone();
        other["id"] = json!(format!("other-{number}"));
        other
    };
    let others: Vec<Value> = (0..2 * BUDGET / 200_000).map(other).collect();
    pairs.as_array_mut().unwrap().splice(0..0, others);
    let text = pairs.to_string();
    assert!(text.len() > 3 * BUDGET / 2, "{} bytes", text.len());
    let url = format!("{}{path}", service.base_url());
    let deleted = reqwest::Client::new().delete(url).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    let folder = objects_folder(service.data_dir()).unwrap();
    let folder = folder.join("metric_pairs").join(list);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("metric_set_pairs.json"), &text).unwrap();

    let (status, pair) = caller.get(&format!("{path}/{pair_id}")).await.unwrap();
    assert_eq!(status, 200, "{pair}");
    assert_eq!(pair["values"]["control"], json!(values));
    let page = async |path: &str| {
        let url = format!("{}/ui/runs/{id}{path}", service.base_url());
        let answer = reqwest::get(url).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let budget = "the budget of 16777216 bytes (kayenta.memory.budget)";
    for path in ["", "/report.html"] {
        let (status, overview) = page(path).await;
        assert_eq!(status, 200, "{overview}");
        assert!(overview.contains(budget), "{overview}");
    }
    let (status, metric) = page(&format!("?metric={pair_id}")).await;
    assert_eq!(status, 200, "{metric}");
    assert!(
        metric.contains("it rests on the series of all metrics"),
        "{metric}"
    );
    assert!(
        metric.contains(budget) && metric.contains("Chart 1"),
        "{metric}"
    );
    let (status, csv) = page(&format!("/metric.csv?metric={pair_id}")).await;
    assert_eq!((status, csv.lines().count()), (200, values.len() + 1));
    let (status, svg) = page(&format!("/metric.svg?metric={pair_id}")).await;
    assert!(
        status == 200 && svg.starts_with("<svg "),
        "{status} {svg:.500}"
    );
    let (status, what_if) = page("/what-if").await;
    assert!(
        status == 409 && what_if.contains(budget),
        "{status} {what_if}"
    );
    let (status, _) = page("/metric.csv?metric=unknown").await;
    assert_eq!(status, 404);

    let peak = gauge(&service, "kayenta_memory_reserved_peak_bytes").await;
    assert!(peak <= BUDGET as f64, "{peak} bytes were reserved");
    still_works(&caller).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_becomes_much_larger_when_it_is_read_is_refused_before_it_is_read() {
    const BUDGET: usize = 64 * MIB;
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = limited(&prometheus, "kayenta.memory.budget: 64MB\n").await;
    let caller = Caller::new(service.base_url());
    still_works(&caller).await;
    let before = service.resident_kib().unwrap();
    let objects = vec![json!({}); 600_000];
    let text = 3 * objects.len();
    let (status, answer) = caller
        .post("/metricSetList", &Value::from(objects))
        .await
        .unwrap();
    assert_eq!(status, 413, "{answer}");
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("kayenta.memory.budget"), "{message}");
    assert!(text < 2 * MIB, "it would take 250 times as much");
    let peak = service.peak_resident_kib().unwrap().saturating_sub(before) as usize * 1024;
    assert!(peak < BUDGET / 2, "{} MiB more than before", peak / MIB);
    still_works(&caller).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn small_requests_do_not_wait_while_large_ones_have_the_budget() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = limited(&prometheus, "kayenta.memory.budget: 24MB\n").await;
    let caller = Caller::new(service.base_url());
    let mut clients = Vec::new();
    let (sender, mut sent) = tokio::sync::mpsc::channel::<()>(1);
    for _ in 0..6 {
        let mut client = connect(&service).await;
        let sender = sender.clone();
        clients.push(tokio::spawn(async move {
            let head = format!(
                "POST /metricSetList HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n",
                12 * MIB
            );
            client.write_all(head.as_bytes()).await.unwrap();
            let body = vec![b' '; 11 * MIB];
            let sending = client.write_all(&body);
            // It ends only when the service takes all of it.
            let _ = tokio::time::timeout(Duration::from_millis(500), sending).await;
            drop(sender);
            // Held until the service gives up.
            let _ = client.read(&mut [0; 4096]).await;
        }));
    }
    drop(sender);
    assert!(sent.recv().await.is_none());
    let small = json!([{
        "name": "small", "tags": {}, "startTimeMillis": 1_605_913_200_000_u64,
        "startTimeIso": "2020-11-20T23:00:00Z", "stepMillis": 1000,
        "values": (0..6_000).collect::<Vec<_>>(),
    }]);
    for _ in 0..5 {
        let began = std::time::Instant::now();
        let (status, answer) = caller.post("/metricSetList", &small).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        let took = began.elapsed();
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
    still_works(&caller).await;
    for client in clients {
        client.abort();
    }
}

/// Each would have a part of the budget when it learns that it needs the other's too.
#[tokio::test(flavor = "multi_thread")]
async fn runs_that_each_need_most_of_the_budget_run_one_after_the_other() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = limited(&prometheus, "kayenta.memory.budget: 16MB\n").await;
    let caller = Caller::patient(service.base_url(), Duration::from_secs(60));
    let metrics = metrics(800);
    let config = config("large", &metrics, json!({"errors": 100}));
    let request = canary(&config, "baseline", "canary", WINDOW);
    let starts = (0..3).map(|_| caller.start("/canary", &request));
    let ids = futures::future::join_all(starts).await;
    for id in ids {
        let path = format!("/canary/{}", id.unwrap());
        let done = eventually(
            format!("{path} is complete"),
            Duration::from_secs(150),
            async || {
                // A caller, too, may have to wait for the memory that the runs have.
                let (status, answer) = caller.get(&path).await.unwrap();
                match status == 200 && answer["complete"] == json!(true) {
                    true => Ok(answer),
                    false => Err((status, answer["message"].clone())),
                }
            },
        )
        .await;
        assert_eq!(done["status"], json!("succeeded"), "{}", done["exception"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_several_times_larger_than_the_budget_is_judged_and_takes_little_of_it() {
    const BUDGET: usize = 24 * MIB;
    const METRICS: usize = 300;
    const POINTS: usize = 2_880;
    // Bytes that a value and its text count.
    const { assert!(36 * 2 * METRICS * POINTS > 2 * BUDGET) };
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = limited(&prometheus, "kayenta.memory.budget: 24MB\n").await;
    let caller = Caller::patient(service.base_url(), Duration::from_secs(120));
    let config = config("large", &metrics(METRICS), json!({"errors": 100}));
    let window = Window {
        start: "2020-11-20T00:00:00Z",
        end: "2020-11-21T00:00:00Z",
        step_seconds: 30,
    };
    let before = service.resident_kib().unwrap();
    let request = canary(&config, "baseline", "canary", window);
    let id = caller.start("/canary", &request).await.unwrap();
    let path = format!("/canary/{id}");
    let done = caller.complete(&path, Duration::from_secs(240)).await;
    assert_eq!(done["status"], json!("succeeded"), "{}", done["exception"]);
    let results = &done["result"]["judgeResult"]["results"];
    assert_eq!(results.as_array().unwrap().len(), METRICS);
    let counted = &results[METRICS - 1]["experimentMetadata"]["stats"]["count"];
    assert!(counted.as_u64().unwrap() >= POINTS as u64, "{counted}");
    let peak = gauge(&service, "kayenta_memory_reserved_peak_bytes").await;
    assert!(peak <= BUDGET as f64, "{peak} bytes were reserved");
    let resident = service.peak_resident_kib().unwrap().saturating_sub(before) as usize / 1024;
    assert!(resident < 64, "{resident} MiB more than before");

    let list = done["metricSetPairListId"].as_str().unwrap();
    let url = format!("{}/metricSetPairList/{list}", service.base_url());
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(
        text.len() > 7 * 2 * METRICS * POINTS,
        "{} bytes",
        text.len()
    );
    let pairs: Vec<MetricSetPair> = serde_json::from_str(&text).unwrap();
    let judged = results.as_array().unwrap().iter();
    let judged: Vec<_> = judged.map(|result| result["id"].as_str()).collect();
    let stored: Vec<_> = pairs.iter().map(|pair| pair.id.as_deref()).collect();
    assert_eq!(stored, judged);
    still_works(&caller).await;
}

/// C-ENG-21.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_fit_is_refused_with_the_numbers() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = limited(&prometheus, "kayenta.memory.budget: 64MB\n").await;
    let caller = Caller::new(service.base_url());
    let mut request = run();
    let scopes = &mut request["executionRequest"]["scopes"]["default"];
    for side in ["controlScope", "experimentScope"] {
        scopes[side]["start"] = json!("2025-01-01T00:00:00Z");
        scopes[side]["end"] = json!("2025-07-01T00:00:00Z");
        scopes[side]["step"] = json!(1);
    }
    let (status, answer) = caller.post("/canary", &request).await.unwrap();
    assert_eq!(status, 400, "{answer}");
    let message = answer["message"].as_str().unwrap();
    assert!(
        message
            .starts_with("The run may bring 31276800 values in 2 series (1 metrics on two sides)")
            && message.contains("the budget is 64 MiB (kayenta.memory.budget)"),
        "{message}"
    );
    operations_page::check("run beyond the budget", String::new, &answer).await;
    still_works(&caller).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_of_a_peer_probe_and_nothing_else() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let limits = "kayenta.server: {max-connections: 20, max-connections-per-peer: 12}\n";
    let service = limited(&prometheus, limits).await;
    let caller = Caller::new(service.base_url());
    let mut idle = Vec::new();
    for _ in 0..12 {
        let mut client = connect(&service).await;
        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        idle.push(client);
    }
    let beyond = || async {
        let (status, _) = caller.get("/judges").await.unwrap();
        (status == 503).then_some(()).ok_or(status)
    };
    eventually("a thirteenth is refused", Duration::from_secs(5), beyond).await;
    for _ in 0..5 {
        let (status, _) = caller.get("/health/liveness").await.unwrap();
        assert_eq!(status, 200);
        let (status, _) = caller.get("/health/readiness").await.unwrap();
        assert_eq!(status, 200);
    }
    // One too many even for a probe is closed at once.
    let mut probes = Vec::new();
    for _ in 0..8 {
        probes.push(connect(&service).await);
    }
    let mut refused = connect(&service).await;
    let read = tokio::time::timeout(Duration::from_secs(4), refused.read(&mut [0; 16])).await;
    assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
    let closed = "closed connections at once";
    service.logged(closed, Duration::from_secs(5)).await;
    drop((idle, probes));
    let works = || async {
        let (status, _) = caller.get("/judges").await.unwrap_or_default();
        (status == 200).then_some(()).ok_or(status)
    };
    eventually("there is room again", Duration::from_secs(5), works).await;
    still_works(&caller).await;
}

/// More than the system keeps for a connection.
const LARGE: usize = 24 * MIB;

/// Clients with a window of 4 KiB that read nothing of large answers.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_do_not_read_are_disconnected_and_what_they_held_is_there_for_others() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = limited(&prometheus, "kayenta.memory.budget: 256MB\n").await;
    let caller = Caller::patient(service.base_url(), Duration::from_secs(60));
    let list = json!([{"name": "n".repeat(LARGE), "tags": {}, "values": []}]);
    let (status, stored) = caller.post("/metricSetList", &list).await.unwrap();
    assert_eq!(status, 200, "{stored}");
    let path = format!(
        "/metricSetList/{}",
        stored["metricSetListId"].as_str().unwrap()
    );

    let address = service.base_url().trim_start_matches("http://").to_owned();
    let mut idle = Vec::new();
    for _ in 0..12 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut client = socket.connect(address.parse().unwrap()).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        idle.push(client);
    }
    // Everything else goes on meanwhile.
    let (status, _) = caller.get("/health/liveness").await.unwrap();
    assert_eq!(status, 200);
    still_works(&caller).await;
    let whole = eventually("there is room again", Duration::from_secs(60), async || {
        let (status, answer) = caller.get(&path).await.unwrap();
        (status == 200).then_some(answer).ok_or(status)
    })
    .await;
    assert_eq!(whole[0]["name"].as_str().unwrap().len(), LARGE);
    let mut cut = 0;
    for mut client in idle {
        let mut got = Vec::new();
        let ended = client.read_to_end(&mut got).await;
        if got.starts_with(b"HTTP/1.1 200") && got.len() < LARGE {
            cut += 1;
        } else {
            println!("not cut: {ended:?} after {} bytes", got.len());
        }
    }
    assert!(cut > 0, "no reader was disconnected");
}
