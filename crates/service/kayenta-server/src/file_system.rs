//! Space on the file system of a path.

use std::path::Path;

/// Bytes of one file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    /// All of it.
    pub(crate) total: u64,
    /// What this process may still use.
    pub(crate) free: u64,
}

/// The space where `path` is; `None` if there is no such path. Asks the system, which may take long
/// on a file system that is far away.
pub(crate) fn room(path: &Path) -> Option<Room> {
    let system = rustix::fs::statvfs(path).ok()?;
    Some(Room {
        total: system.f_blocks * system.f_frsize,
        free: system.f_bavail * system.f_frsize,
    })
}
