//! What is on disk: the tables of `work.redb` and the changes made to them.

use std::sync::Arc;

use bytes::Bytes;
use redb::{
    Database, ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata, Table,
    TableDefinition, WriteTransaction,
};

use super::jobs::{JobRow, Millis};
use crate::{
    DeadLetter, ExecutionFilter, ExecutionRecord, Job, ListedExecution, ListingPlace, QueueError,
    QueueErrorKind, RecordVersion,
};

/// version, status, group, build time, has a job, time of completion (0 until then).
type Meta = (u64, &'static str, &'static str, i64, bool, i64);

const FORMAT: TableDefinition<&str, u64> = TableDefinition::new("format");
const META: TableDefinition<&str, Meta> = TableDefinition::new("execution");
const BODY: TableDefinition<&str, &[u8]> = TableDefinition::new("execution-body");
/// (id, number) to part: from 0 without gaps.
const PART: TableDefinition<(&str, u32), &[u8]> = TableDefinition::new("execution-part");
/// (group, minus build time, id) to status: a scan from the front is newest first.
const BY_GROUP: TableDefinition<(&str, i64, &str), &str> =
    TableDefinition::new("execution-by-group");
/// (build time, id) to (time of completion, summary): a scan from the back is newest first.
type TableByTime = ReadOnlyTable<(i64, &'static str), (i64, &'static [u8])>;
const BY_TIME: TableDefinition<(i64, &str), (i64, &[u8])> =
    TableDefinition::new("execution-by-time");
const UNFINISHED: TableDefinition<&str, ()> = TableDefinition::new("execution-unfinished");
/// (time of completion, id): the oldest go first.
const FINISHED: TableDefinition<(i64, &str), ()> = TableDefinition::new("execution-finished");
/// due time, deliveries, whether a worker has it.
const JOBS: TableDefinition<&str, (i64, u32, bool)> = TableDefinition::new("job");
/// execution id, reason, timestamp.
const DEAD: TableDefinition<u64, (&str, &str, i64)> = TableDefinition::new("dead-letter");

/// The layout this code reads and writes.
const FORMAT_VERSION: u64 = 1;
/// How many records one transaction forgets at most, so that no write waits long for a sweep.
const SWEEP_LIMIT: usize = 200;

/// Converts an error of the database, naming what was attempted.
pub(super) fn failed(attempt: &str, error: impl Into<redb::Error>) -> QueueError {
    let error = error.into();
    let kind = match error {
        redb::Error::Corrupted(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TypeDefinitionChanged { .. }
        | redb::Error::UpgradeRequired(_) => QueueErrorKind::Corrupt,
        // Another kind of file, or the beginning of one.
        redb::Error::Io(ref error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
            ) =>
        {
            QueueErrorKind::Corrupt
        }
        _ => QueueErrorKind::Unavailable,
    };
    QueueError::new(kind, format!("{attempt}: {error}")).caused_by(error)
}

/// Which records have outlived their time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Horizon {
    /// Records completed at or before it are gone.
    pub(super) completed_before: Millis,
    /// How many completed records are kept at most.
    pub(super) max_completed: u64,
}

/// Jobs and dead letters as read at start.
#[derive(Debug, Default)]
pub(super) struct Restored {
    pub(super) jobs: Vec<(String, JobRow)>,
    pub(super) dead: Vec<(u64, DeadLetter)>,
}

/// Reads what has to be in memory; `None` from a file without tables.
pub(super) fn read(db: &impl redb::ReadableDatabase) -> Result<Option<Restored>, QueueError> {
    let fail = |error: redb::Error| failed("cannot read the jobs in the work file", error);
    let txn = db.begin_read().map_err(|error| fail(error.into()))?;
    match txn.open_table(FORMAT) {
        Ok(format) => {
            let known = format.get("version").map_err(|error| fail(error.into()))?;
            check_format(known.map(|version| version.value()))?;
            let jobs = txn.open_table(JOBS).map_err(|error| fail(error.into()))?;
            let dead = txn.open_table(DEAD).map_err(|error| fail(error.into()))?;
            let restored = restore(&jobs, &dead).map_err(|error| fail(error.into()))?;
            Ok(Some(restored))
        }
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(fail(error.into())),
    }
}

/// Whether there is a table that lists executions by time.
fn is_indexed_by_time(db: &Database) -> Result<bool, QueueError> {
    use redb::ReadableDatabase;
    let fail = |error: redb::Error| failed("cannot read the jobs in the work file", error);
    let txn = db.begin_read().map_err(|error| fail(error.into()))?;
    let table = txn.open_table(BY_TIME);
    Ok(!matches!(
        table,
        Err(redb::TableError::TableDoesNotExist(_))
    ))
}

/// Reads what has to be in memory, and creates what is missing. Writes only to a new file, so that a
/// file on a full disk can be read.
pub(super) fn prepare(db: &Database) -> Result<Restored, QueueError> {
    let fail = |error: redb::Error| failed("cannot read the jobs in the work file", error);
    if let Some(restored) = read(db)? {
        if !is_indexed_by_time(db)? {
            // A full disk is no reason not to start: the listing fills when there is room again.
            if let Err(error) = index_by_time(db) {
                tracing::warn!(%error, "executions from before are not listed");
            }
        }
        return Ok(restored);
    }
    let txn = db.begin_write().map_err(|error| fail(error.into()))?;
    {
        let mut format = txn.open_table(FORMAT).map_err(|error| fail(error.into()))?;
        format
            .insert("version", FORMAT_VERSION)
            .map_err(|error| fail(error.into()))?;
        Tables::open(&txn)?;
    }
    txn.commit().map_err(|error| fail(error.into()))?;
    Ok(Restored::default())
}

/// Fills the index of a file from before it had one.
fn index_by_time(db: &Database) -> Result<(), QueueError> {
    let fail = |error: redb::Error| failed("cannot index the execution records", error);
    let txn = db.begin_write().map_err(|error| fail(error.into()))?;
    Tables::open(&txn)?
        .index_by_time()
        .map_err(|error| fail(error.into()))?;
    txn.commit().map_err(|error| fail(error.into()))
}

fn check_format(known: Option<u64>) -> Result<(), QueueError> {
    match known {
        Some(FORMAT_VERSION) => Ok(()),
        other => Err(QueueError::new(
            QueueErrorKind::Corrupt,
            format!(
                "the work file has layout {}, this version reads layout {FORMAT_VERSION}",
                other.unwrap_or_default()
            ),
        )),
    }
}

fn restore(
    jobs: &impl ReadableTable<&'static str, (i64, u32, bool)>,
    dead: &impl ReadableTable<u64, (&'static str, &'static str, i64)>,
) -> Result<Restored, redb::StorageError> {
    let mut restored = Restored::default();
    for row in jobs.iter()? {
        let (id, row) = row?;
        let (due, deliveries, started) = row.value();
        let row = JobRow {
            due,
            deliveries,
            started,
        };
        restored.jobs.push((id.value().to_owned(), row));
    }
    for row in dead.iter()? {
        let (number, row) = row?;
        let (execution_id, reason, at) = row.value();
        let number = number.value();
        let letter = DeadLetter {
            id: number.to_string(),
            job: Job {
                execution_id: execution_id.to_owned(),
            },
            reason: reason.to_owned(),
            at: chrono::DateTime::from_timestamp_millis(at).unwrap_or_default(),
        };
        restored.dead.push((number, letter));
    }
    Ok(restored)
}

/// The tables of one write transaction.
pub(super) struct Tables<'txn> {
    meta: Table<'txn, &'static str, Meta>,
    body: Table<'txn, &'static str, &'static [u8]>,
    part: Table<'txn, (&'static str, u32), &'static [u8]>,
    by_group: Table<'txn, (&'static str, i64, &'static str), &'static str>,
    by_time: Table<'txn, (i64, &'static str), (i64, &'static [u8])>,
    unfinished: Table<'txn, &'static str, ()>,
    finished: Table<'txn, (i64, &'static str), ()>,
    jobs: Table<'txn, &'static str, (i64, u32, bool)>,
    dead: Table<'txn, u64, (&'static str, &'static str, i64)>,
}

/// The fields of a record that the indexes are made of.
struct Known {
    version: u64,
    group: String,
    build_time: i64,
    completed_at: i64,
}

impl<'txn> Tables<'txn> {
    /// Opens them, creating those that are missing.
    pub(super) fn open(txn: &'txn WriteTransaction) -> Result<Self, QueueError> {
        let fail =
            |error: redb::TableError| failed("cannot open the tables of the work file", error);
        Ok(Self {
            meta: txn.open_table(META).map_err(fail)?,
            body: txn.open_table(BODY).map_err(fail)?,
            part: txn.open_table(PART).map_err(fail)?,
            by_group: txn.open_table(BY_GROUP).map_err(fail)?,
            by_time: txn.open_table(BY_TIME).map_err(fail)?,
            unfinished: txn.open_table(UNFINISHED).map_err(fail)?,
            finished: txn.open_table(FINISHED).map_err(fail)?,
            jobs: txn.open_table(JOBS).map_err(fail)?,
            dead: txn.open_table(DEAD).map_err(fail)?,
        })
    }

    /// Lists every record by its time, without a summary.
    fn index_by_time(&mut self) -> Result<(), redb::StorageError> {
        for row in self.meta.iter()? {
            let (id, row) = row?;
            let (_, _, _, build_time, _, completed_at) = row.value();
            self.by_time
                .insert((build_time, id.value()), (completed_at, &[][..]))?;
        }
        Ok(())
    }

    /// Keeps a new record. The inner result is the answer to the caller, the outer one tells
    /// whether the transaction can go on.
    pub(super) fn create(
        &mut self,
        record: &ExecutionRecord,
        now: Millis,
        horizon: Horizon,
    ) -> Result<Result<u64, QueueError>, redb::StorageError> {
        if let Some(known) = self.known(&record.id)? {
            if !horizon.is_past(known.completed_at) {
                return Ok(Err(QueueError::new(
                    QueueErrorKind::AlreadyExists,
                    format!("cannot create execution {}: it exists already", record.id),
                )));
            }
            self.remove(&record.id, &known)?;
        }
        self.write(record, 1, completion(record, 0, now))?;
        Ok(Ok(1))
    }

    /// Overwrites a record that still has `version`.
    pub(super) fn save(
        &mut self,
        record: &ExecutionRecord,
        version: u64,
        now: Millis,
        horizon: Horizon,
    ) -> Result<Result<u64, QueueError>, redb::StorageError> {
        let id = &record.id;
        let known = self
            .known(id)?
            .filter(|known| !horizon.is_past(known.completed_at));
        let Some(known) = known else {
            return Ok(Err(QueueError::new(
                QueueErrorKind::NotFound,
                format!("cannot save execution {id}: there is none"),
            )));
        };
        if known.version != version {
            return Ok(Err(QueueError::new(
                QueueErrorKind::Conflict,
                format!(
                    "cannot save execution {id}: version {version} was read, it has {} by now",
                    known.version
                ),
            )));
        }
        let old_place = (known.group.as_str(), -known.build_time, id.as_str());
        if known.group != record.group || known.build_time != record.build_time_millis {
            self.by_group.remove(old_place)?;
            self.by_time.remove((known.build_time, id.as_str()))?;
        }
        let completed_at = completion(record, known.completed_at, now);
        if known.completed_at != 0 && known.completed_at != completed_at {
            self.finished.remove((known.completed_at, id.as_str()))?;
        }
        let next = RecordVersion(version).next(record).0;
        self.write(record, next, completed_at)?;
        Ok(Ok(next))
    }

    /// Removes a record if there is one.
    pub(super) fn delete(&mut self, id: &str) -> Result<(), redb::StorageError> {
        match self.known(id)? {
            Some(known) => self.remove(id, &known),
            None => Ok(()),
        }
    }

    /// Writes or deletes a job's row.
    pub(super) fn set_job(
        &mut self,
        id: &str,
        row: Option<JobRow>,
    ) -> Result<(), redb::StorageError> {
        match row {
            Some(row) => self
                .jobs
                .insert(id, (row.due, row.deliveries, row.started))
                .map(drop),
            None => self.jobs.remove(id).map(drop),
        }
    }

    /// Keeps a dead letter.
    pub(super) fn bury(
        &mut self,
        number: u64,
        letter: &DeadLetter,
    ) -> Result<(), redb::StorageError> {
        let at = letter.at.timestamp_millis();
        self.dead
            .insert(number, (&*letter.job.execution_id, &*letter.reason, at))
            .map(drop)
    }

    /// Forgets a dead letter.
    pub(super) fn unbury(&mut self, number: u64) -> Result<(), redb::StorageError> {
        self.dead.remove(number).map(drop)
    }

    /// Removes completed records that are past the horizon, a bounded number at a time. Returns
    /// whether more are left.
    pub(super) fn sweep(&mut self, horizon: Horizon) -> Result<bool, redb::StorageError> {
        let mut surplus = self.finished.len()?.saturating_sub(horizon.max_completed);
        let mut gone = Vec::new();
        for row in self.finished.iter()? {
            let (key, ()) = row.map(|(key, row)| (key, row.value()))?;
            let (completed_at, id) = key.value();
            if (surplus == 0 && !horizon.is_past(completed_at)) || gone.len() == SWEEP_LIMIT {
                break;
            }
            surplus = surplus.saturating_sub(1);
            gone.push(id.to_owned());
        }
        for id in &gone {
            self.delete(id)?;
        }
        Ok(gone.len() == SWEEP_LIMIT)
    }

    fn known(&self, id: &str) -> Result<Option<Known>, redb::StorageError> {
        Ok(self.meta.get(id)?.map(|row| {
            let (version, _, group, build_time, _, completed_at) = row.value();
            Known {
                version,
                group: group.to_owned(),
                build_time,
                completed_at,
            }
        }))
    }

    fn write(
        &mut self,
        record: &ExecutionRecord,
        version: u64,
        completed_at: i64,
    ) -> Result<(), redb::StorageError> {
        let id = record.id.as_str();
        let status = record.status.as_str();
        let (group, build_time) = (record.group.as_str(), record.build_time_millis);
        let meta = (
            version,
            status,
            group,
            build_time,
            record.has_job,
            completed_at,
        );
        self.meta.insert(id, meta)?;
        self.body.insert(id, &*record.body)?;
        let mut count = 0;
        for part in &record.parts {
            if let Some(part) = part {
                self.part.insert((id, count), &**part)?;
            }
            count += 1;
        }
        self.remove_parts(id, count)?;
        self.by_group.insert((group, -build_time, id), status)?;
        self.by_time
            .insert((build_time, id), (completed_at, &*record.summary))?;
        if completed_at != 0 {
            self.finished.insert((completed_at, id), ())?;
        }
        if record.has_job && completed_at == 0 {
            self.unfinished.insert(id, ())?;
        } else {
            self.unfinished.remove(id)?;
        }
        Ok(())
    }

    /// Removes the parts of a record from a number on.
    fn remove_parts(&mut self, id: &str, from: u32) -> Result<(), redb::StorageError> {
        let parts = (id, from)..=(id, u32::MAX);
        self.part.retain_in(parts, |_, _| false)
    }

    fn remove(&mut self, id: &str, known: &Known) -> Result<(), redb::StorageError> {
        self.meta.remove(id)?;
        self.body.remove(id)?;
        self.remove_parts(id, 0)?;
        self.by_group
            .remove((known.group.as_str(), -known.build_time, id))?;
        self.by_time.remove((known.build_time, id))?;
        self.unfinished.remove(id)?;
        if known.completed_at != 0 {
            self.finished.remove((known.completed_at, id))?;
        }
        Ok(())
    }
}

impl Horizon {
    fn is_past(self, completed_at: i64) -> bool {
        completed_at != 0 && completed_at <= self.completed_before
    }
}

/// When the record was completed: now, if it was not complete before; 0 while it is not.
fn completion(record: &ExecutionRecord, known: i64, now: Millis) -> i64 {
    match (record.status.is_complete(), known) {
        (false, _) => 0,
        (true, 0) => now.max(1),
        (true, known) => known,
    }
}

/// Reads of committed records.
pub(super) struct Records {
    txn: ReadTransaction,
    horizon: Horizon,
}

const READ: &str = "cannot read the execution records";

impl Records {
    /// The state as last committed.
    pub(super) fn new(db: &Arc<Database>, horizon: Horizon) -> Result<Self, QueueError> {
        use redb::ReadableDatabase;
        let txn = db.begin_read().map_err(|error| failed(READ, error))?;
        Ok(Self { txn, horizon })
    }

    /// One record with its version.
    pub(super) fn get(
        &self,
        id: &str,
    ) -> Result<Option<(ExecutionRecord, RecordVersion)>, QueueError> {
        let meta = self
            .txn
            .open_table(META)
            .map_err(|error| failed(READ, error))?;
        let Some(row) = meta.get(id).map_err(|error| failed(READ, error))? else {
            return Ok(None);
        };
        let (version, status, group, build_time_millis, has_job, completed_at) = row.value();
        if self.horizon.is_past(completed_at) {
            return Ok(None);
        }
        let body = self
            .txn
            .open_table(BODY)
            .map_err(|error| failed(READ, error))?
            .get(id)
            .map_err(|error| failed(READ, error))?
            .map(|body| Bytes::copy_from_slice(body.value()))
            .ok_or_else(|| corrupt(id, "it has no body"))?;
        let record = ExecutionRecord {
            id: id.to_owned(),
            group: group.to_owned(),
            status: status
                .parse()
                .map_err(|_| corrupt(id, &format!("unknown status {status:?}")))?,
            build_time_millis,
            has_job,
            body,
            parts: self.parts(id)?,
            summary: Bytes::new(),
        };
        Ok(Some((record, RecordVersion(version))))
    }

    /// The parts of a record; a file from before there were parts has no table of them until it is written.
    fn parts(&self, id: &str) -> Result<Vec<Option<Bytes>>, QueueError> {
        let table = match self.txn.open_table(PART) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(failed(READ, error)),
        };
        let rows = table
            .range((id, 0)..=(id, u32::MAX))
            .map_err(|error| failed(READ, error))?;
        let mut parts = Vec::new();
        for row in rows {
            let (key, part) = row.map_err(|error| failed(READ, error))?;
            if key.value().1 as usize != parts.len() {
                return Err(corrupt(id, &format!("part {} is missing", parts.len())));
            }
            parts.push(Some(Bytes::copy_from_slice(part.value())));
        }
        Ok(parts)
    }

    /// The index by time; a file from before it had one lacks it while the disk is full.
    fn by_time(&self) -> Result<Option<TableByTime>, QueueError> {
        match self.txn.open_table(BY_TIME) {
            Ok(table) => Ok(Some(table)),
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(failed(READ, error)),
        }
    }

    /// Executions of every group, newest first.
    pub(super) fn newest(
        &self,
        after: Option<&ListingPlace>,
        limit: usize,
    ) -> Result<Vec<ListedExecution>, QueueError> {
        let Some(by_time) = self.by_time()? else {
            return Ok(Vec::new());
        };
        let rows = match after {
            Some(place) => by_time.range(..(place.build_time_millis, place.id.as_str())),
            None => by_time.range::<(i64, &str)>(..),
        };
        let mut found = Vec::new();
        for row in rows.map_err(|error| failed(READ, error))?.rev() {
            if found.len() >= limit {
                break;
            }
            let (key, row) = row.map_err(|error| failed(READ, error))?;
            let (completed_at, summary) = row.value();
            if self.horizon.is_past(completed_at) {
                continue;
            }
            let (build_time_millis, id) = key.value();
            found.push(ListedExecution {
                id: id.to_owned(),
                build_time_millis,
                summary: Bytes::copy_from_slice(summary),
            });
        }
        Ok(found)
    }

    /// Status and version of one record.
    pub(super) fn status(
        &self,
        id: &str,
    ) -> Result<Option<(kayenta_model::ExecutionStatus, RecordVersion)>, QueueError> {
        let meta = self
            .txn
            .open_table(META)
            .map_err(|error| failed(READ, error))?;
        let Some(row) = meta.get(id).map_err(|error| failed(READ, error))? else {
            return Ok(None);
        };
        let (version, status, _, _, _, completed_at) = row.value();
        if self.horizon.is_past(completed_at) {
            return Ok(None);
        }
        let status = status
            .parse()
            .map_err(|_| corrupt(id, &format!("unknown status {status:?}")))?;
        Ok(Some((status, RecordVersion(version))))
    }

    /// Records of a group, newest first.
    pub(super) fn list(
        &self,
        group: &str,
        filter: &ExecutionFilter,
    ) -> Result<Vec<ExecutionRecord>, QueueError> {
        let index = self
            .txn
            .open_table(BY_GROUP)
            .map_err(|error| failed(READ, error))?;
        let wanted = |status: &str| {
            filter.statuses.is_empty()
                || filter.statuses.iter().any(|known| known.as_str() == status)
        };
        let mut found = Vec::new();
        let mut passed = 0;
        let rows = index
            .range((group, i64::MIN, "")..)
            .map_err(|error| failed(READ, error))?;
        for row in rows {
            if found.len() >= filter.limit {
                break;
            }
            let (key, status) = row.map_err(|error| failed(READ, error))?;
            let (row_group, _, id) = key.value();
            if row_group != group {
                break;
            }
            if !wanted(status.value()) {
                continue;
            }
            if passed < filter.offset {
                passed += match self.status(id) {
                    Ok(status) => usize::from(status.is_some()),
                    Err(error) if error.kind == QueueErrorKind::Corrupt => 0,
                    Err(error) => return Err(error),
                };
                continue;
            }
            match self.get(id) {
                Ok(record) => found.extend(record.map(|(record, _)| record)),
                // C-ENG-08: a record that cannot be read does not spoil the others.
                Err(error) if error.kind == QueueErrorKind::Corrupt => {
                    tracing::warn!(execution.id = %id, %error, "left an unreadable execution out of a listing");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Every id.
    pub(super) fn ids(&self) -> Result<Vec<String>, QueueError> {
        let meta = self
            .txn
            .open_table(META)
            .map_err(|error| failed(READ, error))?;
        let mut ids = Vec::new();
        for row in meta.iter().map_err(|error| failed(READ, error))? {
            let (id, row) = row.map_err(|error| failed(READ, error))?;
            if !self.horizon.is_past(row.value().5) {
                ids.push(id.value().to_owned());
            }
        }
        Ok(ids)
    }

    /// Ids of unfinished records with a job.
    pub(super) fn unfinished(&self, limit: usize) -> Result<Vec<String>, QueueError> {
        let table = self
            .txn
            .open_table(UNFINISHED)
            .map_err(|error| failed(READ, error))?;
        table
            .iter()
            .map_err(|error| failed(READ, error))?
            .take(limit)
            .map(|row| match row {
                Ok((id, _)) => Ok(id.value().to_owned()),
                Err(error) => Err(failed(READ, error)),
            })
            .collect()
    }
}

fn corrupt(id: &str, what: &str) -> QueueError {
    QueueError::new(
        QueueErrorKind::Corrupt,
        format!("the stored execution {id} cannot be read: {what}"),
    )
}
