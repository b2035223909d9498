//! A file that is written in parts before it becomes an object: every function blocks.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    mem,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::failure::failure;
use crate::{error::StorageError, store::ObjectSummary};

/// How the names of such files end. Their writers keep them locked, so one that is not locked has been left by a process that
/// was killed.
const SUFFIX: &str = ".upload";

/// Whether a file of this name is one that is written in parts.
pub(super) fn is_partial(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().ends_with(SUFFIX.as_bytes())
}

/// Whether no process writes the file any more.
pub(super) fn is_left(path: &Path) -> bool {
    let opened = OpenOptions::new().write(true).open(path);
    opened.is_ok_and(|file| file.try_lock().is_ok())
}

/// A file that lies aside until it is complete, and is removed when it is dropped before.
#[derive(Debug)]
pub(super) struct PartialFile {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// There is no file yet.
    New,
    Open(File),
    /// The file is the object that a listing describes so.
    Complete(ObjectSummary),
}

impl PartialFile {
    /// The file that `path`, a name of its own, gets [`SUFFIX`] for; it is not there yet.
    pub(super) fn new(mut path: PathBuf) -> Self {
        path.as_mut_os_string().push(SUFFIX);
        Self {
            path,
            state: Mutex::new(State::New),
        }
    }

    /// Writes the part that begins at a place. An earlier try may have done so, or may still be at it.
    pub(super) fn write(&self, place: u64, part: &[u8]) -> Result<(), StorageError> {
        match &*self.opened()? {
            State::Open(file) => self.write_at(file, place, part),
            // A try that was given up ends after another one has completed the file.
            State::Complete(_) | State::New => Ok(()),
        }
    }

    /// Writes the last part and has the file `moved` to where it belongs, unless an earlier try has done so. What it returns
    /// becomes what a listing says of the object.
    pub(super) fn complete(
        &self,
        place: u64,
        last: &[u8],
        moved: impl FnOnce(&File, &Path) -> Result<ObjectSummary, StorageError>,
    ) -> Result<ObjectSummary, StorageError> {
        let mut state = self.opened()?;
        let summary = match &*state {
            State::Complete(summary) => return Ok(summary.clone()),
            State::New => return Err(self.failed(io::ErrorKind::NotFound.into())),
            State::Open(file) => {
                self.write_at(file, place, last)?;
                moved(file, &self.path)?
            }
        };
        *state = State::Complete(summary.clone());
        Ok(summary)
    }

    /// The state once there is a file.
    fn opened(&self) -> Result<MutexGuard<'_, State>, StorageError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::New) {
            let open = || {
                let file = File::create_new(&self.path)?;
                file.lock()?;
                Ok(file)
            };
            *state = State::Open(open().map_err(|error| self.failed(error))?);
        }
        Ok(state)
    }

    fn write_at(&self, mut file: &File, place: u64, part: &[u8]) -> Result<(), StorageError> {
        file.seek(SeekFrom::Start(place))
            .and_then(|_| file.write_all(part))
            .map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> StorageError {
        failure("write", &self.path, error)
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let State::Open(file) = mem::replace(state, State::New) {
            // What stays is removed when the store is opened or checked the next time.
            let _ = fs::remove_file(&self.path);
            drop(file);
        }
    }
}
