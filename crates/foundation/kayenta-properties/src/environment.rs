//! The process as the loader sees it: variables, arguments, files. Injected, so that a test never
//! touches the real one.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Component, Path, PathBuf},
};

use kayenta_secrets::SecretFiles;

use crate::files::flags;

/// Everything outside the program that a configuration may come from.
///
/// ```
/// use kayenta_properties::{Binder, Environment, Loader};
///
/// let environment = Environment::empty("/nonexistent")
///     .variable("SERVER_PORT", "9001")
///     .argument("--server.address=127.0.0.1");
/// let gathered = Loader::new().load(&environment);
/// let binder = Binder::new(&gathered.properties, &environment);
/// let server = binder.group("server");
/// assert_eq!(server.integer("port", 1, 65_535, 8080), 9001);
/// assert_eq!(server.text("address").as_deref(), Some("127.0.0.1"));
/// ```
#[derive(Clone)]
pub struct Environment {
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) arguments: Vec<String>,
    pub(crate) home: PathBuf,
    pub(crate) current_dir: PathBuf,
    pub(crate) resources: PathBuf,
    pub(crate) root: PathBuf,
    pub(crate) only_files: Vec<PathBuf>,
    pub(crate) random_seed: u64,
    pub(crate) secret_files: SecretFiles,
}

impl Environment {
    /// No variables, no arguments; the working directory, the home directory and the one of resources
    /// are `/`, and every path is looked up under `root`.
    #[must_use]
    pub fn empty(root: impl Into<PathBuf>) -> Self {
        Self {
            variables: BTreeMap::new(),
            arguments: Vec::new(),
            home: PathBuf::from("/"),
            current_dir: PathBuf::from("/"),
            resources: PathBuf::from("/"),
            root: root.into(),
            only_files: Vec::new(),
            random_seed: 0,
            secret_files: SecretFiles::default(),
        }
    }

    /// The real process: its variables (except those that are not UTF-8), working directory and home;
    /// resources are looked for in the working directory. Arguments are the caller's to add, as a
    /// command line usually has words of its own.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the environment enters here")]
    pub fn from_process() -> Self {
        let current_dir = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        Self {
            variables: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            arguments: Vec::new(),
            home: std::env::home_dir().unwrap_or_else(|| PathBuf::from("/")),
            resources: current_dir.clone(),
            current_dir,
            root: PathBuf::new(),
            only_files: Vec::new(),
            random_seed: std::hash::BuildHasher::hash_one(
                &std::hash::RandomState::new(),
                std::process::id(),
            ),
            secret_files: SecretFiles::default(),
        }
    }

    /// With one more variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// With the variables of a file of `NAME=value` lines (`/etc/default/…`) over those there are. A
    /// file that cannot be read has none; quotes are removed, nothing is expanded.
    #[must_use]
    pub fn variables_file(mut self, path: impl AsRef<Path>) -> Self {
        let text = std::fs::read_to_string(self.locate(path)).unwrap_or_default();
        for line in text.lines() {
            let line = line.trim();
            let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
            if let Some((name, value)) = line.split_once('=')
                && !name.is_empty()
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            {
                let value = flags::split(value).into_iter().next();
                self.variables
                    .insert(name.to_owned(), value.unwrap_or_default());
            }
        }
        self
    }

    /// With one more program argument: `--name=value`, `--name` or `-Dname=value`; others are ignored.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// With another working directory.
    #[must_use]
    pub fn current_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.current_dir = dir.into();
        self
    }

    /// With another home directory.
    #[must_use]
    pub fn home(mut self, dir: impl Into<PathBuf>) -> Self {
        self.home = dir.into();
        self
    }

    /// With another directory that `classpath:` means.
    #[must_use]
    pub fn resources(mut self, dir: impl Into<PathBuf>) -> Self {
        self.resources = dir.into();
        self
    }

    /// Reads this file and what it imports instead of searching the usual places; may be repeated,
    /// later files win.
    #[must_use]
    pub fn only_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.only_files.push(path.into());
        self
    }

    /// The value of a variable; empty counts as none.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Every variable and its value.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The home directory.
    #[must_use]
    pub fn home_dir(&self) -> &Path {
        &self.home
    }

    /// Where a path of a configuration is on this machine. Relative ones begin at the working directory.
    #[must_use]
    pub fn locate(&self, path: impl AsRef<Path>) -> PathBuf {
        self.physical(&self.absolute(path.as_ref()))
    }

    /// The files that secrets of the configuration come from, which have to be read again now and then.
    #[must_use]
    pub fn secret_files(&self) -> &SecretFiles {
        &self.secret_files
    }

    /// The text of a file that a configuration names.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, path: impl AsRef<Path>) -> std::io::Result<String> {
        std::fs::read_to_string(self.locate(path))
    }

    /// The absolute path, as an operator would write it.
    pub(crate) fn absolute(&self, path: &Path) -> PathBuf {
        let mut absolute = PathBuf::new();
        for component in self.current_dir.join(path).components() {
            match component {
                Component::CurDir => {}
                Component::ParentDir => {
                    absolute.pop();
                }
                other => absolute.push(other),
            }
        }
        absolute
    }

    /// Where the absolute path is on this machine.
    pub(crate) fn physical(&self, absolute: &Path) -> PathBuf {
        if self.root.as_os_str().is_empty() {
            return absolute.to_path_buf();
        }
        self.root
            .join(absolute.strip_prefix("/").unwrap_or(absolute))
    }

    /// Whether the variables are those of a container in Kubernetes, by Spring Boot's rule: any pair
    /// `X_SERVICE_HOST` and `X_SERVICE_PORT`.
    pub(crate) fn on_kubernetes(&self) -> bool {
        self.variables.keys().any(|name| {
            name.strip_suffix("_SERVICE_HOST").is_some_and(|service| {
                self.variables
                    .contains_key(&format!("{service}_SERVICE_PORT"))
            })
        })
    }
}

/// Names only: values may be secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys().collect::<Vec<_>>())
            .field("home", &self.home)
            .field("current_dir", &self.current_dir)
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}
