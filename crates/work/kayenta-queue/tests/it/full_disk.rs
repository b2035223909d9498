//! A file system without room, which a limit on the size of files stands for: nothing is lost, no worker
//! counts as dead, and the store recovers by itself.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use kayenta_model::ExecutionStatus;
use kayenta_queue::{EmbeddedSettings, EmbeddedStore, ExecutionStore, SystemClock, WorkQueue};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;

use crate::{job, record};

const FOLDER: &str = "KAYENTA_FULL_DISK_TEST_FOLDER";
const JOBS: usize = 5;

/// Lets no file grow beyond the size the work file has now, or lifts that limit.
fn limit(file: Option<&Path>) {
    let current = file.map(|file| std::fs::metadata(file).unwrap().len());
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current, maximum }).unwrap();
}

/// Not a test of its own: what the limited process runs.
#[tokio::test(flavor = "multi_thread")]
async fn limited_process() {
    let Ok(folder) = std::env::var(FOLDER).map(PathBuf::from) else {
        return;
    };
    let settings = EmbeddedSettings::default();
    let store = EmbeddedStore::open(&folder, settings, Arc::new(SystemClock))
        .await
        .unwrap();
    for number in 0..JOBS {
        let id = number.to_string();
        store.create(&record(&id)).await.unwrap();
        store.push(&job(&id), None).await.unwrap();
    }
    limit(Some(&folder.join("work.redb")));
    let began = Instant::now();
    let (mut refused, mut read) = (0, 0);
    while began.elapsed() < Duration::from_secs(8) {
        // What workers do: take, write what cannot be written, report.
        let taken = tokio::time::timeout(Duration::from_millis(300), store.take()).await;
        if let Ok(Ok(taken)) = taken {
            assert_eq!(taken.delivery, 1, "{}", taken.job.execution_id);
            let id = &taken.job.execution_id;
            if let Ok(Some((mut record, version))) = store.get(id).await {
                read += 1;
                record.status = ExecutionStatus::Running;
                record.body = vec![b'x'; 4 << 20].into();
                refused += u32::from(store.save(&record, version).await.is_err());
            }
            let _ = store.put_off(&taken.lease, None).await;
        }
    }
    assert!(refused > 3, "{refused} writes failed");
    assert!(read > 3, "{read} records were read all the while");
    limit(None);
    for _ in 0..100 {
        if store.create(&record("later")).await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    WorkQueue::check(&store).await.expect("it has recovered");
    for _ in 0..JOBS {
        let taken = store.take().await.unwrap();
        assert_eq!(taken.delivery, 1, "{}", taken.job.execution_id);
        let (record, _) = store.get(&taken.job.execution_id).await.unwrap().unwrap();
        assert_eq!(record.status, ExecutionStatus::NotStarted);
        store.complete(&taken.lease).await.unwrap();
    }
    println!("\n#recovered after {refused} failed writes and {read} reads");
}

#[test]
fn a_full_disk_kills_no_worker_and_the_store_recovers() {
    let folder = TempDir::new().unwrap();
    // The system ends a process that writes beyond the limit, unless it ignores the signal.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "full_disk::limited_process", "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("#recovered"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
