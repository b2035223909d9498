//! The server: it speaks HTTP by hand, so that it can break it anywhere.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{certificates::write_certificates, fake_metric_stores::acceptor};

/// What the server does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Gives the answer a healthy store gives.
    Healthy,
    /// Takes the request and says nothing.
    Silent,
    /// Begins to answer and then sends one byte every 20 ms for ever.
    Drip,
    /// Promises a length, sends half the answer and closes.
    CutLength,
    /// Sends half the answer in chunks and closes without the last one.
    CutChunks,
    /// Sends a page for browsers.
    WebPage,
    /// Sends 10 MB that are no answer.
    TenMegabytes,
    /// Says 429 and asks to wait 7 s.
    TooManyRequests,
}

/// An answer a healthy store gives.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its content type.
    pub content_type: &'static str,
    /// Its body; `{{host}}` in it becomes `localhost:<port>`.
    pub body: String,
}

impl Stored {
    /// A JSON answer.
    #[must_use]
    pub fn json(body: impl Into<String>) -> Self {
        Self {
            content_type: "application/json",
            body: body.into(),
        }
    }
}

struct Shared {
    host: String,
    healthy: Stored,
    preliminaries: Vec<(&'static str, Stored)>,
    behaviours: Mutex<VecDeque<Behaviour>>,
    asked: AtomicUsize,
    acceptor: TlsAcceptor,
}

/// A running back end on one port, for http and https alike; it stops when dropped.
pub struct MisbehavingStore {
    shared: Arc<Shared>,
    authority: String,
    _stop: DropGuard,
}

impl std::fmt::Debug for MisbehavingStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MisbehavingStore")
            .field("host", &self.shared.host)
            .finish_non_exhaustive()
    }
}

impl MisbehavingStore {
    /// Starts one. Requests whose path ends as one of the `preliminaries` are always answered; the
    /// others meet the `behaviours` in turn, the last one for ever. `folder` gets its certificates.
    ///
    /// # Errors
    /// When no port can be bound or no certificate written.
    pub async fn start(
        folder: &Path,
        behaviours: &[Behaviour],
        healthy: Stored,
        preliminaries: Vec<(&'static str, Stored)>,
    ) -> anyhow::Result<Self> {
        let authority = write_certificates(folder, &["localhost", "127.0.0.1"])?;
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("cannot bind the misbehaving store")?;
        let shared = Arc::new(Shared {
            host: format!("localhost:{}", listener.local_addr()?.port()),
            healthy,
            preliminaries,
            behaviours: Mutex::new(behaviours.iter().copied().collect()),
            asked: AtomicUsize::new(0),
            acceptor: acceptor(folder)?,
        });
        let stop = CancellationToken::new();
        let (serving, stopped) = (Arc::clone(&shared), stop.clone());
        tokio::spawn(async move {
            while let Some(accepted) = stopped.run_until_cancelled(listener.accept()).await {
                let Ok((stream, _)) = accepted else { continue };
                let (serving, stopped) = (Arc::clone(&serving), stopped.clone());
                tokio::spawn(async move {
                    // A client that has gone away is no failure of the test.
                    drop(
                        stopped
                            .run_until_cancelled(serving.connection(stream))
                            .await,
                    );
                });
            }
        });
        Ok(Self {
            shared,
            authority,
            _stop: stop.drop_guard(),
        })
    }

    /// `http://localhost:<port>`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.shared.host)
    }

    /// The authority to trust for https, PEM.
    #[must_use]
    pub fn authority_pem(&self) -> &str {
        &self.authority
    }

    /// How many requests came that were not preliminary.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::Relaxed)
    }
}

impl Shared {
    async fn connection(&self, stream: TcpStream) -> anyhow::Result<()> {
        let mut first = [0];
        stream.peek(&mut first).await?;
        // A TLS handshake begins with record type 22.
        if first == [22] {
            self.requests(self.acceptor.accept(stream).await?).await
        } else {
            self.requests(stream).await
        }
    }

    async fn requests(&self, stream: impl AsyncRead + AsyncWrite + Unpin) -> anyhow::Result<()> {
        let mut stream = BufReader::new(stream);
        while let Some(path) = read_request(&mut stream).await? {
            let preliminary = self
                .preliminaries
                .iter()
                .find(|(end, _)| path.ends_with(end));
            if let Some((_, stored)) = preliminary {
                stream.write_all(&self.whole(stored)).await?;
            } else {
                self.asked.fetch_add(1, Ordering::Relaxed);
                let behaviour = self.next_behaviour();
                if !self.behave(behaviour, &mut stream).await? {
                    return Ok(());
                }
            }
            stream.flush().await?;
        }
        Ok(())
    }

    fn next_behaviour(&self) -> Behaviour {
        let mut left = self
            .behaviours
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match left.len() {
            0 => Behaviour::Healthy,
            1 => left[0],
            _ => left.pop_front().unwrap_or(Behaviour::Healthy),
        }
    }

    fn body(&self, stored: &Stored) -> String {
        stored.body.replace("{{host}}", &self.host)
    }

    fn whole(&self, stored: &Stored) -> Vec<u8> {
        answer("200 OK", stored.content_type, "", &self.body(stored))
    }

    /// Answers; false when the connection is to be closed.
    async fn behave(
        &self,
        behaviour: Behaviour,
        stream: &mut (impl AsyncWrite + Unpin),
    ) -> anyhow::Result<bool> {
        let kind = self.healthy.content_type;
        let body = self.body(&self.healthy);
        let half = &body[..body.floor_char_boundary(body.len() / 2)];
        let open =
            |header: &str| format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{header}\r\n\r\n");
        match behaviour {
            Behaviour::Healthy => stream.write_all(&self.whole(&self.healthy)).await?,
            Behaviour::Silent => std::future::pending().await,
            Behaviour::Drip => {
                stream
                    .write_all(open("content-length: 1000000").as_bytes())
                    .await?;
                loop {
                    stream.write_all(b" ").await?;
                    stream.flush().await?;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            Behaviour::CutLength => {
                let head = open(&format!("content-length: {}", body.len()));
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(half.as_bytes()).await?;
            }
            Behaviour::CutChunks => {
                stream
                    .write_all(open("transfer-encoding: chunked").as_bytes())
                    .await?;
                let chunk = format!("{:x}\r\n{half}\r\n", half.len());
                stream.write_all(chunk.as_bytes()).await?;
            }
            Behaviour::WebPage => {
                let page = "<!DOCTYPE html><html><body>Please sign in</body></html>";
                stream
                    .write_all(&answer("200 OK", "text/html", "", page))
                    .await?;
            }
            Behaviour::TenMegabytes => {
                let rubbish = "rubbish ".repeat(10 * 1024 * 1024 / 8);
                stream
                    .write_all(&answer("200 OK", kind, "", &rubbish))
                    .await?;
            }
            Behaviour::TooManyRequests => {
                let refusal = answer(
                    "429 Too Many Requests",
                    "text/plain",
                    "retry-after: 7\r\n",
                    "slow down",
                );
                stream.write_all(&refusal).await?;
            }
        }
        stream.flush().await?;
        let cut = matches!(behaviour, Behaviour::CutLength | Behaviour::CutChunks);
        if cut {
            stream.shutdown().await?;
        }
        Ok(!cut)
    }
}

fn answer(status: &str, content_type: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Reads one request with its body; its path, or nothing when the client has closed.
async fn read_request(
    stream: &mut BufReader<impl AsyncRead + Unpin>,
) -> anyhow::Result<Option<String>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let target = line.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        if line.trim_end().is_empty() {
            break;
        }
        let header = line.to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(path))
}
