//! Real servers of the S3 and Google Cloud Storage APIs, built once under the target directory by Go.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use anyhow::Context;
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use crate::{eventually::eventually, free_port::free_port, tools};

/// The access key of a [`BucketServer::versitygw`]; no secret.
pub const ACCESS_KEY: &str = "kayenta-tests";

/// The secret key that goes with [`ACCESS_KEY`]; no secret.
pub const SECRET_KEY: &str = "no-secret-of-anybody";

/// The region of a [`BucketServer::versitygw`], which refuses others unless started [in](BucketServer::versitygw_in)
/// one of them.
pub const REGION: &str = "eu-central-1";

/// A Go program builds in minutes on a slow machine, but starts in seconds.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    Gofakes3,
    /// In this region.
    Versitygw(&'static str),
    FakeGcs,
}

impl Program {
    /// Its Go module and version.
    fn module(self) -> (&'static str, &'static str) {
        match self {
            Self::Gofakes3 => ("github.com/johannesboyne/gofakes3/cmd/gofakes3", "v1.2.0"),
            Self::Versitygw(_) => ("github.com/versity/versitygw/cmd/versitygw", "v1.8.0"),
            Self::FakeGcs => ("github.com/fsouza/fake-gcs-server", "v1.56.1"),
        }
    }
}

/// A running server on a port of the loopback interface; it ends when dropped.
#[derive(Debug)]
pub struct BucketServer {
    program: Program,
    port: u16,
    /// Where it keeps what outlives a restart, and its log.
    folder: TempDir,
    child: Option<Child>,
}

impl BucketServer {
    /// An S3 server that decides conditional writes and checks no signature. Objects are in files
    /// and outlive a restart.
    ///
    /// # Errors
    /// When Go cannot build it.
    ///
    /// # Panics
    /// When it does not listen soon; the text has its log.
    pub async fn gofakes3() -> anyhow::Result<Self> {
        Self::start(Program::Gofakes3).await
    }

    /// An S3 server that checks signatures against [`ACCESS_KEY`], [`SECRET_KEY`] and [`REGION`],
    /// and where buckets may be created. As it keeps objects in files, two slashes in a row are one
    /// to it.
    ///
    /// # Errors
    /// As [`gofakes3`](Self::gofakes3).
    pub async fn versitygw() -> anyhow::Result<Self> {
        Self::versitygw_in(REGION).await
    }

    /// The same in another region.
    ///
    /// # Errors
    /// As [`gofakes3`](Self::gofakes3).
    pub async fn versitygw_in(region: &'static str) -> anyhow::Result<Self> {
        Self::start(Program::Versitygw(region)).await
    }

    /// A server of Google Cloud Storage's JSON API that asks for no token. Objects are in memory.
    ///
    /// # Errors
    /// As [`gofakes3`](Self::gofakes3).
    pub async fn fake_gcs() -> anyhow::Result<Self> {
        Self::start(Program::FakeGcs).await
    }

    async fn start(program: Program) -> anyhow::Result<Self> {
        let mut server = Self {
            program,
            port: free_port()?,
            folder: tempfile::tempdir()?,
            child: None,
        };
        server.launch().await?;
        Ok(server)
    }

    /// Where it listens, the same after a restart.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Ends it at once. Calling it again changes nothing.
    ///
    /// # Errors
    /// When the process does not end.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// Starts it again on the same port after [`stop`](Self::stop), or stops and starts it.
    ///
    /// # Errors
    /// As [`gofakes3`](Self::gofakes3).
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop().await?;
        self.launch().await
    }

    fn command(&self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        let address = self.address().to_string();
        match self.program {
            Program::Gofakes3 => {
                command
                    .args(["-backend", "bolt", "-host", &address, "-bolt.db"])
                    .arg(self.folder.path().join("buckets.db"));
            }
            Program::Versitygw(region) => {
                let buckets = self.folder.path().join("buckets");
                command
                    .args(["--port", &address, "--region", region, "--quiet", "posix"])
                    .arg(buckets)
                    .env("ROOT_ACCESS_KEY", ACCESS_KEY)
                    .env("ROOT_SECRET_KEY", SECRET_KEY);
            }
            Program::FakeGcs => {
                command
                    .args([
                        "-scheme",
                        "http",
                        "-host",
                        "127.0.0.1",
                        "-backend",
                        "memory",
                    ])
                    .args(["-log-level", "warn", "-public-host", &address, "-port"])
                    .arg(self.port.to_string());
            }
        }
        command
    }

    async fn launch(&mut self) -> anyhow::Result<()> {
        let (module, version) = self.program.module();
        let program =
            tokio::task::spawn_blocking(move || tools::go_program(module, version)).await??;
        std::fs::create_dir_all(self.folder.path().join("buckets"))?;
        let log = self.folder.path().join("log");
        let output = std::fs::File::create(&log)?;
        let mut child = self
            .command(program)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {module}"))?;
        let address = self.address();
        let listens = async || match TcpStream::connect(address).await {
            Ok(_) => Ok(()),
            Err(_) => Err(std::fs::read_to_string(&log)),
        };
        eventually(format!("{module} listens"), START_TIMEOUT, listens).await;
        // Whoever listens there, it must be this one.
        if let Some(status) = child.try_wait()? {
            anyhow::bail!("{module}: {status}\n{}", std::fs::read_to_string(&log)?);
        }
        self.child = Some(child);
        Ok(())
    }
}
