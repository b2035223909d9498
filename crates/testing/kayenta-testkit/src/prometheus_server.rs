//! A real Prometheus server (Debian package `prometheus`) as a child process.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::free_port::free_port;

/// The file that says how it serves its own pages.
const WEB_CONFIG: &str = "web.yml";

/// A running Prometheus that scrapes its targets every second; it ends when dropped.
#[derive(Debug)]
pub struct PrometheusServer {
    port: u16,
    tls: bool,
    folder: TempDir,
    _child: Child,
}

impl PrometheusServer {
    /// Starts one with an empty database and waits until it is ready.
    ///
    /// # Errors
    /// When the binary is missing, or does not become ready within 30 s; the text has its log.
    pub async fn start(targets: &[SocketAddr]) -> anyhow::Result<Self> {
        Self::scraping("/metrics", targets).await
    }

    /// The same, with the targets' metrics at another path.
    ///
    /// # Errors
    /// Those of [`start`](Self::start).
    pub async fn scraping(path: &str, targets: &[SocketAddr]) -> anyhow::Result<Self> {
        Self::start_in(tempfile::tempdir()?, path, targets).await
    }

    /// Starts one that scrapes nothing and already holds these samples, a text in the OpenMetrics format
    /// with timestamps, of the last two weeks.
    ///
    /// # Errors
    /// When `promtool` cannot import the samples, and as [`start`](Self::start).
    pub async fn start_with_history(open_metrics: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let samples = folder.path().join("history");
        std::fs::write(&samples, open_metrics)?;
        let imported = Command::new("promtool")
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .arg(&samples)
            .arg(folder.path().join("data"))
            .output()
            .await
            .context("cannot start `promtool`; ./test installs the Debian package `prometheus`")?;
        if !imported.status.success() {
            bail!(
                "promtool cannot import the samples:\n{}",
                String::from_utf8_lossy(&imported.stderr)
            );
        }
        Self::start_in(folder, "/metrics", &[]).await
    }

    /// Starts one that scrapes itself and serves https only, with `server.pem` and `server.key` of this folder.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with_tls(certificates: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = |name: &str| certificates.join(name).display().to_string();
        std::fs::write(
            folder.path().join(WEB_CONFIG),
            format!(
                "tls_server_config:\n  cert_file: '{}'\n  key_file: '{}'\n",
                file("server.pem"),
                file("server.key")
            ),
        )?;
        Self::start_in(folder, "/metrics", &[]).await
    }

    async fn start_in(folder: TempDir, path: &str, targets: &[SocketAddr]) -> anyhow::Result<Self> {
        let tls = folder.path().join(WEB_CONFIG).exists();
        let config = folder.path().join("prometheus.yml");
        let mut text = format!(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 900ms\n\
             scrape_configs:\n  - job_name: deployments\n    metrics_path: {path}\n    \
             static_configs:\n      - targets:"
        );
        text.push_str(if targets.is_empty() { " []\n" } else { "\n" });
        for target in targets {
            writeln!(text, "          - '{target}'")?;
        }
        let port = free_port()?;
        if tls {
            // With its own metrics there is something to ask for.
            text.push_str(&format!(
                "  - job_name: prometheus\n    scheme: https\n    tls_config:\n      \
                 insecure_skip_verify: true\n    static_configs:\n      - targets: ['127.0.0.1:{port}']\n"
            ));
        }
        std::fs::write(&config, text)?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let mut command = Command::new("prometheus");
        if tls {
            let web = folder.path().join(WEB_CONFIG);
            command.arg(format!("--web.config.file={}", web.display()));
        }
        let child = command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context(
                "cannot start `prometheus`; ./test installs the Debian package of that name",
            )?;
        let server = Self {
            port,
            tls,
            folder,
            _child: child,
        };
        let started = Instant::now();
        let client = client()?;
        let ready = format!("{}/-/ready", server.base_url());
        loop {
            match client.get(&ready).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(server),
                _ if started.elapsed() > Duration::from_secs(30) => {
                    let log = std::fs::read_to_string(server.folder.path().join("log"))?;
                    bail!("Prometheus is not ready after 30 s:\n{log}");
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// `http://127.0.0.1:<port>`, or the same with https.
    #[must_use]
    pub fn base_url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// The newest values an instant query returns, one per series.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn values(&self, query: &str) -> anyhow::Result<Vec<f64>> {
        let answer: serde_json::Value = client()?
            .get(format!("{}/api/v1/query", self.base_url()))
            .query(&[("query", query)])
            .send()
            .await?
            .json()
            .await?;
        let result = answer["data"]["result"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        Ok(result
            .iter()
            .filter_map(|series| series["value"][1].as_str()?.parse().ok())
            .collect())
    }

    /// Waits until an instant query returns a value of at least `least` for each of `series` series.
    ///
    /// # Errors
    /// When it does not within `patience`.
    pub async fn wait_for(
        &self,
        query: &str,
        series: usize,
        least: f64,
        patience: Duration,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            let values = self.values(query).await?;
            if values.len() >= series && values.iter().all(|v| *v >= least) {
                return Ok(());
            }
            if started.elapsed() > patience {
                bail!(
                    "`{query}` is {values:?} after {patience:?}, expected {series} series ≥ {least}"
                );
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Which certificates are accepted is for the tests to find out.
fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .tls_danger_accept_invalid_certs(true)
        .build()
}
