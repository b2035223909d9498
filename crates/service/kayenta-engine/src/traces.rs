//! Traces as the engine sees them: it neither makes nor exports any, it only keeps them together across the queue.

use std::fmt;

use tracing::Span;

/// Which trace something belongs to, in the headers of [W3C Trace Context](https://www.w3.org/TR/trace-context/).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    /// `traceparent`: the trace, and the span within it.
    pub traceparent: String,
    /// `tracestate`: what the tracing systems of callers noted, passed on as it is.
    pub tracestate: Option<String>,
}

impl TraceContext {
    /// The id of the trace in a `traceparent`: `version-trace-span-flags`.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.traceparent.split('-').nth(1)
    }
}

/// Keeps the spans of an execution in the trace of the request that asked for it, although a worker drives it later, perhaps hours
/// later and in another process.
pub trait TraceCarrier: Send + Sync + fmt::Debug {
    /// The trace and the span that the current code runs in.
    fn current(&self) -> Option<TraceContext>;

    /// The span that `span` creates, as part of the trace of `caller`, or of a new one. Log lines written within it
    /// name the trace if its level is one that the log has.
    fn begin(&self, caller: Option<&TraceContext>, span: &dyn Fn() -> Span) -> Span;
}
