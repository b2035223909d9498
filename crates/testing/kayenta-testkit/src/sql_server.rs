//! Real PostgreSQL and MariaDB servers (Debian packages `postgresql` and `mariadb-server`) in a folder of their
//! own, with an empty database.

use std::{
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{certificates::write_certificates, eventually::eventually, free_port::free_port};

/// The user of the database, who may do anything in it; no secret.
pub const USER: &str = "kayenta";

/// The password that goes with [`USER`]; no secret.
pub const PASSWORD: &str = "no-secret-of-a-database";

/// The name of the database.
pub const DATABASE: &str = "kayenta";

/// Both start within seconds, on a busy machine too.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Neither runs as root: this is Debian's user `nobody`.
const NOBODY: u32 = 65_534;

/// Which database server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    MariaDb,
}

/// A running server on a port of the loopback interface; it ends when dropped.
#[derive(Debug)]
pub struct SqlServer {
    product: Product,
    port: u16,
    folder: TempDir,
    authority_pem: Option<String>,
    child: Option<Child>,
}

impl SqlServer {
    /// A server with the empty database [`DATABASE`].
    ///
    /// # Errors
    /// When a program is missing or fails.
    ///
    /// # Panics
    /// When it does not answer soon; the text has its log.
    pub async fn start(product: Product) -> anyhow::Result<Self> {
        Self::create(product, false).await
    }

    /// A server that encrypts, with a certificate for `localhost` of an authority made for it.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn with_tls(product: Product) -> anyhow::Result<Self> {
        Self::create(product, true).await
    }

    async fn create(product: Product, tls: bool) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let authority_pem = match tls {
            true => Some(write_certificates(folder.path(), &["localhost"])?),
            false => None,
        };
        if runs_as_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY))?;
            for entry in std::fs::read_dir(folder.path())? {
                chown(entry?.path(), Some(NOBODY), Some(NOBODY))?;
            }
        }
        if tls {
            let key = folder.path().join("server.key");
            std::fs::set_permissions(key, PermissionsExt::from_mode(0o600))?;
        }
        let mut server = Self {
            product,
            port: free_port()?,
            folder,
            authority_pem,
            child: None,
        };
        server.initialise().await?;
        server.launch().await?;
        server.create_database(DATABASE).await?;
        Ok(server)
    }

    /// Which server it is.
    #[must_use]
    pub fn product(&self) -> Product {
        self.product
    }

    /// Creates another database for the same user.
    ///
    /// # Errors
    /// When it is there already.
    pub async fn create_database(&self, name: &str) -> anyhow::Result<()> {
        let port = self.port.to_string();
        match self.product {
            Product::Postgres => {
                let mut createdb = self.command(&postgres_program("createdb")?);
                createdb.args(["-h", "127.0.0.1", "-p", &port, "-U", USER, name]);
                run(createdb.env("PGPASSWORD", PASSWORD)).await
            }
            Product::MariaDb => run(self.admin().args(["create", name])).await,
        }
    }

    fn admin(&self) -> Command {
        let port = self.port.to_string();
        let mut command = self.command("mariadb-admin".as_ref());
        command.args(["--no-defaults", "-h", "127.0.0.1", "-P", &port, "-u", USER]);
        command.arg(format!("-p{PASSWORD}"));
        command
    }

    /// Where it listens, the same after a restart.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The URL of the database as Java's drivers write it, with user and password.
    #[must_use]
    pub fn jdbc_url(&self) -> String {
        self.product.jdbc_url(&self.address().to_string())
    }

    /// The authority of its certificate, with TLS: PEM.
    #[must_use]
    pub fn authority_pem(&self) -> Option<&str> {
        self.authority_pem.as_deref()
    }

    /// Ends it. Calling it again changes nothing.
    ///
    /// # Errors
    /// When the process does not end.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        // To PostgreSQL the one that does not wait for clients.
        let signal = match self.product {
            Product::Postgres => Signal::INT,
            Product::MariaDb => Signal::TERM,
        };
        if let Some(pid) = child.id().and_then(|pid| Pid::from_raw(pid as i32)) {
            kill_process(pid, signal)?;
        }
        tokio::time::timeout(START_TIMEOUT, child.wait())
            .await
            .context("the database server does not end")??;
        Ok(())
    }

    /// Starts it again on the same port with what it has, stopping it first if it runs.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop().await?;
        self.launch().await
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            // A MariaDB that starts removes the temporary tables of every other one in the same folder.
            .env("TMPDIR", self.folder.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if runs_as_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    async fn initialise(&self) -> anyhow::Result<()> {
        let folder = self.folder.path();
        let data = folder.join("data");
        match self.product {
            Product::Postgres => {
                let password = folder.join("password");
                std::fs::write(&password, PASSWORD)?;
                std::fs::set_permissions(&password, PermissionsExt::from_mode(0o644))?;
                let mut initdb = self.command(&postgres_program("initdb")?);
                initdb.arg("-D").arg(data).args(["-U", USER, "-E", "UTF8"]);
                initdb.args(["--locale=C.UTF-8", "--no-sync", "--auth=scram-sha-256"]);
                run(initdb.arg("--pwfile").arg(password)).await
            }
            Product::MariaDb => {
                let statements = format!(
                    "CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n\
                     GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
                );
                std::fs::write(folder.join("init.sql"), statements)?;
                let mut install = self.command("mariadb-install-db".as_ref());
                install.args(["--no-defaults", "--skip-test-db"]);
                install.arg("--auth-root-authentication-method=normal");
                run(install.arg(format!("--datadir={}", data.display()))).await
            }
        }
    }

    async fn launch(&mut self) -> anyhow::Result<()> {
        let folder = self.folder.path();
        let log = folder.join("log");
        let output = std::fs::File::create(&log)?;
        let port = self.port.to_string();
        let data = folder.join("data");
        let file = |name: &str| folder.join(name).display().to_string();
        let mut command = match self.product {
            Product::Postgres => {
                let mut command = self.command(&postgres_program("postgres")?);
                command
                    .arg("-D")
                    .arg(data)
                    .args(["-p", &port, "-h", "127.0.0.1"]);
                // What is committed outlives the server all the same, not the machine.
                command.arg("-k").arg(folder).args(["-c", "fsync=off"]);
                if self.authority_pem.is_some() {
                    command.args(["-c", "ssl=on"]);
                    command
                        .arg("-c")
                        .arg(format!("ssl_cert_file={}", file("server.pem")));
                    command
                        .arg("-c")
                        .arg(format!("ssl_key_file={}", file("server.key")));
                }
                command
            }
            Product::MariaDb => {
                let mut command = self.command(&mariadbd());
                command.args(["--no-defaults", "--bind-address=127.0.0.1"]);
                command.arg(format!("--port={port}"));
                command.arg(format!("--datadir={}", data.display()));
                command.arg(format!("--socket={}", file("socket")));
                command.arg(format!("--pid-file={}", file("pid")));
                command.arg(format!("--init-file={}", file("init.sql")));
                // As Debian's own configuration has it.
                command.args([
                    "--character-set-server=utf8mb4",
                    "--collation-server=utf8mb4_general_ci",
                ]);
                // 16 MiB by default, and large objects are larger.
                command.args([
                    "--max-allowed-packet=64M",
                    "--innodb-flush-log-at-trx-commit=0",
                ]);
                if self.authority_pem.is_some() {
                    command.arg(format!("--ssl-cert={}", file("server.pem")));
                    command.arg(format!("--ssl-key={}", file("server.key")));
                }
                command
            }
        };
        let child = command
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| self.product.missing())?;
        self.child = Some(child);
        let answers = async || match self.answers().await {
            Ok(()) => Ok(()),
            Err(error) => Err(format!("{error}\n{:?}", std::fs::read_to_string(&log))),
        };
        eventually("the database server answers", START_TIMEOUT, answers).await;
        Ok(())
    }

    async fn answers(&self) -> anyhow::Result<()> {
        let port = self.port.to_string();
        match self.product {
            Product::Postgres => {
                let mut command = self.command(&postgres_program("pg_isready")?);
                run(command.args(["-h", "127.0.0.1", "-p", &port])).await
            }
            Product::MariaDb => run(self.admin().arg("ping")).await,
        }
    }
}

impl Product {
    /// The URL of the database on a server at `host:port`, with user and password.
    #[must_use]
    pub fn jdbc_url(self, authority: &str) -> String {
        let scheme = match self {
            Self::Postgres => "postgresql",
            Self::MariaDb => "mysql",
        };
        format!("jdbc:{scheme}://{authority}/{DATABASE}?user={USER}&password={PASSWORD}")
    }

    fn missing(self) -> &'static str {
        match self {
            Self::Postgres => "cannot start PostgreSQL: apt-get install postgresql",
            Self::MariaDb => "cannot start MariaDB: apt-get install mariadb-server",
        }
    }
}

fn runs_as_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Debian keeps the programs of each version apart and few of them in the path.
fn postgres_program(name: &str) -> anyhow::Result<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .context(Product::Postgres.missing())?
        .filter_map(|version| Some(version.ok()?.path().join("bin").join(name)))
        .filter(|program| program.is_file())
        .collect();
    found.sort();
    found.pop().context(Product::Postgres.missing())
}

fn mariadbd() -> PathBuf {
    let debian = PathBuf::from("/usr/sbin/mariadbd");
    match debian.is_file() {
        true => debian,
        false => "mariadbd".into(),
    }
}

async fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command
        .output()
        .await
        .with_context(|| format!("cannot start {:?}", command.as_std().get_program()))?;
    if !output.status.success() {
        bail!(
            "{:?}: {}{}",
            command.as_std().get_program(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}
