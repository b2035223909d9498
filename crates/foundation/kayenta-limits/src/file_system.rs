//! Space on the file system of a path.

use std::path::Path;

/// Bytes that stay free: with fewer, nothing new is accepted, so that what is under way can end.
pub const RESERVED_BYTES: u64 = 4 << 20;
/// Files that can still be created, in the same sense.
pub const RESERVED_FILES: u64 = 100;

/// Bytes and files of one file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// All bytes.
    pub total: u64,
    /// The bytes that this process may still use.
    pub free: u64,
    /// The files and directories that this process may still create (free inodes); `None` where the
    /// file system has no such limit.
    pub free_files: Option<u64>,
}

/// A file system that takes nothing new.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no room in the directory {}: {left}. Free some space or give it a larger volume", .name)]
pub struct NoRoom {
    /// The directory asked for, without those around it: callers of the service read it.
    pub name: String,
    left: String,
}

/// The space where `path` is or will be; `None` if nothing of it exists. Asks the system, which may take
/// long on a file system that is far away.
#[must_use]
pub fn room(path: &Path) -> Option<Room> {
    let system = rustix::fs::statvfs(path).ok()?;
    Some(Room {
        total: system.f_blocks * system.f_frsize,
        free: system.f_bavail * system.f_frsize,
        free_files: (system.f_files > 0).then_some(system.f_favail),
    })
}

/// Whether the file system of `path` can take new work. Blocks as [`room`] does.
///
/// # Errors
/// With what is left, when that is less than [`RESERVED_BYTES`] or [`RESERVED_FILES`]. A path that cannot
/// be looked at is no error: a write there reports why.
pub fn check_room(path: &Path) -> Result<(), NoRoom> {
    match room(path) {
        Some(found) => found.check(path),
        None => Ok(()),
    }
}

impl Room {
    /// Whether the file system reports no size at all, as those without a limit of their own do (ramfs, some in user
    /// space). It has room although no byte of it is free.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.total == 0
    }

    fn check(self, path: &Path) -> Result<(), NoRoom> {
        let left = match self.free_files {
            _ if self.is_unlimited() => return Ok(()),
            _ if self.free < RESERVED_BYTES => format!("{} bytes are left", self.free),
            Some(files) if files < RESERVED_FILES => {
                format!("{files} files can still be created (free inodes)")
            }
            _ => return Ok(()),
        };
        Err(NoRoom {
            name: path
                .file_name()
                .unwrap_or(path.as_os_str())
                .to_string_lossy()
                .into_owned(),
            left,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_that_reports_no_size_has_room() {
        let unsized_one = Room {
            total: 0,
            free: 0,
            free_files: None,
        };
        assert_eq!(unsized_one.check(Path::new("/srv/data")), Ok(()));
        // One that every Linux machine has.
        if let Some(found) = room(Path::new("/proc")) {
            assert_eq!(found.total, 0);
            assert_eq!(check_room(Path::new("/proc")), Ok(()));
        }
    }

    #[test]
    fn a_file_system_without_bytes_or_without_files_has_no_room() {
        let path = Path::new("/srv/data");
        let check = |free, free_files| {
            Room {
                total: 1 << 30,
                free,
                free_files,
            }
            .check(path)
            .map_err(|error| error.to_string())
        };
        assert_eq!(check(RESERVED_BYTES, None), Ok(()));
        assert_eq!(check(RESERVED_BYTES, Some(RESERVED_FILES)), Ok(()));
        assert_eq!(
            check(4096, Some(1_000_000)).unwrap_err(),
            "there is no room in the directory data: 4096 bytes are left. Free some space or give it a larger volume"
        );
        assert_eq!(
            check(1 << 29, Some(7)).unwrap_err(),
            "there is no room in the directory data: 7 files can still be created (free inodes). Free some space or \
             give it a larger volume"
        );
    }
}
