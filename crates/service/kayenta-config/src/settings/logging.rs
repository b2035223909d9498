//! What is logged and how it looks (`logging.*`, `debug`, `spring.main.banner-mode`).

use std::path::PathBuf;

use indexmap::IndexMap;

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

/// A level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// Errors only; `FATAL` too.
    Error,
    /// And warnings.
    Warn,
    /// And what happens.
    Info,
    /// And how.
    Debug,
    /// And bodies.
    Trace,
}

impl LogLevel {
    /// The name the management endpoints use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
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
