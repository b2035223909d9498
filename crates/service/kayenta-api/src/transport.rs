//! One layer around every route: CORS, security headers, request ids, access control, content
//! negotiation, panics, one log line and one measurement per request. It is one layer and not eight
//! because plain reads are to cost microseconds.

use std::{
    any::Any,
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body::{Frame, SizeHint};
use kayenta_access::{Guard, Surface};
use kayenta_engine::{TraceCarrier, TraceContext};
use kayenta_limits::{CALLER_PATIENCE, Reserved, take_held};
use kayenta_settings::CorsSettings;
use kayenta_web::{ErrorResponse, RefusalText, accept};
use tracing::{Instrument, Span, field};

use crate::{
    front::{Detour, found},
    page_access::PageAccess,
    request_timers::RequestTimers,
};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_XSS_PROTECTION: HeaderName = HeaderName::from_static("x-xss-protection");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
/// Longest request id taken over from a caller.
const LONGEST_REQUEST_ID: usize = 128;

/// What the layer knows.
#[derive(Debug)]
pub(crate) struct RequestLayer {
    cors: CorsSettings,
    guard: Option<Arc<Guard>>,
    /// Declared methods by route, as `Allow` lists them.
    allow: HashMap<String, Allow>,
    /// Routes that answer something other than JSON, or JSON of a type of their own.
    any_accept: HashSet<String>,
    /// Routes of pages: no other origin may read them, whatever may read the API.
    pages: Option<PageAccess>,
    /// Where the management endpoints sit; probes are logged at debug level.
    health_path: String,
    ids: RequestIds,
    timers: RequestTimers,
    traces: Option<RequestTraces>,
}

/// Puts requests into traces.
#[derive(Debug)]
struct RequestTraces {
    carrier: Arc<dyn TraceCarrier>,
    /// Paths that are polled every few seconds and are of no interest in a trace.
    untraced: Vec<String>,
}

impl RequestTraces {
    /// The span of a request in the trace of its caller, if it is to have one. Its level is below all that are logged by default:
    /// the line of the request says the same.
    fn begin(&self, request: &Request, route: Option<&str>) -> Option<Span> {
        let is_below = |rest: &str| rest.is_empty() || rest.starts_with('/');
        let path = request.uri().path();
        let is_untraced = |prefix: &String| path.strip_prefix(prefix).is_some_and(is_below);
        if self.untraced.iter().any(is_untraced) {
            return None;
        }
        let method = request.method();
        let name = match route {
            Some(route) => format!("{method} {route}"),
            None => method.to_string(),
        };
        let caller = caller(request.headers());
        Some(self.carrier.begin(caller.as_ref(), &|| {
            tracing::trace_span!(
                "http",
                otel.name = name,
                otel.kind = "server",
                otel.status_code = field::Empty,
                http.request.method = %method,
                http.route = route,
                url.path = path,
                http.response.status_code = field::Empty,
            )
        }))
    }
}

/// The trace of the caller. A `tracestate` may come in several headers, which are one list.
fn caller(headers: &HeaderMap) -> Option<TraceContext> {
    let traceparent = headers.get("traceparent")?.to_str().ok()?;
    let states = headers.get_all("tracestate").into_iter();
    let states: Vec<&str> = states.filter_map(|state| state.to_str().ok()).collect();
    Some(TraceContext {
        traceparent: traceparent.to_owned(),
        tracestate: Some(states.join(",")).filter(|state| !state.is_empty()),
    })
}

/// Notes how a traced request ended.
fn end(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.record("otel.status_code", "error");
    }
}

#[derive(Debug)]
struct Allow {
    declared: HeaderValue,
    options: HeaderValue,
}

impl RequestLayer {
    /// `methods` are the declared methods of each route, upper case.
    pub(crate) fn new(
        cors: CorsSettings,
        guard: Option<Arc<Guard>>,
        methods: &HashMap<String, Vec<&'static str>>,
        any_accept: HashSet<String>,
        pages: Option<PageAccess>,
        base_path: &str,
        timers: RequestTimers,
    ) -> Self {
        let allow = methods
            .iter()
            .filter_map(|(route, declared)| {
                let mut all = declared.clone();
                if all.contains(&"GET") {
                    all.insert(1, "HEAD");
                }
                all.push("OPTIONS");
                let allow = Allow {
                    declared: HeaderValue::from_str(&declared.join(",")).ok()?,
                    options: HeaderValue::from_str(&all.join(",")).ok()?,
                };
                Some((route.clone(), allow))
            })
            .collect();
        Self {
            cors,
            guard,
            allow,
            any_accept,
            pages,
            health_path: format!("{}/health", base_path.trim_end_matches('/')),
            ids: RequestIds::new(),
            timers,
            traces: None,
        }
    }

    /// With traces, if there are any.
    pub(crate) fn within(mut self, traces: Option<&Arc<dyn TraceCarrier>>) -> Self {
        let base_path = self.health_path.trim_end_matches("/health");
        let untraced = ["health", "info", "prometheus"].map(|name| format!("{base_path}/{name}"));
        self.traces = traces.map(|carrier| RequestTraces {
            carrier: Arc::clone(carrier),
            untraced: untraced
                .into_iter()
                .chain(["/spectator".to_owned()])
                .collect(),
        });
        self
    }

    /// The page access of a route, if it is one of a page.
    fn page(&self, route: Option<&str>) -> Option<&PageAccess> {
        let pages = self.pages.as_ref()?;
        route.is_some_and(|route| pages.has(route)).then_some(pages)
    }

    /// Lets the request pass, with who it is in its extensions, or answers why not.
    async fn admit(&self, route: Option<&str>, request: &mut Request) -> Result<(), Response> {
        let Some(guard) = &self.guard else {
            return Ok(());
        };
        // It is sent to the pages, which ask it to sign in.
        if self.pages.is_some() && route.is_none() && browses_root(request) {
            return Ok(());
        }
        let page = self.page(route);
        if page
            .zip(route)
            .is_some_and(|(page, route)| page.is_open(route))
        {
            if let Some(caller) = guard.visitor(request.headers()).await {
                request.extensions_mut().insert(caller);
            }
            return Ok(());
        }
        let surface = match page {
            Some(_) => Surface::Pages,
            None => Surface::Api,
        };
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        match guard.check(surface, method, uri.path(), headers).await {
            Ok(Some(caller)) => {
                request.extensions_mut().insert(caller);
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) => Err(match page {
                Some(page) => page.refuse(method, uri, headers, error),
                None => error.into_response(),
            }),
        }
    }

    /// The answer to the request, before the headers every answer has.
    async fn answer(
        &self,
        route: Option<&MatchedPath>,
        mut request: Request,
        next: Next,
    ) -> Response {
        let path = route.map(MatchedPath::as_str);
        if let Err(refusal) = self.admit(path, &mut request).await {
            return refusal;
        }
        if request.method() == Method::OPTIONS
            && let Some(allow) = path.and_then(|path| self.allow.get(path))
        {
            return (
                [
                    (header::ALLOW, allow.options.clone()),
                    (ACCEPT_PATCH, HeaderValue::from_static("")),
                ],
                StatusCode::OK,
            )
                .into_response();
        }
        let json_only = !path.is_some_and(|path| self.any_accept.contains(path));
        if json_only && !accept::takes_json(request.headers()) {
            return ErrorResponse::not_acceptable().into_response();
        }
        let answering = async {
            match AssertUnwindSafe(next.run(request)).catch_unwind().await {
                Ok(response) => counted(response).await,
                Err(panic) => panicked(&*panic),
            }
        };
        let mut response = kayenta_limits::scope(answering).await;
        if response.status() == StatusCode::METHOD_NOT_ALLOWED
            && let Some(allow) = path.and_then(|path| self.allow.get(path))
        {
            response
                .headers_mut()
                .insert(header::ALLOW, allow.declared.clone());
        }
        response
    }

    fn log(&self, method: &Method, path: &str, response: &Response, elapsed: Duration) {
        // Three decimals say all there is to know.
        let micros = u32::try_from(elapsed.as_micros()).unwrap_or(u32::MAX);
        let duration_ms = f64::from(micros) / 1e3;
        let status = response.status().as_u16();
        let text = response.extensions().get::<RefusalText>();
        // Probes and polling clients would drown what is done and what goes wrong.
        let polled = method.is_safe() && status < 400;
        if polled || path.starts_with(self.health_path.as_str()) {
            tracing::debug!(%method, path, status, duration_ms, "request answered");
        } else if let Some(RefusalText(text)) = text.filter(|text| !text.0.is_empty()) {
            tracing::info!(%method, path, status, duration_ms, "request answered: {text}");
        } else {
            tracing::info!(%method, path, status, duration_ms, "request answered");
        }
    }
}

/// Answers above this size count against the budget until the client has them.
const COUNTED_ANSWER: u64 = 64 << 10;

/// The same response, its body counted against the budget.
async fn counted(response: Response) -> Response {
    let size = HttpBody::size_hint(response.body()).lower();
    if size <= COUNTED_ANSWER {
        return response;
    }
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    // What the handler read has become the body: what it held for that is enough for this, and waiting for
    // more with it in hand would have many wait for one another.
    let mut reserved = take_held();
    match reserved.resize("an answer", size, CALLER_PATIENCE).await {
        Ok(()) => response.map(|body| Body::new(CountedBody { body, reserved })),
        Err(error) => ErrorResponse::no_memory(&error).into_response(),
    }
}

/// A body whose bytes are reserved until they are sent or dropped. The server drops a body when it has taken the
/// last of it, which is long before a slow client has it, so the reservation goes with the bytes.
#[derive(Debug)]
struct CountedBody {
    body: Body,
    reserved: Reserved,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let ends = self.body.is_end_stream();
        polled.map_ok(|frame| {
            frame.map_data(|data| {
                let reserved = if ends {
                    std::mem::take(&mut self.reserved)
                } else {
                    self.reserved.split(data.len())
                };
                reserved.bind(data)
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The layer's function.
pub(crate) async fn carry(
    State(transport): State<Arc<RequestLayer>>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let headers = request.headers();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let is_page = transport
        .page(route.as_ref().map(MatchedPath::as_str))
        .is_some();
    let origin = headers
        .get(header::ORIGIN)
        .filter(|origin| !is_page && !origin.is_empty() && allowed(&transport.cors, origin))
        .cloned();
    let preflight = request.method() == Method::OPTIONS
        && origin.is_some()
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let id = transport.ids.of(headers);
    let method = request.method().clone();
    let unrouted = match &route {
        Some(_) => String::new(),
        None => shortened(request.uri().path()),
    };

    let traced = transport.traces.as_ref().and_then(|traces| {
        let route = route.as_ref().map(MatchedPath::as_str);
        traces.begin(&request, route)
    });
    let span = || tracing::info_span!("request", id = id.to_str().unwrap_or_default());
    let span = match &traced {
        Some(traced) => traced.in_scope(span),
        None => span(),
    };
    let mut response = if preflight {
        preflight_answer()
    } else {
        transport
            .answer(route.as_ref(), request, next)
            .instrument(span.clone())
            .await
    };
    add_headers(response.headers_mut(), origin, id);
    if let Some(traced) = &traced {
        end(traced, response.status());
    }

    let elapsed = started.elapsed();
    let route = route.as_ref().map(MatchedPath::as_str);
    transport
        .timers
        .record(&method, route, response.status(), elapsed);
    let path = route.unwrap_or(&unrouted);
    span.in_scope(|| transport.log(&method, path, &response, elapsed));
    response
}

/// What is not routed: refused paths, redirects to the context path, unknown paths.
/// C-API-21: a browser that asks for `/` is sent to the pages, if there are any.
pub(crate) async fn unknown_path(home: Option<String>, request: Request) -> Response {
    if let Some(detour) = request.extensions().get::<Detour>() {
        return detour.clone().into_response();
    }
    match home.filter(|_| browses_root(&request)) {
        Some(home) => found(&home),
        None => ErrorResponse::no_such_path().into_response(),
    }
}

/// Whether a browser asks for `/`.
fn browses_root(request: &Request) -> bool {
    request.method() == Method::GET
        && request.uri().path() == "/"
        && accept::names(request.headers(), "text/html")
}

/// A known path under a method it does not have.
pub(crate) async fn wrong_method(method: Method) -> ErrorResponse {
    ErrorResponse::method_not_allowed(&method)
}

fn allowed(cors: &CorsSettings, origin: &HeaderValue) -> bool {
    match cors {
        CorsSettings::AnyOrigin => true,
        CorsSettings::Disabled => false,
        CorsSettings::Origins(_) => origin.to_str().is_ok_and(|origin| cors.allows(origin)),
    }
}

fn shortened(path: &str) -> String {
    path.chars().take(200).collect()
}

fn preflight_answer() -> Response {
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::ALLOW,
        HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, TRACE, OPTIONS, PATCH"),
    );
    headers.append(
        header::VARY,
        HeaderValue::from_static("Access-Control-Request-Method"),
    );
    headers.append(
        header::VARY,
        HeaderValue::from_static("Access-Control-Request-Headers"),
    );
    response
}

fn add_headers(headers: &mut HeaderMap, origin: Option<HeaderValue>, id: HeaderValue) {
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("POST, GET, OPTIONS, DELETE, PUT, PATCH"),
        );
        headers.insert(
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static("3600"),
        );
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("x-requested-with, content-type"),
        );
        // C-API-04: the reference forgets it where it matters.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(X_XSS_PROTECTION, HeaderValue::from_static("1; mode=block"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-store, max-age=0, must-revalidate"),
    );
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(header::EXPIRES, HeaderValue::from_static("0"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(X_REQUEST_ID, id);
}

fn panicked(panic: &(dyn Any + Send)) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(panic = %text, "a request handler panicked");
    ErrorResponse::internal(
        "An internal error occurred; the log says more under this request's id.",
    )
    .into_response()
}

/// Ids of requests that bring none: a prefix drawn at start, and a count.
#[derive(Debug)]
struct RequestIds {
    prefix: u32,
    count: AtomicU64,
}

impl RequestIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "a request id only has to be unique in the log"
    )]
    fn new() -> Self {
        let (random, ..) = uuid::Uuid::new_v4().as_fields();
        Self {
            prefix: random,
            count: AtomicU64::new(1),
        }
    }

    /// The caller's id if it is short and printable, else a new one.
    fn of(&self, headers: &HeaderMap) -> HeaderValue {
        if let Some(given) = headers.get(X_REQUEST_ID)
            && !given.is_empty()
            && given.len() <= LONGEST_REQUEST_ID
            && given.as_bytes().iter().all(u8::is_ascii_graphic)
        {
            return given.clone();
        }
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        HeaderValue::try_from(format!("{:08x}-{count:08x}", self.prefix))
            .unwrap_or(HeaderValue::from_static("unnamed"))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn free() -> u64 {
        kayenta_limits::budget().unwrap().1
    }

    #[tokio::test]
    async fn an_answer_counts_until_its_bytes_are_gone_not_until_the_server_has_taken_them() {
        const SIZE: usize = 1 << 20;
        kayenta_limits::set_budget(64 << 20);
        let before = free();
        let response = Response::new(Body::from(vec![b'x'; SIZE]));
        let mut body = counted(response).await.into_body();
        assert_eq!(before - free(), SIZE as u64);
        let sent = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(body.is_end_stream());
        drop(body);
        assert_eq!(before - free(), SIZE as u64);
        drop(sent);
        assert_eq!(free(), before);

        // Piece by piece, what is gone no longer counts.
        let pieces = [Bytes::from(vec![b'x'; SIZE]), Bytes::from(vec![b'y'; SIZE])];
        let stream = futures::stream::iter(pieces.map(Ok::<_, axum::Error>));
        let reserved = kayenta_limits::reserve("an answer", 2 * SIZE, CALLER_PATIENCE)
            .await
            .unwrap();
        let mut body = CountedBody {
            body: Body::from_stream(stream),
            reserved,
        };
        drop(body.frame().await.unwrap().unwrap());
        assert_eq!(before - free(), SIZE as u64);
        drop(body);
        assert_eq!(free(), before);
    }
}
