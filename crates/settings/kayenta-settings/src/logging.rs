//! What is logged and how it looks (`logging.*`, `debug`, `spring.main.banner-mode`).

use std::{path::PathBuf, str::FromStr};

use indexmap::IndexMap;
use serde::Serialize;

/// What is logged and how it looks.
#[derive(Clone, Debug)]
pub struct LoggingSettings {
    /// `logging.level.<logger>`: Java logger names (or groups) to levels; `root` is
    /// [`LoggingSettings::root`] and not in here.
    pub levels: IndexMap<String, LogLevel>,
    /// `logging.level.root`, default INFO.
    pub root: LogLevel,
    /// `logging.group.<name>`: loggers set together.
    pub groups: IndexMap<String, Vec<String>>,
    /// `logging.format` (not in the Java service: `text`, `json`) or
    /// `logging.structured.format.console` (`ecs`, `gelf`, `logstash`, all JSON here).
    pub format: LogFormat,
    /// `logging.file.name`, or `spring.log` in `logging.file.path`: a file written beside the console.
    pub file: Option<LogFileSettings>,
    /// `logging.pattern.dateformat`, a Java date pattern.
    pub date_format: Option<String>,
    /// `user.timezone` (`-D`): time zone of the timestamps; `None` is the machine's.
    pub time_zone: Option<String>,
    /// Whether the banner is printed (`spring.main.banner-mode`), default true.
    pub banner: bool,
    /// `spring.output.ansi.enabled`.
    pub ansi: AnsiOutput,
}

/// A log level. JSON has it in upper case, as `/loggers` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// Errors only; `FATAL` too.
    Error,
    /// Warnings and worse.
    Warn,
    /// Information and worse.
    Info,
    /// Decisions and outgoing requests, too.
    Debug,
    /// Bodies, too.
    Trace,
}

/// A text that is no log level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("No enum constant org.springframework.boot.logging.LogLevel.{0}")]
pub struct UnknownLevel(pub String);

impl FromStr for LogLevel {
    type Err = UnknownLevel;

    /// Any case; `FATAL` is `ERROR`, `false` is `OFF`.
    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        let name = text.trim().to_uppercase();
        Ok(match name.as_str() {
            "OFF" | "FALSE" => Self::Off,
            "ERROR" | "FATAL" => Self::Error,
            "WARN" => Self::Warn,
            "INFO" => Self::Info,
            "DEBUG" => Self::Debug,
            "TRACE" => Self::Trace,
            _ => return Err(UnknownLevel(name)),
        })
    }
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// As Spring prints it.
    Text,
    /// One JSON object a line.
    Json,
}

/// A log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFileSettings {
    /// Where.
    pub path: PathBuf,
    /// `logging.logback.rollingpolicy.max-file-size` in bytes, default 10 MiB.
    pub max_bytes: u64,
    /// `logging.logback.rollingpolicy.max-history`, default 7 files.
    pub max_files: u32,
}

/// Colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnsiOutput {
    /// On a terminal.
    Detect,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_in_any_case_with_the_old_names() {
        assert_eq!("trace".parse(), Ok(LogLevel::Trace));
        assert_eq!("FATAL".parse(), Ok(LogLevel::Error));
        assert_eq!("false".parse(), Ok(LogLevel::Off));
        assert_eq!(
            "warning".parse::<LogLevel>().unwrap_err().to_string(),
            "No enum constant org.springframework.boot.logging.LogLevel.WARNING"
        );
    }
}
