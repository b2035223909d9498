//! A real Redis (Debian package `redis-server`) as child processes: one server, a replicated pair
//! watched by a sentinel, or a cluster.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::certificates::{write_certificates, write_self_signed};
use crate::free_port::free_port;

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// The options of Redis for its certificates, and the files that have them.
const CERTIFICATES: [(&str, &str); 3] = [
    ("tls-cert-file", "server.pem"),
    ("tls-key-file", "server.key"),
    ("tls-ca-cert-file", "authority.pem"),
];

/// What a [`RedisServer`] is started with.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    /// Keep every write on disk (`appendfsync always`), so that a restart brings it back.
    pub append_only: bool,
    /// The password clients have to give.
    pub password: Option<String>,
    /// An ACL user with its password, allowed everything.
    pub user: Option<(String, String)>,
    /// Serve TLS only, with a certificate for `localhost` and 127.0.0.1 of an authority made for
    /// this server; see [`RedisServer::authority_pem`].
    pub tls: bool,
    /// With TLS, the certificate is for `localhost` alone, and is its own authority, as `openssl req -x509`
    /// makes it.
    pub self_signed: bool,
    /// With TLS, the folder whose certificates are used instead of new ones.
    pub certificates: Option<PathBuf>,
    /// Replicate the server on this port.
    pub replica_of: Option<u16>,
    /// Run in cluster mode.
    pub cluster: bool,
}

/// A Redis server on a free port of the loopback interface; it ends when dropped.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    options: RedisOptions,
    folder: TempDir,
    authority_pem: Option<String>,
    child: Option<Child>,
}

impl RedisServer {
    /// An empty server that keeps nothing on disk.
    ///
    /// # Errors
    /// When the binary is missing or the server does not answer; the text has its log.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(RedisOptions::default()).await
    }

    /// An empty server as the options say.
    ///
    /// # Errors
    /// When the binary is missing or the server does not answer; the text has its log.
    pub async fn start_with(options: RedisOptions) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let authority_pem = match (&options.certificates, options.tls) {
            (Some(folder), true) => Some(std::fs::read_to_string(folder.join("authority.pem"))?),
            (None, true) => Some(new_certificates(folder.path(), options.self_signed)?),
            (_, false) => None,
        };
        let mut server = Self {
            port: free_port()?,
            options,
            folder,
            authority_pem,
            child: None,
        };
        server.restart().await?;
        Ok(server)
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where a client connects to, with password or user where there is one.
    #[must_use]
    pub fn url(&self) -> String {
        let user = match (&self.options.user, &self.options.password) {
            (Some((user, password)), _) => format!("{user}:{password}@"),
            (None, Some(password)) => format!(":{password}@"),
            (None, None) => String::new(),
        };
        match self.options.tls {
            true => format!("rediss://{user}localhost:{}", self.port),
            false => format!("redis://{user}127.0.0.1:{}", self.port),
        }
    }

    /// The folder of its certificates.
    fn certificates(&self) -> &Path {
        let given = self.options.certificates.as_deref();
        given.unwrap_or(self.folder.path())
    }

    /// The certificate a client has to trust, with TLS.
    #[must_use]
    pub fn authority_pem(&self) -> Option<&str> {
        self.authority_pem.as_deref()
    }

    /// Asks the server to end and waits until it has.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            if let Some(pid) = child
                .id()
                .and_then(|pid| rustix::process::Pid::from_raw(pid as i32))
            {
                rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
            }
            tokio::time::timeout(PATIENCE, child.wait())
                .await
                .context("Redis does not end")??;
        }
        Ok(())
    }

    /// Ends the server at once, as a crash does.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// Starts the server again on the same port, with what it kept on disk.
    ///
    /// # Errors
    /// When it does not answer; the text has its log.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop().await?;
        let folder = self.folder.path();
        let log = std::fs::File::create(folder.join("log"))?;
        let mut command = Command::new("redis-server");
        let port = self.port.to_string();
        match self.options.tls {
            true => command.args([
                "--port",
                "0",
                "--tls-port",
                &port,
                "--tls-auth-clients",
                "no",
            ]),
            false => command.args(["--port", &port]),
        };
        if self.options.tls {
            for (option, file) in CERTIFICATES {
                command
                    .arg(format!("--{option}"))
                    .arg(self.certificates().join(file));
            }
        }
        command.args(["--bind", "127.0.0.1", "--save", "", "--daemonize", "no"]);
        command.arg("--dir").arg(folder);
        match self.options.append_only {
            true => command.args(["--appendonly", "yes", "--appendfsync", "always"]),
            false => command.args(["--appendonly", "no"]),
        };
        if let Some(password) = &self.options.password {
            command.args(["--requirepass", password]);
        }
        if let Some((user, password)) = &self.options.user {
            let password = format!(">{password}");
            command.args(["--user", user, "on", &password, "~*", "&*", "+@all"]);
        }
        if let Some(port) = self.options.replica_of {
            command.args(["--replicaof", &format!("127.0.0.1 {port}")]);
            command.args(["--repl-diskless-sync-delay", "0"]);
        }
        if self.options.cluster {
            command.args(["--cluster-enabled", "yes", "--cluster-node-timeout", "5000"]);
            if self.options.tls {
                command.args(["--tls-cluster", "yes"]);
            }
        }
        self.child = Some(spawn(command, log)?);
        self.wait_until_it_answers().await
    }

    /// Runs `redis-cli` against the server and returns what it prints.
    ///
    /// # Errors
    /// When it is missing or fails.
    pub async fn cli(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new("redis-cli");
        command.args(["-p", &self.port.to_string(), "--no-auth-warning"]);
        match (&self.options.user, &self.options.password) {
            (Some((user, password)), _) => command.args(["--user", user, "-a", password]),
            (None, Some(password)) => command.args(["-a", password]),
            (None, None) => &mut command,
        };
        if self.options.tls {
            command.args(["--tls", "--cacert"]);
            command.arg(self.certificates().join("authority.pem"));
        }
        let output = command
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .context("cannot start `redis-cli`: apt-get install redis-server")?;
        let text = String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned();
        if !output.status.success() {
            bail!("redis-cli {arguments:?} failed: {text}");
        }
        Ok(text)
    }

    async fn wait_until_it_answers(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            if self
                .cli(&["PING"])
                .await
                .is_ok_and(|answer| answer == "PONG")
            {
                return Ok(());
            }
            let ended = match &mut self.child {
                Some(child) => child.try_wait()?.is_some(),
                None => true,
            };
            if ended || started.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(self.folder.path().join("log"))?;
                bail!("Redis does not answer:\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A sentinel that watches one master named `mymaster` and replaces it within seconds; it ends when
/// dropped.
#[derive(Debug)]
pub struct RedisSentinel {
    port: u16,
    folder: TempDir,
    _child: Child,
}

impl RedisSentinel {
    /// Starts one and waits until it knows the master's only replica; of a master with TLS, until it has reached
    /// the master.
    ///
    /// # Errors
    /// When the binary is missing or it does not find the replica; the text has its log.
    pub async fn start(master: &RedisServer) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let config = folder.path().join("sentinel.conf");
        let mut text = String::new();
        if master.options.tls {
            text.push_str("tls-replication yes\ntls-auth-clients no\n");
            for (option, file) in CERTIFICATES {
                let file = master.certificates().join(file);
                text.push_str(&format!("{option} {}\n", file.display()));
            }
        }
        std::fs::write(
            &config,
            format!(
                "{text}port {port}\nbind 127.0.0.1\ndir {}\n\
                 sentinel monitor mymaster 127.0.0.1 {} 1\n\
                 sentinel down-after-milliseconds mymaster 1000\n\
                 sentinel failover-timeout mymaster 5000\n",
                folder.path().display(),
                master.port
            ),
        )?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let mut command = Command::new("redis-server");
        command.arg(&config).arg("--sentinel");
        let sentinel = Self {
            port,
            _child: spawn(command, log)?,
            folder,
        };
        let started = Instant::now();
        loop {
            let ready = match master.options.tls {
                true => {
                    (sentinel.ask(&["SENTINEL", "MASTER", "mymaster"]).await).is_ok_and(|text| {
                        text.contains("role-reported\nmaster") && text.contains("flags\nmaster\n")
                    })
                }
                false => (sentinel.ask(&["SENTINEL", "REPLICAS", "mymaster"]).await)
                    .is_ok_and(|text| text.contains("127.0.0.1")),
            };
            if ready {
                return Ok(sentinel);
            }
            if started.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(sentinel.folder.path().join("log"))?;
                bail!("the sentinel does not find the replica:\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs `redis-cli` against the sentinel and returns what it prints.
    ///
    /// # Errors
    /// When it is missing or fails.
    pub async fn ask(&self, arguments: &[&str]) -> anyhow::Result<String> {
        redis_cli(self.port, arguments).await
    }
}

/// Three masters that share the slots of one cluster; they end when dropped.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
    _certificates: TempDir,
}

impl RedisCluster {
    /// Starts three nodes and joins them.
    ///
    /// # Errors
    /// When the binary is missing or the cluster does not come up.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(RedisOptions::default()).await
    }

    /// Starts three nodes with these options and joins them.
    ///
    /// # Errors
    /// Those of [`start`](Self::start).
    pub async fn start_with(options: RedisOptions) -> anyhow::Result<Self> {
        let certificates = tempfile::tempdir()?;
        if options.tls {
            new_certificates(certificates.path(), options.self_signed)?;
        }
        let mut nodes = Vec::new();
        for _ in 0..3 {
            let options = RedisOptions {
                cluster: true,
                certificates: options.tls.then(|| certificates.path().to_owned()),
                ..options.clone()
            };
            nodes.push(RedisServer::start_with(options).await?);
        }
        let addresses: Vec<_> = nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port))
            .collect();
        let mut arguments = vec!["--cluster", "create"];
        arguments.extend(addresses.iter().map(String::as_str));
        arguments.push("--cluster-yes");
        nodes[0].cli(&arguments).await?;
        let started = Instant::now();
        for node in &nodes {
            while !node
                .cli(&["CLUSTER", "INFO"])
                .await?
                .contains("cluster_state:ok")
            {
                if started.elapsed() > PATIENCE {
                    bail!("the cluster does not come up");
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(Self {
            nodes,
            _certificates: certificates,
        })
    }

    /// Its nodes.
    #[must_use]
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// `host:port` of every node, joined by commas.
    #[must_use]
    pub fn addresses(&self) -> String {
        let addresses: Vec<_> = self
            .nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port))
            .collect();
        addresses.join(",")
    }
}

fn new_certificates(folder: &Path, self_signed: bool) -> anyhow::Result<String> {
    match self_signed {
        true => write_self_signed(folder, &["localhost"]),
        false => write_certificates(folder, &["localhost", "127.0.0.1"]),
    }
}

async fn redis_cli(port: u16, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("redis-cli")
        .args(["-p", &port.to_string()])
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .context("cannot start `redis-cli`: apt-get install redis-server")?;
    let text = String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned();
    if !output.status.success() {
        bail!("redis-cli {arguments:?} failed: {text}");
    }
    Ok(text)
}

fn spawn(mut command: Command, log: std::fs::File) -> anyhow::Result<Child> {
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .context("cannot start `redis-server`: apt-get install redis-server")
}
