//! The execution records: one hash each, an index by group, and sets of all and of unfinished ids.

use std::{collections::HashMap, str::FromStr};

use async_trait::async_trait;
use bytes::Bytes;
use kayenta_model::ExecutionStatus;
use kayenta_queue::{
    ExecutionFilter, ExecutionRecord, ExecutionStore, ListedExecution, ListingPlace, QueueError,
    QueueErrorKind, RecordVersion,
};
use redis::{RedisError, RedisResult, cmd, pipe};

use crate::{RedisStore, script};

/// Records looked at in one round trip of a listing.
const PAGE: usize = 100;

/// Summaries read in one round trip of a listing of everything.
const LISTED_AT_ONCE: usize = 1000;

/// The fields of a hash: `group`, `status`, `built`, `has_job`, `body`, `version`, `summary`, and for a record in parts
/// `parts`, the number of them, and `part:0` and so on.
type Fields = HashMap<String, Vec<u8>>;

fn flag(value: bool) -> &'static [u8] {
    if value { b"1" } else { b"0" }
}

fn status_of(id: &str, text: &str) -> Result<ExecutionStatus, QueueError> {
    ExecutionStatus::from_str(text).map_err(|error| {
        QueueError::new(
            QueueErrorKind::Corrupt,
            format!("the record of execution {id} has an unknown status {text}"),
        )
        .caused_by(error)
    })
}

/// What Redis has under the key is no record of an execution.
fn unreadable(id: &str, error: RedisError) -> QueueError {
    let message = format!("the record of execution {id} cannot be read: {error}");
    QueueError::new(QueueErrorKind::Corrupt, message).caused_by(error)
}

/// Nothing in place of a corrupt record.
fn left_out_if_unreadable<T>(
    id: &str,
    read: Result<Option<T>, QueueError>,
) -> Result<Option<T>, QueueError> {
    match read {
        Err(error) if error.kind == QueueErrorKind::Corrupt => {
            tracing::warn!(execution.id = %id, %error, "left an unreadable execution out of a listing");
            Ok(None)
        }
        other => other,
    }
}

/// Whether what was read is the record: it is read without its summary.
fn is_as_read(record: &ExecutionRecord, found: &ExecutionRecord) -> bool {
    let without = ExecutionRecord {
        summary: Bytes::new(),
        ..record.clone()
    };
    *found == without
}

/// The record, unless there is none.
fn record_of(
    id: &str,
    mut fields: Fields,
) -> Result<Option<(ExecutionRecord, RecordVersion)>, QueueError> {
    let parts: usize = number_in(id, &mut fields, "parts")?.unwrap_or_default();
    let parts = (0..parts)
        .map(|number| {
            let part = fields.remove(&part_field(number));
            let part = part.ok_or_else(|| corrupt(id, &format!("part {number} is missing")))?;
            Ok(Some(Bytes::from(part)))
        })
        .collect::<Result<_, QueueError>>()?;
    let (Some(group), Some(status), Some(built), Some(has_job), Some(body), Some(version)) = (
        text_in(id, &mut fields, "group")?,
        text_in(id, &mut fields, "status")?,
        number_in(id, &mut fields, "built")?,
        text_in(id, &mut fields, "has_job")?,
        fields.remove("body"),
        number_in(id, &mut fields, "version")?,
    ) else {
        return Ok(None);
    };
    let record = ExecutionRecord {
        id: id.to_owned(),
        group,
        status: status_of(id, &status)?,
        build_time_millis: built,
        has_job: has_job == "1",
        body: Bytes::from(body),
        parts,
        summary: Bytes::new(),
    };
    Ok(Some((record, RecordVersion(version))))
}

fn part_field(number: usize) -> String {
    format!("part:{number}")
}

fn text_in(id: &str, fields: &mut Fields, name: &str) -> Result<Option<String>, QueueError> {
    let Some(value) = fields.remove(name) else {
        return Ok(None);
    };
    String::from_utf8(value)
        .map(Some)
        .map_err(|error| corrupt(id, &format!("its {name} is no text")).caused_by(error))
}

fn number_in<T: FromStr>(
    id: &str,
    fields: &mut Fields,
    name: &str,
) -> Result<Option<T>, QueueError> {
    let Some(text) = text_in(id, fields, name)? else {
        return Ok(None);
    };
    let number = text.parse();
    number
        .map(Some)
        .map_err(|_| corrupt(id, &format!("its {name} is {text:?}, not a number")))
}

fn corrupt(id: &str, what: &str) -> QueueError {
    let message = format!("the record of execution {id} cannot be read: {what}");
    QueueError::new(QueueErrorKind::Corrupt, message)
}

/// The arguments of a script that say which parts a record has: how many, then number and text of those to write.
fn part_arguments(record: &ExecutionRecord) -> Vec<(String, &[u8])> {
    let parts = record.parts.iter().enumerate();
    parts
        .filter_map(|(number, part)| Some((part_field(number), part.as_deref()?)))
        .collect()
}

impl RedisStore {
    /// The keys of a record script.
    fn record_keys(&self, record: &ExecutionRecord) -> Vec<String> {
        let keys = &self.inner.keys;
        let mut all = keys.records().to_vec();
        all.extend([keys.record(&record.id), keys.group(&record.group)]);
        all
    }

    fn retention_millis(&self) -> String {
        // Redis refuses times beyond its range.
        self.inner
            .options
            .retention
            .as_millis()
            .min(i64::MAX as u128 / 4)
            .to_string()
    }
}

#[async_trait]
impl ExecutionStore for RedisStore {
    async fn create(&self, record: &ExecutionRecord) -> Result<RecordVersion, QueueError> {
        let (built, retention) = (
            record.build_time_millis.to_string(),
            self.retention_millis(),
        );
        let (count, parts) = (record.parts.len().to_string(), part_arguments(record));
        let mut arguments: Vec<&[u8]> = vec![
            record.id.as_bytes(),
            record.group.as_bytes(),
            record.status.as_str().as_bytes(),
            built.as_bytes(),
            flag(record.has_job),
            flag(record.status.is_complete()),
            retention.as_bytes(),
            &record.body,
            &record.summary,
            count.as_bytes(),
        ];
        arguments.extend(
            parts
                .iter()
                .flat_map(|(field, text)| [field.as_bytes(), text]),
        );
        let created: i64 = self
            .inner
            .link
            .script(
                "keep an execution",
                &script::CREATE,
                &self.record_keys(record),
                &arguments,
            )
            .await?;
        if created == 1 {
            self.inner.outlives_a_failover(&record.id).await?;
            return Ok(RecordVersion(1));
        }
        // The answer to a first attempt may have been lost: what is there is then this very record.
        match self.get(&record.id).await? {
            Some((found, RecordVersion(1))) if is_as_read(record, &found) => {
                self.inner.outlives_a_failover(&record.id).await?;
                Ok(RecordVersion(1))
            }
            _ => Err(QueueError::new(
                QueueErrorKind::AlreadyExists,
                format!("there is an execution {} already", record.id),
            )),
        }
    }

    async fn get(&self, id: &str) -> Result<Option<(ExecutionRecord, RecordVersion)>, QueueError> {
        let mut command = cmd("HGETALL");
        command.arg(self.inner.keys.record(id));
        record_of(
            id,
            self.inner
                .link
                .command("read an execution", &command)
                .await?,
        )
    }

    async fn save(
        &self,
        record: &ExecutionRecord,
        version: RecordVersion,
    ) -> Result<RecordVersion, QueueError> {
        let (retention, text) = (self.retention_millis(), version.0.to_string());
        let next = version.next(record).0.to_string();
        let built = record.build_time_millis.to_string();
        let (count, parts) = (record.parts.len().to_string(), part_arguments(record));
        let mut arguments: Vec<&[u8]> = vec![
            record.id.as_bytes(),
            record.group.as_bytes(),
            record.status.as_str().as_bytes(),
            flag(record.has_job),
            flag(record.status.is_complete()),
            retention.as_bytes(),
            &record.body,
            text.as_bytes(),
            built.as_bytes(),
            self.inner.keys.tag().as_bytes(),
            &record.summary,
            next.as_bytes(),
            count.as_bytes(),
        ];
        arguments.extend(
            parts
                .iter()
                .flat_map(|(field, text)| [field.as_bytes(), text]),
        );
        let saved: i64 = self
            .inner
            .link
            .script(
                "save an execution",
                &script::SAVE,
                &self.record_keys(record),
                &arguments,
            )
            .await?;
        match u64::try_from(saved) {
            Ok(version) => Ok(RecordVersion(version)),
            Err(_) if saved == -1 => Err(QueueError::new(
                QueueErrorKind::NotFound,
                format!("there is no execution {}", record.id),
            )),
            // Also when the answer to a first attempt was lost and it had been saved: whoever reads the
            // record again finds its own change.
            Err(_) => Err(QueueError::new(
                QueueErrorKind::Conflict,
                format!("execution {} was changed meanwhile", record.id),
            )),
        }
    }

    async fn status(
        &self,
        id: &str,
    ) -> Result<Option<(ExecutionStatus, RecordVersion)>, QueueError> {
        let mut command = cmd("HMGET");
        command
            .arg(self.inner.keys.record(id))
            .arg(&["status", "version"]);
        let found: (Option<String>, Option<u64>) = self
            .inner
            .link
            .command("read an execution's status", &command)
            .await?;
        match found {
            (Some(status), Some(version)) => {
                Ok(Some((status_of(id, &status)?, RecordVersion(version))))
            }
            _ => Ok(None),
        }
    }

    async fn delete(&self, id: &str) -> Result<(), QueueError> {
        let keys = &self.inner.keys;
        let mut all = keys.records().to_vec();
        all.push(keys.record(id));
        let arguments: [&[u8]; 2] = [id.as_bytes(), keys.tag().as_bytes()];
        let _: i64 = self
            .inner
            .link
            .script("delete an execution", &script::DELETE, &all, &arguments)
            .await?;
        Ok(())
    }

    async fn list(
        &self,
        group: &str,
        filter: &ExecutionFilter,
    ) -> Result<Vec<ExecutionRecord>, QueueError> {
        let (mut found, mut passed, mut at) = (Vec::new(), 0, 0);
        let index = self.inner.keys.group(group);
        while found.len() < filter.limit {
            let mut command = cmd("ZREVRANGE");
            command.arg(&index).arg(at).arg(at + PAGE - 1);
            let ids: Vec<String> = self.inner.link.command("list executions", &command).await?;
            if ids.is_empty() {
                break;
            }
            at += ids.len();
            // Statuses first: bodies are read only of what is wanted.
            let mut commands = pipe();
            commands.ignore_errors();
            for id in &ids {
                commands
                    .cmd("HGET")
                    .arg(self.inner.keys.record(id))
                    .arg("status");
            }
            let statuses: Vec<RedisResult<Option<String>>> = self
                .inner
                .link
                .pipeline("list executions", &commands)
                .await?;
            let mut wanted = Vec::new();
            for (id, status) in ids.iter().zip(statuses) {
                // C-ENG-08: a record that cannot be read does not spoil the others.
                let status = status
                    .map_err(|error| unreadable(id, error))
                    .and_then(|status| status.map(|text| status_of(id, &text)).transpose());
                // A record whose time is over leaves the index a little later.
                let Some(status) = left_out_if_unreadable(id, status)? else {
                    continue;
                };
                if !filter.statuses.is_empty() && !filter.statuses.contains(&status) {
                    continue;
                }
                passed += 1;
                if passed > filter.offset && found.len() + wanted.len() < filter.limit {
                    wanted.push(id);
                }
            }
            if wanted.is_empty() {
                continue;
            }
            let mut commands = pipe();
            commands.ignore_errors();
            for id in &wanted {
                commands.cmd("HGETALL").arg(self.inner.keys.record(id));
            }
            let records: Vec<RedisResult<Fields>> = self
                .inner
                .link
                .pipeline("list executions", &commands)
                .await?;
            for (id, fields) in wanted.into_iter().zip(records) {
                let record = fields
                    .map_err(|error| unreadable(id, error))
                    .and_then(|fields| record_of(id, fields));
                found.extend(left_out_if_unreadable(id, record)?.map(|(record, _)| record));
            }
        }
        Ok(found)
    }

    async fn newest(
        &self,
        after: Option<&ListingPlace>,
        limit: usize,
    ) -> Result<Vec<ListedExecution>, QueueError> {
        let (mut found, mut passed) = (Vec::new(), 0);
        let newest = after.map_or_else(
            || "+inf".to_owned(),
            |place| place.build_time_millis.to_string(),
        );
        while found.len() < limit {
            let wanted = PAGE.max(limit.min(LISTED_AT_ONCE));
            let mut command = cmd("ZREVRANGEBYSCORE");
            command
                .arg(self.inner.keys.times())
                .arg(&newest)
                .arg("-inf")
                .arg("WITHSCORES")
                .arg("LIMIT")
                .arg(passed)
                .arg(wanted);
            let page: Vec<(String, f64)> =
                self.inner.link.command("list executions", &command).await?;
            let is_last = page.len() < wanted;
            passed += page.len();
            let page: Vec<ListingPlace> = page
                .into_iter()
                .map(|(id, built)| ListingPlace {
                    build_time_millis: built as i64,
                    id,
                })
                .filter(|place| after.is_none_or(|after| place < after))
                .take(limit - found.len())
                .collect();
            if !page.is_empty() {
                let mut commands = pipe();
                for place in &page {
                    commands
                        .cmd("HMGET")
                        .arg(self.inner.keys.record(&place.id))
                        .arg(&["version", "summary"]);
                }
                let summaries: Vec<(Option<u64>, Option<Vec<u8>>)> = self
                    .inner
                    .link
                    .pipeline("list executions", &commands)
                    .await?;
                // A record whose time is over leaves the index a little later.
                let there = page
                    .into_iter()
                    .zip(summaries)
                    .filter_map(|(place, fields)| {
                        fields.0?;
                        Some(ListedExecution {
                            id: place.id,
                            build_time_millis: place.build_time_millis,
                            summary: Bytes::from(fields.1.unwrap_or_default()),
                        })
                    });
                found.extend(there);
            }
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    async fn ids(&self) -> Result<Vec<String>, QueueError> {
        let mut command = cmd("SMEMBERS");
        command.arg(&self.inner.keys.records()[0]);
        self.inner
            .link
            .command("list execution ids", &command)
            .await
    }

    async fn unfinished(&self, limit: usize) -> Result<Vec<String>, QueueError> {
        let mut command = cmd("SRANDMEMBER");
        command.arg(&self.inner.keys.records()[1]).arg(limit);
        self.inner
            .link
            .command("list unfinished executions", &command)
            .await
    }

    async fn lost_since(&self, accepted: i64) -> Result<Option<i64>, QueueError> {
        let kept = i64::try_from(self.inner.options.retention.as_millis()).unwrap_or(i64::MAX);
        let lost = self.inner.look_at_era().await?;
        Ok(lost.filter(|lost| (0..=kept).contains(&lost.saturating_sub(accepted))))
    }

    async fn check(&self) -> Result<(), QueueError> {
        self.inner.probe().await
    }
}
