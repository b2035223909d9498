//! `kayenta serve`.

use std::{path::PathBuf, process::ExitCode};

use kayenta_config::Environment;

use crate::service::Service;

/// Options of `serve`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ServeArgs {
    /// Port to listen on (`server.port`); 8080, or 8090 without a configuration file.
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Configuration file or folder to read instead of the default locations
    /// (`spring.config.location`).
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Directory of the embedded work queue and disk store (`kayenta.embedded.dataDir`);
    /// `kayenta-data` by default.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

impl ServeArgs {
    /// The sources of settings, with these flags taking precedence.
    pub(crate) fn apply(&self, mut environment: Environment) -> Environment {
        if let Some(port) = self.port {
            environment = environment.property("server.port", port);
        }
        environment = match &self.config {
            Some(path) if path.is_dir() => {
                environment.property("spring.config.location", format!("{}/", path.display()))
            }
            Some(path) => environment.only_file(path),
            None => environment,
        };
        if let Some(data_dir) = &self.data_dir {
            environment = environment.property("kayenta.embedded.dataDir", data_dir.display());
        }
        environment
    }
}

/// Serves until a signal.
pub(crate) async fn run(args: &ServeArgs, properties: Vec<String>) -> anyhow::Result<ExitCode> {
    let environment = properties
        .into_iter()
        .fold(Environment::from_process(), |environment, property| {
            environment.argument(property)
        });
    Service::start(args.apply(environment)).await?.run().await
}
