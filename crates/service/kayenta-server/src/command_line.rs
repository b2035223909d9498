//! The command line: the sub-commands, and the arguments that the Java service accepts.
//!
//! `kayenta` alone and `kayenta serve` also take what the `args:` of a pod may contain for the Java
//! service: `--any.property=value` sets a property, `--any.property` alone sets it to the empty text,
//! `-Dname=value` works as in `JAVA_OPTS`, and other flags of a JVM are ignored. A word that is none of
//! these is refused: it is a mistyped command or the value of a mistyped option, and must not start a
//! server.

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand};
use kayenta_lint::{is_slip, nearest};

use crate::command::{
    check_config::CheckConfigArgs,
    completions::{CompletionsArgs, ManArgs},
    demo::DemoArgs,
    health::HealthArgs,
    init::InitArgs,
    judge::JudgeArgs,
    lint::LintArgs,
    migrate::MigrateArgs,
    notify::NotifyArgs,
    retention::RetentionArgs,
    serve::ServeArgs,
};

/// The version, the commit and the day of the build.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("KAYENTA_BUILD"), ")");

/// Automated canary analysis: compares the metrics of a canary with those of its baseline.
#[derive(Debug, Parser)]
#[command(name = "kayenta", version = VERSION, subcommand_required = false)]
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
    /// Check canary configs and requests: unknown fields, weights, names, queries, settings of judges.
    ///
    /// The exit code is 0 if no file has an error, 1 if one has, and 2 if a file cannot be read.
    Lint(LintArgs),
    /// Write a first configuration file, for a Prometheus and objects on disk, and check it.
    Init(InitArgs),
    /// Check an installation of the Java service before or after replacing it.
    Migrate(MigrateArgs),
    /// Try the receivers of notifications.
    Notify(NotifyArgs),
    /// Remove stored objects that are older than `kayenta.retention` keeps them.
    Retention(RetentionArgs),
    /// Print the completions of a shell, for example for `~/.bash_completion`.
    Completions(CompletionsArgs),
    /// Print the manual page, or write one page per command into a folder.
    Man(ManArgs),
}

const FLAGS_WITH_VALUE: [&str; 3] = ["--port", "--config", "--data-dir"];
const FLAGS: [&str; 4] = ["--help", "-h", "--version", "-V"];

/// Properties that mean something without a value.
const SWITCHES: [&str; 2] = ["--debug", "--trace"];

/// Arguments split into those of the command line and those that set properties.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SplitArguments {
    /// For clap, the program's name first.
    pub(crate) own: Vec<OsString>,
    /// `--name=value`, `--name`, `-Dname=value`, in order.
    pub(crate) properties: Vec<String>,
    /// What is probably not meant as it stands, in sentences.
    pub(crate) warnings: Vec<String>,
}

/// C-CONF-08: a word the command line has no use for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct UnknownWord {
    message: String,
    /// Whether `analyze` was probably meant, whose exit codes are a verdict.
    pub(crate) means_gate: bool,
}

impl UnknownWord {
    fn command(word: &str) -> Self {
        let commands: Vec<String> = CommandLine::command()
            .get_subcommands()
            .map(|command| command.get_name().to_owned())
            .collect();
        let nearest = nearest(word, commands.iter().map(String::as_str));
        let is_file = word.ends_with(".yml") || word.ends_with(".yaml");
        let meant = match own_option(word) {
            Some(option) => Some(option.to_owned()),
            None if is_file => Some(format!("serve --config {word}")),
            None => nearest.map(str::to_owned),
        };
        let hint = meant.map_or_else(
            || format!("the commands are {}", commands.join(", ")),
            |meant| format!("did you mean '{meant}'?"),
        );
        Self {
            message: format!("'{word}' is not a command; {hint}"),
            means_gate: nearest == Some("analyze"),
        }
    }

    /// An argument that is almost an option of this program: as a property, or as a flag of a JVM, it would be without effect.
    fn option(argument: &str, meant: &str, next: Option<&str>) -> Self {
        let (name, value) = argument
            .split_once('=')
            .map_or((argument, None), |(name, value)| (name, Some(value)));
        let meant = match (value, next) {
            _ if !FLAGS_WITH_VALUE.contains(&meant) => meant.to_owned(),
            (Some(value), _) => format!("{meant}={value}"),
            (None, Some(next)) => format!("{meant} {next}"),
            (None, None) => meant.to_owned(),
        };
        let property = name.trim_start_matches('-');
        Self {
            message: format!(
                "'{argument}' is not an option; did you mean '{meant}'? A property of that name is set with \
                 '-D{property}=VALUE'"
            ),
            means_gate: false,
        }
    }

    fn value(word: &str, option: Option<&str>) -> Self {
        let message = match option {
            Some(option) => format!(
                "'{word}' follows '{option}', which takes no separate value; to set a property write \
                 '{option}={word}'"
            ),
            None => format!(
                "'{word}' is neither an option nor a property (--name=value); \
                 'kayenta --help' lists the options"
            ),
        };
        Self {
            message,
            means_gate: false,
        }
    }
}

/// The option of this program that an argument almost is, but for dashes or a slip of the fingers. Names of properties that are
/// known to the service have dots, and flags of a JVM begin otherwise.
fn own_option(argument: &str) -> Option<&'static str> {
    let name = argument.split('=').next().unwrap_or(argument);
    let bare = name.trim_start_matches('-');
    match name {
        "-v" => return Some("--version"),
        "-p" => return Some("--port"),
        "-c" => return Some("--config"),
        _ if bare.contains('.') => return None,
        _ => {}
    }
    let mut own = FLAGS_WITH_VALUE.iter().chain(&FLAGS);
    own.find(|option| option.starts_with("--") && is_slip(bare, option))
        .copied()
}

fn is_command(word: &str) -> bool {
    word == "help" || CommandLine::command().find_subcommand(word).is_some()
}

/// Splits the process' arguments, the program's name first.
///
/// # Errors
/// When a word is no command, no option and no property.
pub(crate) fn split(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<SplitArguments, UnknownWord> {
    let mut arguments = arguments.into_iter().peekable();
    let mut split = SplitArguments {
        own: arguments.next().into_iter().collect(),
        properties: Vec::new(),
        warnings: Vec::new(),
    };
    if let Some(command) = arguments.peek().and_then(|a| a.to_str()) {
        if is_command(command) {
            let serves = command == "serve";
            split.own.extend(arguments.next());
            if !serves {
                split.own.extend(arguments);
                return Ok(split);
            }
        } else if !command.starts_with('-') && !command.is_empty() {
            return Err(UnknownWord::command(command));
        }
    }
    let mut last_property: Option<String> = None;
    while let Some(argument) = arguments.next() {
        let Some(text) = argument.to_str() else {
            continue;
        };
        let name = text.split('=').next().unwrap_or(text);
        if FLAGS_WITH_VALUE.contains(&name) {
            let takes_next = name == text;
            split.own.push(argument);
            if takes_next {
                split.own.extend(arguments.next());
            }
        } else if FLAGS.contains(&text) {
            split.own.push(argument);
        } else if let Some(meant) = own_option(text).filter(|_| text.starts_with('-')) {
            let next = arguments.peek().and_then(|next| next.to_str());
            let next = next.filter(|next| !next.starts_with('-'));
            return Err(UnknownWord::option(text, meant, next));
        } else if (text.starts_with("--") && text.len() > 2) || text.starts_with("-D") {
            let without_value = name == text && text.starts_with("--");
            if without_value && !SWITCHES.contains(&text) {
                split.warnings.push(format!(
                    "'{text}' has no value and sets an empty property; write '{text}=VALUE'"
                ));
            }
            split.properties.push(text.to_owned());
            last_property = without_value.then(|| text.to_owned());
            continue;
        } else if !text.starts_with('-') && !text.is_empty() {
            return Err(UnknownWord::value(text, last_property.as_deref()));
        }
        last_property = None;
    }
    Ok(split)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_texts(arguments: &[&str]) -> (Vec<String>, Vec<String>) {
        let split = split(arguments.iter().map(OsString::from)).unwrap();
        let own = split
            .own
            .iter()
            .map(|a| a.to_string_lossy().into_owned())
            .collect();
        (own, split.properties)
    }

    fn refused(arguments: &[&str]) -> UnknownWord {
        let arguments = [&["kayenta"], arguments].concat();
        split(arguments.iter().map(OsString::from)).unwrap_err()
    }

    #[test]
    fn properties_and_flags_of_a_jvm_stand_beside_own_options() {
        let (own, properties) = split_texts(&[
            "kayenta",
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
    fn a_mistyped_command_is_refused_with_the_nearest_one() {
        for (word, nearest) in [
            ("analyse", "'analyze'"),
            ("check-confg", "'check-config'"),
            ("sevre", "'serve'"),
        ] {
            let text = refused(&[word]).to_string();
            assert!(text.contains(word) && text.contains(nearest), "{text}");
        }
        assert!(refused(&["analyse"]).means_gate);
        assert!(!refused(&["sevre"]).means_gate);
        let text = refused(&["bananas"]).to_string();
        assert!(text.contains("the commands are serve, demo"), "{text}");
    }

    #[test]
    fn the_value_of_a_mistyped_option_is_refused_with_the_nearest_option() {
        let text = refused(&["--prot", "1"]).to_string();
        assert!(text.contains("'--port 1'"), "{text}");
        let text = refused(&["serve", "--confg", "x.yml"]).to_string();
        assert!(text.contains("'--config x.yml'"), "{text}");
        let text = refused(&["--kayenta.redis.enabled", "true"]).to_string();
        assert!(text.contains("'--kayenta.redis.enabled=true'"), "{text}");
        let text = refused(&["--port", "1", "stray"]).to_string();
        assert!(text.contains("'stray' is neither"), "{text}");
    }

    #[test]
    fn a_property_without_a_value_is_warned_of() {
        let warned = |argument: &str| {
            let arguments = ["kayenta", argument];
            split(arguments.iter().map(OsString::from))
                .unwrap()
                .warnings
        };
        assert_eq!(warned("--debug"), Vec::<String>::new());
        assert_eq!(warned("--server.port=1"), Vec::<String>::new());
        let warnings = warned("--kayenta.prometheus.enabled");
        assert!(
            warnings[0].contains("write '--kayenta.prometheus.enabled=VALUE'"),
            "{warnings:?}"
        );
    }

    #[test]
    fn what_is_almost_an_option_of_ours_is_refused_and_names_of_properties_and_jvm_flags_are_not() {
        for (argument, meant) in [
            ("--prot", "'--port'?"),
            ("--prot=9999", "'--port=9999'?"),
            ("-port=80", "'--port=80'?"),
            ("--Port=80", "'--port=80'?"),
            ("-p", "'--port'?"),
            ("--confg=x.yml", "'--config=x.yml'?"),
            ("-c=x.yml", "'--config=x.yml'?"),
            ("--datadir=/x", "'--data-dir=/x'?"),
            ("--data_dri=/x", "'--data-dir=/x'?"),
            ("--hepl", "'--help'?"),
            ("-help", "'--help'?"),
            ("-v", "'--version'?"),
            ("--verison=1", "'--version'?"),
        ] {
            for arguments in [&[argument][..], &["serve", argument]] {
                let text = refused(arguments).to_string();
                assert!(text.contains(argument) && text.contains(meant), "{text}");
            }
        }
        for argument in [
            "--server.port=1",
            "--config.port=1",
            "--region=eu",
            "--path=/x",
            "--debug",
            "-Dprot=1",
            "-Xmx1g",
            "-server",
            "-ea",
            "-javaagent:/x.jar",
        ] {
            let arguments = ["kayenta", argument].map(OsString::from);
            assert!(split(arguments).is_ok(), "{argument}");
        }
        assert!(refused(&["version"]).to_string().contains("'--version'?"));
        let text = refused(&["mine.yaml"]).to_string();
        assert!(text.contains("'serve --config mine.yaml'?"), "{text}");
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
