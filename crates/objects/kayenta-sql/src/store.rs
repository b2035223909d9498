//! The store.

use std::{ops::Range, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, NaiveDateTime, SubsecRound};
use kayenta_http::HttpSettings;
use kayenta_limits::{CALLER_PATIENCE, MOST_OF_SMALL, Reserved, reserve};
use kayenta_model::Clock;
use kayenta_storage::{
    LOCK_HOLD, ObjectKind, ObjectStore, ObjectSummary, READ_TRIES, STORED_OBJECT, StorageError,
    StorageErrorKind, StoreLock, StoredObject, UpTo, WriteCondition, check_segment,
    checked_filename, is_path_segment, part_length,
};
use serde::de::IgnoredAny;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};
use tracing::{debug, info};

use crate::{
    connection::{Connection, Options, Param, Row},
    failure::{Failures, Refusal},
    jdbc::Dialect,
    pool::{Lease, Pool},
    schema::{self, Layout},
    settings::{ConnectionPool, SqlAccount},
    statements::{COMMIT, ROLLBACK, Statements, begin, table},
};

/// Longest id in characters: the width of the reference's column.
const LONGEST_ID: usize = 255;

/// What a table has in place of a text that is no JSON. Nothing but tests stores such a text.
const NO_JSON: &str = "null";

/// Larger objects are read only when memory for them is reserved.
const READ_AT_ONCE: u64 = MOST_OF_SMALL as u64;

/// How often a taken lock is looked at again; the holder needs a few round trips.
const POLL: Duration = Duration::from_millis(50);

/// A lock is kept this much longer than promised.
const GRACE: Duration = Duration::from_secs(2);

/// What happens where tables are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingTables {
    /// The first operation creates them.
    Create,
    /// Nothing is created: for reading alone.
    Leave,
}

/// An [`ObjectStore`] in a database.
#[derive(Debug)]
pub struct SqlStore {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
    migration: Option<Options>,
    missing: MissingTables,
}

/// What outlives an operation: a lock is given back in the background.
#[derive(Debug)]
struct Database {
    pool: Pool,
    dialect: Dialect,
    failures: Failures,
    layout: Mutex<Option<Layout>>,
}

/// Why an operation did not happen.
enum Failed {
    /// The database says so.
    Sql(sqlx::Error),
    /// The store does, and the connection is in order.
    Refused(StorageError),
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

/// Ends a transaction in which something was refused.
async fn undone<T>(connection: &mut Connection, outcome: Result<T, Failed>) -> Result<T, Failed> {
    if let Err(Failed::Refused(_) | Failed::Sql(sqlx::Error::Database(_))) = outcome {
        connection.run(ROLLBACK).await?;
    }
    outcome
}

/// What to write where.
struct Write<'w> {
    kind: ObjectKind,
    key: &'w str,
    filename: &'w str,
    bytes: &'w [u8],
    condition: &'w WriteCondition,
}

impl SqlStore {
    /// A store for the account, which reaches its server when it is first used. Of the service's settings
    /// the certificate authorities and the longest silence of a server bear on it.
    ///
    /// # Errors
    /// When the file of authorities cannot be read.
    pub fn new(
        account: &SqlAccount,
        http: &HttpSettings,
        clock: Arc<dyn Clock>,
        missing: MissingTables,
    ) -> Result<Self, StorageError> {
        let failures = Failures::new(account);
        let options = |pool: &ConnectionPool| {
            let mut authorities = http.extra_ca_pem.join(&b'\n');
            if let Some(path) = &pool.url.authorities {
                let more = std::fs::read(path).map_err(|error| {
                    let why = format!("{}: {error}", path.display());
                    failures.new_error(StorageErrorKind::Invalid, "read sslrootcert", why)
                })?;
                authorities.extend_from_slice(&more);
            }
            Ok::<_, StorageError>(Options::new(pool, &authorities, http.read_timeout))
        };
        let pool = Pool::new(account.pool.clone(), options(&account.pool)?);
        let migration = account.migration.as_ref().map(options).transpose()?;
        Ok(Self {
            database: Arc::new(Database {
                pool,
                dialect: account.pool.url.dialect,
                failures,
                layout: Mutex::default(),
            }),
            clock,
            migration,
            missing,
        })
    }

    fn statements(&self, layout: Layout) -> Statements {
        Statements {
            dialect: self.database.dialect,
            objects: layout.objects,
        }
    }

    /// A connection to a database whose tables are there.
    async fn ready(&self, attempted: &str) -> Result<(Lease, Layout), StorageError> {
        let database = &self.database;
        let mut lease = database.acquire(attempted).await?;
        match self.layout(&mut lease.connection).await {
            Ok(layout) => Ok((lease, layout)),
            Err(failed) => database.finish(attempted, lease, Err(failed)).await,
        }
    }

    async fn layout(&self, connection: &mut Connection) -> Result<Layout, Failed> {
        let mut known = self.database.layout.lock().await;
        if let Some(layout) = *known {
            return Ok(layout);
        }
        let mut layout = schema::look(connection).await?;
        if !layout.is_complete() && self.missing == MissingTables::Create {
            self.create_tables(connection).await?;
            layout = schema::look(connection).await?;
            if !layout.is_complete() {
                let why = "they are not where the account looks for them; check that \
                           kayenta.sql.migration.jdbcUrl is of the same database and schema";
                let failures = &self.database.failures;
                let error = failures.new_error(StorageErrorKind::Other, "create tables", why);
                return Err(Failed::Refused(error));
            }
            info!(server = %self.database.pool.settings().url, "created the tables of canary objects");
        }
        if !layout.is_empty() {
            *known = Some(layout);
        }
        Ok(layout)
    }

    async fn create_tables(&self, connection: &mut Connection) -> Result<(), Failed> {
        let created = match &self.migration {
            None => schema::create_missing(connection).await,
            Some(options) => match options.connect().await {
                Ok(mut other) => schema::create_missing(&mut other).await,
                Err(error) => Err(error),
            },
        };
        created.map_err(|error| {
            if !matches!(error, sqlx::Error::Database(_)) {
                return Failed::Sql(error);
            }
            let failures = &self.database.failures;
            let mut error = failures.of("create its tables", error);
            if error.kind == StorageErrorKind::Denied {
                error.message += "; grant the right to create tables, or set kayenta.sql.migration to a user who has it";
            }
            Failed::Refused(error)
        })
    }

    /// What the connection of an operation without tables is good for.
    fn without_tables(&self, attempted: &str) -> StorageError {
        self.database.failures.new_error(
            StorageErrorKind::NotFound,
            attempted,
            "the database has no tables of canary objects",
        )
    }

    fn conflict(write: &Write<'_>, what: &str) -> Failed {
        let (group, key) = (write.kind.group(), write.key);
        let message = format!("{group}/{key} {what}.");
        Failed::Refused(StorageError::new(StorageErrorKind::Conflict, message))
    }

    /// Writes both rows in one transaction. `content` is what the reference reads.
    async fn write(
        &self,
        connection: &mut Connection,
        layout: Layout,
        write: &Write<'_>,
        content: &str,
    ) -> Result<ObjectSummary, Failed> {
        let statements = self.statements(layout);
        let kind = write.kind;
        let now = self.now();
        let key = vec![Param::Text(write.key); statements.key_values()];
        connection.run(begin(self.database.dialect)).await?;
        let new = [
            Param::Text(write.key),
            Param::Text(content),
            Param::Time(now),
            Param::Time(now),
        ];
        let overwrite = [&[Param::Text(content), Param::Time(now)], key.as_slice()].concat();
        let (insert, update) = (statements.insert(kind), statements.update(kind));
        match write.condition {
            WriteCondition::Absent => {
                if !connection.insert(&insert, &new).await? {
                    return Err(Self::conflict(write, "exists already"));
                }
            }
            WriteCondition::Unchanged(expected) => {
                let held = connection.rows(&statements.hold(kind), &key).await?;
                // Another statement sees what the last holder has committed.
                let rows = connection.rows(&statements.version(kind), &key).await?;
                let Some(row) = rows.first().filter(|_| !held.is_empty()) else {
                    return Err(Self::conflict(write, "has been removed meanwhile"));
                };
                if version(row.text(0)?, row.time(1)?) != *expected {
                    return Err(Self::conflict(write, "has been changed meanwhile"));
                }
                connection.execute(&update, &overwrite).await?;
            }
            WriteCondition::Always => {
                let written = connection.execute(&update, &overwrite).await? > 0
                    || connection.insert(&insert, &new).await?
                    || connection.execute(&update, &overwrite).await? > 0;
                if !written {
                    let why = format!(
                        "the collation of {}.id takes it for an id that is there already",
                        table(kind)
                    );
                    let failures = &self.database.failures;
                    let attempted = format!("store '{}'", write.key);
                    let invalid = StorageErrorKind::Invalid;
                    return Err(Failed::Refused(
                        failures.new_error(invalid, &attempted, why),
                    ));
                }
            }
        }
        let version = new_version();
        let is_kept = layout.keeps_text && content.as_bytes() == write.bytes;
        let remembered = [
            Param::Text(kind.group()),
            Param::Text(write.key),
            Param::Text(write.filename),
            Param::Text(&version),
            Param::Number(i64::try_from(write.bytes.len()).unwrap_or(i64::MAX)),
            Param::Time(now),
            Param::Bytes((!is_kept).then_some(write.bytes)),
        ];
        connection
            .execute(&statements.remember(), &remembered)
            .await?;
        self.changed(connection, statements, kind).await?;
        connection.run(COMMIT).await?;
        Ok(ObjectSummary {
            key: write.key.to_owned(),
            filename: write.filename.to_owned(),
            updated: now.and_utc(),
            version,
            size: write.bytes.len() as u64,
        })
    }

    /// As exact as the reference's column: MySQL has whole seconds there, and would round.
    fn now(&self) -> NaiveDateTime {
        let digits = match self.database.dialect {
            Dialect::Postgres => 6,
            Dialect::MySql => 0,
        };
        self.clock.now().naive_utc().trunc_subsecs(digits)
    }

    async fn changed(
        &self,
        connection: &mut Connection,
        statements: Statements,
        kind: ObjectKind,
    ) -> Result<(), Failed> {
        if is_marked(kind) {
            let values = [Param::Text(&new_version()), Param::Text(kind.group())];
            connection.execute(&statements.change(), &values).await?;
        }
        Ok(())
    }

    async fn remove(
        &self,
        connection: &mut Connection,
        statements: Statements,
        kind: ObjectKind,
        key: &str,
    ) -> Result<(), Failed> {
        let values = vec![Param::Text(key); statements.key_values()];
        connection.run(begin(self.database.dialect)).await?;
        if connection
            .execute(&statements.delete(kind), &values)
            .await?
            == 0
        {
            return Err(Failed::Refused(not_found(key)));
        }
        let values = [Param::Text(kind.group()), Param::Text(key)];
        connection.execute(&statements.forget(), &values).await?;
        self.changed(connection, statements, kind).await?;
        connection.run(COMMIT).await?;
        Ok(())
    }

    /// The object if it has at most `most` bytes: the database sends no others.
    async fn load_once(
        &self,
        kind: ObjectKind,
        key: &str,
        most: u64,
    ) -> Result<UpTo, StorageError> {
        let attempted = "read an object";
        let (mut lease, layout) = self.ready(attempted).await?;
        if !layout.has(kind) {
            let error = match layout.is_empty() {
                true => self.without_tables(attempted),
                false => not_found(key),
            };
            let refused = Err(Failed::Refused(error));
            return self.database.finish(attempted, lease, refused).await;
        }
        let statements = self.statements(layout);
        let values = vec![Param::Text(key); statements.key_values()];
        let rows = lease
            .connection
            .rows(&statements.load(kind, most), &values)
            .await;
        let found = rows.map_err(Failed::from).and_then(|rows| {
            let row = rows
                .first()
                .ok_or_else(|| Failed::Refused(not_found(key)))?;
            let summary = summary(row, kind)?;
            if summary.size > most {
                return Ok(UpTo::Larger(summary));
            }
            let bytes = match row.bytes(6)? {
                Some(exact) => Bytes::from(exact),
                None => Bytes::from(row.text(7)?.unwrap_or_default()),
            };
            Ok(UpTo::Whole(StoredObject { summary, bytes }))
        });
        self.database.finish(attempted, lease, found).await
    }

    async fn take_lock(
        &self,
        connection: &mut Connection,
        statements: Statements,
        name: &str,
        owner: &str,
    ) -> Result<bool, Failed> {
        let seconds = (LOCK_HOLD + GRACE).as_secs();
        let values = [Param::Text(owner), Param::Text(name)];
        let taken = connection
            .execute(&statements.take_over(seconds), &values)
            .await?;
        if taken > 0 {
            return Ok(true);
        }
        let values = [Param::Text(name), Param::Text(owner)];
        Ok(connection
            .insert(&statements.take(seconds), &values)
            .await?)
    }
}

impl Database {
    async fn acquire(&self, attempted: &str) -> Result<Lease, StorageError> {
        let lease = self.pool.acquire().await;
        lease.map_err(|error| self.failures.unconnected(attempted, error))
    }

    /// Ends an operation: a connection that is in order is used again.
    async fn finish<T>(
        &self,
        attempted: &str,
        lease: Lease,
        outcome: Result<T, Failed>,
    ) -> Result<T, StorageError> {
        match outcome {
            Ok(value) => {
                lease.give_back();
                Ok(value)
            }
            Err(Failed::Refused(error)) => {
                lease.give_back();
                Err(error)
            }
            Err(Failed::Sql(error)) => {
                if let sqlx::Error::Database(refused) = &error
                    && Refusal::of(refused.as_ref()) == Refusal::NoTable
                {
                    // The next operation creates it again.
                    *self.layout.lock().await = None;
                }
                // Whatever was refused, the connection is in order.
                if matches!(error, sqlx::Error::Database(_)) {
                    lease.give_back();
                }
                Err(self.failures.of(attempted, error))
            }
        }
    }

    async fn release(&self, statements: Statements, name: &str, owner: &str) {
        let attempted = "give a lock back";
        let released = match self.acquire(attempted).await {
            Err(error) => Err(error),
            Ok(mut lease) => {
                let values = [Param::Text(name), Param::Text(owner)];
                let sql = statements.release();
                let released = lease.connection.execute(&sql, &values).await;
                let outcome = released.map_err(Failed::from);
                self.finish(attempted, lease, outcome).await
            }
        };
        if let Err(error) = released {
            // It ends by itself.
            debug!("{error}");
        }
    }
}

/// Kinds whose listing is asked for all the time and changes seldom.
fn is_marked(kind: ObjectKind) -> bool {
    kind == ObjectKind::CanaryConfig
}

#[expect(
    clippy::disallowed_methods,
    reason = "a version only has to differ from every other"
)]
fn new_version() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// What begins the versions of rows that other programs wrote, and no other version.
const OF_OTHERS: char = 'r';

/// The version kept with a row, or what tells the rows of other programs apart: their time.
fn version(kept: Option<String>, updated: NaiveDateTime) -> String {
    kept.unwrap_or_else(|| format!("{OF_OTHERS}{}", updated.and_utc().timestamp_micros()))
}

/// C-SQL-07: the reference says so of a read, and fails to delete.
fn not_found(key: &str) -> StorageError {
    let message = format!("Not found object for id: {}", key.escape_debug());
    StorageError::new(StorageErrorKind::NotFound, message)
}

/// The columns of a list.
fn summary(row: &Row, kind: ObjectKind) -> sqlx::Result<ObjectSummary> {
    let (filename, kept, updated) = (row.text(1)?, row.text(2)?, row.time(3)?);
    let named = || -> sqlx::Result<Option<String>> {
        let name = row.text(4)?.map(|name| format!("{name}.json"));
        Ok(name.filter(|name| is_path_segment(name)))
    };
    let filename = match filename {
        Some(filename) => filename,
        None => named()?.unwrap_or_else(|| kind.default_filename().to_owned()),
    };
    Ok(ObjectSummary {
        key: row.text(0)?.unwrap_or_default(),
        filename,
        updated: DateTime::from_naive_utc_and_offset(updated, chrono::Utc),
        version: version(kept, updated),
        size: u64::try_from(row.number(5)?).unwrap_or_default(),
    })
}

#[async_trait]
impl ObjectStore for SqlStore {
    fn platform(&self) -> &'static str {
        "sql"
    }

    async fn load(&self, kind: ObjectKind, key: &str) -> Result<StoredObject, StorageError> {
        if !is_path_segment(key) {
            return Err(not_found(key));
        }
        let mut most = READ_AT_ONCE;
        let mut reserved = Reserved::default();
        for _ in 0..READ_TRIES {
            match self.load_once(kind, key, most).await? {
                UpTo::Whole(mut object) => {
                    object.bytes = reserved.split(object.bytes.len()).bind(object.bytes);
                    return Ok(object);
                }
                UpTo::Larger(summary) => {
                    most = summary.size;
                    let size = usize::try_from(most).unwrap_or(usize::MAX);
                    // The row, and its bytes taken out of it. No connection is kept meanwhile.
                    let size = size.saturating_mul(2);
                    reserved = reserve(STORED_OBJECT, size, CALLER_PATIENCE).await?;
                }
            }
        }
        Err(StorageError::keeps_growing())
    }

    /// The database would make the text of a row of another program anew for each part of it, so such a row is read as a
    /// whole.
    async fn load_up_to(
        &self,
        kind: ObjectKind,
        key: &str,
        most: u64,
    ) -> Result<UpTo, StorageError> {
        if !is_path_segment(key) {
            return Err(not_found(key));
        }
        let loaded = self.load_once(kind, key, most.min(READ_AT_ONCE)).await?;
        match &loaded {
            UpTo::Larger(found) if found.size <= most || found.version.starts_with(OF_OTHERS) => {
                self.load(kind, key).await.map(UpTo::Whole)
            }
            _ => Ok(loaded),
        }
    }

    async fn load_part(
        &self,
        kind: ObjectKind,
        found: &ObjectSummary,
        part: Range<u64>,
    ) -> Result<Bytes, StorageError> {
        let size = part_length(&part);
        // The row, and its bytes taken out of it.
        let size = size.saturating_mul(2);
        let mut reserved = reserve(STORED_OBJECT, size, CALLER_PATIENCE).await?;
        let attempted = "read a part of an object";
        let (mut lease, layout) = self.ready(attempted).await?;
        let statements = self.statements(layout);
        let values = vec![Param::Text(&found.key); statements.key_values()];
        let rows = lease
            .connection
            .rows(&statements.part(kind, &part), &values)
            .await;
        let read = rows.map_err(Failed::from).and_then(|rows| {
            let changed = || Failed::Refused(StorageError::changed(&found.key));
            let row = rows.first().ok_or_else(changed)?;
            if version(row.text(0)?, row.time(1)?) != found.version {
                return Err(changed());
            }
            Ok(Bytes::from(row.bytes(2)?.unwrap_or_default()))
        });
        let bytes = self.database.finish(attempted, lease, read).await?;
        Ok(reserved.split(bytes.len()).bind(bytes))
    }

    async fn store(
        &self,
        kind: ObjectKind,
        key: &str,
        filename: Option<&str>,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<ObjectSummary, StorageError> {
        let filename = checked_filename(kind, key, filename)?;
        let attempted = "store an object";
        if key.chars().count() > LONGEST_ID {
            let why = format!("an id has {LONGEST_ID} characters at most");
            let failures = &self.database.failures;
            return Err(failures.new_error(StorageErrorKind::Invalid, attempted, why));
        }
        let text = std::str::from_utf8(&bytes).ok();
        let json = text.filter(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
        let write = Write {
            kind,
            key,
            filename,
            bytes: &bytes,
            condition: &condition,
        };
        let mut content = json.unwrap_or(NO_JSON);
        loop {
            let (mut lease, layout) = self.ready(attempted).await?;
            let connection = &mut lease.connection;
            let written = self.write(connection, layout, &write, content).await;
            let written = undone(connection, written).await;
            if let Err(Failed::Sql(sqlx::Error::Database(refused))) = &written
                && Refusal::of(refused.as_ref()) == Refusal::Content
                && content != NO_JSON
            {
                // JSON that this database does not accept, such as with \u0000 in PostgreSQL.
                debug!(key, "stored beside the table: {refused}");
                content = NO_JSON;
                lease.give_back();
                continue;
            }
            return self.database.finish(attempted, lease, written).await;
        }
    }

    async fn delete(&self, kind: ObjectKind, key: &str) -> Result<(), StorageError> {
        if !is_path_segment(key) {
            return Err(not_found(key));
        }
        let attempted = "delete an object";
        let (mut lease, layout) = self.ready(attempted).await?;
        let removed = match layout.has(kind) && layout.objects {
            false => Err(Failed::Refused(not_found(key))),
            true => {
                let (connection, statements) = (&mut lease.connection, self.statements(layout));
                let removed = self.remove(connection, statements, kind, key).await;
                undone(connection, removed).await
            }
        };
        self.database.finish(attempted, lease, removed).await
    }

    async fn list(&self, kind: ObjectKind) -> Result<Vec<ObjectSummary>, StorageError> {
        let attempted = "list objects";
        let (mut lease, layout) = self.ready(attempted).await?;
        let listed = match layout.has(kind) {
            true => {
                let sql = self.statements(layout).list(kind);
                let rows = lease.connection.rows(&sql, &[]).await;
                rows.map_err(Failed::from)
            }
            false if layout.is_empty() => Err(Failed::Refused(self.without_tables(attempted))),
            false => Ok(Vec::new()),
        };
        let listed = listed.and_then(|rows| {
            let objects = rows.iter().map(|row| summary(row, kind));
            Ok(objects.collect::<sqlx::Result<Vec<_>>>()?)
        });
        let mut objects = self.database.finish(attempted, lease, listed).await?;
        // What no URL reaches.
        objects.retain(|object| is_path_segment(&object.key));
        objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(objects)
    }

    async fn lock(&self, name: &str, wait: Duration) -> Result<StoreLock, StorageError> {
        check_segment("lock name", name)?;
        let attempted = "take a lock";
        let deadline = Instant::now() + wait;
        let (name, owner) = (name.to_owned(), new_version());
        loop {
            let (mut lease, layout) = self.ready(attempted).await?;
            let statements = self.statements(layout);
            let connection = &mut lease.connection;
            let taken = self.take_lock(connection, statements, &name, &owner).await;
            if self.database.finish(attempted, lease, taken).await? {
                let database = Arc::clone(&self.database);
                return Ok(StoreLock::new(move || {
                    Box::pin(async move { database.release(statements, &name, &owner).await })
                }));
            }
            if Instant::now() >= deadline {
                let unavailable = StorageErrorKind::Unavailable;
                let why = "another writer keeps the account busy";
                let failures = &self.database.failures;
                return Err(failures.new_error(unavailable, attempted, why));
            }
            sleep(POLL).await;
        }
    }

    async fn change_mark(&self, kind: ObjectKind) -> Result<Option<String>, StorageError> {
        if !is_marked(kind) {
            return Ok(None);
        }
        let attempted = "ask for changes";
        let (mut lease, layout) = self.ready(attempted).await?;
        let mark = match layout.objects {
            false => Ok(None),
            true => {
                let sql = self.statements(layout).change_mark();
                let values = [Param::Text(kind.group())];
                let rows = lease.connection.rows(&sql, &values).await;
                rows.and_then(|rows| rows.first().map(|row| row.text(0)).transpose())
                    .map(Option::flatten)
            }
        };
        let mark = mark.map_err(Failed::from);
        self.database.finish(attempted, lease, mark).await
    }

    /// Whether it answers, has the tables and lets them be read.
    async fn check(&self) -> Result<(), StorageError> {
        let attempted = "read its tables";
        let (mut lease, layout) = self.ready(attempted).await?;
        let kind = ObjectKind::CanaryConfig;
        let read = match layout.has(kind) {
            false => Err(Failed::Refused(self.without_tables(attempted))),
            true => {
                let sql = format!("SELECT id FROM {} LIMIT 1", table(kind));
                let rows = lease.connection.rows(&sql, &[]).await;
                rows.map(drop).map_err(Failed::from)
            }
        };
        self.database.finish(attempted, lease, read).await
    }
}
