//! The accept loop.

use std::{
    future::Future,
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
    runtime::Handle,
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    connections::{ConnectionLimits, Connections, Place},
    one_host::OneHost,
    paced::{Pace, Paced},
    probe_thread::{ProbeThread, asks_for_liveness, liveness_here},
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

/// Which connections the thread of the probes carries to their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// Those that begin with a request for liveness, as far as that can be seen: over TLS it cannot.
    Probes,
    /// All of them, where few others than probes come.
    All,
}

/// A bound port that answers with a router.
#[derive(Debug)]
pub(crate) struct HttpServer {
    listener: TcpListener,
    tls: Option<TlsListener>,
    limits: ServerLimits,
    carried: Carried,
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
        carried: Carried,
    ) -> io::Result<Self> {
        Ok(Self {
            listener: bind(address, port).await?,
            tls,
            limits,
            carried,
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
    /// `grace`, and cuts the rest. Connections are accepted on the thread of the probes, and served on the runtime of
    /// the caller unless that thread carries them.
    ///
    /// # Errors
    /// When the port cannot be taken over by that thread.
    pub(crate) fn serve(
        self,
        app: Router,
        shutdown: CancellationToken,
        grace: Duration,
        probes: &ProbeThread,
    ) -> io::Result<impl Future<Output = ()> + use<>> {
        let others = Handle::current();
        let here = liveness_here(app.clone(), others.clone());
        let connection = Connection {
            beyond_limits: here.clone().layer(middleware::from_fn(probes_only)),
            here,
            app,
            tls: self.tls,
            limits: self.limits,
            carried: self.carried,
            others,
            tracker: TaskTracker::new(),
            shutdown,
            cut: CancellationToken::new(),
        };
        let listener = self.listener.into_std()?;
        let accepting = probes.spawn(async move {
            match TcpListener::from_std(listener) {
                Ok(listener) => accept(listener, connection, grace).await,
                Err(error) => tracing::error!(%error, "cannot accept connections"),
            }
        });
        Ok(async move {
            if let Some(accepting) = accepting
                && let Err(error) = accepting.await
            {
                tracing::error!(%error, "the port is closed: accepting connections ended");
            }
        })
    }
}

async fn accept(listener: TcpListener, connection: Connection, grace: Duration) {
    let connections = Connections::new(connection.limits.connections);
    let mut failed = Seldom::default();
    let mut refused = Seldom::default();
    loop {
        let accepted = tokio::select! {
            () = connection.shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match connections.admit(peer.ip()) {
                Some(place) => {
                    let tracker = connection.tracker.clone();
                    tracker.spawn(connection.clone().carry_in_place(stream, place));
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
    connection.tracker.close();
    if timeout(grace, connection.tracker.wait()).await.is_err() {
        tracing::warn!(
            grace_seconds = grace.as_secs(),
            "aborted requests that did not end in time"
        );
    }
    connection.cut.cancel();
    connection.tracker.wait().await;
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
    /// The same for connections that the thread of the probes carries.
    here: Router,
    /// The same for those beyond the limits.
    beyond_limits: Router,
    tls: Option<TlsListener>,
    limits: ServerLimits,
    carried: Carried,
    /// The runtime of those that the thread of the probes does not carry.
    others: Handle,
    tracker: TaskTracker,
    /// No further requests.
    shutdown: CancellationToken,
    /// Not even the one under way.
    cut: CancellationToken,
}

impl Connection {
    /// Carries the connection to its end, or has others do it.
    async fn carry_in_place(self, stream: TcpStream, place: Place) {
        if place.probes_only {
            let app = self.beyond_limits.clone();
            let _ = timeout(PROBE, self.carry(stream, app, false)).await;
        } else if self.carried == Carried::All {
            let app = self.here.clone();
            self.carry(stream, app, true).await;
        } else if self.tls.is_some() {
            self.hand_over(stream, place);
            return;
        } else {
            let first = tokio::select! {
                biased;
                first = timeout(HEAD, asks_for_liveness(&stream)) => first,
                () = self.shutdown.cancelled() => return,
            };
            match first {
                Ok(Ok(true)) => {
                    let app = self.here.clone();
                    self.carry(stream, app, true).await;
                }
                Ok(Ok(false)) => {
                    self.hand_over(stream, place);
                    return;
                }
                Ok(Err(error)) => tracing::trace!(%error, "a connection ended abnormally"),
                Err(_) => tracing::trace!("a connection brought no request"),
            }
        }
        drop(place);
    }

    /// Has others carry the connection.
    fn hand_over(self, stream: TcpStream, place: Place) {
        let (others, tracker) = (self.others.clone(), self.tracker.clone());
        let carrying = async move {
            // It wakes the threads of the runtime that it is registered with.
            match stream.into_std().and_then(TcpStream::from_std) {
                Ok(stream) => {
                    let app = self.app.clone();
                    self.carry(stream, app, true).await;
                }
                Err(error) => tracing::warn!(%error, "could not take over a connection"),
            }
            drop(place);
        };
        tracker.spawn_on(carrying, &others);
    }

    async fn carry(self, stream: TcpStream, app: Router, keep_alive: bool) {
        // Answers are small and whole; waiting to fill a segment only costs time.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "could not set TCP_NODELAY");
        }
        let Some(tls) = self.tls.clone() else {
            return self.serve(stream, app, keep_alive).await;
        };
        match timeout(HANDSHAKE, tls.handshake(stream)).await {
            Ok(Ok(stream)) => self.serve(stream, app, keep_alive).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        self,
        stream: S,
        app: Router,
        keep_alive: bool,
    ) {
        let stream = Paced::new(stream, self.limits.pace);
        let service = OneHost::new(app);
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .keep_alive(keep_alive)
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
    use std::{
        io::{Read, Write},
        net::TcpStream as BlockingStream,
        sync::mpsc,
    };

    use axum::routing::get;
    use tokio::{net::TcpStream, runtime::Builder};

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

    fn limits() -> ServerLimits {
        ServerLimits {
            max_header_bytes: 8_192,
            pace: Pace {
                least_rate: 1_024,
                longest: Duration::from_secs(60),
            },
            connections: ConnectionLimits {
                total: 8,
                per_peer: 8,
            },
        }
    }

    /// Asks on a connection that is kept; the status and the body.
    fn ask(client: &mut BlockingStream, path: &str) -> io::Result<String> {
        client.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())?;
        answer(client)
    }

    fn answer(client: &mut BlockingStream) -> io::Result<String> {
        let mut answer = Vec::new();
        while !answer.ends_with(b"!") {
            let mut some = [0; 512];
            let read = client.read(&mut some)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            answer.extend_from_slice(&some[..read]);
        }
        let text = String::from_utf8_lossy(&answer);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Ok(format!("{} {body}", &head[9..12]))
    }

    /// The name of the thread that answers, which ends with the mark of the end.
    async fn thread() -> String {
        format!("{}!", std::thread::current().name().unwrap_or_default())
    }

    #[test]
    fn liveness_is_answered_while_no_thread_of_the_service_answers_and_nothing_else_is_answered_there()
     {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("worker")
            .enable_all()
            .build()
            .unwrap();
        let probes = ProbeThread::start().unwrap();
        let shutdown = CancellationToken::new();
        let app = Router::new()
            .route("/health/liveness", get(thread))
            .route("/judges", get(thread));
        for carried in [Carried::Probes, Carried::All] {
            let (port, serving) = runtime.block_on(async {
                let server = HttpServer::bind(Some("127.0.0.1"), 0, None, limits(), carried);
                let server = server.await.unwrap();
                let port = server.address().unwrap().port();
                let ends = (shutdown.child_token(), Duration::ZERO);
                let serving = server.serve(app.clone(), ends.0, ends.1, &probes).unwrap();
                (port, tokio::spawn(serving))
            });
            let connect = || {
                let client = BlockingStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
                client
                    .set_read_timeout(Some(Duration::from_secs(60)))
                    .unwrap();
                client
            };
            let (mut probe, mut client) = (connect(), connect());
            assert_eq!(ask(&mut client, "/judges").unwrap(), "200 worker!");

            let (busy, is_busy) = mpsc::channel();
            let (release, released) = mpsc::channel::<()>();
            runtime.spawn(async move {
                busy.send(()).unwrap();
                let _ = released.recv();
            });
            is_busy.recv().unwrap();
            assert_eq!(ask(&mut probe, "/health/liveness").unwrap(), "200 probes!");
            let mut slow = connect();
            slow.set_nodelay(true).unwrap();
            for piece in ["GE", "T /health/", "liveness"] {
                write!(slow, "{piece}").unwrap();
                slow.set_read_timeout(Some(Duration::from_millis(5)))
                    .unwrap();
                assert!(slow.read(&mut [0]).is_err());
            }
            slow.set_read_timeout(None).unwrap();
            slow.write_all(b" HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            assert_eq!(answer(&mut slow).unwrap(), "200 probes!");
            let mut late = [connect(), client];
            for client in &mut late {
                client
                    .set_read_timeout(Some(Duration::from_millis(100)))
                    .unwrap();
                assert!(ask(client, "/judges").is_err());
            }
            assert_eq!(ask(&mut probe, "/health/liveness").unwrap(), "200 probes!");
            drop(release);
            // What is not for probes is no business of their thread, whoever asks.
            assert_eq!(ask(&mut probe, "/judges").unwrap(), "200 worker!");
            assert_eq!(ask(&mut connect(), "/judges").unwrap(), "200 worker!");
            drop((probe, slow, late));
            serving.abort();
        }
        shutdown.cancel();
    }
}
