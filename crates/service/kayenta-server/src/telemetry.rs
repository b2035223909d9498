//! Traces over OTLP/HTTP: the only place that knows OpenTelemetry.
//!
//! The spans are those of `tracing`, which log lines have too. Without an endpoint nothing here runs: the layer that makes traces of
//! spans is not installed.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use kayenta_engine::{TraceCarrier, TraceContext};
use kayenta_http::{ExchangeError, TraceHeaders, Transport};
use kayenta_secrets::{BaseUrl, Secret};
use kayenta_settings::TracingSettings;
use opentelemetry::{
    Context, KeyValue,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::{TraceContextExt, TracerProvider},
};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    resource::TelemetryResourceDetector,
    trace::{Sampler, SdkTracerProvider},
};
use secrecy::ExposeSecret;
use tokio::runtime::Handle;
use tracing::{Span, Subscriber, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

/// The header of W3C Trace Context that names the trace and the span of the caller.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The header that goes with it, with what the tracing systems of callers noted.
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// Longest time of one export. Spans that end meanwhile wait, 2,048 at most; the rest is dropped.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time that the end of the process waits for the last export.
const LAST_EXPORT: Duration = Duration::from_secs(2);
/// Largest answer of a collector that is read.
const MOST_ANSWER_BYTES: usize = 1 << 20;
/// The span that carries the id of a trace into log lines; no trace has it.
const LOG_SPAN: &str = "trace";

/// What makes and exports traces.
#[derive(Clone)]
pub(crate) struct Telemetry {
    provider: SdkTracerProvider,
    collector: Collector,
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("collector", &self.collector)
            .finish_non_exhaustive()
    }
}

impl Telemetry {
    /// Traces as the settings say; `None` when there are none. Must be called on the runtime.
    ///
    /// # Errors
    /// When the endpoint or a header cannot be used.
    pub(crate) fn new(settings: &TracingSettings) -> anyhow::Result<Option<Self>> {
        let Some(endpoint) = &settings.endpoint else {
            return Ok(None);
        };
        let headers = headers(&settings.headers)?;
        let collector = Collector {
            endpoint: endpoint.clone(),
            headers: headers.into(),
            transport: Arc::default(),
            runtime: Handle::current(),
            away: Arc::default(),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(collector.clone())
            .with_endpoint(endpoint.expose())
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .context("kayenta.tracing")?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(sampler(settings))
            .with_resource(resource(settings))
            .build();
        Ok(Some(Self {
            provider,
            collector,
        }))
    }

    /// Lets exports begin: outgoing connections are set up after logging has begun.
    pub(crate) fn connect(&self, transport: &Transport) {
        // A second time has nothing to add.
        let _ = self.collector.transport.set(transport.clone());
        tracing::info!("traces are exported to {}", self.collector.endpoint);
    }

    /// The layer that makes traces of this service's own spans.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'s> LookupSpan<'s> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("kayenta"))
            .with_location(false)
            .with_target(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            .with_filter(filter_fn(|metadata| {
                metadata.is_span()
                    && metadata.target().starts_with("kayenta")
                    && metadata.name() != LOG_SPAN
            }))
    }

    /// Exports what has not been exported, if the collector answers in time.
    pub(crate) async fn shut_down(self) {
        let provider = self.provider;
        let ended =
            tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_EXPORT)).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("the last traces could not be exported");
        }
    }
}

fn sampler(settings: &TracingSettings) -> Sampler {
    let of_own = Sampler::TraceIdRatioBased(settings.sample_ratio);
    if settings.follow_caller {
        Sampler::ParentBased(Box::new(of_own))
    } else {
        of_own
    }
}

fn resource(settings: &TracingSettings) -> Resource {
    let attributes = settings
        .attributes
        .iter()
        .map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
    // What comes later takes precedence.
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attributes(attributes)
        .with_service_name(settings.service_name.clone())
        .build()
}

/// The collector, reached through the connections of all outgoing calls.
#[derive(Clone, Debug)]
struct Collector {
    endpoint: BaseUrl,
    /// Sent with each export, with the values that the secrets have then.
    headers: Arc<[(HeaderName, Secret)]>,
    transport: Arc<OnceLock<Transport>>,
    runtime: Handle,
    /// Whether the last export failed: each change is logged, not each failure.
    away: Arc<AtomicBool>,
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        for (name, secret) in &*self.headers {
            let value = header_value(name, secret)?;
            request.headers_mut().insert(name.clone(), value);
        }
        let transport = self.transport.get().cloned();
        let transport = transport.ok_or("the service has not started yet")?;
        // The exporter has a thread of its own, on which no connection can be driven.
        let sent = self.runtime.spawn(async move {
            let sent = transport.exchange(request, MOST_ANSWER_BYTES);
            tokio::time::timeout(EXPORT_TIMEOUT, sent).await
        });
        let sent = sent.await?.unwrap_or_else(|_| {
            let limit = format!("nothing within {} s", EXPORT_TIMEOUT.as_secs());
            Err(ExchangeError::Silent(limit))
        });
        match &sent {
            Ok(response) if response.status().is_success() => self.note(None),
            Ok(response) => self.note(Some(&format!("Status: {}", response.status()))),
            Err(error) => self.note(Some(&error.to_string())),
        }
        Ok(sent?)
    }
}

/// The headers of the settings.
fn headers(settings: &[(String, Secret)]) -> anyhow::Result<Vec<(HeaderName, Secret)>> {
    let header = |(name, secret): &(String, Secret)| {
        let name = HeaderName::try_from(name)
            .with_context(|| format!("kayenta.tracing.headers: '{name}' is not a header name"))?;
        header_value(&name, secret).map_err(anyhow::Error::msg)?;
        Ok((name, secret.clone()))
    };
    settings.iter().map(header).collect()
}

fn header_value(name: &HeaderName, secret: &Secret) -> Result<HeaderValue, String> {
    let value = HeaderValue::try_from(secret.current().expose_secret());
    let mut value = value
        .map_err(|_| format!("the value of header '{name}' has characters no header may have"))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Collector {
    fn note(&self, failure: Option<&str>) {
        let was_away = self.away.swap(failure.is_some(), Ordering::Relaxed);
        let endpoint = &self.endpoint;
        match failure {
            Some(why) if !was_away => tracing::warn!(
                "traces cannot be exported to {endpoint}: {why}; they are dropped until they can"
            ),
            None if was_away => tracing::info!("traces are exported to {endpoint} again"),
            _ => {}
        }
    }
}

/// Headers as propagators read and write them.
struct Headers(HeaderMap);

impl Injector for Headers {
    fn set(&mut self, key: &str, value: String) {
        // An empty `tracestate` says nothing.
        if value.is_empty() {
            return;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

impl Extractor for Headers {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// The headers of a call made in the current span.
fn headers_of_current() -> HeaderMap {
    let mut headers = Headers(HeaderMap::new());
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut headers);
    headers.0
}

/// What makes outgoing calls part of the trace they are made in.
pub(crate) fn trace_headers() -> TraceHeaders {
    TraceHeaders::new(headers_of_current)
}

/// Carries traces into requests and across the queue.
#[derive(Debug)]
pub(crate) struct AcrossQueue;

impl TraceCarrier for AcrossQueue {
    fn current(&self) -> Option<TraceContext> {
        let headers = headers_of_current();
        let text = |name| Some(headers.get(name)?.to_str().ok()?.to_owned());
        Some(TraceContext {
            traceparent: text(&TRACEPARENT)?,
            tracestate: text(&TRACESTATE),
        })
    }

    fn begin(&self, parent: Option<&TraceContext>, span: &dyn Fn() -> Span) -> Span {
        let log_span = tracing::info_span!("trace", id = field::Empty);
        let span = log_span.in_scope(span);
        if let Some(caller) = parent.and_then(caller)
            && let Err(error) = span.set_parent(caller)
        {
            tracing::debug!(%error, "a trace cannot be continued");
        }
        let context = span.context();
        let context = context.span().span_context().clone();
        if context.is_valid() {
            log_span.record("id", field::display(context.trace_id()));
        }
        span
    }
}

/// The span that a `traceparent` names, if it names one.
fn caller(trace: &TraceContext) -> Option<Context> {
    let mut headers = Headers(HeaderMap::new());
    headers.set(TRACEPARENT.as_str(), trace.traceparent.clone());
    if let Some(tracestate) = &trace.tracestate {
        headers.set(TRACESTATE.as_str(), tracestate.clone());
    }
    let context = TraceContextPropagator::new().extract(&headers);
    context.span().span_context().is_valid().then_some(context)
}
