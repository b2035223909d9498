//! Which keys and file names can stand as one segment of a path.

use crate::{
    error::{StorageError, StorageErrorKind},
    kind::ObjectKind,
};

/// Longest key or file name in bytes; what Azure allows for a segment's worth of a blob name.
const MAX_SEGMENT_BYTES: usize = 512;

/// Whether the text can be one segment of a path: not empty, `.` or `..`, no slash, no backslash,
/// no control character, not longer than 512 bytes.
#[must_use]
pub fn is_path_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
        && text.len() <= MAX_SEGMENT_BYTES
        && !text
            .chars()
            .any(|c| matches!(c, '/' | '\\') || c.is_control())
}

/// C-STORE-01: refuses what could be stored and never be reached by its URL again; `what` names it in the
/// message.
///
/// # Errors
/// [`StorageErrorKind::Invalid`].
pub fn check_reachable(what: &str, text: &str) -> Result<(), StorageError> {
    if text.contains(['%', ';']) {
        return Err(unusable(what, text));
    }
    check_segment(what, text)
}

fn unusable(what: &str, text: &str) -> StorageError {
    StorageError::new(
        StorageErrorKind::Invalid,
        format!(
            "The {what} '{}' cannot be part of a path.",
            text.escape_debug()
        ),
    )
}

/// Refuses what cannot be one segment of a path; `what` names it in the message.
///
/// # Errors
/// [`StorageErrorKind::Invalid`].
pub fn check_segment(what: &str, text: &str) -> Result<(), StorageError> {
    if is_path_segment(text) {
        return Ok(());
    }
    Err(unusable(what, text))
}

/// The file name an object is written under, `None` being the default of its kind, after a check that key and file
/// name can each be one segment of a path. Every store begins a write with it.
///
/// # Errors
/// [`StorageErrorKind::Invalid`].
pub fn checked_filename<'a>(
    kind: ObjectKind,
    key: &str,
    filename: Option<&'a str>,
) -> Result<&'a str, StorageError> {
    let filename = filename.unwrap_or(kind.default_filename());
    check_segment("key", key)?;
    check_segment("file name", filename)?;
    Ok(filename)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addressable_segments_pass() {
        for good in ["a", "a.b", "a b", "käse", "%2e", "...", "a;b"] {
            assert!(is_path_segment(good), "{good}");
        }
        let long = "x".repeat(513);
        for bad in ["", ".", "..", "a/b", "/", "a\\b", "a\nb", "\0", &long] {
            let error = check_segment("key", bad).unwrap_err();
            assert_eq!(error.kind, StorageErrorKind::Invalid, "{bad}");
        }
    }
}
