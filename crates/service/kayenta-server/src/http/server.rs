//! The accept loop.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::pin,
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use kayenta_web::ErrorResponse;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream, lookup_host},
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    connections::{ConnectionLimits, Connections},
    one_host::OneHost,
    paced::{Pace, Paced},
    tls::TlsListener,
};

/// How long a client may take over the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a client may take over a request's head, and a kept connection may idle.
const HEAD: Duration = Duration::from_secs(60);
/// The system's backlog of connections not yet accepted.
const BACKLOG: u32 = 1_024;
/// What the system may keep of a connection each way. By default it keeps up to megabytes, which a control group counts
/// and the budget of bytes does not.
const SOCKET_BUFFER: u32 = 256 << 10;
/// How long a connection beyond the limits may take in all, which answers probes alone.
const PROBE: Duration = Duration::from_secs(5);
/// Pause after a failed accept (no file descriptors left).
const PAUSE: Duration = Duration::from_millis(50);
/// How often the same trouble with connections is logged at most.
const LOG_EVERY: Duration = Duration::from_secs(30);

/// What one connection may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerLimits {
    /// Longest head of a request in bytes.
    pub(crate) max_header_bytes: usize,
    /// How fast a client has to take answers.
    pub(crate) pace: Pace,
    /// How many connections there may be.
    pub(crate) connections: ConnectionLimits,
}

/// A bound port that answers with a router.
#[derive(Debug)]
pub(crate) struct HttpServer {
    listener: TcpListener,
    tls: Option<TlsListener>,
    limits: ServerLimits,
}

impl HttpServer {
    /// Binds the port: on the address, or on every interface of both stacks.
    ///
    /// # Errors
    /// When the address means nothing or the port is taken.
    pub(crate) async fn bind(
        address: Option<&str>,
        port: u16,
        tls: Option<TlsListener>,
        limits: ServerLimits,
    ) -> io::Result<Self> {
        Ok(Self {
            listener: bind(address, port).await?,
            tls,
            limits,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not tell.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Answers until `shutdown`, then accepts nothing more, lets requests under way end within
    /// `grace`, and cuts the rest.
    pub(crate) async fn serve(self, app: Router, shutdown: CancellationToken, grace: Duration) {
        let Self {
            listener,
            tls,
            limits,
        } = self;
        let connections = Connections::new(limits.connections);
        let tracker = TaskTracker::new();
        let mut failed = Seldom::default();
        let mut refused = Seldom::default();
        let connection = Connection {
            probes: app.clone().layer(middleware::from_fn(probes_only)),
            app,
            limits,
            shutdown,
            cut: CancellationToken::new(),
        };
        loop {
            let accepted = tokio::select! {
                () = connection.shutdown.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => match connections.admit(peer.ip()) {
                    Some(place) => {
                        let (connection, tls) = (connection.clone(), tls.clone());
                        tracker.spawn(async move {
                            if place.probes_only {
                                let probe = connection.carry(stream, tls, true);
                                let _ = timeout(PROBE, probe).await;
                            } else {
                                connection.carry(stream, tls, false).await;
                            }
                            drop(place);
                        });
                    }
                    None => {
                        if let Some(times) = refused.say() {
                            tracing::warn!(
                                times,
                                peer = %peer.ip(),
                                "closed connections at once: there are too many, in all or of one peer \
                                 (kayenta.server.max-connections, max-connections-per-peer)"
                            );
                        }
                    }
                },
                Err(error) => {
                    if let Some(times) = failed.say() {
                        tracing::warn!(times, %error, "could not accept connections");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        drop(listener);
        tracker.close();
        if timeout(grace, tracker.wait()).await.is_err() {
            tracing::warn!(
                grace_seconds = grace.as_secs(),
                "aborted requests that did not end in time"
            );
        }
        connection.cut.cancel();
        tracker.wait().await;
    }
}

/// What beyond the limits is answered: probes alone, whose paths end so.
async fn probes_only(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let probe = ["/health", "/health/liveness", "/health/readiness"];
    if probe.iter().any(|probe| path.ends_with(probe)) {
        next.run(request).await
    } else {
        let message = "The service has too many connections. Try again later.";
        ErrorResponse::busy(message).into_response()
    }
}

/// Says seldom what happens often.
#[derive(Debug, Default)]
struct Seldom {
    last: Option<Instant>,
    unsaid: u64,
}

impl Seldom {
    /// How often it has happened since it was last said, if it is to be said now.
    fn say(&mut self) -> Option<u64> {
        self.unsaid += 1;
        if self.last.is_some_and(|last| last.elapsed() < LOG_EVERY) {
            return None;
        }
        self.last = Some(Instant::now());
        Some(std::mem::take(&mut self.unsaid))
    }
}

/// What every connection needs.
#[derive(Clone, Debug)]
struct Connection {
    app: Router,
    /// The same for connections beyond the limits.
    probes: Router,
    limits: ServerLimits,
    /// No further requests.
    shutdown: CancellationToken,
    /// Not even the one under way.
    cut: CancellationToken,
}

impl Connection {
    async fn carry(self, stream: TcpStream, tls: Option<TlsListener>, probes_only: bool) {
        // Answers are small and whole; waiting to fill a segment only costs time.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "could not set TCP_NODELAY");
        }
        let Some(tls) = tls else {
            return self.serve(stream, probes_only).await;
        };
        match timeout(HANDSHAKE, tls.handshake(stream)).await {
            Ok(Ok(stream)) => self.serve(stream, probes_only).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        self,
        stream: S,
        probes_only: bool,
    ) {
        let stream = Paced::new(stream, self.limits.pace);
        let service = OneHost::new(if probes_only { self.probes } else { self.app });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .keep_alive(!probes_only)
            // hyper's least; a head beyond it is answered by 431.
            .max_buf_size(self.limits.max_header_bytes.max(8_192))
            .serve_connection(TokioIo::new(stream), service);
        let mut serving = pin!(serving);
        let mut ending = false;
        loop {
            tokio::select! {
                served = serving.as_mut() => {
                    if let Err(error) = served {
                        tracing::trace!(%error, "a connection ended abnormally");
                    }
                    return;
                }
                () = self.shutdown.cancelled(), if !ending => {
                    serving.as_mut().graceful_shutdown();
                    ending = true;
                }
                () = self.cut.cancelled() => return,
            }
        }
    }
}

/// Binds the port on an address, or on every interface: both stacks where there are two.
async fn bind(address: Option<&str>, port: u16) -> io::Result<TcpListener> {
    match address {
        Some(host) => {
            let mut last =
                io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
            for address in lookup_host((host, port)).await? {
                match listen(address) {
                    Ok(listener) => return Ok(listener),
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
        None => match listen((Ipv6Addr::UNSPECIFIED, port).into()) {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                listen((Ipv4Addr::UNSPECIFIED, port).into())
            }
            bound => bound,
        },
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() {
        TcpSocket::new_v6()
    } else {
        TcpSocket::new_v4()
    }?;
    // A restart must not wait for the last life's connections to time out.
    socket.set_reuseaddr(true)?;
    // Connections have what their listener has. Where it is refused, the system's own limits hold.
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn the_system_keeps_little_of_what_a_client_does_not_read_or_sends_too_soon() {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let socket = TcpSocket::from_std_stream(accepted.into_std().unwrap());
        // Linux doubles it for its own records.
        let most = 2 * SOCKET_BUFFER;
        assert!(socket.send_buffer_size().unwrap() <= most);
        assert!(socket.recv_buffer_size().unwrap() <= most);
    }
}
