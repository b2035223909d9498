//! What errors of file operations mean.

use std::{
    io,
    path::{Path, PathBuf},
};

use tracing::warn;

use crate::error::{StorageError, StorageErrorKind};

/// Removing what is not there is done.
pub(super) fn ignore_absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// What a failed file operation means.
pub(super) fn failure(operation: &str, path: &Path, error: io::Error) -> StorageError {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            StorageErrorKind::Denied
        }
        io::ErrorKind::InvalidFilename => StorageErrorKind::Invalid,
        // Full disks are emptied, interrupted calls repeated, mounts brought back.
        _ => StorageErrorKind::Unavailable,
    };
    if kind != StorageErrorKind::Invalid {
        warn!("disk store: cannot {operation} {}: {error}", path.display());
    }
    // Callers need not know where on the machine it lies.
    let parts: Vec<_> = path.components().rev().take(3).collect();
    let shown: PathBuf = parts.into_iter().rev().collect();
    StorageError::new(
        kind,
        format!("cannot {operation} {}: {error}", shown.display()),
    )
    .caused_by(error)
}
