//! Notifications from a running service to real receivers, also to those that are slow, wrong or away.

use std::{
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use kayenta_testkit::{
    FakePrometheus, RedisServer, Service, ServiceBuilder, eventually, redis_server::RedisOptions,
    until,
};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    operations_page,
    requests::{Caller, WINDOW, analysis, canary, config, metric},
    samples::{BINARY, embedded, embedded_service},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PATIENCE: Duration = Duration::from_secs(60);

/// One delivery.
#[derive(Clone, Debug)]
struct Delivery {
    headers: HeaderMap,
    text: String,
    body: Value,
}

impl Delivery {
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    fn id(&self) -> &str {
        self.header("webhook-id")
    }

    /// What follows the id of the execution in the id of the event.
    fn event(&self) -> &str {
        self.id().split_once('-').unwrap().1
    }
}

/// A receiver: what it was sent, and what it does next.
#[derive(Clone, Debug)]
struct Hook {
    url: String,
    seen: Arc<Mutex<Vec<Delivery>>>,
    /// Statuses of the next answers; 204 once they are used up.
    statuses: Arc<Mutex<Vec<u16>>>,
    /// How long the next answers take.
    delays: Arc<Mutex<Vec<Duration>>>,
}

impl Hook {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hook = Self {
            url: format!(
                "http://{}/services/T0/s3cr3tpath",
                listener.local_addr().unwrap()
            ),
            seen: Arc::default(),
            statuses: Arc::default(),
            delays: Arc::default(),
        };
        let shared = hook.clone();
        let answer = move |headers: HeaderMap, body: Bytes| async move {
            let text = String::from_utf8(body.to_vec()).unwrap();
            shared.seen.lock().unwrap().push(Delivery {
                headers,
                body: serde_json::from_str(&text).unwrap(),
                text,
            });
            let delay = shared.delays.lock().unwrap().pop();
            tokio::time::sleep(delay.unwrap_or_default()).await;
            let status = shared.statuses.lock().unwrap().pop().unwrap_or(204);
            axum::http::StatusCode::from_u16(status).unwrap()
        };
        let router = Router::new().route("/services/T0/s3cr3tpath", post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        hook
    }

    fn seen(&self) -> Vec<Delivery> {
        self.seen.lock().unwrap().clone()
    }

    /// The next answers, the first of them last.
    fn answers(&self, statuses: &[u16]) {
        *self.statuses.lock().unwrap() = statuses.to_vec();
    }

    fn takes(&self, delays: &[Duration]) {
        *self.delays.lock().unwrap() = delays.to_vec();
    }

    async fn receives(&self, count: usize) -> Vec<Delivery> {
        until(format!("{count} deliveries"), PATIENCE, async || {
            self.seen().len() >= count
        })
        .await;
        self.seen()
    }
}

/// An entry of `kayenta.notifications`.
fn entry(name: &str, kind: &str, hook: &Hook, more: &str) -> String {
    format!(
        "  - {{name: {name}, type: {kind}, webhookUrl: '{}'{more}}}\n",
        hook.url
    )
}

fn notifications(entries: &[String]) -> String {
    format!(
        "kayenta.ui.publicUrl: https://kayenta.example.com/\nkayenta.notifications:\n{}",
        entries.concat()
    )
}

async fn service(prometheus: &FakePrometheus, entries: &[String]) -> (Service, Caller) {
    let service = embedded_service(&prometheus.base_url(), &notifications(entries)).await;
    let caller = Caller::new(service.base_url());
    (service, caller)
}

/// A canary with one metric that fails and one that passes.
fn failing_config() -> Value {
    let metrics = [
        metric("errors", "Errors", r#"errors{v="${scope}",kind="bad"}"#),
        metric("load", "Load", r#"load{v="${scope}"}"#),
    ];
    config("checkout", &metrics, json!({"Errors": 50, "Load": 50}))
}

fn failing_canary() -> Value {
    canary(&failing_config(), "baseline", "canary", WINDOW)
}

/// Two judgements of the same hour, both above the marginal threshold.
fn two_looks() -> Value {
    analysis(&failing_config(), "baseline", "canary", WINDOW, 30)
}

fn events(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(Delivery::event).collect()
}

fn is_signed(delivery: &Delivery) -> bool {
    let key = BASE64_STANDARD
        .decode(SECRET.strip_prefix("whsec_").unwrap())
        .unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let (id, at) = (delivery.id(), delivery.header("webhook-timestamp"));
    mac.update(format!("{id}.{at}.{}", delivery.text).as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    delivery.header("webhook-signature") == format!("v1,{signature}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_canary_is_told_in_every_form_with_its_reasons_and_the_link_to_its_page() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let (signed, cloud, slack, teams, other) = (
        Hook::start().await,
        Hook::start().await,
        Hook::start().await,
        Hook::start().await,
        Hook::start().await,
    );
    let (service, caller) = service(
        &prometheus,
        &[
            entry(
                "signed",
                "webhook",
                &signed,
                &format!(", secret: {SECRET}, headers: {{X-Team: shop}}"),
            ),
            entry(
                "cloud",
                "cloudevents",
                &cloud,
                ", verdicts: [failed, terminal]",
            ),
            entry("slack", "slack", &slack, ", configs: ['check*']"),
            entry("teams", "teams", &teams, ""),
            entry("other", "webhook", &other, ", verdicts: [passed]"),
        ],
    )
    .await;
    let id = caller.start("/canary", &failing_canary()).await.unwrap();
    let page = format!("https://kayenta.example.com/ui/runs/{id}");

    let reported = signed.receives(1).await.remove(0);
    assert_eq!(reported.id(), format!("{id}-ended"));
    assert_eq!(reported.header("x-team"), "shop");
    assert!(is_signed(&reported), "{reported:?}");
    assert_eq!(reported.body["type"], "kayenta.analysis.ended");
    let data = &reported.body["data"];
    for (name, value) in [
        ("executionId", json!(id)),
        ("kind", json!("run")),
        ("verdict", json!("failed")),
        ("score", json!(50.0)),
        ("configName", json!("checkout")),
        ("url", json!(page)),
    ] {
        assert_eq!(data[name], value, "{name} in {data:#}");
    }
    let failing = &data["failingMetrics"][0];
    assert_eq!(failing["name"], "errors");
    assert_eq!(failing["classification"], "High");
    let sentence = failing["sentences"][0].as_str().unwrap();
    assert_eq!(data["failingMetrics"].as_array().unwrap().len(), 1);

    let event = cloud.receives(1).await.remove(0);
    assert_eq!(event.header("content-type"), "application/cloudevents+json");
    assert_eq!(event.body["specversion"], "1.0");
    assert_eq!(event.body["subject"], json!(id));
    assert_eq!(event.body["data"]["verdict"], "failed");

    let message = slack.receives(1).await.remove(0);
    assert!(message.headers.get("webhook-id").is_none());
    let text = message.body.to_string();
    assert!(
        text.contains(&page) && text.contains("errors (High)"),
        "{text}"
    );
    assert!(
        message.body["text"]
            .as_str()
            .unwrap()
            .ends_with("failed with score 50")
    );

    let card = teams.receives(1).await.remove(0);
    let text = card.body.to_string();
    assert!(
        text.contains("Action.OpenUrl") && text.contains(&page),
        "{text}"
    );
    assert!(
        text.contains(&sentence[..20].replace('*', "\\\\*")),
        "{text} lacks {sentence}"
    );

    assert!(other.seen().is_empty());
    let log = service.log();
    assert!(
        !log.contains("s3cr3tpath") && !log.contains("MfKQ9r8"),
        "{log}"
    );
    let (_, environment) = caller.get("/env").await.unwrap();
    let shown = environment.to_string();
    assert!(
        !shown.contains("s3cr3tpath") && !shown.contains("MfKQ9r8"),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_an_analysis_arrive_in_order_although_the_receiver_refuses_and_each_keeps_its_id()
{
    let prometheus = FakePrometheus::start().await.unwrap();
    let hook = Hook::start().await;
    hook.answers(&[404, 500]);
    let (service, caller) = service(
        &prometheus,
        &[entry(
            "ops",
            "webhook",
            &hook,
            ", events: [started, judged, ended]",
        )],
    )
    .await;
    let id = caller
        .start("/standalone_canary_analysis", &two_looks())
        .await
        .unwrap();
    let reported = hook.receives(6).await;
    assert_eq!(
        events(&reported),
        [
            "started", "started", "started", "judged-1", "judged-2", "ended"
        ]
    );
    assert!(
        reported
            .iter()
            .all(|delivery| delivery.id().starts_with(&id))
    );
    assert_eq!(reported[3].body["data"]["lookPlanned"], Value::Null);
    assert_eq!(reported[4].body["data"]["look"], 2);
    assert_eq!(reported[5].body["data"]["verdict"], "marginal");
    operations_page::check("notification refused", || service.log(), &json!(null)).await;

    // What was reported is not kept, and shows in no listing.
    let (_, listed) = caller.get("/pipelines/ids").await.unwrap();
    assert!(!listed.to_string().contains("notice"), "{listed}");
    until("every notice is done", PATIENCE, async || {
        let (_, meter) = caller.get("/metrics/queue.depth").await.unwrap();
        meter["measurements"][0]["value"] == json!(0.0) && hook.seen().len() == 6
    })
    .await;
}

/// The jobs that wait for a worker, and those under way.
async fn jobs(caller: &Caller) -> [f64; 2] {
    let mut depths = [f64::NAN; 2];
    for (depth, meter) in depths.iter_mut().zip(["ready", "unacked"]) {
        let path = format!("/metrics/queue.{meter}.depth");
        let (_, meter) = caller.get(&path).await.unwrap();
        if let Some(value) = meter["measurements"][0]["value"].as_f64() {
            *depth = value;
        }
    }
    depths
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_killed_while_it_notifies_delivers_once_more_after_its_restart() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let hook = Hook::start().await;
    hook.takes(&[Duration::from_secs(600)]);
    let (mut service, caller) = service(&prometheus, &[entry("ops", "webhook", &hook, "")]).await;
    let id = caller.start("/canary", &failing_canary()).await.unwrap();
    hook.receives(1).await;
    // The execution's own job ends first: killed before it has recorded that the notice is queued, it would queue it again.
    until("only the notice is under way", PATIENCE, async || {
        jobs(&caller).await == [0.0, 1.0]
    })
    .await;
    service.kill().await.unwrap();
    service.restart().await.unwrap();
    hook.receives(2).await;
    until("the notice is done", PATIENCE, async || {
        jobs(&caller).await == [0.0, 0.0]
    })
    .await;
    // Once more, with the id that lets the receiver see that it is the same.
    let event = format!("{id}-ended");
    let ids: Vec<_> = hook
        .seen()
        .iter()
        .map(Delivery::id)
        .map(str::to_owned)
        .collect();
    assert_eq!(ids, [event.clone(), event]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_holds_up_neither_runs_nor_other_receivers() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let (stuck, quick) = (Hook::start().await, Hook::start().await);
    stuck.takes(&[Duration::from_secs(600); 100]);
    let (_service, caller) = service(
        &prometheus,
        &[
            entry("stuck", "webhook", &stuck, ""),
            entry("quick", "webhook", &quick, ""),
        ],
    )
    .await;
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(caller.start("/canary", &failing_canary()).await.unwrap());
    }
    let reported = quick.receives(30).await;
    for id in &ids {
        let event = format!("{id}-ended");
        assert_eq!(
            reported
                .iter()
                .filter(|delivery| delivery.id() == event)
                .count(),
            1
        );
    }
    // Eight calls at a time, and no more.
    assert_eq!(stuck.receives(8).await.len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_refuses_for_good_is_a_dead_letter_that_can_be_put_back() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let hook = Hook::start().await;
    hook.answers(&[410]);
    let (service, caller) = service(&prometheus, &[entry("ops", "webhook", &hook, "")]).await;
    let id = caller.start("/canary", &failing_canary()).await.unwrap();
    let letter = eventually("a dead letter", PATIENCE, async || {
        let (_, letters) = caller.get("/admin/deadLetters").await.unwrap();
        letters.get(0).cloned().ok_or(letters)
    })
    .await;
    assert_eq!(letter["executionId"], json!(format!("notice:ops:{id}")));
    let reason = letter["reason"].as_str().unwrap();
    assert_eq!(
        reason,
        format!(
            "Receiver ops wants no more notifications, so {id}-ended was not sent: 127.0.0.1 answers 410 Gone"
        )
    );
    operations_page::check("notification given up", || service.log(), &json!(null)).await;
    let path = format!(
        "/admin/deadLetters/{}/putBack",
        letter["id"].as_str().unwrap()
    );
    assert_eq!(caller.put(&path).await.unwrap().0, 202);
    let reported = hook.receives(2).await;
    assert_eq!(reported[0].id(), reported[1].id());
    let (_, letters) = caller.get("/admin/deadLetters").await.unwrap();
    assert_eq!(letters, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_of_a_receiver_whether_it_is_slow_or_away() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let (slow, mut away) = (Hook::start().await, Hook::start().await);
    slow.takes(&[Duration::from_secs(600)]);
    away.url = "http://127.0.0.1:1/hook".to_owned();
    let (service, caller) = service(
        &prometheus,
        &[
            entry("slow", "webhook", &slow, ""),
            entry("away", "webhook", &away, ""),
        ],
    )
    .await;
    caller.start("/canary", &failing_canary()).await.unwrap();
    for name in ["slow", "away"] {
        let again = format!("it is tried again receiver={name}");
        service.logged(&again, PATIENCE).await;
    }
    operations_page::check("notification away", || service.log(), &json!(null)).await;
    // The second attempt is taken at once.
    let reported = slow.receives(2).await;
    assert_eq!(reported[0].id(), reported[1].id());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn a_notification_that_is_to_be_tried_again_outlives_a_redis_that_is_away_meanwhile() {
    let mut redis = RedisServer::start_with(RedisOptions {
        append_only: true,
        ..RedisOptions::default()
    })
    .await
    .unwrap();
    let prometheus = FakePrometheus::start().await.unwrap();
    let hook = Hook::start().await;
    hook.answers(&[500]);
    let more = notifications(&[entry("ops", "webhook", &hook, "")])
        + &format!("redis.connection: {}\n", redis.url());
    let service = embedded_service(&prometheus.base_url(), &more).await;
    let caller = Caller::new(service.base_url());
    caller.start("/canary", &failing_canary()).await.unwrap();
    hook.receives(1).await;
    let again = "it is tried again receiver=ops";
    service.logged(again, PATIENCE).await;
    redis.kill().await.unwrap();
    let since = Instant::now();
    until("the second attempt would be due", PATIENCE, async || {
        since.elapsed() > Duration::from_secs(7)
    })
    .await;
    assert_eq!(hook.seen().len(), 1);
    redis.restart().await.unwrap();
    let reported = hook.receives(2).await;
    assert_eq!(reported[0].id(), reported[1].id());
}

/// The pair list with the reasons is in the object store; the verdict is in the record of the execution.
#[tokio::test(flavor = "multi_thread")]
async fn a_notification_is_sent_without_its_reasons_while_the_object_store_is_away() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let hook = Hook::start().await;
    hook.answers(&[500]);
    let objects = tempfile::tempdir().unwrap();
    let root = "        rootFolder:";
    let path = format!("        path: {}/store\n{root}", objects.path().display());
    let yml = embedded(&prometheus.base_url()).replacen(root, &path, 1)
        + &notifications(&[entry("ops", "webhook", &hook, "")]);
    let service = ServiceBuilder::new(BINARY)
        .config(yml)
        .start()
        .await
        .unwrap();
    let caller = Caller::new(service.base_url());
    caller.start("/canary", &failing_canary()).await.unwrap();
    let reported = hook.receives(1).await;
    let reasons = |delivery: &Delivery| {
        let failing = &delivery.body["data"]["failingMetrics"][0];
        assert_eq!(failing["name"], "errors", "{failing}");
        failing["sentences"].as_array().unwrap().len()
    };
    assert!(reasons(&reported[0]) > 0, "{}", reported[0].text);
    // In the middle of the attempts.
    std::fs::rename(objects.path().join("store"), objects.path().join("away")).unwrap();
    let reported = hook.receives(2).await;
    assert_eq!(
        reported[1].body["data"]["verdict"],
        reported[0].body["data"]["verdict"]
    );
    assert_eq!(reasons(&reported[1]), 0, "{}", reported[1].text);
}

#[tokio::test(flavor = "multi_thread")]
async fn notify_test_sends_a_sample_and_says_what_the_receiver_answers() {
    let hook = Hook::start().await;
    hook.answers(&[403]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kayenta.yml");
    let text = embedded("http://127.0.0.1:9") + &notifications(&[entry("ops", "slack", &hook, "")]);
    std::fs::write(&file, text).unwrap();
    let run = async |name: &str| {
        let output = tokio::process::Command::new(BINARY)
            .args(["notify", "test", name, "--config"])
            .arg(&file)
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let (code, text) = run("ops").await;
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.starts_with("ops: not delivered after ") && text.contains("answers 403"),
        "{text}"
    );
    let (code, text) = run("ops").await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("ops: delivered in "), "{text}");
    let sent = hook.seen();
    assert_eq!(
        sent[1].body["text"],
        "Test: Canary analysis of shop failed with score 50"
    );
    let (code, text) = run("opps").await;
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("there is no receiver called opps; the receivers are ops"),
        "{text}"
    );
}

#[tokio::test]
async fn mistakes_in_receivers_are_reported_without_their_secrets() {
    let check = async |entry: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kayenta.yml");
        let text = embedded("http://127.0.0.1:9") + &format!("kayenta.notifications:\n{entry}\n");
        std::fs::write(&file, text).unwrap();
        let output = tokio::process::Command::new(BINARY)
            .arg("check-config")
            .arg(&file)
            .output()
            .await
            .unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!text.contains("s3cr3t"), "{text}");
        (output.status.code(), text)
    };
    let whole = "  - {name: ops, type: webhook, webhookUrl: 'https://h/s3cr3t'}";
    let (code, text) = check(whole).await;
    assert_eq!(code, Some(0), "{text}");
    for (entry, reported) in [
        (
            "  - {name: ops, type: webhook}".to_owned(),
            "the URL that notifications are posted to",
        ),
        (
            "  - {name: ops, type: pager, webhookUrl: 'https://h/s3cr3t'}".to_owned(),
            "pager",
        ),
        (
            "  - {name: 'a:b', type: slack, webhookUrl: 'https://h/s3cr3t'}".to_owned(),
            "letters, digits",
        ),
        (
            "  - {name: ops, type: webhook, webhookUrl: 'ftp://h/s3cr3t'}".to_owned(),
            "the URL cannot be used",
        ),
        (
            "  - {name: ops, type: webhook, webhookUrl: 'https://h/s3cr3t', secret: s3cr3t}"
                .to_owned(),
            "openssl rand -base64 32",
        ),
        (
            format!("{whole}\n{whole}"),
            "two receivers of notifications are called ops",
        ),
        (
            "  - {name: ops, type: slack, webhookUrl: 'https://h/s3cr3t', secret: s3cr3t}"
                .to_owned(),
            "not signed",
        ),
    ] {
        let (code, text) = check(&entry).await;
        assert_eq!(code, Some(1), "{entry}: {text}");
        assert!(text.contains(reported), "{entry}: {text}");
    }
}

/// A builder, so that the log of a service that does not start is seen.
#[tokio::test]
async fn a_receiver_whose_secret_signs_nothing_stops_the_start() {
    let hook = Hook::start().await;
    let config = embedded("http://127.0.0.1:9")
        + &notifications(&[entry("ops", "webhook", &hook, ", secret: nonsense")]);
    let failed = ServiceBuilder::new(BINARY)
        .config(config)
        .start()
        .await
        .unwrap_err();
    let text = format!("{failed:#}");
    assert!(
        text.contains("The receiver of notifications ops cannot be used"),
        "{text}"
    );
}
