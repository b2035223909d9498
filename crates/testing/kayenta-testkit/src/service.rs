//! The built `kayenta` binary as a child process.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{eventually::eventually, free_port::free_port};

/// What a service is started with. The environment of the test is not inherited but for `PATH`.
#[derive(Debug)]
pub struct ServiceBuilder {
    binary: PathBuf,
    config: Option<String>,
    arguments: Vec<OsString>,
    environment: Vec<(String, String)>,
    data_dir: Option<PathBuf>,
    port: Option<u16>,
    patience: Duration,
}

impl ServiceBuilder {
    /// A service of this binary (`env!("CARGO_BIN_EXE_kayenta")`) on the embedded default.
    #[must_use]
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            config: None,
            arguments: Vec::new(),
            environment: Vec::new(),
            data_dir: None,
            port: None,
            patience: Duration::from_secs(20),
        }
    }

    /// The text of its `kayenta.yml`.
    #[must_use]
    pub fn config(mut self, yaml: impl Into<String>) -> Self {
        self.config = Some(yaml.into());
        self
    }

    /// One more argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// One more environment variable.
    #[must_use]
    pub fn environment(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// A data directory that outlives the service, instead of a temporary one.
    #[must_use]
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(folder.into());
        self
    }

    /// A fixed port instead of a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// How long to wait for the first answer of `/health`; 20 s by default.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Starts it and waits until `/health` answers 200.
    ///
    /// # Errors
    /// When it ends or does not answer in time; the text has its log.
    pub async fn start(self) -> anyhow::Result<Service> {
        let mut service = self.spawn()?;
        service.wait_until_healthy().await?;
        Ok(service)
    }

    /// Starts it without waiting for anything.
    ///
    /// # Errors
    /// When it cannot be started at all.
    pub fn spawn(self) -> anyhow::Result<Service> {
        let folder = tempfile::tempdir()?;
        let port = match self.port {
            Some(port) => port,
            None => free_port()?,
        };
        let data_dir = self.data_dir.unwrap_or_else(|| folder.path().join("data"));
        let config = folder.path().join("kayenta.yml");
        let mut arguments: Vec<OsString> = vec![
            "serve".into(),
            "--port".into(),
            port.to_string().into(),
            "--data-dir".into(),
            data_dir.clone().into(),
        ];
        if let Some(text) = &self.config {
            std::fs::write(&config, text)?;
            arguments.extend(["--config".into(), config.into()]);
        }
        arguments.extend(self.arguments);
        let mut service = Service {
            binary: self.binary,
            arguments,
            environment: self.environment,
            port,
            data_dir,
            folder,
            patience: self.patience,
            child: None,
        };
        service.run()?;
        Ok(service)
    }
}

/// A running service; it is killed when dropped.
#[derive(Debug)]
pub struct Service {
    binary: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(String, String)>,
    port: u16,
    data_dir: PathBuf,
    folder: TempDir,
    patience: Duration,
    child: Option<Child>,
}

impl Service {
    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where it keeps its data.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Its process id while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Everything it wrote so far, over all its lives.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What it wrote so far, once the text is in it: a line is written after what it reports has shown.
    ///
    /// # Panics
    /// When the text does not appear while there is `patience`; the message has the log.
    #[track_caller]
    pub fn logged(&self, text: &str, patience: Duration) -> impl Future<Output = String> {
        eventually(text.to_owned(), patience, async move || {
            let log = self.log();
            if log.contains(text) {
                Ok(log)
            } else {
                Err(log)
            }
        })
    }

    /// Resident memory in KiB, from `/proc`.
    ///
    /// # Errors
    /// When it does not run or the system has no `/proc`.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        self.memory_kib("VmRSS:")
    }

    /// The most resident memory it has had so far in KiB, from `/proc`.
    ///
    /// # Errors
    /// When it does not run or the system has no `/proc`.
    pub fn peak_resident_kib(&self) -> anyhow::Result<u64> {
        self.memory_kib("VmHWM:")
    }

    fn memory_kib(&self, field: &str) -> anyhow::Result<u64> {
        let id = self.id().context("the service does not run")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        status
            .lines()
            .find_map(|line| {
                line.strip_prefix(field)?
                    .split_whitespace()
                    .next()?
                    .parse()
                    .ok()
            })
            .with_context(|| format!("no {field} in /proc"))
    }

    /// Kills it without warning (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("the service does not run")?;
        child.kill().await?;
        Ok(())
    }

    /// Asks it to end (SIGTERM) and waits.
    ///
    /// # Errors
    /// When it does not run or has not ended after 40 s.
    pub async fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait(Duration::from_secs(40)).await
    }

    /// Interrupts it (SIGINT, as Ctrl-C does) and waits.
    ///
    /// # Errors
    /// When it does not run or has not ended after 40 s.
    pub async fn interrupt(&mut self) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::INT)?;
        self.wait(Duration::from_secs(40)).await
    }

    /// Sends a signal and does not wait.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let id = self.id().context("the service does not run")?;
        let pid = Pid::from_raw(i32::try_from(id)?).context("no process id")?;
        kill_process(pid, signal)?;
        Ok(())
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it does not run or does not end in time; the text has its log.
    pub async fn wait(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        let child = self.child.as_mut().context("the service does not run")?;
        match tokio::time::timeout(patience, child.wait()).await {
            Ok(status) => {
                self.child = None;
                Ok(status?)
            }
            Err(_) => bail!("the service still runs after {patience:?}:\n{}", self.log()),
        }
    }

    /// Starts it again with the same arguments, port and data, and waits for `/health`.
    ///
    /// # Errors
    /// As [`ServiceBuilder::start`].
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.run()?;
        self.wait_until_healthy().await
    }

    /// Starts it again without waiting for anything.
    ///
    /// # Errors
    /// When it cannot be started at all.
    pub fn run(&mut self) -> anyhow::Result<()> {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path())?;
        let child = Command::new(&self.binary)
            .args(&self.arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .envs(self.environment.iter().map(|(k, v)| (k, v)))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Waits until `/health` answers 200.
    ///
    /// # Errors
    /// As [`ServiceBuilder::start`].
    pub async fn wait_until_healthy(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("{}/health", self.base_url());
        loop {
            let last = match client.get(&url).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => format!("{} {}", answer.status(), answer.text().await?),
                Err(error) => error.to_string(),
            };
            let child = self.child.as_mut().context("the service does not run")?;
            if let Some(status) = child.try_wait()? {
                bail!("the service ended with {status}:\n{}", self.log());
            }
            if started.elapsed() > self.patience {
                bail!(
                    "not healthy after {:?}: {last}\n{}",
                    self.patience,
                    self.log()
                );
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}
