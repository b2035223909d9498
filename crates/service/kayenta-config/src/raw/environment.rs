//! The process as the loader sees it: variables, arguments, files. Injected, so that a test never
//! touches the real one.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Component, Path, PathBuf},
};

/// Everything outside the program that a configuration may come from.
///
/// ```
/// use kayenta_config::{Environment, load};
/// let environment = Environment::empty("/nonexistent")
///     .variable("SERVER_PORT", "9001")
///     .argument("--kayenta.memory.enabled=true");
/// let loaded = load(&environment)?;
/// assert_eq!(loaded.settings.server.port, Some(9001));
/// # Ok::<(), kayenta_config::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Environment {
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) arguments: Vec<String>,
    pub(crate) home: PathBuf,
    pub(crate) current_dir: PathBuf,
    pub(crate) install_dir: PathBuf,
    pub(crate) image: bool,
    pub(crate) root: PathBuf,
    pub(crate) only_files: Vec<PathBuf>,
    pub(crate) random_seed: u64,
}

impl Environment {
    /// No variables, no arguments; every path is looked up under `root`, in the image's layout:
    /// `/opt/kayenta` is `root/opt/kayenta`, the working directory is `/`, home is `/home/spinnaker`.
    #[must_use]
    pub fn empty(root: impl Into<PathBuf>) -> Self {
        Self {
            variables: BTreeMap::new(),
            arguments: Vec::new(),
            home: PathBuf::from("/home/spinnaker"),
            current_dir: PathBuf::from("/"),
            install_dir: PathBuf::from("/opt/kayenta"),
            image: true,
            root: root.into(),
            only_files: Vec::new(),
            random_seed: 0,
        }
    }

    /// The real process: its variables (those that are no UTF-8 left out), working directory and home.
    /// Arguments are the caller's to add, as a command line has words of its own.
    #[must_use]
    pub fn from_process() -> Self {
        let installed = std::env::current_exe().ok().and_then(|executable| {
            let bin = executable.parent()?;
            (bin.file_name()? == "bin").then(|| bin.parent().map(Path::to_path_buf))?
        });
        let image_dir = PathBuf::from("/opt/kayenta");
        let image = image_dir.is_dir();
        let install_dir = match installed {
            Some(dir) if dir.join("config").is_dir() => dir,
            _ => image_dir,
        };
        Self {
            variables: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            arguments: Vec::new(),
            home: std::env::home_dir().unwrap_or_else(|| PathBuf::from("/")),
            current_dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            install_dir,
            image,
            root: PathBuf::new(),
            only_files: Vec::new(),
            random_seed: std::hash::BuildHasher::hash_one(
                &std::hash::RandomState::new(),
                std::process::id(),
            ),
        }
    }

    /// With one more variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// With one more program argument: `--name=value`, `--name` or `-Dname=value`; others mean nothing.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// With a property set as if by an argument: for flags of a command line (`--port`).
    #[must_use]
    pub fn property(self, name: &str, value: impl fmt::Display) -> Self {
        self.argument(format!("--{name}={value}"))
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

    /// Whether this is the image, whose start script adds `/opt/spinnaker/config/` to the search;
    /// elsewhere it is `~/.spinnaker/`.
    #[must_use]
    pub fn image(mut self, image: bool) -> Self {
        self.image = image;
        self
    }

    /// Reads this file and what it imports instead of searching the usual places; may be repeated,
    /// later files win.
    #[must_use]
    pub fn only_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.only_files.push(path.into());
        self
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

    /// The variables, with those of `/etc/default/spinnaker` over them in the image, where the
    /// reference's start script reads that file.
    pub(crate) fn effective_variables(&self) -> BTreeMap<String, String> {
        let mut variables = self.variables.clone();
        if self.image {
            let path = self.physical(Path::new("/etc/default/spinnaker"));
            for line in std::fs::read_to_string(path).unwrap_or_default().lines() {
                let line = line.trim();
                let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
                if let Some((name, value)) = line.split_once('=')
                    && !name.is_empty()
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                {
                    let value = super::flags::split(value).into_iter().next();
                    variables.insert(name.to_owned(), value.unwrap_or_default());
                }
            }
        }
        variables
    }

    /// Whether a variable pair says this is Kubernetes, by the reference's rule: any pair
    /// `X_SERVICE_HOST` and `X_SERVICE_PORT`.
    pub(crate) fn on_kubernetes(variables: &BTreeMap<String, String>) -> bool {
        variables.keys().any(|name| {
            name.strip_suffix("_SERVICE_HOST")
                .is_some_and(|service| variables.contains_key(&format!("{service}_SERVICE_PORT")))
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
