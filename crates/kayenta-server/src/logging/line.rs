//! What a log line looks like.

use std::{fmt, process};

use chrono::Utc;
use serde_json::{Map, Value};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::{JsonFields, Writer},
    },
    registry::LookupSpan,
};

use super::{date_format::DateFormat, thread_name};

/// Width of the logger's name in a line.
const LOGGER_WIDTH: usize = 40;

/// The logger's name as lines show it: `kayenta_engine::worker` is `kayenta::engine::worker`.
fn logger(target: &str) -> String {
    match target.strip_prefix("kayenta_") {
        Some(rest) => format!("kayenta::{rest}"),
        None => target.to_owned(),
    }
}

/// The end of a name that is too long, so that a line's columns stay in place.
fn shortened(name: &str) -> &str {
    let from = name.len().saturating_sub(LOGGER_WIDTH - 1);
    name.get(from..).unwrap_or(name)
}

/// A line in the layout of Spring Boot 2: moment, level, process id, thread, logger, message. Fields
/// of the event follow as `name=value`, those of the spans around it in brackets.
#[derive(Debug)]
pub(super) struct TextLine {
    dates: DateFormat,
}

impl TextLine {
    pub(super) fn new(dates: DateFormat) -> Self {
        Self { dates }
    }
}

impl<S, N> FormatEvent<S, N> for TextLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        self.dates.write(Utc::now(), &mut writer)?;
        let level = metadata.level();
        if writer.has_ansi_escapes() {
            let colour = match *level {
                Level::ERROR => 31,
                Level::WARN => 33,
                _ => 32,
            };
            write!(writer, " \x1b[{colour}m{:>5}\x1b[0m", level.as_str())?;
        } else {
            write!(writer, " {:>5}", level.as_str())?;
        }
        let logger = logger(metadata.target());
        write!(
            writer,
            " {} --- [{}] {:<LOGGER_WIDTH$} : ",
            process::id(),
            thread_name::padded(),
            shortened(&logger),
        )?;
        let mut fields = TextFields::default();
        event.record(&mut fields);
        write!(writer, "{}{}", fields.message, fields.others)?;
        if let Some(scope) = context.event_scope() {
            let mut open = false;
            for span in scope.from_root() {
                let extensions = span.extensions();
                let Some(fields) = extensions.get::<FormattedFields<N>>() else {
                    continue;
                };
                if fields.is_empty() {
                    continue;
                }
                let lead = if open { ", " } else { " [" };
                write!(writer, "{lead}{}: {fields}", span.name())?;
                open = true;
            }
            if open {
                writer.write_char(']')?;
            }
        }
        writeln!(writer)
    }
}

/// Fields of an event as text.
#[derive(Default)]
struct TextFields {
    message: String,
    others: String,
}

impl Visit for TextFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write as _;
        // Writing into a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.others, " {name}={value:?}"),
        };
    }
}

/// One JSON object a line: `@timestamp`, `level`, `pid`, `thread`, `logger`, `message`, then the
/// fields of the spans around the event and of the event itself.
#[derive(Debug)]
pub(super) struct JsonLine;

impl<S> FormatEvent<S, JsonFields> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let mut line = Map::new();
        let now = Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        line.insert("@timestamp".into(), now.into());
        line.insert("level".into(), metadata.level().as_str().into());
        line.insert("pid".into(), process::id().into());
        line.insert("thread".into(), thread_name::padded().trim_start().into());
        line.insert("logger".into(), logger(metadata.target()).into());
        let mut fields = JsonVisitor::default();
        event.record(&mut fields);
        line.insert("message".into(), fields.message.into());
        for span in context
            .event_scope()
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            let extensions = span.extensions();
            let Some(fields) = extensions.get::<FormattedFields<JsonFields>>() else {
                continue;
            };
            let Ok(fields) = serde_json::from_str::<Map<String, Value>>(fields) else {
                continue;
            };
            for (name, value) in fields {
                line.insert(format!("{}.{name}", span.name()), value);
            }
        }
        line.extend(fields.others);
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// Fields of an event as JSON.
#[derive(Default)]
struct JsonVisitor {
    message: String,
    others: Map<String, Value>,
}

impl JsonVisitor {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.others.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for JsonVisitor {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = value.to_owned();
        } else {
            self.insert(field, value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.insert(field, format!("{value:?}"));
        }
    }
}
