//! `kayenta migrate copy`: the objects of one account in another, whatever the stores.
//!
//! Nothing is deleted, and nothing that was written to the target later than to the source is replaced,
//! so that a copy can be repeated while the service runs, and continued after it was interrupted.

use std::{collections::HashMap, fmt};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt, stream};
use kayenta_errors::with_causes;
use kayenta_storage::{
    ObjectKind, ObjectStore, ObjectSummary, StorageError, StoredObject, WriteCondition,
};
use serde::Serialize;

/// Objects copied at once; each is in memory meanwhile.
const AT_ONCE: usize = 16;

/// What to copy.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) kinds: Vec<ObjectKind>,
    /// Only what was written at this time or later.
    pub(crate) since: Option<DateTime<Utc>>,
    /// Says what would be copied and writes nothing.
    pub(crate) dry_run: bool,
    /// Also compares the content of what was there before.
    pub(crate) verify: bool,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CopyReport {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) dry_run: bool,
    pub(crate) groups: Vec<CopiedGroup>,
    /// What keeps the target from having what the source has.
    pub(crate) problems: Vec<Problem>,
}

/// Counts of one kind.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CopiedGroup {
    /// Its folder.
    pub(crate) group: &'static str,
    /// Objects of the source that were selected.
    pub(crate) selected: usize,
    /// Written, read back and found equal; with a dry run, what would be written.
    pub(crate) copied: usize,
    pub(crate) bytes: u64,
    /// There before; compared only with `--verify`.
    pub(crate) present: usize,
    /// Removed from the source since it was listed.
    pub(crate) vanished: usize,
}

/// An object that is not at the target as it is at the source.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    pub(crate) group: &'static str,
    pub(crate) id: String,
    pub(crate) reason: String,
}

/// What happened to one object.
enum Outcome {
    Copied(usize),
    Present,
    Vanished,
    Failed(String),
}

/// Hears of every object that is done.
pub(crate) trait Progress {
    /// So many more objects are to be looked at.
    fn found(&self, group: &'static str, objects: usize);
    /// One is done.
    fn done(&self);
}

/// One account and its objects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End<'e> {
    pub(crate) account: &'e str,
    pub(crate) store: &'e dyn ObjectStore,
}

/// Copies what is selected.
///
/// # Errors
/// When one of the stores cannot be listed.
pub(crate) async fn copy(
    from: End<'_>,
    to: End<'_>,
    selection: &Selection,
    progress: &dyn Progress,
) -> Result<CopyReport, StorageError> {
    let mut report = CopyReport {
        from: from.account.to_owned(),
        to: to.account.to_owned(),
        dry_run: selection.dry_run,
        groups: Vec::new(),
        problems: Vec::new(),
    };
    for kind in &selection.kinds {
        copy_kind(from, to, *kind, selection, progress, &mut report).await?;
    }
    Ok(report)
}

async fn copy_kind(
    from: End<'_>,
    to: End<'_>,
    kind: ObjectKind,
    selection: &Selection,
    progress: &dyn Progress,
    report: &mut CopyReport,
) -> Result<(), StorageError> {
    let mut selected = listed(from, kind).await?;
    let since = selection.since;
    selected.retain(|object| since.is_none_or(|since| object.updated >= since));
    let mut there: HashMap<String, ObjectSummary> = listed(to, kind)
        .await?
        .into_iter()
        .map(|object| (object.key.clone(), object))
        .collect();
    progress.found(kind.group(), selected.len());
    let mut group = CopiedGroup {
        group: kind.group(),
        selected: selected.len(),
        copied: 0,
        bytes: 0,
        present: 0,
        vanished: 0,
    };
    let pairs: Vec<_> = selected
        .into_iter()
        .map(|object| {
            let present = there.remove(&object.key);
            (object, present)
        })
        .collect();
    let mut outcomes = stream::iter(pairs)
        .map(|(object, present)| async move {
            let outcome = copy_one(from, to, kind, &object, present, selection).await;
            (object.key, outcome)
        })
        .buffered(AT_ONCE);
    while let Some((id, outcome)) = outcomes.next().await {
        progress.done();
        match outcome {
            Outcome::Copied(bytes) => {
                group.copied += 1;
                group.bytes += bytes as u64;
            }
            Outcome::Present => group.present += 1,
            Outcome::Vanished => group.vanished += 1,
            Outcome::Failed(reason) => report.problems.push(Problem {
                group: kind.group(),
                id,
                reason,
            }),
        }
    }
    report.groups.push(group);
    Ok(())
}

/// The objects of a kind; none where there is no container or bucket, which only a store that is opened
/// for reading reports.
async fn listed(end: End<'_>, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
    match end.store.list(kind).await {
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        listed => listed,
    }
}

async fn copy_one(
    from: End<'_>,
    to: End<'_>,
    kind: ObjectKind,
    object: &ObjectSummary,
    present: Option<ObjectSummary>,
    selection: &Selection,
) -> Outcome {
    let failed = |what: &str, error: &StorageError| {
        let cause = with_causes(error.message.clone(), error);
        Outcome::Failed(format!("{what}: {cause}"))
    };
    // What was written to the target last is the copy, or later than it: nothing has to be read.
    let up_to_date = |present: &ObjectSummary| {
        present.updated >= object.updated && present.filename == object.filename
    };
    if let Some(present) = &present
        && up_to_date(present)
        && !selection.verify
    {
        return Outcome::Present;
    }
    let source = match from.store.load_listed(kind, object).await {
        Ok(source) => source,
        Err(error) if error.is_not_found() => return Outcome::Vanished,
        Err(error) => return failed("cannot be read", &error),
    };
    let mut condition = WriteCondition::Absent;
    if let Some(present) = &present {
        match to.store.load_listed(kind, present).await {
            Ok(target) if same(&source, &target) => return Outcome::Present,
            Ok(target) if target.summary.updated > source.summary.updated => {
                return Outcome::Failed(
                    "differs; the target's was written later and is kept".to_owned(),
                );
            }
            Ok(target) => condition = WriteCondition::Unchanged(target.summary.version),
            Err(error) if error.is_not_found() => {}
            Err(error) => return failed("cannot be read from the target", &error),
        }
    }
    let bytes = source.bytes.len();
    if selection.dry_run {
        return Outcome::Copied(bytes);
    }
    let filename = source.summary.filename.clone();
    let content: Bytes = source.bytes.clone();
    let written = to
        .store
        .store(kind, &object.key, Some(&filename), content, condition)
        .await;
    if let Err(error) = written {
        return failed("cannot be written", &error);
    }
    match to.store.load(kind, &object.key).await {
        Ok(target) if same(&source, &target) => Outcome::Copied(bytes),
        Ok(_) => Outcome::Failed("differs after it was written".to_owned()),
        Err(error) => failed("cannot be read after it was written", &error),
    }
}

/// Whether both have the same content. The name of a config is part of it; not every store keeps file
/// names.
fn same(source: &StoredObject, target: &StoredObject) -> bool {
    source.bytes == target.bytes
}

impl CopyReport {
    /// Whether the target has everything that was selected.
    pub(crate) fn is_complete(&self) -> bool {
        self.problems.is_empty()
    }
}

impl fmt::Display for CopyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "COPY  {} -> {}", self.from, self.to)?;
        let copied = match self.dry_run {
            true => "to copy",
            false => "copied",
        };
        for group in &self.groups {
            write!(
                f,
                "  {:<26} {:>7} objects, {:>7} {copied}, {:>7} there already, {:>10} bytes",
                group.group, group.selected, group.copied, group.present, group.bytes
            )?;
            match group.vanished {
                0 => writeln!(f)?,
                removed => writeln!(f, ", {removed} removed meanwhile")?,
            }
        }
        for problem in &self.problems {
            writeln!(
                f,
                "  ! {}/{}: {}",
                problem.group, problem.id, problem.reason
            )?;
        }
        match (self.is_complete(), self.dry_run) {
            (true, true) => write!(
                f,
                "\nRESULT  nothing was written; run without --dry-run to copy"
            ),
            (true, false) => write!(
                f,
                "\nRESULT  complete: the target has every selected object"
            ),
            (false, _) => write!(
                f,
                "\nRESULT  incomplete: see the lines marked with !, then run it again"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kayenta_storage::MemoryStore;
    use kayenta_testkit::ManualClock;

    use super::*;

    struct Silent;

    impl Progress for Silent {
        fn found(&self, _: &'static str, _: usize) {}
        fn done(&self) {}
    }

    const ALL: Selection = Selection {
        kinds: Vec::new(),
        since: None,
        dry_run: false,
        verify: false,
    };

    struct Pair {
        clock: Arc<ManualClock>,
        old: MemoryStore,
        new: MemoryStore,
    }

    impl Pair {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::default());
            Self {
                old: MemoryStore::with_clock(Arc::clone(&clock) as _),
                new: MemoryStore::with_clock(Arc::clone(&clock) as _),
                clock,
            }
        }

        async fn put(&self, store: &MemoryStore, key: &str, text: &'static str) {
            let bytes = Bytes::from_static(text.as_bytes());
            let kind = ObjectKind::CanaryConfig;
            store
                .store(kind, key, Some("n.json"), bytes, WriteCondition::Always)
                .await
                .unwrap();
            self.clock.advance(std::time::Duration::from_secs(1));
        }

        async fn copy(&self, selection: Selection) -> CopyReport {
            let selection = Selection {
                kinds: ObjectKind::ALL.to_vec(),
                ..selection
            };
            let end = |account, store| End { account, store };
            copy(
                end("old", &self.old),
                end("new", &self.new),
                &selection,
                &Silent,
            )
            .await
            .unwrap()
        }

        async fn text(&self, key: &str) -> Bytes {
            let object = self.new.load(ObjectKind::CanaryConfig, key).await;
            object.unwrap().bytes
        }
    }

    fn counts(report: &CopyReport) -> (usize, usize, usize) {
        let group = &report.groups[0];
        (group.copied, group.present, report.problems.len())
    }

    #[tokio::test]
    async fn a_repeated_copy_takes_what_is_new_or_was_changed_at_the_source() {
        let pair = Pair::new();
        pair.put(&pair.old, "a", "{1}").await;
        pair.put(&pair.old, "b", "{2}").await;
        let dry = pair
            .copy(Selection {
                dry_run: true,
                ..ALL
            })
            .await;
        assert_eq!(counts(&dry), (2, 0, 0));
        assert!(
            pair.new
                .list(ObjectKind::CanaryConfig)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(counts(&pair.copy(ALL).await), (2, 0, 0));
        pair.clock.advance(std::time::Duration::from_secs(1));
        pair.put(&pair.old, "b", "{3}").await;
        pair.put(&pair.old, "c", "{4}").await;
        assert_eq!(counts(&pair.copy(ALL).await), (2, 1, 0));
        assert_eq!(&pair.text("b").await[..], b"{3}");
        assert_eq!(
            pair.old.list(ObjectKind::CanaryConfig).await.unwrap().len(),
            3
        );
    }

    /// The service may have been switched over already.
    #[tokio::test]
    async fn what_was_changed_at_the_target_later_is_kept_and_reported() {
        let pair = Pair::new();
        pair.put(&pair.old, "a", "{1}").await;
        pair.put(&pair.new, "a", "{2}").await;
        assert_eq!(counts(&pair.copy(ALL).await), (0, 1, 0));
        let verified = pair
            .copy(Selection {
                verify: true,
                ..ALL
            })
            .await;
        assert_eq!(counts(&verified), (0, 0, 1));
        assert!(verified.to_string().contains("canary_config/a: differs"));
        assert_eq!(&pair.text("a").await[..], b"{2}");
    }

    #[tokio::test]
    async fn since_leaves_out_what_is_older() {
        let pair = Pair::new();
        pair.put(&pair.old, "a", "{1}").await;
        let since = Some(kayenta_model::Clock::now(&*pair.clock));
        pair.put(&pair.old, "b", "{2}").await;
        assert_eq!(
            counts(&pair.copy(Selection { since, ..ALL }).await),
            (1, 0, 0)
        );
        assert_eq!(&pair.text("b").await[..], b"{2}");
    }
}
