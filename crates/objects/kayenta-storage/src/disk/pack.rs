//! The format of a pack: one file that holds many objects, one after the other.
//!
//! Each object is a line of JSON that names it, its bytes, and a line feed. A removal is such a line
//! without bytes. A later record of a key replaces the earlier ones. Records are only ever appended,
//! so a process that is killed leaves at worst an incomplete last record, which counts as absent and
//! is overwritten by the next append. People can read the file with the tools they have for text.

use std::{
    collections::HashMap,
    fs::{File, Metadata},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    ops::Range,
};

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use crate::{kind::ObjectKind, store::ObjectSummary};

/// No header is longer: a key and a file name are at most 255 bytes on the file systems in use.
const LONGEST_HEADER: u64 = 8 << 10;
/// Records up to this size are put together and written by one call.
const WRITTEN_AT_ONCE: usize = 64 << 10;

/// The line before an object.
#[derive(Debug, Deserialize, Serialize)]
struct Header<'a> {
    /// The group of the kind.
    kind: &'a str,
    key: String,
    /// The file name, unless it is the default of the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// When it was written, in nanoseconds since 1970.
    updated: i64,
    /// How many bytes follow; none of a removal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

/// Where the object of a key lies in its pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    filename: Option<Box<str>>,
    updated: i64,
    /// Where the header begins.
    start: u64,
    /// Where the bytes begin.
    body: u64,
    size: u64,
}

impl Entry {
    /// Length of the record with its header and the line feed.
    fn length(&self) -> u64 {
        self.body - self.start + self.size + 1
    }

    /// A part of the object's bytes, in the file that the entry is of.
    pub(super) fn read_part(&self, file: &File, part: Range<u64>) -> io::Result<Vec<u8>> {
        let end = part.end.min(self.size);
        let start = part.start.min(end);
        read_at(file, self.body + start, end - start)
    }

    /// What a listing says of the object.
    pub(super) fn summary(&self, kind: ObjectKind, key: &str) -> ObjectSummary {
        ObjectSummary {
            key: key.to_owned(),
            filename: self
                .filename
                .as_deref()
                .unwrap_or(kind.default_filename())
                .to_owned(),
            updated: DateTime::from_timestamp_nanos(self.updated),
            version: format!("{:x}-{:x}", self.updated, self.size),
            size: self.size,
        }
    }
}

/// Which file this is, as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

impl Identity {
    pub(super) fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            Self(metadata.dev(), metadata.ino())
        }
        #[cfg(not(unix))]
        {
            let created = metadata.created().ok();
            let since = created.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
            Self(0, since.map_or(0, |since| since.as_nanos() as u64))
        }
    }
}

/// What a pack contains.
#[derive(Debug, Default)]
pub(super) struct Table {
    of: Option<Identity>,
    entries: HashMap<(ObjectKind, Box<str>), Entry>,
    /// Where the last complete record ends.
    end: u64,
    /// Length of the records that count.
    live: u64,
    /// The latest time of a record.
    latest: i64,
}

impl Table {
    /// Brings the table up to date with the file: reads what was appended since, or all of it when it
    /// is another file.
    pub(super) fn refresh(&mut self, file: &File) -> io::Result<()> {
        let metadata = file.metadata()?;
        let identity = Identity::of(&metadata);
        if self.of != Some(identity) || metadata.len() < self.end {
            *self = Self {
                of: Some(identity),
                ..Self::default()
            };
        }
        if metadata.len() > self.end {
            self.read_from_end(file, metadata.len())?;
        }
        Ok(())
    }

    fn read_from_end(&mut self, file: &File, length: u64) -> io::Result<()> {
        let mut reader = BufReader::new(file);
        reader.seek(SeekFrom::Start(self.end))?;
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = reader
                .by_ref()
                .take(LONGEST_HEADER)
                .read_until(b'\n', &mut line)? as u64;
            let Some((kind, header)) = parse(&line) else {
                return Ok(());
            };
            let body = self.end + read;
            let Some(size) = header.size else {
                self.latest = self.latest.max(header.updated);
                self.forget(kind, &header.key);
                self.end = body;
                continue;
            };
            if body.saturating_add(size) >= length {
                return Ok(());
            }
            reader.seek_relative(i64::try_from(size).unwrap_or(i64::MAX))?;
            let mut last = [0];
            reader.read_exact(&mut last)?;
            if last != *b"\n" {
                return Ok(());
            }
            let entry = Entry {
                filename: header.file.map(Into::into),
                updated: header.updated,
                start: self.end,
                body,
                size,
            };
            self.remember(kind, &header.key, entry);
        }
    }

    fn remember(&mut self, kind: ObjectKind, key: &str, entry: Entry) {
        self.latest = self.latest.max(entry.updated);
        self.end = entry.start + entry.length();
        self.live += entry.length();
        if let Some(earlier) = self.entries.insert((kind, key.into()), entry) {
            self.live -= earlier.length();
        }
    }

    fn forget(&mut self, kind: ObjectKind, key: &str) {
        if let Some(earlier) = self.entries.remove(&(kind, key.into())) {
            self.live -= earlier.length();
        }
    }

    /// The object of the key.
    pub(super) fn get(&self, kind: ObjectKind, key: &str) -> Option<&Entry> {
        self.entries.get(&(kind, key.into()))
    }

    /// How many objects there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The objects of a kind.
    pub(super) fn of_kind(&self, kind: ObjectKind) -> impl Iterator<Item = ObjectSummary> {
        let all = self.entries.iter();
        all.filter(move |((found, _), _)| *found == kind)
            .map(|((kind, key), entry)| entry.summary(*kind, key))
    }

    /// Whether more of the file is out of date than not.
    pub(super) fn is_mostly_garbage(&self) -> bool {
        self.end > 2 * self.live
    }

    /// A time for a record written now: later than that of every other.
    fn time(&self, now: i64) -> i64 {
        now.max(self.latest + 1)
    }

    /// Appends an object; on an error the file is as before. The file must be locked and the table
    /// refreshed.
    pub(super) fn append(
        &mut self,
        file: &File,
        (kind, key): (ObjectKind, &str),
        filename: &str,
        bytes: &[u8],
        now: i64,
    ) -> io::Result<ObjectSummary> {
        let filename = (filename != kind.default_filename()).then_some(filename);
        let header = Header {
            kind: kind.group(),
            key: key.to_owned(),
            file: filename.map(str::to_owned),
            updated: self.time(now),
            size: Some(bytes.len() as u64),
        };
        let start = self.end;
        let body = start + self.write(file, &header, bytes)?;
        let entry = Entry {
            filename: filename.map(Into::into),
            updated: header.updated,
            start,
            body,
            size: bytes.len() as u64,
        };
        let summary = entry.summary(kind, key);
        self.remember(kind, key, entry);
        Ok(summary)
    }

    /// Appends a removal, as [`append`](Self::append) does.
    pub(super) fn append_removal(
        &mut self,
        file: &File,
        kind: ObjectKind,
        key: &str,
        now: i64,
    ) -> io::Result<()> {
        let header = Header {
            kind: kind.group(),
            key: key.to_owned(),
            file: None,
            updated: self.time(now),
            size: None,
        };
        let length = self.write(file, &header, &[])?;
        self.latest = header.updated;
        self.end += length;
        self.forget(kind, key);
        Ok(())
    }

    /// Writes a record after the last complete one; the length of its header.
    fn write(&self, mut file: &File, header: &Header<'_>, bytes: &[u8]) -> io::Result<u64> {
        let mut record = serde_json::to_vec(header)?;
        record.push(b'\n');
        let length = record.len() as u64;
        let written = (|| {
            if file.metadata()?.len() > self.end {
                // Left by a writer that was killed.
                file.set_len(self.end)?;
            }
            file.seek(SeekFrom::Start(self.end))?;
            if header.size.is_none() {
                return file.write_all(&record);
            }
            if record.len() + bytes.len() < WRITTEN_AT_ONCE {
                record.extend_from_slice(bytes);
                record.push(b'\n');
                return file.write_all(&record);
            }
            file.write_all(&record)?;
            file.write_all(bytes)?;
            file.write_all(b"\n")
        })();
        if written.is_err() {
            let _ = file.set_len(self.end);
        }
        written.map(|()| length)
    }

    /// The bytes of the object; `None` when the file says otherwise than the entry, so that the table
    /// is out of date.
    pub(super) fn read(
        mut file: &File,
        kind: ObjectKind,
        key: &str,
        entry: &Entry,
    ) -> io::Result<Option<Vec<u8>>> {
        file.seek(SeekFrom::Start(entry.start))?;
        let mut bytes = vec![0; usize::try_from(entry.length()).unwrap_or(usize::MAX)];
        match file.read_exact(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let header_length = usize::try_from(entry.body - entry.start).unwrap_or(usize::MAX);
        let is_it = parse(&bytes[..header_length]).is_some_and(|(found, header)| {
            found == kind && header.key == key && header.updated == entry.updated
        });
        if !is_it || bytes.pop() != Some(b'\n') {
            return Ok(None);
        }
        bytes.drain(..header_length);
        Ok(Some(bytes))
    }

    /// Copies the records that count to another file, in their order.
    pub(super) fn copy_live(&self, mut from: &File, to: &mut impl Write) -> io::Result<()> {
        let mut live: Vec<_> = self.entries.values().collect();
        live.sort_unstable_by_key(|entry| entry.start);
        for entry in live {
            from.seek(SeekFrom::Start(entry.start))?;
            let copied = io::copy(&mut from.take(entry.length()), to)?;
            if copied != entry.length() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }
}

/// So many bytes of a file.
pub(super) fn read_at(mut file: &File, start: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The header in a whole line.
fn parse(line: &[u8]) -> Option<(ObjectKind, Header<'_>)> {
    let header: Header<'_> = serde_json::from_slice(line.strip_suffix(b"\n")?).ok()?;
    let kind = ObjectKind::ALL
        .into_iter()
        .find(|kind| kind.group() == header.kind)?;
    Some((kind, header))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETS: ObjectKind = ObjectKind::MetricSetList;

    fn file() -> File {
        tempfile::tempfile().unwrap()
    }

    fn reread(file: &File) -> Table {
        let mut table = Table::default();
        table.refresh(file).unwrap();
        table
    }

    fn append(table: &mut Table, file: &File, key: &str, text: &str) {
        table
            .append(file, (SETS, key), "metric_sets.json", text.as_bytes(), 1)
            .unwrap();
    }

    fn text(table: &Table, file: &File, key: &str) -> Option<String> {
        let bytes = Table::read(file, SETS, key, table.get(SETS, key)?).unwrap();
        Some(String::from_utf8(bytes.unwrap()).unwrap())
    }

    #[test]
    fn at_whatever_byte_a_file_ends_the_records_before_count_and_the_next_one_is_written() {
        let whole = file();
        let mut table = reread(&whole);
        let mut ends = Vec::new();
        for (key, content) in [("a", "[1]"), ("b", ""), ("c", "{}\n{}"), ("a", "[2]")] {
            append(&mut table, &whole, key, content);
            ends.push(table.end);
        }
        table.append_removal(&whole, SETS, "b", 1).unwrap();
        ends.push(table.end);
        let mut bytes = Vec::new();
        (&whole).rewind().unwrap();
        (&whole).read_to_end(&mut bytes).unwrap();

        for length in 0..=bytes.len() {
            let torn = file();
            (&torn).write_all(&bytes[..length]).unwrap();
            let mut table = reread(&torn);
            let complete = ends.iter().filter(|end| **end <= length as u64).count();
            let expected = match complete {
                0 => [None, None, None],
                1 => [Some("[1]"), None, None],
                2 => [Some("[1]"), Some(""), None],
                3 => [Some("[1]"), Some(""), Some("{}\n{}")],
                4 => [Some("[2]"), Some(""), Some("{}\n{}")],
                _ => [Some("[2]"), None, Some("{}\n{}")],
            };
            let found = |table: &Table| ["a", "b", "c"].map(|key| text(table, &torn, key));
            assert_eq!(
                found(&table),
                expected.map(|text| text.map(str::to_owned)),
                "{length}"
            );
            append(&mut table, &torn, "d", "after");
            let again = reread(&torn);
            assert_eq!(found(&again), found(&table), "{length}");
            assert_eq!(text(&again, &torn, "d").as_deref(), Some("after"));
        }
    }

    #[test]
    fn what_follows_a_power_failure_is_no_object() {
        for tail in [
            &[0; 4096][..],
            b"\n\n",
            b"{\"kind\":\"none\"}\n",
            &[b'x'; 20_000],
        ] {
            let file = file();
            let mut table = reread(&file);
            append(&mut table, &file, "a", "[1]");
            (&file).seek(SeekFrom::End(0)).unwrap();
            (&file).write_all(tail).unwrap();
            assert_eq!(reread(&file).len(), 1);
            append(&mut table, &file, "b", "[2]");
            assert_eq!(text(&reread(&file), &file, "b").as_deref(), Some("[2]"));
        }
    }

    #[test]
    fn every_write_has_its_own_time_and_version() {
        let file = file();
        let mut table = reread(&file);
        let mut versions = std::collections::HashSet::new();
        for _ in 0..10 {
            let written = table
                .append(&file, (SETS, "a"), "metric_sets.json", b"[]", 5)
                .unwrap();
            assert!(versions.insert(written.version));
        }
        assert!(table.is_mostly_garbage());
    }

    #[test]
    fn a_table_of_a_file_that_was_replaced_is_recognised() {
        let (one, other) = (file(), file());
        let mut table = reread(&one);
        append(&mut table, &one, "a", "[1]");
        let entry = table.get(SETS, "a").unwrap().clone();
        append(&mut reread(&other), &other, "b", "[2]");
        assert_eq!(Table::read(&other, SETS, "a", &entry).unwrap(), None);
        table.refresh(&other).unwrap();
        assert_eq!(table.get(SETS, "a"), None);
        assert_eq!(text(&table, &other, "b").as_deref(), Some("[2]"));
    }
}
