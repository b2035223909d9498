//! `kayenta serve`.

use std::process::ExitCode;

use kayenta_config::Environment;

use crate::{command_line::ServeArgs, service::Service};

/// Serves until a signal.
pub(crate) async fn run(args: &ServeArgs, properties: Vec<String>) -> anyhow::Result<ExitCode> {
    let environment = properties
        .into_iter()
        .fold(Environment::from_process(), |environment, property| {
            environment.argument(property)
        });
    Service::start(args.apply(environment)).await?.run().await
}
