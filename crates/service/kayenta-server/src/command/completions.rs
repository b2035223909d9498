//! `kayenta completions` and `kayenta man`: files for shells and manual pages, made from the command line
//! itself.

use std::{io, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Command;
use clap_complete::{Shell, generate};

/// Options of `completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Options of `man`.
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// Write one page per command into this folder, instead of the page of kayenta to standard output
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Writes the completions of a shell to standard output.
pub(crate) fn completions(args: &CompletionsArgs, mut command: Command) -> ExitCode {
    generate(args.shell, &mut command, "kayenta", &mut io::stdout());
    ExitCode::SUCCESS
}

/// Writes the manual pages.
pub(crate) fn man(args: &ManArgs, command: Command) -> anyhow::Result<ExitCode> {
    match &args.dir {
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .and_then(|()| clap_mangen::generate_to(command, folder))
                .with_context(|| format!("cannot write to {}", folder.display()))?;
        }
        None => clap_mangen::Man::new(command).render(&mut io::stdout())?,
    }
    Ok(ExitCode::SUCCESS)
}
