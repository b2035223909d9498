//! The command line: our own sub-commands, and the arguments the reference passes to its application.
//!
//! `kayenta` alone, or `kayenta serve`, also takes what a pod's `args:` may hold for the reference:
//! `--any.property=value` sets a property, `--any.property` alone sets it to nothing, `-Dname=value`
//! does as in `JAVA_OPTS`, and anything else is ignored.

use std::{ffi::OsString, path::PathBuf};

use clap::{CommandFactory, Parser, Subcommand};
use kayenta_config::Environment;

use crate::command::{
    check_config::CheckConfigArgs, demo::DemoArgs, health::HealthArgs, judge::JudgeArgs,
    migrate::MigrateArgs,
};

/// Judges canary deployments by comparing their metrics with a baseline's.
#[derive(Debug, Parser)]
#[command(name = "kayenta", version, subcommand_required = false)]
pub(crate) struct CommandLine {
    /// What to do; `serve` unless told.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Options of `serve`.
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the service (the default).
    Serve(ServeArgs),
    /// Show an analysis from request to verdict on built-in sample data, then go on serving.
    Demo(DemoArgs),
    /// Judge metric sets read as JSON Lines, without a service.
    Judge(JudgeArgs),
    /// Post a standalone analysis to a running service, wait, and exit by its verdict.
    ///
    /// Exit code: 0 pass, 1 fail, 2 marginal, 3 it could not be analysed or the command line is wrong.
    Analyze(Box<kayenta_client::AnalyzeArgs>),
    /// Ask a running service for its health; exit 0 when it is up, 1 otherwise.
    Health(HealthArgs),
    /// Check configuration files without starting and print the effective settings, secrets masked.
    CheckConfig(CheckConfigArgs),
    /// Look at an installation of the Java service before, or after, this one takes its place.
    Migrate(MigrateArgs),
}

/// Options of `serve`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ServeArgs {
    /// Port to listen on (`server.port`).
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Configuration file or folder instead of the usual places (`spring.config.location`).
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Where the embedded queue and disk store keep their data (`kayenta.embedded.dataDir`).
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

impl ServeArgs {
    /// Where settings come from, with these flags on top.
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

const FLAGS_WITH_VALUE: [&str; 3] = ["--port", "--config", "--data-dir"];
const FLAGS: [&str; 4] = ["--help", "-h", "--version", "-V"];

/// Arguments split into those of our own command line and property arguments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SplitArguments {
    /// For clap, the program's name first.
    pub(crate) own: Vec<OsString>,
    /// `--name=value`, `--name`, `-Dname=value`, in order.
    pub(crate) properties: Vec<String>,
}

fn is_command(word: &str) -> bool {
    word == "help" || CommandLine::command().find_subcommand(word).is_some()
}

/// Splits the process' arguments, the program's name first.
pub(crate) fn split(arguments: impl IntoIterator<Item = OsString>) -> SplitArguments {
    let mut arguments = arguments.into_iter().peekable();
    let mut own: Vec<OsString> = arguments.next().into_iter().collect();
    let mut properties = Vec::new();
    if let Some(command) = arguments.peek().and_then(|a| a.to_str())
        && is_command(command)
    {
        let serves = command == "serve";
        own.extend(arguments.next());
        if !serves {
            own.extend(arguments);
            return SplitArguments { own, properties };
        }
    }
    while let Some(argument) = arguments.next() {
        let Some(text) = argument.to_str() else {
            continue;
        };
        let name = text.split('=').next().unwrap_or(text);
        if FLAGS_WITH_VALUE.contains(&name) {
            let takes_next = name == text;
            own.push(argument);
            if takes_next {
                own.extend(arguments.next());
            }
        } else if FLAGS.contains(&text) {
            own.push(argument);
        } else if (text.starts_with("--") && text.len() > 2) || text.starts_with("-D") {
            properties.push(text.to_owned());
        }
    }
    SplitArguments { own, properties }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_texts(arguments: &[&str]) -> (Vec<String>, Vec<String>) {
        let split = split(arguments.iter().map(OsString::from));
        let own = split
            .own
            .iter()
            .map(|a| a.to_string_lossy().into_owned())
            .collect();
        (own, split.properties)
    }

    #[test]
    fn properties_are_told_from_own_flags_and_bare_words_are_ignored() {
        let (own, properties) = split_texts(&[
            "kayenta",
            "stray",
            "--server.port=9000",
            "--port",
            "8091",
            "--config=/tmp/k.yml",
            "--debug",
            "-Dlogging.level.root=DEBUG",
            "-Xmx2g",
        ]);
        assert_eq!(own, ["kayenta", "--port", "8091", "--config=/tmp/k.yml"]);
        assert_eq!(
            properties,
            [
                "--server.port=9000",
                "--debug",
                "-Dlogging.level.root=DEBUG"
            ]
        );
    }

    #[test]
    fn other_commands_keep_their_arguments() {
        let (own, properties) = split_texts(&["kayenta", "judge", "--threads=2", "file"]);
        assert_eq!(own, ["kayenta", "judge", "--threads=2", "file"]);
        assert!(properties.is_empty());
    }

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }
}
