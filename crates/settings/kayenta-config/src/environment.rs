//! The process as Kayenta sees it: variables, arguments, files, and where it is installed.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use kayenta_secret_engines::SecretEngines;
use kayenta_secrets::SecretFiles;

/// Where the image has the service.
const INSTALL_DIR: &str = "/opt/kayenta";

/// Everything outside the program that a configuration may come from.
///
/// ```
/// use kayenta_config::{Environment, NoAccounts, load};
/// let environment = Environment::empty("/nonexistent")
///     .variable("SERVER_PORT", "9001")
///     .argument("--kayenta.memory.enabled=true");
/// let loaded = load(&environment, NoAccounts::TABLE)?;
/// assert_eq!(loaded.settings.server.port, Some(9001));
/// # Ok::<(), kayenta_config::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Environment {
    process: kayenta_properties::Environment,
    image: bool,
    /// Shared by its clones, so that a secret is fetched once however often the configuration is read.
    secret_engines: Arc<SecretEngines>,
}

impl Environment {
    /// No variables, no arguments; every path is looked up under `root`, in the image's layout:
    /// `/opt/kayenta` is `root/opt/kayenta`, the working directory is `/`, home is `/home/spinnaker`.
    #[must_use]
    pub fn empty(root: impl Into<PathBuf>) -> Self {
        Self {
            process: kayenta_properties::Environment::empty(root)
                .home("/home/spinnaker")
                .resources(Path::new(INSTALL_DIR).join("config")),
            image: true,
            secret_engines: Arc::default(),
        }
    }

    /// The real process: its variables (except those that are not UTF-8), working directory and home.
    /// Arguments are the caller's to add, as a command line has words of its own.
    #[must_use]
    pub fn from_process() -> Self {
        let installed = std::env::current_exe().ok().and_then(|executable| {
            let bin = executable.parent()?;
            (bin.file_name()? == "bin").then(|| bin.parent().map(Path::to_path_buf))?
        });
        let install_dir = match installed {
            Some(dir) if dir.join("config").is_dir() => dir,
            _ => PathBuf::from(INSTALL_DIR),
        };
        Self {
            process: kayenta_properties::Environment::from_process()
                .resources(install_dir.join("config")),
            image: Path::new(INSTALL_DIR).is_dir(),
            secret_engines: Arc::default(),
        }
    }

    /// The files that secrets of the configuration come from, which have to be read again now and then.
    #[must_use]
    pub fn secret_files(&self) -> &SecretFiles {
        self.process.secret_files()
    }

    /// With one more variable.
    #[must_use]
    pub fn variable(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(|process| process.variable(name, value))
    }

    /// With one more program argument: `--name=value`, `--name` or `-Dname=value`; others are ignored.
    #[must_use]
    pub fn argument(self, argument: impl Into<String>) -> Self {
        self.with(|process| process.argument(argument))
    }

    /// With a property set as if by an argument: for flags of a command line (`--port`).
    #[must_use]
    pub fn property(self, name: &str, value: impl fmt::Display) -> Self {
        self.argument(format!("--{name}={value}"))
    }

    /// With another working directory.
    #[must_use]
    pub fn current_dir(self, dir: impl Into<PathBuf>) -> Self {
        self.with(|process| process.current_dir(dir))
    }

    /// With another home directory.
    #[must_use]
    pub fn home(self, dir: impl Into<PathBuf>) -> Self {
        self.with(|process| process.home(dir))
    }

    /// Whether this is the image, whose start script adds `/opt/spinnaker/config/` to the search and
    /// reads `/etc/default/spinnaker`; elsewhere `~/.spinnaker/` is searched.
    #[must_use]
    pub fn image(mut self, image: bool) -> Self {
        self.image = image;
        self
    }

    /// Reads this file and what it imports instead of searching the usual places; may be repeated,
    /// later files win.
    #[must_use]
    pub fn only_file(self, path: impl Into<PathBuf>) -> Self {
        self.with(|process| process.only_file(path))
    }

    /// What fetches the secrets that other systems keep.
    pub(crate) fn secret_engines(&self) -> &Arc<SecretEngines> {
        &self.secret_engines
    }

    /// Whether this is the image.
    pub(crate) fn is_image(&self) -> bool {
        self.image
    }

    /// The process, with the variables of `/etc/default/spinnaker` in the image, where the reference's
    /// start script reads that file.
    pub(crate) fn process(&self) -> kayenta_properties::Environment {
        let process = self.process.clone();
        if self.image {
            process.variables_file("/etc/default/spinnaker")
        } else {
            process
        }
    }

    fn with(
        self,
        change: impl FnOnce(kayenta_properties::Environment) -> kayenta_properties::Environment,
    ) -> Self {
        Self {
            process: change(self.process),
            image: self.image,
            secret_engines: self.secret_engines,
        }
    }
}
