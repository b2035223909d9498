//! A TCP proxy that breaks connections on purpose, switchable while it runs.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// What the proxy does to connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: bytes pass both ways.
    #[default]
    Pass,
    /// Open connections are closed, new ones accepted and closed at once.
    Cut,
    /// Open connections are closed and the port refuses new ones.
    Refuse,
    /// Each piece of an answer is held back this long.
    Delay(Duration),
    /// Half-open: connections stay, requests are swallowed, no answer ever comes. A connection that has
    /// lost something stays dead when the fault is over, as one whose peer has vanished does.
    Swallow,
    /// Answers arrive a few bytes at a time.
    Drip {
        /// How many bytes.
        bytes: usize,
        /// The pause after them.
        pause: Duration,
    },
    /// The connection is reset (RST) once this many bytes of answers passed on it.
    ResetAfter(usize),
}

/// A running proxy; it stops when dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    _stop: DropGuard,
}

impl FaultProxy {
    /// Starts one in front of `upstream`, passing everything.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(upstream: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("cannot bind the fault proxy")?;
        let address = listener.local_addr()?;
        let (fault, watched) = watch::channel(Fault::Pass);
        let stop = CancellationToken::new();
        tokio::spawn({
            let stop = stop.clone();
            async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = accept(listener, address, upstream, watched) => {}
                }
            }
        });
        Ok(Self {
            address,
            fault,
            _stop: stop.drop_guard(),
        })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Switches the fault, for open connections too.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

async fn accept(
    listener: TcpListener,
    address: SocketAddr,
    upstream: SocketAddr,
    mut fault: watch::Receiver<Fault>,
) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        if *fault.borrow_and_update() == Fault::Refuse {
            // The port is held by a socket that is bound but does not listen: nobody else gets it.
            drop(listener.take());
            let held = bind(address).await;
            let changed = fault.wait_for(|f| *f != Fault::Refuse).await.is_ok();
            if !changed {
                return;
            }
            listener = held.listen(1024).ok();
        }
        let Some(open) = &listener else { return };
        tokio::select! {
            changed = fault.changed() => if changed.is_err() { return },
            accepted = open.accept() => if let Ok((client, _)) = accepted {
                connections.spawn(carry(client, upstream, fault.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Binds the address again; the old listener's port is free as soon as it is dropped.
async fn bind(address: SocketAddr) -> TcpSocket {
    loop {
        let bound = TcpSocket::new_v4().and_then(|socket| {
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            Ok(socket)
        });
        match bound {
            Ok(socket) => return socket,
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// Carries one connection until either side ends or the fault ends it.
async fn carry(client: TcpStream, upstream: SocketAddr, mut fault: watch::Receiver<Fault>) {
    if closes(*fault.borrow()) {
        return;
    }
    let Ok(server) = TcpStream::connect(upstream).await else {
        return;
    };
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    let dead = CancellationToken::new();
    let up = upload(client_read, server_write, fault.clone(), &dead);
    let down = download(server_read, client_write, fault.clone(), &dead);
    let closed = async {
        // An error means that the proxy is gone, which ends its connections as well.
        let _ = fault.wait_for(|f| closes(*f)).await;
    };
    tokio::select! {
        () = closed => {}
        () = down => {}
        // A client that has said all may still listen.
        () = async { up.await; if !dead.is_cancelled() { std::future::pending::<()>().await } } => {}
    }
}

fn closes(fault: Fault) -> bool {
    matches!(fault, Fault::Cut | Fault::Refuse)
}

async fn upload(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    fault: watch::Receiver<Fault>,
    dead: &CancellationToken,
) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if *fault.borrow() == Fault::Swallow {
            dead.cancel();
        }
        if dead.is_cancelled() {
            continue;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

async fn download(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut fault: watch::Receiver<Fault>,
    dead: &CancellationToken,
) {
    let mut buffer = vec![0; 16 << 10];
    let mut passed = 0;
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            let now = *fault.borrow_and_update();
            let mut piece = rest;
            match now {
                Fault::Pass | Fault::Cut | Fault::Refuse => {}
                Fault::Delay(delay) => tokio::time::sleep(delay).await,
                Fault::Swallow => dead.cancel(),
                Fault::Drip { bytes, pause } => {
                    piece = &rest[..bytes.clamp(1, rest.len())];
                    tokio::time::sleep(pause).await;
                }
                Fault::ResetAfter(limit) => {
                    if passed >= limit {
                        // Closing without lingering sends a reset, unless an end was sent before.
                        let _ = to.as_ref().set_zero_linger();
                        to.forget();
                        return;
                    }
                    piece = &rest[..rest.len().min(limit - passed)];
                }
            }
            if dead.is_cancelled() {
                // Until the client gives up, or a fault that closes ends it.
                return std::future::pending().await;
            }
            if to.write_all(piece).await.is_err() {
                return;
            }
            passed += piece.len();
            rest = &rest[piece.len()..];
        }
    }
    // An orderly end of the answers; the client sees it once it has read them.
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// A server that answers each connection's first bytes with 100,000 bytes and closes.
    async fn upstream() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut buffer = [0; 64];
                    if stream.read(&mut buffer).await.unwrap_or(0) > 0 {
                        let _ = stream.write_all(&[7; 100_000]).await;
                    }
                });
            }
        });
        address
    }

    async fn ask(proxy: &FaultProxy) -> std::io::Result<usize> {
        let mut stream = TcpStream::connect(proxy.address()).await?;
        stream.write_all(b"hello").await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(answer.len())
    }

    #[tokio::test]
    async fn each_fault_breaks_as_named_and_passing_mends() {
        let proxy = FaultProxy::start(upstream().await).await.unwrap();
        assert_eq!(ask(&proxy).await.unwrap(), 100_000);

        proxy.set(Fault::Cut);
        assert!(ask(&proxy).await.map_or(true, |bytes| bytes == 0));

        proxy.set(Fault::Refuse);
        let refused = async {
            while TcpStream::connect(proxy.address()).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(2), refused)
            .await
            .unwrap();

        proxy.set(Fault::ResetAfter(30_000));
        let reset = async {
            loop {
                match ask(&proxy).await {
                    Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => break,
                    Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                    Ok(bytes) => panic!("an orderly end after {bytes} bytes"),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(2), reset)
            .await
            .unwrap();

        proxy.set(Fault::Delay(Duration::from_millis(50)));
        let started = Instant::now();
        assert_eq!(ask(&proxy).await.unwrap(), 100_000);
        assert!(started.elapsed() >= Duration::from_millis(50));

        proxy.set(Fault::Pass);
        assert_eq!(ask(&proxy).await.unwrap(), 100_000);
    }

    #[tokio::test]
    async fn swallowing_keeps_the_connection_and_drops_the_words() {
        let proxy = FaultProxy::start(upstream().await).await.unwrap();
        proxy.set(Fault::Swallow);
        let silent = tokio::time::timeout(Duration::from_millis(100), ask(&proxy)).await;
        assert!(silent.is_err());
        let mut open = TcpStream::connect(proxy.address()).await.unwrap();
        open.write_all(b"lost").await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        proxy.set(Fault::Pass);
        open.write_all(b"also lost").await.unwrap();
        let mut byte = [0];
        let silent = tokio::time::timeout(Duration::from_millis(100), open.read(&mut byte)).await;
        assert!(silent.is_err(), "a connection that lost words stays dead");
        proxy.set(Fault::Drip {
            bytes: 40_000,
            pause: Duration::from_millis(10),
        });
        let started = Instant::now();
        assert_eq!(ask(&proxy).await.unwrap(), 100_000);
        assert!(started.elapsed() >= Duration::from_millis(30));
    }
}
