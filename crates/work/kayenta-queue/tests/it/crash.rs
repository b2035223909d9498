//! `kill -9` of a real process that writes as fast as it can: acknowledged writes are kept.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use kayenta_model::ExecutionStatus;
use kayenta_queue::{EmbeddedSettings, EmbeddedStore, ExecutionStore, SystemClock, WorkQueue};
use tempfile::TempDir;

use crate::{job, record};

const FOLDER: &str = "KAYENTA_CRASH_TEST_FOLDER";
const ROUNDS: u32 = 12;

async fn open(folder: PathBuf) -> EmbeddedStore {
    EmbeddedStore::open(&folder, EmbeddedSettings::default(), Arc::new(SystemClock))
        .await
        .unwrap()
}

/// Not a test of its own: what the killed process runs.
#[tokio::test(flavor = "multi_thread")]
async fn crashing_process() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let store = open(folder.into()).await;
    let say = |what: &str, id: &str| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n#{what} {id}")
            .and_then(|()| out.flush())
            .unwrap();
    };
    let worker = tokio::spawn({
        let store = store.clone();
        async move {
            loop {
                let taken = store.take().await.unwrap();
                let id = &taken.job.execution_id;
                let (mut record, version) = store.get(id).await.unwrap().expect("created first");
                if record.status.is_complete() {
                    // The crash came between the record and the completion of the job.
                    store.complete(&taken.lease).await.unwrap();
                    continue;
                }
                record.status = ExecutionStatus::Running;
                let version = store.save_progress(&record, version).await.unwrap();
                record.status = ExecutionStatus::Succeeded;
                store.save(&record, version).await.unwrap();
                say("done", id);
                store.complete(&taken.lease).await.unwrap();
            }
        }
    });
    let round = std::process::id();
    let writers = (0..8).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0.. {
                let id = format!("{round}-{writer}-{number}");
                store.create(&record(&id)).await.unwrap();
                say("created", &id);
                store.push(&job(&id), None).await.unwrap();
                say("pushed", &id);
            }
        })
    });
    futures::future::join_all(writers).await;
    worker.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_nine() {
    let folder = TempDir::new().unwrap();
    // Execution ids and the furthest they were reported to have come.
    let mut acknowledged: HashMap<String, String> = HashMap::new();
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::crashing_process", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let reader = std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .filter_map(|line| {
                    let (what, id) = line.strip_prefix('#')?.split_once(' ')?;
                    Some((what.to_owned(), id.to_owned()))
                })
                .collect::<Vec<_>>()
        });
        tokio::time::sleep(Duration::from_millis(150 + u64::from(round * 37 % 100))).await;
        child.kill().unwrap();
        child.wait().unwrap();
        for (what, id) in reader.join().unwrap() {
            let known = acknowledged.entry(id).or_default();
            if known != "done" {
                *known = what;
            }
        }
    }
    let store = open(folder.path().to_owned()).await;
    let mut open_jobs = 0;
    let mut done = 0;
    for (id, what) in &acknowledged {
        let (found, _) = store.get(id).await.unwrap().expect("acknowledged");
        assert_eq!(found.body, record(id).body);
        match what.as_str() {
            "done" => {
                assert_eq!(found.status, ExecutionStatus::Succeeded, "{id}");
                done += 1;
            }
            "pushed" if !found.status.is_complete() => open_jobs += 1,
            _ => {}
        }
    }
    assert!(done > 100, "only {done} executions were done in all");
    // Whatever is not complete and was acknowledged as pushed still has its job.
    // One that was taken by several killed processes waits a little and comes alone.
    let depth = store.depth().await.unwrap();
    let queued = depth.ready + depth.delayed;
    assert!(
        queued >= open_jobs,
        "{queued} jobs, {open_jobs} pushed and open"
    );
    let mut jobs = std::collections::HashSet::new();
    for _ in 0..queued {
        let taken = store.take().await.unwrap();
        store.complete(&taken.lease).await.unwrap();
        jobs.insert(taken.job.execution_id);
    }
    for (id, what) in &acknowledged {
        let (status, _) = store.status(id).await.unwrap().expect("acknowledged");
        assert!(
            what != "pushed" || status.is_complete() || jobs.contains(id),
            "{id} has lost its job"
        );
    }
    println!(
        "{ROUNDS} kills: {} acknowledged executions, {done} done, {open_jobs} still open, none lost",
        acknowledged.len()
    );
}
