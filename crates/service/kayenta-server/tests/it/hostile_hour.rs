//! Hostile and normal clients at once, for a while, in a control group of 256 MiB, the shipped limit.
//!
//! `KAYENTA_HOSTILE_SECONDS` says how long, 40 s if it is not set.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::join_all;
use kayenta_testkit::{FakePrometheus, Service, ServiceBuilder};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
};

use crate::{
    requests::{Caller, WINDOW, Window, canary, config, metric, metrics},
    samples::{BINARY, embedded},
};

const MIB: usize = 1 << 20;
const LIMIT: usize = 256 * MIB;

/// A control group that limits memory, removed when dropped.
struct MemoryLimit {
    group: PathBuf,
    peak: &'static str,
}

impl MemoryLimit {
    fn new(bytes: usize) -> Self {
        let name = format!("kayenta-test-{}", std::process::id());
        let version_2 = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        let (root, limit, peak) = if version_2 {
            ("/sys/fs/cgroup", "memory.max", "memory.peak")
        } else {
            (
                "/sys/fs/cgroup/memory",
                "memory.limit_in_bytes",
                "memory.max_usage_in_bytes",
            )
        };
        let group = Path::new(root).join(name);
        fs::create_dir(&group).expect("a control group can be made");
        fs::write(group.join(limit), bytes.to_string()).expect("memory can be limited");
        if version_2 {
            fs::write(group.join("memory.swap.max"), "0").expect("swap can be limited");
        }
        Self { group, peak }
    }

    /// A program that starts the service in the group.
    fn launcher(&self, folder: &Path) -> PathBuf {
        let path = folder.join("limited-kayenta");
        let script = format!(
            "#!/bin/sh\necho $$ > '{}/cgroup.procs' || exit 1\nexec '{BINARY}' \"$@\"\n",
            self.group.display()
        );
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn peak_mib(&self) -> usize {
        let text = fs::read_to_string(self.group.join(self.peak)).unwrap_or_default();
        text.trim().parse::<usize>().unwrap_or(0) / MIB
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.group);
    }
}

/// How long requests took.
#[derive(Debug, Default)]
struct Times {
    sorted: Vec<Duration>,
    failed: Vec<String>,
}

impl Times {
    fn percentile(&mut self, percent: usize) -> Duration {
        self.sorted.sort_unstable();
        let last = self.sorted.len().saturating_sub(1);
        self.sorted
            .get(last * percent / 100)
            .copied()
            .unwrap_or_default()
    }

    fn note(&mut self, began: Instant, answered: Result<(), String>) {
        match answered {
            Ok(()) => self.sorted.push(began.elapsed()),
            Err(why) => self.failed.push(why),
        }
    }
}

/// Clients that share when to end.
#[derive(Clone)]
struct Until(Arc<AtomicBool>);

impl Until {
    fn over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Everybody who is not hostile: two who post canaries and poll for the verdict, one who reads configs.
/// All requests count.
async fn normal_clients(base_url: &str, until: &Until) -> Times {
    let posts = (0..2).map(|_| post_and_poll(Caller::new(base_url), until.clone()));
    let (posts, reads) = tokio::join!(join_all(posts), read_configs(base_url, until));
    posts.into_iter().fold(reads, |mut all, times| {
        all.sorted.extend(times.sorted);
        all.failed.extend(times.failed);
        all
    })
}

fn normal_canary() -> Value {
    let metrics: Vec<_> = ["one", "two", "three"]
        .map(|name| metric(name, "errors", &format!("{name}{{v=\"${{scope}}\"}}")))
        .into();
    let config = config("normal", &metrics, json!({"errors": 100}));
    canary(&config, "baseline", "canary", WINDOW)
}

async fn post_and_poll(caller: Caller, until: Until) -> Times {
    let mut times = Times::default();
    let body = normal_canary();
    while !until.over() {
        let began = Instant::now();
        let id = match caller.post("/canary", &body).await {
            Ok((200, answer)) => {
                times.note(began, Ok(()));
                answer["canaryExecutionId"].as_str().unwrap().to_owned()
            }
            other => {
                times.note(began, Err(format!("POST /canary: {other:?}")));
                pause(Duration::from_millis(200)).await;
                continue;
            }
        };
        for _ in 0..600 {
            if until.over() {
                break;
            }
            let began = Instant::now();
            match caller.get(&format!("/canary/{id}")).await {
                Ok((200, answer)) => {
                    times.note(began, Ok(()));
                    if answer["complete"] == json!(true) {
                        let status = &answer["status"];
                        if *status != json!("succeeded") {
                            times.failed.push(format!("a run ended {status}: {answer}"));
                        }
                        break;
                    }
                }
                other => times.note(began, Err(format!("GET /canary/{id}: {other:?}"))),
            }
            pause(Duration::from_millis(100)).await;
        }
    }
    times
}

async fn read_configs(base_url: &str, until: &Until) -> Times {
    let caller = Caller::new(base_url);
    let small = config(
        "small",
        &[metric("a", "errors", "a")],
        json!({"errors": 100}),
    );
    // The second phase finds it there.
    let path = match caller.post("/canaryConfig", &small).await {
        Ok((200, answer)) => {
            format!(
                "/canaryConfig/{}",
                answer["canaryConfigId"].as_str().unwrap()
            )
        }
        _ => "/judges".to_owned(),
    };
    let mut times = Times::default();
    while !until.over() {
        let began = Instant::now();
        let answered = match caller.get(&path).await {
            Ok((200, _)) => Ok(()),
            other => Err(format!("GET {path}: {other:?}")),
        };
        times.note(began, answered);
        pause(Duration::from_millis(50)).await;
    }
    times
}

/// Asks for liveness ten times a second.
async fn probe(base_url: String, until: Until) -> Times {
    let caller = Caller::new(base_url);
    let mut times = Times::default();
    while !until.over() {
        let began = Instant::now();
        let answered = match caller.get("/health/liveness").await {
            Ok((200, _)) => Ok(()),
            other => Err(format!("liveness: {other:?}")),
        };
        times.note(began, answered);
        pause(Duration::from_millis(100)).await;
    }
    times
}

/// A metric set list of about 10 MiB.
fn big_list() -> Value {
    let values: Vec<f64> = (0..600_000_u32).map(|n| f64::from(n) * 1.000_1).collect();
    json!([{
        "name": "big", "tags": {}, "startTimeMillis": 1_605_913_200_000_u64,
        "startTimeIso": "2020-11-20T23:00:00Z", "stepMillis": 1000, "values": values,
    }])
}

/// A config of about 9 MiB, of many metrics.
fn big_config(number: usize) -> Value {
    let metrics = metrics(42_000);
    config(&format!("big-{number}"), &metrics, json!({"errors": 100}))
}

/// A client that does nothing for a while.
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

fn address(base_url: &str) -> String {
    base_url.trim_start_matches("http://").to_owned()
}

/// Bodies of 60 MiB whose end never comes.
async fn half_sent_bodies(base_url: String, until: Until) {
    while !until.over() {
        let Ok(mut client) = TcpStream::connect(address(&base_url)).await else {
            pause(Duration::from_millis(100)).await;
            continue;
        };
        let head = format!(
            "POST /metricSetList HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            60 * MIB
        );
        let _ = client.write_all(head.as_bytes()).await;
        let chunk = vec![b' '; MIB];
        for _ in 0..59 {
            let sent = tokio::time::timeout(Duration::from_secs(2), client.write_all(&chunk));
            if !matches!(sent.await, Ok(Ok(()))) {
                break;
            }
        }
        let mut answer = [0; 512];
        let _ = tokio::time::timeout(Duration::from_secs(5), client.read(&mut answer)).await;
    }
}

/// Reads a big list again and again.
async fn big_reader(base_url: String, path: String, until: Until) {
    let caller = Caller::new(base_url);
    while !until.over() {
        let _ = caller.get(&path).await;
    }
}

/// Asks for a big list and reads it through a small window, 1 KiB a second.
async fn slow_reader(base_url: String, path: String, until: Until) {
    while !until.over() {
        let socket = TcpSocket::new_v4().unwrap();
        let _ = socket.set_recv_buffer_size(4096);
        let Ok(mut client) = socket.connect(address(&base_url).parse().unwrap()).await else {
            pause(Duration::from_millis(100)).await;
            continue;
        };
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        let _ = client.write_all(head.as_bytes()).await;
        let mut some = [0; 1024];
        while !until.over() && matches!(client.read(&mut some).await, Ok(1..)) {
            pause(Duration::from_secs(1)).await;
        }
    }
}

/// Heads that never end.
async fn half_sent_heads(base_url: String, until: Until) {
    while !until.over() {
        let mut open = Vec::new();
        for _ in 0..100 {
            let Ok(mut client) = TcpStream::connect(address(&base_url)).await else {
                break;
            };
            let _ = client.write_all(b"GET /judges HTTP/1.1\r\nHost:").await;
            open.push(client);
        }
        pause(Duration::from_secs(3)).await;
    }
}

/// Half a year at step 1, which is refused, and lists of all configs.
async fn greedy_requests(base_url: String, until: Until) -> Vec<u16> {
    let caller = Caller::new(base_url);
    let config = config(
        "greedy",
        &[metric("a", "errors", "a")],
        json!({"errors": 100}),
    );
    let window = Window {
        start: "2025-01-01T00:00:00Z",
        end: "2025-07-01T00:00:00Z",
        step_seconds: 1,
    };
    let body = canary(&config, "baseline", "canary", window);
    let mut statuses = Vec::new();
    while !until.over() {
        if let Ok((status, _)) = caller.post("/canary", &body).await {
            statuses.push(status);
        }
        let _ = caller.get("/canaryConfig").await;
        pause(Duration::from_millis(500)).await;
    }
    statuses
}

/// One canary of 10,000 metrics after the other; the statuses they ended with.
async fn large_canaries(base_url: String, until: Until) -> Vec<String> {
    let caller = Caller::new(base_url);
    let metrics = metrics(10_000);
    let config = config("large", &metrics, json!({"errors": 100}));
    let body = canary(&config, "baseline", "canary", WINDOW);
    let mut ends = Vec::new();
    while !until.over() {
        let id = match caller.post("/canary", &body).await {
            Ok((200, answer)) => answer["canaryExecutionId"].as_str().unwrap().to_owned(),
            other => {
                let shown = format!("{other:?}");
                ends.push(shown.chars().take(300).collect());
                pause(Duration::from_secs(1)).await;
                continue;
            }
        };
        while !until.over() {
            pause(Duration::from_secs(1)).await;
            if let Ok((200, answer)) = caller.get(&format!("/canary/{id}")).await
                && answer["complete"] == json!(true)
            {
                let shown = format!("{} {}", answer["status"], answer["exception"]);
                ends.push(shown.chars().take(300).collect());
                break;
            }
        }
    }
    ends
}

/// Stores a big list; its path.
async fn store_big_list(caller: &Caller) -> String {
    for _ in 0..5 {
        let stored = caller.post("/metricSetList", &big_list()).await;
        if let Ok((200, answer)) = stored {
            let id = answer["metricSetListId"].as_str().unwrap();
            return format!("/metricSetList/{id}");
        }
    }
    panic!("a big list cannot be stored");
}

async fn for_a_while(until: &Until, seconds: u64) {
    pause(Duration::from_secs(seconds)).await;
    until.0.store(true, Ordering::Relaxed);
}

fn until() -> Until {
    Until(Arc::new(AtomicBool::new(false)))
}

async fn quiet(service: &Service, seconds: u64) -> (Times, Times) {
    let base_url = service.base_url();
    let until = until();
    let probes = tokio::spawn(probe(base_url.clone(), until.clone()));
    let (normal, ()) = tokio::join!(
        normal_clients(&base_url, &until),
        for_a_while(&until, seconds)
    );
    (normal, probes.await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the right to make control groups"]
async fn hostile_and_normal_clients_in_256_mib_end_no_process_and_no_run_and_liveness_is_always_answered()
 {
    let seconds = std::env::var("KAYENTA_HOSTILE_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(40);
    let prometheus = FakePrometheus::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let limit = MemoryLimit::new(LIMIT);
    let data = folder.path().join("data");
    for number in 0..24 {
        let config = data.join(format!("objects/kayenta/canary_config/big-{number}"));
        fs::create_dir_all(&config).unwrap();
        let text = big_config(number).to_string();
        assert!(text.len() > 8 * MIB);
        fs::write(config.join(format!("big-{number}.json")), text).unwrap();
    }
    let service = ServiceBuilder::new(limit.launcher(folder.path()))
        .config(embedded(&prometheus.base_url()))
        .data_dir(&data)
        .patience(Duration::from_secs(60))
        .start()
        .await
        .unwrap();
    let caller = Caller::patient(service.base_url(), Duration::from_secs(60));
    let idle = service.resident_kib().unwrap() / 1024;
    let list = store_big_list(&caller).await;
    let (mut before, mut probed_before) = quiet(&service, 15).await;
    assert_eq!(before.failed, [""; 0]);

    let until = until();
    let base_url = service.base_url();
    let mut hostile: Vec<JoinHandle<()>> = Vec::new();
    for _ in 0..5 {
        hostile.push(tokio::spawn(half_sent_bodies(
            base_url.clone(),
            until.clone(),
        )));
    }
    for _ in 0..8 {
        let (path, until) = (list.clone(), until.clone());
        hostile.push(tokio::spawn(big_reader(base_url.clone(), path, until)));
    }
    for _ in 0..20 {
        let (path, until) = (list.clone(), until.clone());
        hostile.push(tokio::spawn(slow_reader(base_url.clone(), path, until)));
    }
    hostile.push(tokio::spawn(half_sent_heads(
        base_url.clone(),
        until.clone(),
    )));
    let greedy = tokio::spawn(greedy_requests(base_url.clone(), until.clone()));
    let large = tokio::spawn(large_canaries(base_url.clone(), until.clone()));
    let probes = tokio::spawn(probe(base_url.clone(), until.clone()));
    let (mut during, ()) = tokio::join!(
        normal_clients(&base_url, &until),
        for_a_while(&until, seconds)
    );
    let mut probed = probes.await.unwrap();
    let refused = greedy.await.unwrap();
    let large = large.await.unwrap();
    for client in hostile {
        client.abort();
    }
    let peak = limit.peak_mib();
    pause(Duration::from_secs(15)).await;
    let after = service.resident_kib().map(|kib| kib / 1024);

    println!("{seconds} s, large canaries: {large:?}");
    println!("resident: idle {idle} MiB, peak of the group {peak} MiB, 15 s after {after:?} MiB");
    for (name, times, earlier) in [
        ("normal requests", &mut during, &mut before),
        ("liveness", &mut probed, &mut probed_before),
    ] {
        println!(
            "{name}: {} in time, {} not; p50 {:?} (quiet {:?}), p99 {:?} (quiet {:?}), slowest {:?}",
            times.sorted.len(),
            times.failed.len(),
            times.percentile(50),
            earlier.percentile(50),
            times.percentile(99),
            earlier.percentile(99),
            times.percentile(100),
        );
    }
    for (index, why) in during.failed.iter().chain(&probed.failed).enumerate() {
        if index < 20 {
            println!("failed: {}", why.chars().take(400).collect::<String>());
        }
    }
    assert!(
        service.id().is_some() && after.is_ok(),
        "it died: {}",
        service.log()
    );
    assert!(
        refused
            .iter()
            .all(|status| *status == 400 || *status == 503)
    );
    assert_eq!(probed.failed, [""; 0]);
    // Others have the memory; no run of a normal client ends otherwise than well.
    let is_busy = |why: &String| why.contains("503") && why.contains("kayenta.memory.budget");
    assert!(during.failed.iter().all(is_busy));
}
