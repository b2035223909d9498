//! The thread of the probes: it accepts connections and says that the process is alive, however busy all others are.

use std::{future::Future, io, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use kayenta_web::ErrorResponse;
use tokio::{
    net::TcpStream,
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
    time::sleep,
};
use tokio_util::task::AbortOnDropHandle;

/// How the path of liveness ends, whatever it is below.
const LIVENESS: &str = "/health/liveness";
/// The methods it is asked with.
const METHODS: [&[u8]; 2] = [b"GET", b"HEAD"];
/// The line of a request for liveness is no longer.
const LONGEST_LINE: usize = 512;
/// The pauses in milliseconds before another look at a first line that arrives in pieces. It is there at the first look
/// as a rule.
const PAUSES: [u64; 7] = [1, 2, 4, 8, 16, 32, 64];

/// A thread with its own runtime. It accepts connections, so that one that asks for liveness waits neither for the
/// threads that answer all else nor for what they have in hand.
#[derive(Debug)]
pub(crate) struct ProbeThread(Option<Runtime>);

impl ProbeThread {
    /// Starts it.
    ///
    /// # Errors
    /// When the system grants no thread.
    pub(crate) fn start() -> io::Result<Self> {
        Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("probes")
            .enable_all()
            .build()
            .map(|runtime| Self(Some(runtime)))
    }

    /// Does some work on it; nothing that keeps it busy.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<JoinHandle<T>> {
        self.0.as_ref().map(|runtime| runtime.spawn(work))
    }
}

impl Drop for ProbeThread {
    fn drop(&mut self) {
        // A task may drop it, and must not wait.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// The routes for connections on the thread of the probes: liveness is answered there, all else by `others`.
pub(super) fn liveness_here(app: Router, others: Handle) -> Router {
    app.layer(middleware::from_fn_with_state(others, answer))
}

async fn answer(State(others): State<Handle>, request: Request, next: Next) -> Response {
    if request.uri().path().ends_with(LIVENESS) {
        return next.run(request).await;
    }
    // Gone with the connection, as any other request.
    let answering = AbortOnDropHandle::new(others.spawn(next.run(request)));
    answering.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request ended without an answer");
        ErrorResponse::internal("The request ended without an answer.").into_response()
    })
}

/// Waits for the first line of a connection, and reports whether it asks for liveness. The bytes are left for what reads
/// the connection.
pub(super) async fn asks_for_liveness(stream: &TcpStream) -> io::Result<bool> {
    let mut beginning = [0; LONGEST_LINE];
    for pause in PAUSES {
        let length = stream.peek(&mut beginning).await?;
        if let Some(asks) = is_liveness(&beginning[..length]) {
            return Ok(asks);
        }
        sleep(Duration::from_millis(pause)).await;
    }
    Ok(false)
}

/// Whether a request for liveness begins so; none while its first line may become one.
fn is_liveness(beginning: &[u8]) -> Option<bool> {
    let mut words = beginning.splitn(3, |byte| *byte == b' ');
    let (method, target, rest) = (words.next()?, words.next(), words.next());
    let may_be = METHODS.iter().any(|known| known.starts_with(method))
        && (1..LONGEST_LINE).contains(&beginning.len())
        && !beginning.contains(&b'\n');
    match (target, rest) {
        (Some(target), Some(_)) => {
            let path = target.split(|byte| *byte == b'?').next();
            let asks = path.is_some_and(|path| path.ends_with(LIVENESS.as_bytes()));
            Some(asks && METHODS.contains(&method))
        }
        _ if may_be => None,
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_for_liveness_is_known_by_its_first_line_below_whatever_path() {
        for line in [
            "GET /health/liveness HTTP/1.1\r\nHost: x\r\n\r\n",
            "HEAD /health/liveness HTTP/1.1\r\n",
            "GET /kayenta/actuator/health/liveness HTTP/1.0",
            "GET /health/liveness?verbose=true HTTP/1.1",
            "GET /health/liveness ",
        ] {
            assert_eq!(is_liveness(line.as_bytes()), Some(true), "{line}");
        }
        for line in ["G", "GET", "GET ", "HEAD /hea", "GET /health/liveness"] {
            assert_eq!(is_liveness(line.as_bytes()), None, "{line}");
        }
        let long = format!("GET /{}", "a".repeat(LONGEST_LINE));
        for line in [
            "",
            "PUT",
            "GET\r\n",
            "GET /health/liveness\r\n",
            &long[..LONGEST_LINE],
            "POST /health/liveness HTTP/1.1\r\n",
            "GE /health/liveness HTTP/1.1\r\n",
            "GET /health/readiness HTTP/1.1\r\n",
            "GET /judges?of=/health/liveness HTTP/1.1\r\n",
            "\u{16}\u{3}\u{1} /health/liveness ",
        ] {
            assert_eq!(is_liveness(line.as_bytes()), Some(false), "{line}");
        }
    }
}
