//! The connection: made when needed, made anew when it breaks.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use kayenta_queue::{QueueError, QueueErrorKind};
use kayenta_settings::{RedisSettings, RedisTopology};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue,
    IntoConnectionInfo, Pipeline, RedisConnectionInfo, RedisError, RedisFuture, RedisResult,
    Script, ScriptInvocation, TlsCertificates, TlsMode, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};
use secrecy::ExposeSecret;
use tokio::{
    sync::{Mutex, watch},
    time::Instant,
};

use crate::{
    failure::{failed, is_connection_at_fault},
    options::RedisStoreOptions,
};

/// A shared connection to Redis, whatever its topology.
pub(crate) struct Link {
    target: Target,
    address: String,
    config: AsyncConnectionConfig,
    timeout: Duration,
    current: Mutex<Current>,
    /// Attempts to connect that have ended.
    attempts: AtomicU64,
    /// Connections found broken.
    broken: watch::Sender<u64>,
}

/// The connection in use, and why there is none.
#[derive(Default)]
struct Current {
    connection: Option<(u64, Connection)>,
    failure: Option<RedisError>,
}

enum Target {
    Single(Client),
    Sentinel(Mutex<SentinelClient>),
    Cluster(ClusterClient),
}

/// One connection; cloning shares it.
#[derive(Clone)]
pub(crate) enum Connection {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Server(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Server(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

/// What is sent, so that it can be sent twice.
enum Request<'a> {
    Script(ScriptInvocation<'a>),
    Command(&'a Cmd),
    Pipeline(&'a Pipeline),
}

impl Request<'_> {
    async fn send<T: FromRedisValue>(&self, mut connection: Connection) -> RedisResult<T> {
        match self {
            Self::Script(script) => script.invoke_async(&mut connection).await,
            Self::Command(command) => command.query_async(&mut connection).await,
            Self::Pipeline(pipeline) => pipeline.query_async(&mut connection).await,
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Longer than any blocking read: those have a limit of their own.
const LONGEST_ANSWER: Duration = Duration::from_secs(60);

impl Link {
    pub(crate) fn new(options: &RedisStoreOptions) -> Result<Self, QueueError> {
        let settings = &options.server;
        let address = settings.topology.to_string();
        let unusable = |error: RedisError| {
            QueueError::new(
                QueueErrorKind::Unavailable,
                format!("the settings of Redis at {address} cannot be used: {error}"),
            )
            .caused_by(error)
        };
        let target = match &settings.topology {
            RedisTopology::Single { host, port } => {
                let info = connection_info(settings, host, *port).map_err(unusable)?;
                Target::Single(client(options, info).map_err(unusable)?)
            }
            RedisTopology::Sentinel { nodes, master } => Target::Sentinel(Mutex::new(
                sentinel(options, nodes, master).map_err(unusable)?,
            )),
            RedisTopology::Cluster { nodes } => {
                Target::Cluster(cluster(options, nodes).map_err(unusable)?)
            }
        };
        Ok(Self {
            target,
            address,
            config: AsyncConnectionConfig::new()
                .set_connection_timeout(Some(settings.timeout))
                .set_response_timeout(Some(LONGEST_ANSWER)),
            timeout: settings.timeout,
            current: Mutex::default(),
            attempts: AtomicU64::new(0),
            broken: watch::Sender::new(0),
        })
    }

    /// Runs a script and returns what it returns.
    pub(crate) async fn script<T: FromRedisValue>(
        &self,
        attempted: &str,
        script: &Script,
        keys: &[String],
        arguments: &[&[u8]],
    ) -> Result<T, QueueError> {
        let mut invocation = script.prepare_invoke();
        for key in keys {
            invocation.key(key);
        }
        for argument in arguments {
            invocation.arg(*argument);
        }
        self.with_one_reconnect(attempted, self.timeout, &Request::Script(invocation))
            .await
    }

    /// Sends a command.
    pub(crate) async fn command<T: FromRedisValue>(
        &self,
        attempted: &str,
        command: &Cmd,
    ) -> Result<T, QueueError> {
        self.command_within(attempted, command, self.timeout).await
    }

    /// Sends a command whose answer may take longer, as a blocking read's.
    pub(crate) async fn command_within<T: FromRedisValue>(
        &self,
        attempted: &str,
        command: &Cmd,
        limit: Duration,
    ) -> Result<T, QueueError> {
        self.with_one_reconnect(attempted, limit, &Request::Command(command))
            .await
    }

    /// Sends several commands in one round trip.
    pub(crate) async fn pipeline<T: FromRedisValue>(
        &self,
        attempted: &str,
        pipeline: &Pipeline,
    ) -> Result<T, QueueError> {
        self.with_one_reconnect(attempted, self.timeout, &Request::Pipeline(pipeline))
            .await
    }

    /// A call on a connection that turns out to be broken is made once more on a new one.
    async fn with_one_reconnect<T: FromRedisValue>(
        &self,
        attempted: &str,
        limit: Duration,
        request: &Request<'_>,
    ) -> Result<T, QueueError> {
        let began = Instant::now();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let explain =
                |error| failed(attempted, &self.address, error).after(attempts, began.elapsed());
            let (generation, connection) = self.connection().await.map_err(explain)?;
            let outcome = match tokio::time::timeout(limit, request.send(connection)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(RedisError::from(std::io::Error::from(
                    std::io::ErrorKind::TimedOut,
                ))),
            };
            match outcome {
                Ok(value) => return Ok(value),
                Err(error) if is_connection_at_fault(&error) => {
                    self.forget(generation).await;
                    // An answer that did not come in time may still come: not asked for twice.
                    if attempts > 1 || error.is_timeout() {
                        return Err(explain(error));
                    }
                }
                Err(error) => return Err(explain(error)),
            }
        }
    }

    async fn connection(&self) -> RedisResult<(u64, Connection)> {
        let attempts = self.attempts.load(Ordering::Acquire);
        let mut current = self.current.lock().await;
        if let Some((generation, connection)) = &current.connection {
            return Ok((*generation, connection.clone()));
        }
        // Whoever waited while somebody else failed to connect shares the outcome: otherwise many
        // callers would wait for one timeout after the other.
        if let Some(failure) = &current.failure
            && attempts != self.attempts.load(Ordering::Acquire)
        {
            return Err(failure.clone());
        }
        let made = match tokio::time::timeout(self.timeout, self.connect()).await {
            Ok(made) => made,
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        };
        self.attempts.fetch_add(1, Ordering::AcqRel);
        match made {
            Ok(connection) => {
                let generation = next_generation();
                current.connection = Some((generation, connection.clone()));
                current.failure = None;
                Ok((generation, connection))
            }
            Err(error) => {
                current.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Tells one connection from the next; `None` while there is none.
    pub(crate) async fn generation(&self) -> Option<u64> {
        let current = self.current.lock().await;
        current.connection.as_ref().map(|(have, _)| *have)
    }

    /// Tells when a connection has been found broken.
    pub(crate) fn broken(&self) -> watch::Receiver<u64> {
        self.broken.subscribe()
    }

    /// Makes a new connection for the next call.
    pub(crate) async fn renew(&self) {
        self.current.lock().await.connection = None;
    }

    async fn connect(&self) -> RedisResult<Connection> {
        Ok(match &self.target {
            Target::Single(client) => Connection::Server(
                client
                    .get_multiplexed_async_connection_with_config(&self.config)
                    .await?,
            ),
            Target::Sentinel(client) => Connection::Server(
                client
                    .lock()
                    .await
                    .get_async_connection_with_config(&self.config)
                    .await?,
            ),
            Target::Cluster(client) => Connection::Cluster(client.get_async_connection().await?),
        })
    }

    async fn forget(&self, generation: u64) {
        let mut current = self.current.lock().await;
        if current
            .connection
            .as_ref()
            .is_some_and(|(have, _)| *have == generation)
        {
            current.connection = None;
            self.broken.send_modify(|count| *count += 1);
        }
    }
}

/// A number no other call gets.
pub(crate) fn next_generation() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn connection_address(settings: &RedisSettings, host: &str, port: u16) -> ConnectionAddr {
    if settings.tls {
        ConnectionAddr::TcpTls {
            host: host.to_owned(),
            port,
            insecure: false,
            tls_params: None,
        }
    } else {
        ConnectionAddr::Tcp(host.to_owned(), port)
    }
}

fn connection_info(settings: &RedisSettings, host: &str, port: u16) -> RedisResult<ConnectionInfo> {
    let mut redis = RedisConnectionInfo::default().set_db(i64::from(settings.database));
    if let Some(username) = &settings.username {
        redis = redis.set_username(username);
    }
    if let Some(password) = &settings.password {
        redis = redis.set_password(password.expose_secret());
    }
    Ok(connection_address(settings, host, port)
        .into_connection_info()?
        .set_redis_settings(redis))
}

fn certificates(options: &RedisStoreOptions) -> Option<TlsCertificates> {
    let root_cert = options.authority_pem.as_ref()?.clone().into_bytes();
    Some(TlsCertificates {
        client_tls: None,
        root_cert: Some(root_cert),
    })
}

fn client(options: &RedisStoreOptions, info: ConnectionInfo) -> RedisResult<Client> {
    match certificates(options) {
        Some(certificates) if options.server.tls => Client::build_with_tls(info, certificates),
        _ => Client::open(info),
    }
}

/// The sentinels are asked without TLS or password, as they mostly run; the master with both.
fn sentinel(
    options: &RedisStoreOptions,
    nodes: &[(String, u16)],
    master: &str,
) -> RedisResult<SentinelClient> {
    let settings = &options.server;
    let addresses = nodes
        .iter()
        .map(|(host, port)| ConnectionAddr::Tcp(host.clone(), *port));
    let mut builder = SentinelClientBuilder::new(addresses, master, SentinelServerType::Master)?
        .set_client_to_redis_db(i64::from(settings.database));
    if settings.tls {
        builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
        if let Some(certificates) = certificates(options) {
            builder = builder.set_client_to_redis_certificates(certificates);
        }
    }
    if let Some(username) = &settings.username {
        builder = builder.set_client_to_redis_username(username);
    }
    if let Some(password) = &settings.password {
        builder = builder.set_client_to_redis_password(password.expose_secret());
    }
    builder.build()
}

fn cluster(options: &RedisStoreOptions, nodes: &[(String, u16)]) -> RedisResult<ClusterClient> {
    let settings = &options.server;
    let infos = nodes
        .iter()
        .map(|(host, port)| connection_address(settings, host, *port).into_connection_info())
        .collect::<RedisResult<Vec<_>>>()?;
    let mut builder = ClusterClient::builder(infos)
        .connection_timeout(settings.timeout)
        .response_timeout(LONGEST_ANSWER);
    if settings.tls {
        builder = builder.tls(TlsMode::Secure);
        if let Some(certificates) = certificates(options) {
            builder = builder.certs(certificates);
        }
    }
    if let Some(username) = &settings.username {
        builder = builder.username(username);
    }
    if let Some(password) = &settings.password {
        builder = builder.password(password.expose_secret());
    }
    builder.build()
}
