//! Names of files and what they tell.

use std::{fs, io, path::Path, path::PathBuf};

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::{segment::is_path_segment, store::ObjectSummary};

/// Everything but letters, digits and what no file system minds.
const UNFIT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b',')
    .remove(b'=')
    .remove(b'@')
    .remove(b'+');

/// The file name that stands for a key or file name; never hidden, never `.` or `..`.
pub(super) fn encode(name: &str) -> String {
    let encoded = utf8_percent_encode(name, UNFIT).to_string();
    match encoded.strip_prefix('.') {
        Some(rest) => format!("%2E{rest}"),
        None => encoded,
    }
}

/// The key or file name a file name stands for; `None` when [`encode`] makes no such name.
pub(super) fn decode(name: &str) -> Option<String> {
    let decoded = percent_decode_str(name).decode_utf8().ok()?;
    (is_path_segment(&decoded) && encode(&decoded) == name).then(|| decoded.into_owned())
}

/// Changes with every write, because every write makes a new file.
pub(super) fn version(metadata: &fs::Metadata) -> String {
    let modified: DateTime<Utc> = metadata
        .modified()
        .map(Into::into)
        .unwrap_or(DateTime::UNIX_EPOCH);
    #[cfg(unix)]
    let file = std::os::unix::fs::MetadataExt::ino(metadata);
    #[cfg(not(unix))]
    let file = 0;
    format!(
        "{:x}-{:x}{:08x}-{:x}",
        file,
        modified.timestamp(),
        modified.timestamp_subsec_nanos(),
        metadata.len()
    )
}

/// A file under a key.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) summary: ObjectSummary,
}

impl Found {
    /// The files in the directory of a key, none when there is no such directory.
    /// A link is no such directory: what it leads to is none of the service's.
    pub(super) fn all_in(directory: &Path, key: &str) -> io::Result<Vec<Self>> {
        if fs::symlink_metadata(directory).is_ok_and(|metadata| metadata.is_symlink()) {
            return Ok(Vec::new());
        }
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(Vec::new());
            }
            // A name too long for the file system cannot have been written.
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let Some(filename) = entry.file_name().to_str().and_then(decode) else {
                continue;
            };
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                // Removed since the directory was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if metadata.is_file() {
                found.push(Self {
                    path: entry.path(),
                    summary: ObjectSummary {
                        key: key.to_owned(),
                        filename,
                        updated: metadata.modified()?.into(),
                        version: version(&metadata),
                        size: metadata.len(),
                    },
                });
            }
        }
        Ok(found)
    }
}

/// The file that counts: the newest, the later name when two are equally new.
pub(super) fn newest(found: impl IntoIterator<Item = Found>) -> Option<Found> {
    found.into_iter().max_by(|a, b| {
        (a.summary.updated, &a.summary.filename).cmp(&(b.summary.updated, &b.summary.filename))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn usual_names_stay_readable() {
        for name in ["my-config.json", "0e6d-12", "a,b_c.json", "01JQ"] {
            assert_eq!(encode(name), name);
        }
        assert_eq!(encode(".x/ü"), "%2Ex%2F%C3%BC");
        for foreign in [".git", "a%2f", "%41", "%zz", "a b"] {
            assert_eq!(decode(foreign), None, "{foreign}");
        }
    }

    proptest! {
        #[test]
        fn encoding_is_reversible_and_safe(name in "[^/\\\\\\p{Cc}]{1,60}") {
            prop_assume!(is_path_segment(&name));
            let encoded = encode(&name);
            prop_assert!(!encoded.starts_with('.'));
            prop_assert!(encoded.bytes().all(|b| b.is_ascii_graphic() && b != b'/'));
            prop_assert_eq!(decode(&encoded), Some(name));
        }
    }
}
