//! `kill -9` of a random replica every second while runs are in flight: each accepted one ends once, with
//! the score of an undisturbed run, and nothing that was stored is lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use kayenta_testkit::{RemoteStore, Service, eventually};
use serde_json::{Value, json};

use super::fleet::{Surroundings, callers, one_analysis, one_canary, three_metrics};
use crate::{
    dice::Dice,
    requests::{Caller, End},
};

const CANARIES: usize = 200;
const ANALYSES: usize = 20;
/// Deployments with different series, hence scores.
const EXPERIMENTS: [&str; 4] = ["canary", "other", "third", "fourth"];
const BETWEEN_KILLS: Duration = Duration::from_secs(1);
const LONGEST_KILLING: Duration = Duration::from_secs(25);
const FEWEST_KILLS: usize = 12;

/// Short leases, so that the dead are replaced while the test lasts, and few workers, so that runs are
/// in flight for as long. A run that killed five workers in a row is given up as a danger to them; here
/// it is not the run that kills them, and some do meet five kills.
const SETTINGS: &str = "kayenta.engine:\n  lease: 3s\n  workers: 6\n  max-deliveries: 50\n";

/// One thing to run.
#[derive(Clone, Debug)]
struct Wish {
    path: &'static str,
    body: Value,
    experiment: &'static str,
}

fn wishes() -> Vec<Wish> {
    let mut wishes = Vec::new();
    for number in 0..CANARIES + ANALYSES {
        let experiment = EXPERIMENTS[number % EXPERIMENTS.len()];
        let (path, body) = if number % (CANARIES / ANALYSES + 1) == 0 {
            one_analysis(experiment)
        } else {
            one_canary(experiment)
        };
        wishes.push(Wish {
            path,
            body,
            experiment,
        });
    }
    wishes
}

/// What was accepted, and how it ended.
#[derive(Debug, Default)]
struct Ledger {
    accepted: BTreeMap<String, Wish>,
    ended: BTreeMap<String, End>,
    configs: BTreeSet<String>,
}

impl Ledger {
    fn in_flight(&self) -> usize {
        self.accepted.len() - self.ended.len()
    }

    fn waiting(&self) -> Vec<String> {
        let ended = |path: &&String| !self.ended.contains_key(*path);
        self.accepted.keys().filter(ended).cloned().collect()
    }
}

type SharedLedger = Arc<Mutex<Ledger>>;

/// Posts until some replica accepts it. A replica killed under a request has promised nothing.
async fn accept(callers: &[Caller], wish: &Wish, first: usize) -> String {
    for turn in first.. {
        let caller = &callers[turn % callers.len()];
        match caller.post(wish.path, &wish.body).await {
            Ok((200, answer)) => {
                let id = answer["canaryExecutionId"]
                    .as_str()
                    .or_else(|| answer["canaryAnalysisExecutionId"].as_str());
                return format!("{}/{}", wish.path, id.unwrap());
            }
            Ok((status, answer)) => assert_eq!(status, 503, "{answer}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    unreachable!("there is always one more turn");
}

async fn submit_all(callers: Vec<Caller>, ledger: SharedLedger) {
    stream::iter(wishes().into_iter().enumerate())
        .for_each_concurrent(8, |(number, wish)| {
            let (callers, ledger) = (&callers, &ledger);
            async move {
                let path = accept(callers, &wish, number).await;
                ledger.lock().unwrap().accepted.insert(path, wish);
            }
        })
        .await;
}

/// Stores one config after the other through whoever answers.
async fn store_configs(callers: Vec<Caller>, ledger: SharedLedger) {
    for number in 0.. {
        let name = format!("config-{number}");
        let caller = &callers[number % callers.len()];
        if let Ok((200, _)) = caller.post("/canaryConfig", &three_metrics(&name)).await {
            ledger.lock().unwrap().configs.insert(name);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Asks for what has not ended yet, again and again, through whoever answers.
async fn watch(callers: Vec<Caller>, ledger: SharedLedger) {
    for turn in 0.. {
        let waiting = ledger.lock().unwrap().waiting();
        for path in waiting {
            let Ok((200, answer)) = callers[turn % callers.len()].get(&path).await else {
                break;
            };
            if answer["complete"] == json!(true) {
                let end = End::of(&path, &answer);
                ledger.lock().unwrap().ended.insert(path, end);
            }
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// Kills one after the other until all has ended; how many were in flight at each kill.
async fn kill_one_a_second(services: &mut [Service], ledger: &SharedLedger) -> Vec<usize> {
    let mut dice = Dice::seeded();
    let began = Instant::now();
    let mut in_flight = Vec::new();
    loop {
        tokio::time::sleep(BETWEEN_KILLS).await;
        let left = {
            let ledger = ledger.lock().unwrap();
            let all = ledger.accepted.len() == CANARIES + ANALYSES;
            (!all || ledger.in_flight() > 0).then(|| ledger.in_flight())
        };
        let Some(left) = left.filter(|_| began.elapsed() < LONGEST_KILLING) else {
            return in_flight;
        };
        let victim = &mut services[dice.below(3) as usize];
        victim.kill().await.unwrap();
        victim.run().unwrap();
        in_flight.push(left);
    }
}

async fn undisturbed_scores(caller: &Caller) -> BTreeMap<(&'static str, &'static str), Value> {
    let mut scores = BTreeMap::new();
    for experiment in EXPERIMENTS {
        for (path, body) in [one_canary(experiment), one_analysis(experiment)] {
            let id = caller.start(path, &body).await.unwrap();
            let path_of_id = format!("{path}/{id}");
            let answer = caller.complete(&path_of_id, Duration::from_secs(30)).await;
            scores.insert((path, experiment), End::of(&path_of_id, &answer).score);
        }
    }
    scores
}

/// Every key the route lists.
async fn listed(caller: &Caller, path: &str, key: &str) -> BTreeSet<String> {
    let (status, answer) = caller.get(path).await.unwrap();
    assert_eq!(status, 200, "{path}: {answer}");
    let items = answer.as_array().unwrap().iter();
    items
        .map(|item| item[key].as_str().unwrap().to_owned())
        .collect()
}

/// The runs that ended: those asked for, and those of the analyses.
fn runs(ended: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let mut runs = BTreeSet::new();
    for (path, answer) in ended {
        if let Some(id) = path.strip_prefix("/canary/") {
            runs.insert(id.to_owned());
        }
        for stage in answer["stageStatus"].as_array().into_iter().flatten() {
            runs.extend(stage["executionId"].as_str().map(str::to_owned));
        }
    }
    runs
}

/// Everything a finished run has stored is there: three metric set lists a side, pairs, archive.
async fn nothing_stored_is_lost(caller: &Caller, ended: &BTreeMap<String, Value>) -> usize {
    let sets = listed(caller, "/metricSetList", "id").await;
    let pairs = listed(caller, "/metricSetPairList", "id").await;
    let archives = listed(caller, "/canaryResultArchive", "id").await;
    let mut objects = 0;
    for id in runs(ended) {
        let (status, run) = caller.get(&format!("/pipelines/{id}")).await.unwrap();
        assert_eq!(status, 200, "{run}");
        let stages = run["stages"].as_array().unwrap();
        let of = |key: &str| -> Vec<String> {
            let ids = stages
                .iter()
                .filter_map(|stage| stage["outputs"][key].as_str());
            ids.map(str::to_owned).collect()
        };
        let (fetched, mixed) = (of("metricSetListId"), of("metricSetPairListId"));
        assert_eq!((fetched.len(), mixed.len()), (6, 1), "{run}");
        assert!(
            fetched.iter().all(|id| sets.contains(id)),
            "{id}: {fetched:?}"
        );
        assert!(mixed.iter().all(|id| pairs.contains(id)), "{id}: {mixed:?}");
        assert!(archives.contains(&id), "{id} has no archive");
        objects += 8;
    }
    for path in ended.keys() {
        if let Some(id) = path.strip_prefix("/canary/") {
            let path = format!("/canaryResultArchive/{id}");
            let (status, archived) = caller.get(&path).await.unwrap();
            assert_eq!(status, 200, "{path}: {archived}");
            assert_eq!(
                archived["endTimeMillis"],
                ended[&format!("/canary/{id}")]["endTimeMillis"]
            );
        }
    }
    objects
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and Azurite"]
async fn three_replicas_lose_nothing_to_a_kill_every_second() {
    lose_nothing_to_a_kill_every_second(RemoteStore::Azure).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and gofakes3"]
async fn three_replicas_on_s3_lose_nothing_to_a_kill_every_second() {
    lose_nothing_to_a_kill_every_second(RemoteStore::S3).await;
}

async fn lose_nothing_to_a_kill_every_second(store: RemoteStore) {
    let shared = Surroundings::on(store).await;
    let mut services = shared.replicas(3, SETTINGS).await;
    let callers = callers(&services);
    let undisturbed = undisturbed_scores(&callers[0]).await;

    // Each fetch takes a while, so that kills meet every step.
    shared.prometheus.delay_answers(Duration::from_millis(900));
    let ledger = SharedLedger::default();
    let began = Instant::now();
    let helpers = [
        tokio::spawn(store_configs(callers.clone(), Arc::clone(&ledger))),
        tokio::spawn(watch(callers.clone(), Arc::clone(&ledger))),
    ];
    let submitting = tokio::spawn(submit_all(callers.clone(), Arc::clone(&ledger)));
    let in_flight = kill_one_a_second(&mut services, &ledger).await;
    let killing = began.elapsed();
    submitting.await.unwrap();
    for service in &mut services {
        service.wait_until_healthy().await.unwrap();
    }
    let recovering = Instant::now();
    let left = ledger.lock().unwrap().waiting();
    for path in &left {
        callers[0].complete(path, Duration::from_secs(60)).await;
    }
    let recovered = recovering.elapsed();
    for helper in helpers {
        helper.abort();
        if let Err(error) = helper.await {
            assert!(error.is_cancelled(), "{error}");
        }
    }

    let ledger = std::mem::take(&mut *ledger.lock().unwrap());
    assert_eq!(ledger.accepted.len(), CANARIES + ANALYSES);
    let mut ended = BTreeMap::new();
    for (number, (path, wish)) in ledger.accepted.iter().enumerate() {
        // Each replica tells the same.
        let (_, answer) = callers[number % 3].get(path).await.unwrap();
        let end = End::of(path, &answer);
        assert_eq!(
            end.score,
            undisturbed[&(wish.path, wish.experiment)],
            "{path}"
        );
        if let Some(before) = ledger.ended.get(path) {
            assert_eq!(*before, end, "{path} ended twice");
        }
        ended.insert(path.clone(), answer);
    }
    // The last archives are written a moment after the end; the job stays until they are.
    eventually("the queue is empty", Duration::from_secs(40), async || {
        let text = callers[0].get("/prometheus").await.unwrap().1;
        let gauge = |name: &str| {
            let line = text.as_str().unwrap().lines().find(|l| l.starts_with(name));
            line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        };
        let depths = ["queue_ready_depth", "queue_depth", "queue_unacked_depth"].map(gauge);
        (depths == [Some(0.0); 3]).then_some(()).ok_or(depths)
    })
    .await;
    let objects = nothing_stored_is_lost(&callers[1], &ended).await;
    let names = listed(&callers[2], "/canaryConfig", "name").await;
    assert!(
        ledger.configs.is_subset(&names),
        "an acknowledged config is gone"
    );
    let (_, letters) = callers[0].get("/admin/deadLetters").await.unwrap();
    assert_eq!(letters, json!([]), "dead letters");
    println!(
        "kills of replicas on {store}: {} in {killing:.1?} over {CANARIES} canaries and {ANALYSES} analyses, {} in flight \
         at a kill (median); the last ended {recovered:.1?} after the last start; every one once, with \
         the undisturbed score; {objects} objects of runs and {} configs there; no dead letters",
        in_flight.len(),
        median(&in_flight),
        ledger.configs.len(),
    );
    assert!(
        in_flight.len() >= FEWEST_KILLS,
        "too few kills to mean anything"
    );
}

fn median(numbers: &[usize]) -> usize {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
