//! Whether files can be kept in a folder, found without making anything.

use std::path::Path;

use rustix::fs::{Access, access};

/// Whether a folder can be written, or made where there is none. Nothing is made.
///
/// # Errors
/// Why not.
pub fn check_writable(folder: &Path) -> Result<(), String> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let Some(there) = folder.ancestors().find(|path| path.exists()) else {
        // A relative path below the working directory.
        return check_writable(Path::new("."));
    };
    if !there.is_dir() {
        return Err(format!("{} is not a folder", there.display()));
    }
    access(there, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| format!("{} cannot be written: {error}", there.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_can_be_made_below_one_that_can_be_written_and_not_below_a_file() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(check_writable(folder.path()), Ok(()));
        assert_eq!(check_writable(&folder.path().join("a/b/c")), Ok(()));
        assert!(!folder.path().join("a").exists());
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let why = check_writable(&file.join("below")).unwrap_err();
        assert!(why.ends_with("file is not a folder"), "{why}");
    }

    #[test]
    fn relative_folders_are_those_of_the_working_directory() {
        assert_eq!(check_writable(Path::new("")), Ok(()));
        assert_eq!(check_writable(Path::new("no-such-folder/below")), Ok(()));
    }
}
