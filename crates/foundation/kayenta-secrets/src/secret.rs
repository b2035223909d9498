//! Secrets whose value may change while the process runs, and the files that such values come from.

use std::{
    fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock, Weak},
};

use secrecy::{ExposeSecret, SecretString};

use crate::masking::MASK;

/// Longest content of a file that is read as a secret.
const MOST_BYTES: u64 = 1 << 20;

/// A secret, as it is now: a fixed text, or the content of a file that something else renews.
///
/// ```
/// use kayenta_secrets::{Secret, SecretFiles};
/// use secrecy::ExposeSecret;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("token");
/// std::fs::write(&path, "first\n")?;
///
/// let files = SecretFiles::default();
/// let secret = files.open(&path)?;
/// assert_eq!(secret.current().expose_secret(), "first");
///
/// std::fs::write(&path, "second\n")?;
/// files.refresh();
/// assert_eq!(secret.current().expose_secret(), "second");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Secret(Source);

#[derive(Clone)]
enum Source {
    Fixed(SecretString),
    File(Arc<SecretFile>),
}

impl Secret {
    /// The value now. Reads no file: [`SecretFiles::refresh`] and [`reread`](Self::reread) do.
    #[must_use]
    pub fn current(&self) -> SecretString {
        match &self.0 {
            Source::Fixed(text) => text.clone(),
            Source::File(file) => file.current(),
        }
    }

    /// Whether the value may change.
    #[must_use]
    pub fn rotates(&self) -> bool {
        matches!(self.0, Source::File(_))
    }

    /// Reads the file now, for a server that has refused the value. Returns whether there is another one.
    /// Blocks as reading a file does.
    #[must_use]
    pub fn reread(&self) -> bool {
        match &self.0 {
            Source::Fixed(_) => false,
            Source::File(file) => file.refresh(),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Fixed(_) => f.write_str(MASK),
            Source::File(file) => write!(f, "{MASK} of {}", file.path.display()),
        }
    }
}

impl From<SecretString> for Secret {
    fn from(text: SecretString) -> Self {
        Self(Source::Fixed(text))
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        SecretString::from(text).into()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        SecretString::from(text).into()
    }
}

struct SecretFile {
    path: PathBuf,
    value: RwLock<SecretString>,
    /// Whether the last attempt to read failed, so that a failure is logged once.
    unreadable: Mutex<bool>,
}

impl SecretFile {
    fn current(&self) -> SecretString {
        self.value
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether there is another value than before.
    fn refresh(&self) -> bool {
        // Held while the file is read, so that an older content never replaces a newer one.
        let mut unreadable = self
            .unreadable
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let file = self.path.display();
        let read = match read(&self.path) {
            Ok(read) => read,
            Err(cause) => {
                if !*unreadable {
                    tracing::warn!(%file, %cause, "a secret cannot be read from its file; its last value stays in use");
                }
                *unreadable = true;
                return false;
            }
        };
        if *unreadable {
            tracing::info!(%file, "a secret can be read from its file again");
        }
        *unreadable = false;
        let mut value = self.value.write().unwrap_or_else(PoisonError::into_inner);
        let changed = value.expose_secret() != read.expose_secret();
        if changed {
            *value = read;
            tracing::info!(%file, "a secret has changed; the new value is used from now on");
        }
        changed
    }
}

/// The content of a file without the blanks around it.
fn read(path: &Path) -> io::Result<SecretString> {
    let mut text = String::new();
    let file = fs::File::open(path)?;
    let length = file.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if length as u64 > MOST_BYTES {
        return Err(io::Error::other("the file is too large for a secret"));
    }
    match text.trim() {
        "" => Err(io::Error::other("the file is empty")),
        content => Ok(content.into()),
    }
}

/// The files that secrets come from. Clones share them.
#[derive(Clone, Default)]
pub struct SecretFiles(Arc<Mutex<Vec<Weak<SecretFile>>>>);

impl fmt::Debug for SecretFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretFiles({})", self.in_use().len())
    }
}

impl SecretFiles {
    /// The secret in a file: its content without the blanks around it. A file that is open already is
    /// shared.
    ///
    /// # Errors
    /// When the file cannot be read, is empty, is larger than 1 MiB or is not UTF-8.
    pub fn open(&self, path: impl Into<PathBuf>) -> io::Result<Secret> {
        let path = path.into();
        if let Some(known) = self.in_use().into_iter().find(|file| file.path == path) {
            return Ok(Secret(Source::File(known)));
        }
        let file = Arc::new(SecretFile {
            value: RwLock::new(read(&path)?),
            path,
            unreadable: Mutex::new(false),
        });
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.push(Arc::downgrade(&file));
        Ok(Secret(Source::File(file)))
    }

    /// Reads every file that is still in use and logs which values changed, and which files cannot be
    /// read. Blocks as reading files does.
    pub fn refresh(&self) {
        for file in self.in_use() {
            file.refresh();
        }
    }

    /// Whether no file is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.in_use().is_empty()
    }

    fn in_use(&self) -> Vec<Arc<SecretFile>> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.retain(|file| file.strong_count() > 0);
        files.iter().filter_map(Weak::upgrade).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(secret: &Secret) -> String {
        secret.current().expose_secret().to_owned()
    }

    #[test]
    fn a_file_that_kubernetes_replaces_by_a_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (version, content) in [("..1", "one"), ("..2", "two")] {
            std::fs::create_dir(at(version)).unwrap();
            std::fs::write(at(version).join("key"), content).unwrap();
        }
        std::os::unix::fs::symlink("..1", at("..data")).unwrap();
        std::os::unix::fs::symlink("..data/key", at("key")).unwrap();
        let files = SecretFiles::default();
        let secret = files.open(at("key")).unwrap();
        assert_eq!(text(&secret), "one");
        std::os::unix::fs::symlink("..2", at("..new")).unwrap();
        std::fs::rename(at("..new"), at("..data")).unwrap();
        assert!(secret.reread());
        assert_eq!(text(&secret), "two");
        assert!(!secret.reread());
    }

    #[test]
    fn the_last_value_stays_while_the_file_cannot_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, " first \n").unwrap();
        let files = SecretFiles::default();
        let secret = files.open(&path).unwrap();
        for unusable in [Some(""), Some(" \n"), None] {
            match unusable {
                Some(content) => std::fs::write(&path, content).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            files.refresh();
            assert_eq!(text(&secret), "first");
        }
        std::fs::write(&path, "second").unwrap();
        files.refresh();
        assert_eq!(text(&secret), "second");
    }

    #[test]
    fn a_file_is_shared_and_forgotten_with_its_last_secret_and_nothing_is_printed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(SecretFiles::default().open(&path).is_err());
        std::fs::write(&path, "hush").unwrap();
        let files = SecretFiles::default();
        let (one, other) = (files.open(&path).unwrap(), files.open(&path).unwrap());
        std::fs::write(&path, "changed").unwrap();
        assert!(one.reread() && !other.reread());
        assert_eq!(text(&other), "changed");
        let printed = format!("{one:?} {files:?} {:?}", Secret::from("fixed"));
        assert!(
            !printed.contains("changed") && !printed.contains("fixed"),
            "{printed}"
        );
        drop((one, other));
        assert!(files.is_empty());
    }
}
