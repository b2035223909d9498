//! `kayenta notify test`.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use kayenta_config::{Environment, load};
use kayenta_http::Transport;
use kayenta_model::Clock;
use kayenta_queue::SystemClock;

use crate::wiring::{self, kinds::KINDS};

/// Options of `notify`.
#[derive(Debug, clap::Args)]
pub(crate) struct NotifyArgs {
    #[command(subcommand)]
    command: NotifyCommand,
}

/// What to do with receivers of notifications.
#[derive(Debug, clap::Subcommand)]
enum NotifyCommand {
    /// Send a sample notification to a configured receiver and report what it answers.
    Test(TestArgs),
}

/// Options of `notify test`.
#[derive(Debug, clap::Args)]
struct TestArgs {
    /// Name of the receiver in `kayenta.notifications`.
    name: String,
    /// Configuration file to read instead of those that `serve` would read; later files take precedence.
    #[arg(long)]
    config: Vec<PathBuf>,
}

/// Exit code 0 when the receiver took it, 1 otherwise.
pub(crate) async fn run(args: NotifyArgs) -> anyhow::Result<ExitCode> {
    let NotifyCommand::Test(args) = args.command;
    let environment = args
        .config
        .iter()
        .fold(Environment::from_process(), |environment, file| {
            environment.only_file(file)
        });
    let settings = load(&environment, KINDS)?.settings;
    let http = wiring::http_settings(&settings.http_client)?;
    let transport = Transport::new(&http).context("the connections of outgoing calls")?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let receivers = wiring::receivers(&settings, &transport, &clock)?;
    let name = &args.name;
    let Some(tried) = receivers.test(name, clock.now()).await else {
        let names: Vec<&str> = receivers.names().collect();
        let known = match names.as_slice() {
            [] => "kayenta.notifications is empty".to_owned(),
            names => format!("the receivers are {}", names.join(", ")),
        };
        anyhow::bail!("there is no receiver called {name}; {known}");
    };
    writeln!(io::stdout(), "{name}: {tried}")?;
    Ok(match tried.refused {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
    })
}
