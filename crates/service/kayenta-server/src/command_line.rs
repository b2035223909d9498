//! The command line: the sub-commands, and the arguments that the Java service accepts.
//!
//! `kayenta` alone and `kayenta serve` also take what the `args:` of a pod may contain for the Java
//! service: `--any.property=value` sets a property, `--any.property` alone sets it to the empty text,
//! `-Dname=value` works as in `JAVA_OPTS`, and anything else is ignored.

use std::{ffi::OsString, path::PathBuf};

use clap::{CommandFactory, Parser, Subcommand};
use kayenta_config::Environment;

use crate::command::{
    check_config::CheckConfigArgs, demo::DemoArgs, health::HealthArgs, judge::JudgeArgs,
    migrate::MigrateArgs,
};

/// Automated canary analysis: compares the metrics of a canary with those of its baseline.
#[derive(Debug, Parser)]
#[command(name = "kayenta", version, subcommand_required = false)]
pub(crate) struct CommandLine {
    /// What to do; `serve` by default.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Options of `serve`.
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

/// The sub-commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the service (the default command).
    Serve(ServeArgs),
    /// Run an analysis on built-in sample data, print the verdict, and keep serving.
    Demo(DemoArgs),
    /// Judge metric sets from a JSON Lines file, without a service.
    Judge(JudgeArgs),
    /// Run a standalone canary analysis on a running service, as a gate in a pipeline.
    ///
    /// The exit code is 0 for pass, 1 for fail, 2 for marginal, and 3 if there is no verdict or the
    /// command line is invalid.
    Analyze(Box<kayenta_client::AnalyzeArgs>),
    /// Check the health of a running service; exit with 0 if it is up, with 1 otherwise.
    Health(HealthArgs),
    /// Check configuration files and print the effective settings with secrets masked.
    CheckConfig(CheckConfigArgs),
    /// Check an installation of the Java service before or after replacing it.
    Migrate(MigrateArgs),
}

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

const FLAGS_WITH_VALUE: [&str; 3] = ["--port", "--config", "--data-dir"];
const FLAGS: [&str; 4] = ["--help", "-h", "--version", "-V"];

/// Arguments split into those of the command line and those that set properties.
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
    fn properties_are_separated_from_flags_and_bare_words_are_ignored() {
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
