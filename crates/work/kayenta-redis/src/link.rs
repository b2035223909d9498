//! The connection: made when needed, made anew when it breaks.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kayenta_queue::{QueueError, QueueErrorKind};
use kayenta_settings::{RedisSettings, RedisTopology};
use redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, FromRedisValue, Pipeline, RedisConnectionInfo,
    RedisError, RedisFuture, RedisResult, Script, ScriptInvocation, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
};
use tokio::{
    sync::{Mutex, watch},
    time::Instant,
};
use tokio_rustls::TlsConnector;

use crate::{
    dial::{ClusterNodes, Dial, Node},
    failure::{failed, is_connection_at_fault},
    generation::next_generation,
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
    Single {
        dial: Dial,
        host: String,
        port: u16,
    },
    Sentinel {
        dial: Dial,
        nodes: Vec<(String, u16)>,
        master: String,
    },
    Cluster {
        client: Box<ClusterClient>,
        _nodes: ClusterNodes,
    },
}

/// One connection; cloning shares it.
#[derive(Clone)]
pub(crate) enum Connection {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection<Node>),
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
        let unusable = |why: String| {
            QueueError::new(
                QueueErrorKind::Unavailable,
                format!("the settings of Redis at {address} cannot be used: {why}"),
            )
        };
        let dial = dial(options).map_err(unusable)?;
        let target = match settings.topology.clone() {
            RedisTopology::Single { host, port } => Target::Single { dial, host, port },
            RedisTopology::Sentinel { nodes, master } => Target::Sentinel {
                dial,
                nodes,
                master,
            },
            RedisTopology::Cluster { nodes } => {
                let reached = ClusterNodes::reached_by(dial);
                let client = cluster(settings, nodes, &reached)
                    .map_err(|error| unusable(error.to_string()).caused_by(error))?;
                Target::Cluster {
                    client: Box::new(client),
                    _nodes: reached,
                }
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
        // A caller that waited while another failed to connect shares the outcome: otherwise many
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
            Target::Single { dial, host, port } => {
                Connection::Server(dial.server(host, *port, &self.config).await?)
            }
            Target::Sentinel {
                dial,
                nodes,
                master,
            } => Connection::Server(dial.master(nodes, master, &self.config).await?),
            Target::Cluster { client, .. } => {
                Connection::Cluster(client.get_async_generic_connection().await?)
            }
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

/// How every server of these options is reached.
fn dial(options: &RedisStoreOptions) -> Result<Dial, String> {
    let settings = &options.server;
    let mut redis = RedisConnectionInfo::default().set_db(i64::from(settings.database));
    if let Some(username) = &settings.username {
        redis = redis.set_username(username);
    }
    let tls = settings.tls.then(|| {
        let trusted: Vec<_> = options.trusted_pem.iter().cloned().collect();
        kayenta_tls::client_config(&trusted, None)
            .map(|config| TlsConnector::from(Arc::new(config)))
    });
    Ok(Dial {
        tls: tls.transpose().map_err(|error| error.to_string())?,
        redis,
        password: settings.password.clone(),
    })
}

fn cluster(
    settings: &RedisSettings,
    nodes: Vec<(String, u16)>,
    reached: &ClusterNodes,
) -> RedisResult<ClusterClient> {
    let addresses = nodes
        .into_iter()
        .map(|(host, port)| ConnectionAddr::Tcp(host, port));
    ClusterClient::builder(addresses)
        .username(reached.user())
        .connection_timeout(settings.timeout)
        .response_timeout(LONGEST_ANSWER)
        .build()
}
