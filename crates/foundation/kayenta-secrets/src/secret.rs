//! Secrets whose value may change while the process runs, and the places that such values come from.

use std::{
    fmt, fs,
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use secrecy::{ExposeSecret, SecretSlice, SecretString};

use crate::masking::MASK;

/// Longest content of a file that is read as a secret.
const MOST_BYTES: u64 = 1 << 20;

/// A secret, as it is now: a fixed text, or the content of a file or of another place that something
/// else renews.
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
    Renewed(Arc<Renewed>),
}

/// A place outside this machine's files that keeps a secret, such as a secret manager or an object in a
/// bucket.
pub trait SecretSource: Send + Sync {
    /// What the secret is called in log lines. Equal names are the same secret.
    fn name(&self) -> &str;

    /// The content now; the source decides how long it answers from memory. `refused` says that a server
    /// has just refused the last content. Blocks as a request does.
    ///
    /// # Errors
    /// Why there is none and what to do, in words that may be shown.
    fn fetch(&self, refused: bool) -> Result<SecretSlice<u8>, String>;
}

impl fmt::Debug for dyn SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MASK} of {}", self.name())
    }
}

impl PartialEq for dyn SecretSource {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for dyn SecretSource {}

impl Secret {
    /// The value now. Reads no file: [`SecretFiles::refresh`] and [`reread`](Self::reread) do.
    #[must_use]
    pub fn current(&self) -> SecretString {
        match &self.0 {
            Source::Fixed(text) => text.clone(),
            Source::Renewed(renewed) => renewed.current(),
        }
    }

    /// Whether the value may change.
    #[must_use]
    pub fn rotates(&self) -> bool {
        matches!(self.0, Source::Renewed(_))
    }

    /// Reads the file now, or asks the place that keeps the secret, for a server that has refused the
    /// value. Returns whether there is another one. Blocks as reading a file or a request does.
    #[must_use]
    pub fn reread(&self) -> bool {
        match &self.0 {
            Source::Fixed(_) => false,
            Source::Renewed(renewed) => renewed.refresh(true),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Fixed(_) => f.write_str(MASK),
            Source::Renewed(renewed) => write!(f, "{MASK} of {}", renewed.place.name()),
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

/// Where a secret that may change is kept.
enum Place {
    File(PathBuf),
    Elsewhere(Arc<dyn SecretSource>),
}

impl Place {
    fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Elsewhere(source) => source.name().to_owned(),
        }
    }

    fn read(&self, refused: bool) -> Result<SecretString, String> {
        match self {
            Self::File(path) => read(path).map_err(|error| error.to_string()),
            Self::Elsewhere(source) => {
                let content = source.fetch(refused)?;
                let text = std::str::from_utf8(content.expose_secret())
                    .map_err(|_| "the secret is not UTF-8".to_owned())?;
                trimmed(text, "the secret").map_err(|error| error.to_string())
            }
        }
    }
}

/// The outcomes of reading one place, so that each change is logged once.
struct Outcomes {
    failing: bool,
}

impl Outcomes {
    fn failed(&mut self, place: &Place, cause: &str) {
        if !std::mem::replace(&mut self.failing, true) {
            match place {
                Place::File(path) => {
                    tracing::warn!(file = %path.display(), %cause, "a secret cannot be read from its file; its last value stays in use");
                }
                Place::Elsewhere(source) => {
                    tracing::warn!(source = %source.name(), %cause, "a secret cannot be fetched; its last value stays in use");
                }
            }
        }
    }

    fn succeeded(&mut self, place: &Place, changed: bool) {
        if std::mem::replace(&mut self.failing, false) {
            match place {
                Place::File(path) => {
                    tracing::info!(file = %path.display(), "a secret can be read from its file again");
                }
                Place::Elsewhere(source) => {
                    tracing::info!(source = %source.name(), "a secret can be fetched again");
                }
            }
        }
        if changed {
            match place {
                Place::File(path) => {
                    tracing::info!(file = %path.display(), "a secret has changed; the new value is used from now on");
                }
                Place::Elsewhere(source) => {
                    tracing::info!(source = %source.name(), "a secret has changed; the new value is used from now on");
                }
            }
        }
    }
}

struct Renewed {
    place: Place,
    value: RwLock<SecretString>,
    /// Whether the value has changed and has not been asked for since.
    unused: AtomicBool,
    outcomes: Mutex<Outcomes>,
}

impl Renewed {
    fn new(place: Place) -> Result<Self, String> {
        Ok(Self {
            value: RwLock::new(place.read(false)?),
            place,
            unused: AtomicBool::new(false),
            outcomes: Mutex::new(Outcomes { failing: false }),
        })
    }

    fn current(&self) -> SecretString {
        if self.unused.load(Ordering::Relaxed) && self.unused.swap(false, Ordering::Relaxed) {
            tracing::debug!(of = %self.place.name(), "the new value of a secret is used for the first time");
        }
        self.value
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether there is another value than before.
    fn refresh(&self, refused: bool) -> bool {
        // Held while the file is read, so that an older content never replaces a newer one.
        let mut outcomes = locked(&self.outcomes);
        let read = match self.place.read(refused) {
            Ok(read) => read,
            Err(cause) => {
                outcomes.failed(&self.place, &cause);
                return false;
            }
        };
        let mut value = self.value.write().unwrap_or_else(PoisonError::into_inner);
        let changed = value.expose_secret() != read.expose_secret();
        if changed {
            *value = read;
            self.unused.store(true, Ordering::Relaxed);
        }
        outcomes.succeeded(&self.place, changed);
        changed
    }
}

/// A file with the content of a secret that is kept elsewhere, for a setting that names a file.
struct FileOfSecret {
    place: Place,
    path: PathBuf,
    written: Mutex<(fs::File, SecretSlice<u8>, Outcomes)>,
    /// Removes the file in the end where it has a name.
    _named: Option<tempfile::TempPath>,
}

impl FileOfSecret {
    fn new(source: Arc<dyn SecretSource>) -> Result<Self, String> {
        let content = source.fetch(false)?;
        let (file, path, named) = private_file().map_err(|error| {
            format!("the secret has to be in a file, and none can be written: {error}; let TMPDIR name a folder that can be written")
        })?;
        let new = Self {
            place: Place::Elsewhere(source),
            path,
            written: Mutex::new((file, Vec::new().into(), Outcomes { failing: false })),
            _named: named,
        };
        new.write(&mut locked(&new.written), content)
            .map_err(|error| format!("the secret cannot be written to a file: {error}"))?;
        Ok(new)
    }

    fn refresh(&self) {
        let mut written = locked(&self.written);
        let Place::Elsewhere(source) = &self.place else {
            return;
        };
        let outcome = source.fetch(false).and_then(|content| {
            let changed = content.expose_secret() != written.1.expose_secret();
            if changed {
                self.write(&mut written, content)
                    .map_err(|error| error.to_string())?;
            }
            Ok(changed)
        });
        match outcome {
            Ok(changed) => written.2.succeeded(&self.place, changed),
            Err(cause) => written.2.failed(&self.place, &cause),
        }
    }

    /// Between the two steps the file is empty, which no reader takes for a secret.
    fn write(
        &self,
        written: &mut MutexGuard<'_, (fs::File, SecretSlice<u8>, Outcomes)>,
        content: SecretSlice<u8>,
    ) -> io::Result<()> {
        written.0.set_len(0)?;
        written.0.rewind()?;
        written.0.write_all(content.expose_secret())?;
        written.1 = content;
        Ok(())
    }
}

/// A file that only this user can read. On Linux it has no name, so that nothing is left of it however the
/// process ends.
#[cfg(target_os = "linux")]
fn private_file() -> io::Result<(fs::File, PathBuf, Option<tempfile::TempPath>)> {
    use std::os::fd::AsRawFd as _;
    let file = tempfile::tempfile()?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    Ok((file, path, None))
}

#[cfg(not(target_os = "linux"))]
fn private_file() -> io::Result<(fs::File, PathBuf, Option<tempfile::TempPath>)> {
    let (file, named) = tempfile::NamedTempFile::new()?.into_parts();
    Ok((file, named.to_path_buf(), Some(named)))
}

/// The content of a file without the blanks around it.
fn read(path: &Path) -> io::Result<SecretString> {
    let mut text = String::new();
    let file = fs::File::open(path)?;
    let length = file.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if length as u64 > MOST_BYTES {
        return Err(io::Error::other("the file is too large for a secret"));
    }
    trimmed(&text, "the file")
}

fn trimmed(text: &str, what: &str) -> io::Result<SecretString> {
    match text.trim() {
        "" => Err(io::Error::other(format!("{what} is empty"))),
        content => Ok(content.into()),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The files and other places that secrets come from. Clones share them.
#[derive(Clone, Default)]
pub struct SecretFiles(Arc<Mutex<InUse>>);

#[derive(Default)]
struct InUse {
    secrets: Vec<Weak<Renewed>>,
    /// Read by their paths, so that they are kept as long as this.
    files: Vec<Arc<FileOfSecret>>,
}

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
        self.renewed(Place::File(path.into()))
            .map_err(io::Error::other)
    }

    /// The secret that another place keeps: its content without the blanks around it. One that is open
    /// already is shared.
    ///
    /// # Errors
    /// Those of the source, and when the content is empty or is not UTF-8.
    pub fn fetch(&self, source: Arc<dyn SecretSource>) -> Result<Secret, String> {
        self.renewed(Place::Elsewhere(source))
    }

    /// A file with the content of a secret that another place keeps, written again when that changes. Only
    /// this process can read it, and it lasts as long as this.
    ///
    /// # Errors
    /// Those of the source, and when no file can be written.
    pub fn file_of(&self, source: Arc<dyn SecretSource>) -> Result<PathBuf, String> {
        let known = |in_use: &InUse| {
            let mut files = in_use.files.iter();
            let found = files.find(|file| file.place.name() == source.name());
            found.map(|file| file.path.clone())
        };
        if let Some(path) = known(&locked(&self.0)) {
            return Ok(path);
        }
        let file = FileOfSecret::new(Arc::clone(&source))?;
        let path = file.path.clone();
        locked(&self.0).files.push(Arc::new(file));
        Ok(path)
    }

    fn renewed(&self, place: Place) -> Result<Secret, String> {
        let known = self
            .in_use()
            .into_iter()
            .find(|known| match (&known.place, &place) {
                (Place::File(known), Place::File(path)) => known == path,
                (Place::Elsewhere(known), Place::Elsewhere(source)) => {
                    known.name() == source.name()
                }
                _ => false,
            });
        if let Some(known) = known {
            return Ok(Secret(Source::Renewed(known)));
        }
        let renewed = Arc::new(Renewed::new(place)?);
        locked(&self.0).secrets.push(Arc::downgrade(&renewed));
        Ok(Secret(Source::Renewed(renewed)))
    }

    /// Reads every file that is still in use and logs which values changed, and which files cannot be
    /// read. Blocks as reading files does.
    pub fn refresh(&self) {
        for secret in self.in_use() {
            if let Place::File(_) = secret.place {
                secret.refresh(false);
            }
        }
    }

    /// The same for the secrets that other places keep. Blocks as requests do.
    pub fn refresh_fetched(&self) {
        for secret in self.in_use() {
            if let Place::Elsewhere(_) = secret.place {
                secret.refresh(false);
            }
        }
        let files = locked(&self.0).files.clone();
        for file in files {
            file.refresh();
        }
    }

    /// Whether nothing is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.in_use().is_empty() && locked(&self.0).files.is_empty()
    }

    fn in_use(&self) -> Vec<Arc<Renewed>> {
        let mut in_use = locked(&self.0);
        in_use.secrets.retain(|secret| secret.strong_count() > 0);
        in_use.secrets.iter().filter_map(Weak::upgrade).collect()
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

    /// A place whose content the test sets; `None` is away.
    struct Safe(Mutex<Option<&'static str>>);

    impl SecretSource for Safe {
        fn name(&self) -> &'static str {
            "safe"
        }

        fn fetch(&self, _: bool) -> Result<SecretSlice<u8>, String> {
            let content = locked(&self.0).ok_or("the safe is away")?;
            Ok(content.as_bytes().to_vec().into())
        }
    }

    #[test]
    fn a_secret_kept_elsewhere_and_the_file_of_it_follow_its_source() {
        let safe = Arc::new(Safe(Mutex::new(None)));
        let files = SecretFiles::default();
        let source = || Arc::clone(&safe) as Arc<dyn SecretSource>;
        assert_eq!(files.fetch(source()).unwrap_err(), "the safe is away");
        assert_eq!(files.file_of(source()).unwrap_err(), "the safe is away");
        let holds = |content| *locked(&safe.0) = content;
        holds(Some("a longer first one\n"));
        let secret = files.fetch(source()).unwrap();
        let path = files.file_of(source()).unwrap();
        assert_eq!(path, files.file_of(source()).unwrap());
        let written = || fs::read_to_string(&path).unwrap();
        assert_eq!(text(&secret), "a longer first one");
        assert_eq!(written(), "a longer first one\n");
        for content in [None, Some("second")] {
            holds(content);
            files.refresh();
            assert_eq!(text(&secret), "a longer first one");
            files.refresh_fetched();
        }
        assert_eq!(
            (text(&secret).as_str(), written().as_str()),
            ("second", "second")
        );
        holds(Some("third"));
        assert!(secret.reread());
        assert_eq!(format!("{secret:?}"), format!("{MASK} of safe"));
        drop(secret);
        assert!(!files.is_empty(), "the file is still read by its path");
    }
}
