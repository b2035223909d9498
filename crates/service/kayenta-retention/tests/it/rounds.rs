use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use kayenta_engine::{
    Account, Accounts, Engine, EngineOptions, EngineParts, RandomIds, StartComparison,
};
use kayenta_judge::{Judge, JudgeRegistry, NetflixAcaJudge};
use kayenta_model::{AccountType, ExecutionStatus, Thresholds};
use kayenta_queue::{EmbeddedSettings, EmbeddedStore, ExecutionRecord, ExecutionStore};
use kayenta_retention::{Removed, Retention};
use kayenta_settings::{RetentionAges, RetentionSettings};
use kayenta_storage::{
    DiskStore, Durability, MemoryStore, ObjectKind, ObjectRepository, ObjectStore, UPLOAD_PART,
    WriteCondition,
};
use kayenta_testkit::ManualClock;
use serde_json::json;
use ulid::Ulid;

use crate::failing_store::FailingStore;

const DAY: Duration = Duration::from_secs(86_400);

struct World {
    clock: Arc<ManualClock>,
    store: Arc<FailingStore>,
    records: EmbeddedStore,
    engine: Engine,
}

impl World {
    fn new() -> Self {
        Self::on(|clock| Arc::new(MemoryStore::with_clock(clock)))
    }

    fn on(open: impl FnOnce(Arc<ManualClock>) -> Arc<dyn ObjectStore>) -> Self {
        let clock = Arc::new(ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap()));
        let store = Arc::new(FailingStore {
            inner: open(clock.clone()),
            failures: Arc::new(AtomicUsize::new(0)),
        });
        let records = EmbeddedStore::in_memory(EmbeddedSettings::default(), clock.clone()).unwrap();
        let accounts = Arc::new(Accounts::new());
        let mut account = Account::new("mem", "memory");
        account.supported_types = vec![AccountType::ObjectStore, AccountType::ConfigurationStore];
        account.objects = Some(Arc::new(ObjectRepository::new("mem", store.clone())));
        accounts.add(account);
        let judges = JudgeRegistry::new(vec![Judge::Local(Arc::new(NetflixAcaJudge::default()))]);
        let engine = Engine::new(
            EngineParts {
                accounts,
                judges: Arc::new(judges),
                queue: Arc::new(records.clone()),
                executions: Arc::new(records.clone()),
                clock: clock.clone(),
                ids: Arc::new(RandomIds::new()),
            },
            EngineOptions::default(),
        );
        Self {
            clock,
            store,
            records,
            engine,
        }
    }

    fn days_pass(&self, days: u32) {
        self.clock.advance(days * DAY);
    }

    fn now(&self) -> DateTime<Utc> {
        kayenta_model::Clock::now(self.clock.as_ref())
    }

    async fn write(&self, kind: ObjectKind, key: &str) {
        let bytes = "[1,2,3]".into();
        let written = self
            .store
            .store(kind, key, None, bytes, WriteCondition::Always);
        written.await.unwrap();
    }

    async fn keys(&self, kind: ObjectKind) -> Vec<String> {
        let listed = self.store.list(kind).await.unwrap();
        listed.into_iter().map(|object| object.key).collect()
    }

    fn retention(&self, settings: RetentionSettings) -> Retention {
        Retention::new(settings, self.engine.clone())
    }

    /// A round, the clock moving on whenever someone waits for it.
    async fn round(&self, settings: RetentionSettings) -> Removed {
        let retention = self.retention(settings);
        let round = retention.apply();
        tokio::pin!(round);
        loop {
            tokio::select! {
                biased;
                removed = &mut round => return removed.unwrap(),
                () = tokio::task::yield_now() => {
                    self.clock.advance_to_next();
                }
            }
        }
    }

    /// The id of an execution accepted now.
    fn id(&self) -> String {
        let millis = u64::try_from(self.now().timestamp_millis()).unwrap();
        Ulid::from_parts(millis, 1).to_string()
    }
}

fn settings(ages: RetentionAges) -> RetentionSettings {
    RetentionSettings {
        ages,
        accounts: Vec::new(),
        interval: DAY,
        removals_per_second: 20,
    }
}

fn every_kind(age: Duration) -> RetentionSettings {
    settings(RetentionAges {
        metric_sets: Some(age),
        metric_set_pairs: Some(age),
        canary_archives: Some(age),
        standalone_canary_archives: Some(age),
    })
}

#[tokio::test]
async fn what_is_older_than_its_age_goes_and_what_is_younger_and_every_config_stays() {
    let world = World::new();
    for kind in ObjectKind::ALL {
        world.write(kind, "old").await;
    }
    world.days_pass(10);
    for kind in ObjectKind::ALL {
        world.write(kind, "new").await;
    }
    world.days_pass(1);
    // An archive under a name that is no id could be of any execution.
    let removed = world.round(every_kind(5 * DAY)).await;
    assert_eq!(removed.removed, 1);
    assert_eq!(
        world.keys(ObjectKind::StandaloneCanaryResultArchive).await,
        ["new"]
    );
    world.days_pass(5);
    let removed = world.round(every_kind(5 * DAY)).await;
    assert_eq!((removed.removed, removed.failed, removed.left), (7, 0, 0));
    for kind in ObjectKind::ALL {
        let left = world.keys(kind).await;
        match kind {
            ObjectKind::CanaryConfig => assert_eq!(left, ["new", "old"]),
            _ => assert!(left.is_empty(), "{kind:?}: {left:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_older_than_its_age_goes_from_the_disk_wherever_it_lies() {
    let root = tempfile::tempdir().unwrap();
    let disk = DiskStore::open(root.path(), Durability::ProcessCrash);
    let disk = disk.await.unwrap();
    let world = World::on(|_| Arc::new(disk));
    let kind = ObjectKind::MetricSetPairList;
    world.write(kind, "in-a-pack").await;
    let mut upload = world.store.upload(kind, "in-a-file").unwrap();
    upload.add(vec![b'1'; UPLOAD_PART].into()).await.unwrap();
    let written = upload.finish("2".into()).await.unwrap();
    drop(upload);
    assert_eq!(world.keys(kind).await, ["in-a-file", "in-a-pack"]);
    // The times of files are those of the machine.
    let now = written.updated - world.now();
    world.clock.advance(now.to_std().unwrap());

    world.days_pass(4);
    let removed = world.round(every_kind(5 * DAY)).await;
    assert_eq!(removed.removed, 0);
    world.days_pass(2);
    let removed = world.round(every_kind(5 * DAY)).await;
    assert_eq!((removed.removed, removed.failed), (2, 0));
    assert!(world.keys(kind).await.is_empty());
    for folder in [kind.group(), "packed/measurements", "tmp"] {
        let left = std::fs::read_dir(root.path().join(folder)).unwrap();
        assert_eq!(left.count(), 0, "{folder}");
    }
}

#[tokio::test]
async fn an_account_keeps_its_own_ages_and_0_is_for_ever() {
    let world = World::new();
    world.write(ObjectKind::MetricSetList, "a").await;
    world.write(ObjectKind::MetricSetPairList, "b").await;
    world.days_pass(10);
    let mut settings = every_kind(5 * DAY);
    settings.accounts.push((
        "mem".to_owned(),
        RetentionAges {
            metric_sets: Some(Duration::ZERO),
            metric_set_pairs: Some(20 * DAY),
            ..RetentionAges::default()
        },
    ));
    assert_eq!(world.round(settings.clone()).await.removed, 0);
    world.days_pass(11);
    assert_eq!(world.round(settings.clone()).await.removed, 1);
    assert_eq!(world.keys(ObjectKind::MetricSetList).await, ["a"]);
    assert!(settings.is_on());
    assert!(!every_kind(Duration::ZERO).is_on());
}

#[tokio::test]
async fn what_an_unfinished_execution_may_read_stays_until_it_is_over() {
    let world = World::new();
    world.write(ObjectKind::MetricSetPairList, "before").await;
    world.clock.advance(Duration::from_secs(1));
    let record = ExecutionRecord {
        id: world.id(),
        group: "app".to_owned(),
        status: ExecutionStatus::Running,
        build_time_millis: world.now().timestamp_millis(),
        has_job: true,
        body: "{}".into(),
        parts: Vec::new(),
        summary: "".into(),
    };
    let version = world.records.create(&record).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    world
        .write(ObjectKind::MetricSetPairList, "of-its-first-run")
        .await;
    world.days_pass(10);
    assert_eq!(world.round(every_kind(5 * DAY)).await.removed, 1);
    assert_eq!(
        world.keys(ObjectKind::MetricSetPairList).await,
        ["of-its-first-run"]
    );
    let over = ExecutionRecord {
        status: ExecutionStatus::Succeeded,
        ..record
    };
    world.records.save(&over, version).await.unwrap();
    assert_eq!(world.round(every_kind(5 * DAY)).await.removed, 1);
}

#[tokio::test]
async fn what_a_younger_archive_refers_to_stays_until_the_archive_is_old_too() {
    let world = World::new();
    let long_analysis = world.id();
    world.clock.advance(Duration::from_secs(1));
    world
        .write(ObjectKind::MetricSetPairList, "of-its-first-run")
        .await;
    world.days_pass(4);
    world
        .write(ObjectKind::StandaloneCanaryResultArchive, &long_analysis)
        .await;
    world.days_pass(3);
    let only_pairs = settings(RetentionAges {
        metric_set_pairs: Some(5 * DAY),
        ..RetentionAges::default()
    });
    assert_eq!(world.round(only_pairs.clone()).await.removed, 0);
    world.days_pass(3);
    assert_eq!(world.round(only_pairs).await.removed, 1);
    assert_eq!(
        world.keys(ObjectKind::StandaloneCanaryResultArchive).await,
        [long_analysis]
    );
}

#[tokio::test]
async fn the_pair_list_a_comparison_reads_stays_although_it_is_old() {
    let world = World::new();
    world.write(ObjectKind::MetricSetPairList, "compared").await;
    let config =
        json!({"name": "c", "applications": ["a"], "judge": {"name": "NetflixACAJudge-v1.0"}});
    let bytes = serde_json::to_vec(&config).unwrap().into();
    let kind = ObjectKind::CanaryConfig;
    let stored = world
        .store
        .store(kind, "config", None, bytes, WriteCondition::Always);
    stored.await.unwrap();
    world.days_pass(10);
    let start = StartComparison {
        config_id: "config".to_owned(),
        pair_list_id: "compared".to_owned(),
        thresholds: Thresholds::default(),
        override_judge_1: None,
        override_judge_2: None,
        configuration_account: None,
        storage_account: None,
    };
    world.engine.start_comparison(start).await.unwrap();
    assert_eq!(world.round(every_kind(5 * DAY)).await.removed, 0);
    assert_eq!(
        world.keys(ObjectKind::MetricSetPairList).await,
        ["compared"]
    );
}

#[tokio::test]
async fn a_store_that_fails_is_left_alone_and_the_next_round_continues() {
    let world = World::new();
    for number in 0..30 {
        world
            .write(ObjectKind::MetricSetList, &format!("{number:02}"))
            .await;
    }
    world.days_pass(10);
    world.store.failures.store(2, Ordering::SeqCst);
    let removed = world.round(every_kind(5 * DAY)).await;
    assert_eq!((removed.removed, removed.failed, removed.left), (28, 2, 0));
    world.days_pass(1);
    for number in 0..8 {
        world
            .write(ObjectKind::MetricSetPairList, &format!("{number:02}"))
            .await;
    }
    world.days_pass(10);
    world.store.failures.store(7, Ordering::SeqCst);
    let removed = world.round(every_kind(5 * DAY)).await;
    assert_eq!((removed.removed, removed.failed, removed.left), (0, 7, 3));
    world.store.failures.store(0, Ordering::SeqCst);
    assert_eq!(world.round(every_kind(5 * DAY)).await.removed, 10);
}

#[tokio::test]
async fn removals_are_paced_and_an_interrupted_round_is_continued_by_the_next() {
    let world = World::new();
    for number in 0..100 {
        world
            .write(ObjectKind::MetricSetList, &format!("{number:02}"))
            .await;
    }
    world.days_pass(10);
    let begun = world.now();
    let mut settings = every_kind(5 * DAY);
    settings.removals_per_second = 10;
    {
        let retention = world.retention(settings.clone());
        let round = retention.apply();
        tokio::pin!(round);
        while world.now() - begun < TimeDelta::seconds(3) {
            tokio::select! {
                biased;
                _ = &mut round => panic!("ten a second do not remove a hundred in three"),
                () = tokio::task::yield_now() => {
                    world.clock.advance_to_next();
                }
            }
        }
    }
    let left = world.keys(ObjectKind::MetricSetList).await.len();
    assert!((68..=71).contains(&left), "{left}");
    let removed = world.round(settings).await;
    assert_eq!(removed.removed, left);
    assert_eq!((world.now() - begun).num_seconds(), 10);
}

#[tokio::test]
async fn a_plan_says_what_would_go_and_how_much_and_removes_nothing() {
    let world = World::new();
    for number in 0..30 {
        world
            .write(ObjectKind::MetricSetList, &format!("{number:02}"))
            .await;
    }
    world.days_pass(10);
    world.write(ObjectKind::MetricSetList, "new").await;
    let only_sets = settings(RetentionAges {
        metric_sets: Some(5 * DAY),
        ..RetentionAges::default()
    });
    let plan = world.retention(only_sets).plan().await.unwrap();
    assert_eq!(plan.len(), 1);
    assert_eq!(
        (plan[0].objects(), plan[0].bytes, plan[0].expired.kept),
        (30, 210, 1)
    );
    assert_eq!(
        plan[0].to_string(),
        "mem: 30 objects of metrics, about 0.0 MiB, written 2026-01-01 00:00 to 2026-01-01 00:00; 1 stay"
    );
    assert_eq!(world.keys(ObjectKind::MetricSetList).await.len(), 31);
}
