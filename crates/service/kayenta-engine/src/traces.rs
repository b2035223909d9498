//! Traces as the engine sees them: it neither makes nor exports any, it only keeps them together across the queue.

use std::fmt;

use tracing::Span;

/// Keeps the spans of an execution in the trace of the request that asked for it, although a worker drives it later, perhaps hours
/// later and in another process.
pub trait TraceCarrier: Send + Sync + fmt::Debug {
    /// The `traceparent` ([W3C Trace Context](https://www.w3.org/TR/trace-context/)) of the current span.
    fn current(&self) -> Option<String>;

    /// The span that `span` creates, as part of the trace that `traceparent` names, or of a new one. Log lines written within it
    /// name the trace.
    fn begin(&self, traceparent: Option<&str>, span: &dyn Fn() -> Span) -> Span;
}
