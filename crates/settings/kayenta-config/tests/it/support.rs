//! A file system, variables and arguments for one case.

use std::path::Path;

use kayenta_config::{CheckReport, ConfigError, Diagnostic, Environment, check_config, load};
use tempfile::TempDir;

use crate::table::{Loaded, TABLE};

/// Where the usual configuration file is.
pub(crate) const FILE: &str = "/opt/kayenta/config/kayenta.yml";

/// What every row of the start-up table has: a port and a Redis.
const BASE: &str = "server.port: 8090\nredis.connection: redis://localhost:6379\n";

pub(crate) struct Case {
    root: TempDir,
    environment: Environment,
}

impl Case {
    /// Nothing at all.
    pub(crate) fn empty() -> Self {
        let root = tempfile::tempdir().unwrap();
        let environment = Environment::empty(root.path());
        Self { root, environment }
    }

    /// The usual file with this after the base.
    pub(crate) fn yaml(text: &str) -> Self {
        Self::empty().file(FILE, &format!("{BASE}{text}"))
    }

    /// The usual file with just this.
    pub(crate) fn only(text: &str) -> Self {
        Self::empty().file(FILE, text)
    }

    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        let path = self.root.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn var(mut self, name: &str, value: &str) -> Self {
        self.environment = self.environment.variable(name, value);
        self
    }

    pub(crate) fn arg(mut self, argument: &str) -> Self {
        self.environment = self.environment.argument(argument);
        self
    }

    pub(crate) fn with(mut self, change: impl Fn(Environment) -> Environment) -> Self {
        self.environment = change(self.environment);
        self
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    #[track_caller]
    pub(crate) fn load(&self) -> Loaded {
        match load(&self.environment, TABLE) {
            Ok(loaded) => loaded.into(),
            Err(error) => panic!("{error}"),
        }
    }

    #[track_caller]
    pub(crate) fn fails(&self) -> ConfigError {
        match load(&self.environment, TABLE) {
            Ok(_) => panic!("it starts"),
            Err(error) => error,
        }
    }

    pub(crate) fn check(&self) -> CheckReport {
        check_config(&self.environment, TABLE)
    }

    /// Names of the memory accounts.
    #[track_caller]
    pub(crate) fn memory(&self) -> Vec<String> {
        self.load()
            .accounts
            .memory
            .into_iter()
            .map(|account| account.name)
            .collect()
    }
}

/// A memory account called so, in YAML.
pub(crate) fn memory_named(name: &str) -> String {
    format!(
        "kayenta.memory:\n  enabled: true\n  accounts:\n    - name: {name}\n      supportedTypes: OBJECT_STORE\n"
    )
}

/// The error that contains the text.
#[track_caller]
pub(crate) fn reported<'d>(diagnostics: &'d [Diagnostic], text: &str) -> &'d Diagnostic {
    diagnostics
        .iter()
        .find(|diagnostic| diagnostic.to_string().contains(text))
        .unwrap_or_else(|| panic!("nothing says {text:?}: {diagnostics:#?}"))
}

/// `path:line` of a diagnostic.
#[track_caller]
pub(crate) fn place(diagnostic: &Diagnostic) -> String {
    match diagnostic.origin.as_ref().unwrap() {
        kayenta_config::Origin::File { path, line, .. } => format!("{path}:{line}"),
        other => other.to_string(),
    }
}
