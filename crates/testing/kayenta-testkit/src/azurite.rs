//! A real Azure Blob Storage emulator for tests: Azurite, installed once under the target directory.

use std::{net::Ipv4Addr, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::tools;

/// The version tests run against.
const VERSION: &str = "3.35.0";

/// The account every Azurite serves.
pub const ACCOUNT_NAME: &str = "devstoreaccount1";

/// The published key of [`ACCOUNT_NAME`]; no secret.
pub const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Starts Azurite and ends it in order when its input ends, as it does when the parent is gone,
/// however that ended.
const LAUNCHER: &str = "const main = process.env.AZURITE_MAIN; process.argv.splice(1, 0, main); \
     process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')); process.stdin.resume(); \
     require(main);";

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// To write what it keeps in files; killed afterwards.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// How to start an [`Azurite`].
#[derive(Clone, Debug, Default)]
pub struct AzuriteOptions {
    /// The port to listen on; a free one when `None`.
    pub port: Option<u16>,
    /// Whether blobs are kept in files and outlive [`Azurite::stop`]; in memory otherwise, which is
    /// faster.
    pub persistent: bool,
    /// An account of another name than [`ACCOUNT_NAME`], with [`ACCOUNT_KEY`]; its name may also lead the
    /// host name, as in Azure itself.
    pub account: Option<String>,
    /// Certificate and key in PEM files; it then serves https.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// A running blob service that ends when dropped.
#[derive(Debug)]
pub struct Azurite {
    options: AzuriteOptions,
    directory: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Azurite {
    /// Starts one on a free port with its blobs in memory. The first use of a checkout installs the
    /// npm package.
    ///
    /// # Errors
    /// When there is no node or npm, the package cannot be installed, or it does not start.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(AzuriteOptions::default()).await
    }

    /// Starts one with these options.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with(options: AzuriteOptions) -> anyhow::Result<Self> {
        let mut azurite = Self {
            port: options.port.unwrap_or(0),
            options,
            directory: tempfile::tempdir()?,
            child: None,
        };
        azurite.launch().await?;
        Ok(azurite)
    }

    /// The port it listens on, the same after a restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The blob service's URL with the account as its path, as emulators have it.
    #[must_use]
    pub fn endpoint(&self) -> String {
        let scheme = match self.options.certificate {
            Some(_) => "https",
            None => "http",
        };
        format!(
            "{scheme}://{}:{}/{ACCOUNT_NAME}",
            Ipv4Addr::LOCALHOST,
            self.port
        )
    }

    /// Ends it: in order when its blobs shall outlive it (it writes its index only now and then),
    /// else at once. Calling it again changes nothing.
    ///
    /// # Errors
    /// When the process does not end.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            drop(child.stdin.take());
            let ended =
                self.options.persistent && timeout(STOP_TIMEOUT, child.wait()).await.is_ok();
            if !ended {
                child.kill().await?;
            }
        }
        Ok(())
    }

    /// Starts it again on the same port after [`stop`](Self::stop), or stops and starts it.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop().await?;
        self.launch().await
    }

    async fn launch(&mut self) -> anyhow::Result<()> {
        let package =
            tokio::task::spawn_blocking(|| tools::npm_package("azurite", VERSION)).await??;
        let mut command = Command::new("node");
        command
            .args(["-e", LAUNCHER, "--"])
            .args(["--silent", "--skipApiVersionCheck", "--disableTelemetry"])
            .args(["--blobHost", "127.0.0.1", "--blobPort"])
            .arg(self.port.to_string())
            .env("AZURITE_MAIN", package.join("dist/src/blob/main.js"))
            .current_dir(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        if let Some(account) = &self.options.account {
            command.env("AZURITE_ACCOUNTS", format!("{account}:{ACCOUNT_KEY}"));
        }
        if let Some((certificate, key)) = &self.options.certificate {
            command.arg("--cert").arg(certificate).arg("--key").arg(key);
        }
        if self.options.persistent {
            command.arg("--location").arg(self.directory.path());
        } else {
            command.arg("--inMemoryPersistence");
        }
        let mut child = command
            .spawn()
            .context("cannot start node; Azurite needs it")?;
        let output = child.stdout.take().context("no output of Azurite")?;
        let mut lines = BufReader::new(output).lines();
        let announced = timeout(START_TIMEOUT, async {
            while let Some(line) = lines.next_line().await? {
                if let Some((_, port)) = line
                    .split_once("successfully listens on ")
                    .and_then(|(_, url)| url.rsplit_once(':'))
                {
                    return Ok(port.trim().parse()?);
                }
            }
            bail!("Azurite ended before it listened")
        });
        self.port = announced.await.context("Azurite did not start in time")??;
        // Whatever else it says must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        self.child = Some(child);
        Ok(())
    }
}
