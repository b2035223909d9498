//! `kayenta retention`.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use anyhow::bail;
use kayenta_config::{Environment, load};
use kayenta_engine::{Engine, EngineOptions, EngineParts, RandomIds};
use kayenta_judge::JudgeRegistry;
use kayenta_metrics::account::Surroundings;
use kayenta_model::{Clock, IdSource};
use kayenta_queue::SystemClock;
use kayenta_retention::Retention;

use crate::{
    preparation::prepare,
    wiring::{self, accounts::Ingredients, kinds::KINDS},
};

/// Options of `retention`.
#[derive(Debug, clap::Args)]
pub(crate) struct RetentionArgs {
    #[command(subcommand)]
    command: RetentionCommand,
}

/// What to do with objects that are older than `kayenta.retention` keeps them.
#[derive(Debug, clap::Subcommand)]
enum RetentionCommand {
    /// Report what a round of retention would remove, and how much. Removes nothing.
    Plan(RoundArgs),
    /// Do one round now. The service does the same on its own, so this is for services that are stopped and for the first round.
    Apply(RoundArgs),
}

/// Options of both.
#[derive(Debug, clap::Args)]
struct RoundArgs {
    /// Configuration file to read instead of those that `serve` would read; later files take precedence.
    #[arg(long)]
    config: Vec<PathBuf>,
    /// Data directory of the embedded queue and store.
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

/// Exit code 0 when everything that is to go could be looked at and removed, 1 otherwise.
pub(crate) async fn run(args: RetentionArgs) -> anyhow::Result<ExitCode> {
    let (args, applies) = match args.command {
        RetentionCommand::Plan(args) => (args, false),
        RetentionCommand::Apply(args) => (args, true),
    };
    let mut environment = args
        .config
        .iter()
        .fold(Environment::from_process(), |environment, file| {
            environment.only_file(file)
        });
    if let Some(folder) = &args.data_dir {
        let folder = folder.display();
        environment = environment.argument(format!("--kayenta.embedded.data-dir={folder}"));
    }
    let loaded = load(&environment, KINDS)?;
    let settings = loaded.settings;
    if !settings.retention.is_on() {
        bail!("nothing is to be removed: set the ages of kayenta.retention (docs/configure.md)");
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let prepared = prepare(&settings, &loaded.accounts, &clock)?;
    let ids: Arc<dyn IdSource> = Arc::new(RandomIds::new());
    let ingredients = Ingredients {
        http: prepared.http,
        surroundings: Surroundings {
            transport: prepared.transport,
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
        },
    };
    let accounts = wiring::accounts::register(&loaded.accounts, &ingredients).await?;
    let work = wiring::open_work(&settings, &clock).await?;
    let engine = Engine::new(
        EngineParts {
            accounts: Arc::new(accounts),
            judges: Arc::new(JudgeRegistry::new(Vec::new())),
            queue: Arc::clone(&work.queue),
            executions: Arc::clone(&work.executions),
            clock,
            ids,
        },
        EngineOptions::default(),
    );
    let retention = Retention::new(settings.retention, engine);
    let mut is_whole = true;
    for planned in retention.plan().await? {
        writeln!(io::stdout(), "{planned}")?;
        if applies && planned.objects() > 0 {
            let came = retention.remove(&planned).await;
            is_whole &= came.failed + came.left == 0;
            writeln!(
                io::stdout(),
                "  removed {}, failed {}, left {}",
                came.removed,
                came.failed,
                came.left
            )?;
        }
    }
    work.shut_down().await;
    Ok(if is_whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
