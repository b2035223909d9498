//! Logs: lines as Spring prints them or JSON, levels by the reference's logger names, changeable while
//! the process runs.

mod date_format;
mod levels;
mod line;
mod rolling_file;
mod thread_name;

use std::{
    io::{self, IsTerminal},
    sync::Arc,
};

use anyhow::Context;
use kayenta_settings::{AnsiOutput, LogFormat, LoggingSettings};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{Layer, Registry, layer::SubscriberExt, reload, util::SubscriberInitExt};

use self::{
    date_format::DateFormat,
    line::{JsonLine, TextLine},
    rolling_file::RollingFile,
};

pub(crate) use levels::LoggerTable;

use crate::telemetry::Telemetry;

/// Lines that may wait to be written. Beyond it lines are dropped rather than work held up.
const WAITING_LINES: usize = 16_384;

/// A layer ready to be installed.
type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// The running log. Dropping it writes what still waits.
#[derive(Debug)]
pub(crate) struct Logging {
    /// The live levels.
    pub(crate) levels: Arc<LoggerTable>,
    _writers: Vec<WorkerGuard>,
}

/// Starts logging, and tracing if there is a collector.
///
/// # Errors
/// When the log file cannot be opened, or logging was started before.
pub(crate) fn start(
    settings: &LoggingSettings,
    telemetry: Option<&Telemetry>,
) -> anyhow::Result<Logging> {
    let dates = DateFormat::new(
        settings.date_format.as_deref(),
        settings.time_zone.as_deref(),
    );
    let colours = match settings.ansi {
        AnsiOutput::Always => true,
        AnsiOutput::Never => false,
        AnsiOutput::Detect => io::stdout().is_terminal(),
    };
    let levels = Arc::new(LoggerTable::new(settings));
    let (stdout, guard) = writer(io::stdout());
    let mut writers = vec![guard];
    let mut layers = vec![layer(settings.format, dates.clone(), colours, stdout)];
    if let Some(file) = &settings.file {
        let rolling = RollingFile::open(file)
            .with_context(|| format!("cannot open the log file {}", file.path.display()))?;
        let (file, guard) = writer(rolling);
        writers.push(guard);
        layers.push(layer(settings.format, dates, false, file));
    }
    let (filter, handle) = reload::Layer::new(levels.targets());
    levels.drive(handle);
    let log = tracing_subscriber::registry().with(layers.with_filter(filter));
    // Not an optional layer: one that is absent would still be asked about every event.
    match telemetry {
        Some(telemetry) => log.with(telemetry.layer()).try_init(),
        None => log.try_init(),
    }
    .context("logging was started before")?;
    Ok(Logging {
        levels,
        _writers: writers,
    })
}

fn writer(to: impl io::Write + Send + 'static) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES)
        .thread_name("log")
        .finish(to)
}

fn layer(format: LogFormat, dates: DateFormat, colours: bool, to: NonBlocking) -> BoxedLayer {
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(to)
        .with_ansi(colours);
    match format {
        LogFormat::Text => layer.event_format(TextLine::new(dates)).boxed(),
        LogFormat::Json => layer
            .fmt_fields(tracing_subscriber::fmt::format::JsonFields::new())
            .event_format(JsonLine)
            .boxed(),
    }
}
