//! How one server is reached: with or without TLS, as which user; which master a sentinel names; the nodes of a cluster.
//!
//! TLS is not that of the `redis` crate, which has no setting for how certificates are checked: what the trust store means
//! holds for Redis as for every other system.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, LazyLock, Mutex, PoisonError, Weak},
};

use futures::future::select_ok;
use kayenta_secrets::Secret;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    Pipeline, RedisConnectionInfo, RedisError, RedisFuture, RedisResult, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster_async::Connect,
    cmd,
};
use rustls::pki_types::ServerName;
use secrecy::ExposeSecret;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::generation::next_generation;

/// How servers are reached, whichever they are.
#[derive(Clone)]
pub(crate) struct Dial {
    /// How to speak TLS, if so.
    pub(crate) tls: Option<TlsConnector>,
    /// User and database.
    pub(crate) redis: RedisConnectionInfo,
    /// The password, which may be another for the next connection.
    pub(crate) password: Option<Secret>,
}

impl Dial {
    /// User, password and database as they are now.
    fn now(&self) -> RedisConnectionInfo {
        match &self.password {
            Some(password) => self
                .redis
                .clone()
                .set_password(password.current().expose_secret()),
            None => self.redis.clone(),
        }
    }

    /// Connects to one server.
    pub(crate) async fn server(
        &self,
        host: &str,
        port: u16,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<MultiplexedConnection> {
        let mut connection = match &self.tls {
            Some(tls) => self.server_with_tls(tls, host, port, config).await?,
            None => {
                let info = ConnectionAddr::Tcp(host.to_owned(), port)
                    .into_connection_info()?
                    .set_redis_settings(self.now());
                Client::open(info)?
                    .get_multiplexed_async_connection_with_config(config)
                    .await?
            }
        };
        if self.password.is_none() {
            refuse_missing_password(&mut connection).await?;
        }
        Ok(connection)
    }

    async fn server_with_tls(
        &self,
        tls: &TlsConnector,
        host: &str,
        port: u16,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<MultiplexedConnection> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            io::Error::other(format!(
                "{host} is no host name that a certificate can be for"
            ))
        })?;
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        let stream = tls.connect(name, stream).await.map_err(in_words)?;
        let (connection, driver) =
            MultiplexedConnection::new_with_config(&self.now(), stream, config.clone()).await?;
        // Ends with the last handle of the connection.
        tokio::spawn(driver);
        Ok(connection)
    }

    /// Connects to the master that the first sentinel to answer names.
    ///
    /// The sentinels are asked without TLS or password, as they mostly run; the master with both.
    pub(crate) async fn master(
        &self,
        sentinels: &[(String, u16)],
        master: &str,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<MultiplexedConnection> {
        let lookups = sentinels
            .iter()
            .map(|sentinel| Box::pin(self.master_named_by(sentinel, master, config)));
        let (connection, _) = select_ok(lookups).await?;
        Ok(connection)
    }

    async fn master_named_by(
        &self,
        (sentinel_host, sentinel_port): &(String, u16),
        master: &str,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<MultiplexedConnection> {
        let plain = Self {
            tls: None,
            redis: RedisConnectionInfo::default(),
            password: None,
        };
        let mut sentinel = plain.server(sentinel_host, *sentinel_port, config).await?;
        let named: Option<(String, u16)> = cmd("SENTINEL")
            .arg("GET-MASTER-ADDR-BY-NAME")
            .arg(master)
            .query_async(&mut sentinel)
            .await?;
        let (host, port) = named.ok_or_else(|| {
            io::Error::other(format!("the sentinel knows no master named {master}"))
        })?;
        let mut connection = self.server(&host, port, config).await?;
        // A sentinel that was away names the master of former times until it has caught up.
        let role: RedisResult<(String, Value, Value)> =
            cmd("ROLE").query_async(&mut connection).await;
        match role {
            Ok((role, ..)) if role != "master" => Err(io::Error::other(format!(
                "the sentinel names {host}:{port}, which is no master"
            ))
            .into()),
            // Users of an access control list may lack the permission to ask.
            _ => Ok(connection),
        }
    }
}

/// Asks a server that was given no password whether it wants one, with a command it answers.
///
/// Redis closes the connection of a client that is not authenticated on the first command of more than ten arguments, as
/// most scripts are, and what is left is an error of the network.
async fn refuse_missing_password(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    match cmd("PING").query_async::<Value>(connection).await {
        Err(error) if error.is_io_error() || error.code() == Some("NOAUTH") => Err(error),
        // One that is loading, or grants the user no PING, is reached.
        _ => Ok(()),
    }
}

/// A failure of TLS in the words that other clients of this service use for it.
fn in_words(error: io::Error) -> RedisError {
    match kayenta_tls::in_words(&error) {
        Some(words) => io::Error::new(error.kind(), words).into(),
        None => error.into(),
    }
}

/// How the nodes of clusters are reached, by the name that their clients give as user.
static CLUSTERS: LazyLock<Mutex<BTreeMap<String, Weak<Dial>>>> = LazyLock::new(Mutex::default);

/// How the nodes of one cluster are reached, for as long as this lives.
///
/// The client of clusters connects to nodes by the type of their connections alone: what it hands over is an address and
/// a user. The user is the name under which the rest is found.
pub(crate) struct ClusterNodes {
    name: String,
    _dial: Arc<Dial>,
}

impl ClusterNodes {
    pub(crate) fn reached_by(dial: Dial) -> Self {
        let name = format!("cluster {}", next_generation());
        let dial = Arc::new(dial);
        clusters(|clusters| clusters.insert(name.clone(), Arc::downgrade(&dial)));
        Self { name, _dial: dial }
    }

    /// What the client of the cluster has to give as its user.
    pub(crate) fn user(&self) -> &str {
        &self.name
    }
}

impl Drop for ClusterNodes {
    fn drop(&mut self) {
        clusters(|clusters| clusters.remove(&self.name));
    }
}

fn clusters<T>(work: impl FnOnce(&mut BTreeMap<String, Weak<Dial>>) -> T) -> T {
    work(&mut CLUSTERS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The connection to a node of a cluster.
#[derive(Clone)]
pub(crate) struct Node(MultiplexedConnection);

impl Connect for Node {
    fn connect_with_config<'a, T>(info: T, config: AsyncConnectionConfig) -> RedisFuture<'a, Self>
    where
        T: IntoConnectionInfo + Send + 'a,
    {
        let info = info.into_connection_info();
        Box::pin(async move {
            let info = info?;
            let dial = dial_of(&info)?;
            let (host, port) = match info.addr() {
                ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                    (host, *port)
                }
                _ => return Err(io::Error::other("a node of the cluster has no host").into()),
            };
            dial.server(host, port, &config).await.map(Self)
        })
    }
}

fn dial_of(info: &ConnectionInfo) -> RedisResult<Arc<Dial>> {
    info.redis_settings()
        .username()
        .and_then(|name| clusters(|clusters| clusters.get(name).and_then(Weak::upgrade)))
        .ok_or_else(|| io::Error::other("the connection to the cluster has been closed").into())
}

impl ConnectionLike for Node {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        self.0.req_packed_command(cmd)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.0.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.0.get_db()
    }
}
