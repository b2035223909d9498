//! `logging.*` and what else shapes the log.

use indexmap::IndexMap;
use kayenta_properties::{
    Binder, Diagnostic, Group,
    convert::{self, Choices},
};

use kayenta_settings::{AnsiOutput, LogFileSettings, LogFormat, LogLevel, LoggingSettings};

const LEVELS: &Choices<LogLevel> = &[
    ("DEBUG", LogLevel::Debug),
    ("ERROR", LogLevel::Error),
    ("FATAL", LogLevel::Error),
    ("INFO", LogLevel::Info),
    ("OFF", LogLevel::Off),
    ("TRACE", LogLevel::Trace),
    ("WARN", LogLevel::Warn),
];

const FORMATS: &Choices<LogFormat> = &[
    ("text", LogFormat::Text),
    ("json", LogFormat::Json),
    ("ecs", LogFormat::Json),
    ("gelf", LogFormat::Json),
    ("logstash", LogFormat::Json),
];

const ANSI: &Choices<AnsiOutput> = &[
    ("ALWAYS", AnsiOutput::Always),
    ("DETECT", AnsiOutput::Detect),
    ("NEVER", AnsiOutput::Never),
];

/// How the banner is printed; only whether it is matters here.
#[derive(Clone, Copy)]
enum Banner {
    On,
    Off,
}

const BANNERS: &Choices<Banner> = &[
    ("CONSOLE", Banner::On),
    ("LOG", Banner::On),
    ("OFF", Banner::Off),
];

pub(super) fn logging(binder: &Binder<'_>) -> LoggingSettings {
    let logging = binder.group("logging");
    let top = binder.top();
    let mut levels = IndexMap::new();
    let mut root = None;
    for (logger, value) in logging.map("level") {
        if value.text.trim().is_empty() {
            continue;
        }
        match convert::choice(LEVELS, &value.text) {
            Some(level) if logger.eq_ignore_ascii_case("root") => root = Some(level),
            Some(level) => {
                levels.insert(logger, level);
            }
            None => {
                let mut error = value.wrong(format!(
                    "Failed to bind properties under 'logging.level.{}' to \
                     org.springframework.boot.logging.LogLevel: no level is called {}",
                    logger.to_lowercase(),
                    value.shown()
                ));
                error.valid_values = LEVELS.iter().map(|(name, _)| (*name).to_owned()).collect();
                logging.report(error);
            }
        }
    }
    for (switch, level) in [("debug", LogLevel::Debug), ("trace", LogLevel::Trace)] {
        let on = top
            .get(switch)
            .is_some_and(|value| convert::boolean(&value.text) != Some(false));
        if on {
            levels.entry("web".to_owned()).or_insert(level);
        }
    }
    logging.accept(&["group"]);
    let groups = logging
        .keys("group")
        .into_iter()
        .map(|name| {
            let members = logging.group("group").list_or_empty(&name);
            (name, members)
        })
        .collect();
    unsupported(&logging);
    LoggingSettings {
        levels,
        root: root.unwrap_or_else(|| {
            logging.default("level.root", "INFO");
            LogLevel::Info
        }),
        groups,
        format: match logging.choice("structured.format.console", FORMATS) {
            Some(format) if logging.get("format").is_none() => format,
            _ => logging.choice_or("format", FORMATS, LogFormat::Text),
        },
        file: file(&logging),
        date_format: logging.text("pattern.dateformat"),
        time_zone: top.text("user.timezone"),
        banner: !matches!(
            top.choice("spring.main.banner-mode", BANNERS),
            Some(Banner::Off)
        ),
        ansi: top.choice_or("spring.output.ansi.enabled", ANSI, AnsiOutput::Detect),
    }
}

fn file(logging: &Group<'_>) -> Option<LogFileSettings> {
    let policy = logging.group("logback.rollingpolicy");
    let max_bytes = policy.size("max-file-size", 10 << 20);
    let max_files = policy.integer("max-history", 0_u32, 10_000, 7);
    let directory = logging.path("file.path");
    let path = logging
        .path("file.name")
        .or_else(|| directory.map(|directory| directory.join("spring.log")))?;
    Some(LogFileSettings {
        path,
        max_bytes,
        max_files,
    })
}

fn unsupported(logging: &Group<'_>) {
    logging.accept(&[
        "charset",
        "exception-conversion-word",
        "file",
        "include-application-name",
        "log4j2",
        "logback",
        "pattern",
        "register-shutdown-hook",
        "structured",
        "threshold",
    ]);
    for (name, message) in [
        (
            "config",
            "a Logback file is not read; use logging.level, logging.format and logging.file",
        ),
        (
            "pattern.console",
            "Logback patterns are not used; see logging.format",
        ),
        (
            "pattern.file",
            "Logback patterns are not used; see logging.format",
        ),
        (
            "pattern.level",
            "Logback patterns are not used; see logging.format",
        ),
    ] {
        if let Some(value) = logging.get(name).filter(|value| !value.text.is_empty()) {
            logging.report(
                Diagnostic::warning(message)
                    .property(logging.full(name))
                    .at(value.origin),
            );
        }
    }
}
