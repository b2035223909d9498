//! What a log line looks like.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    process,
};

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

/// A line in the layout of Spring Boot 2: timestamp, level, process id, thread, logger, message.
/// Fields of the event follow as `name=value`, those of the spans around it in brackets.
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
    #[expect(
        clippy::disallowed_methods,
        reason = "a log line has the machine's time"
    )]
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
        let TextFields {
            message: mut text,
            others,
        } = fields;
        text.push_str(&others);
        if let Some(scope) = context.event_scope() {
            let mut lead = " [";
            for span in scope.from_root() {
                let extensions = span.extensions();
                let Some(fields) = extensions.get::<FormattedFields<N>>() else {
                    continue;
                };
                if !fields.is_empty() {
                    write!(text, "{lead}{}: {fields}", span.name())?;
                    lead = ", ";
                }
            }
            if lead != " [" {
                text.push(']');
            }
        }
        writeln!(writer, "{}", on_one_line(&text))
    }
}

/// What must not reach a log as it is: control characters, what ends a line in some viewers, and what
/// turns the direction of the text after it around.
fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{061c}'
        )
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The text without control characters: what callers send and stores answer is part of log lines, and
/// must neither begin a line of its own nor reach a terminal as a command.
fn on_one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unfit) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().fold(String::new(), |mut escaped, c| {
        if is_unfit(c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
        escaped
    });
    Cow::Owned(escaped)
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
    #[expect(
        clippy::disallowed_methods,
        reason = "a log line has the machine's time"
    )]
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

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::{layer::SubscriberExt, registry};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(json: bool) -> String {
        let lines = Lines::default();
        let to = lines.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || to.clone());
        let write = || {
            let span = tracing::info_span!("execution", id = "01ABC", application = "a\x1b[31mb");
            let _entered = span.enter();
            tracing::info!(target: "kayenta_engine::worker", count = 3, "first\nforged {}", "line");
        };
        if json {
            let layer = layer.fmt_fields(JsonFields::new()).event_format(JsonLine);
            tracing::subscriber::with_default(registry().with(layer), write);
        } else {
            let layer = layer.event_format(TextLine::new(DateFormat::new(None, Some("UTC"))));
            tracing::subscriber::with_default(registry().with(layer), write);
        }
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn text_lines_are_springs_and_nothing_can_forge_one() {
        let text = logged(false);
        assert_eq!(text.lines().count(), 1, "{text}");
        let (head, tail) = text.split_once(" --- [").unwrap();
        assert!(
            head.ends_with(&format!(" INFO {}", process::id())),
            "{head}"
        );
        let (logger, message) = tail.split_once("] ").unwrap().1.split_once(" : ").unwrap();
        assert_eq!(logger, format!("{:<40}", "kayenta::engine::worker"));
        assert!(
            message.starts_with(r"first\nforged line count=3 [execution: id="),
            "{message}"
        );
        assert!(!text.contains('\x1b'), "{text}");
    }

    #[test]
    fn json_lines_carry_event_and_span_fields() {
        let text = logged(true);
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "first\nforged line");
        assert_eq!(line["count"], 3);
        assert_eq!(line["execution.id"], "01ABC");
        assert_eq!(line["logger"], "kayenta::engine::worker");
    }

    #[test]
    fn long_loggers_keep_their_end() {
        let name = "kayenta::engine::a_module_with_a_rather_long_name";
        assert_eq!(shortened(name).len(), LOGGER_WIDTH - 1);
        assert!(name.ends_with(shortened(name)));
    }
}
