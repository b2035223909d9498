//! Where Redis is and how it is used.

use std::{fmt, time::Duration};

use secrecy::SecretString;

/// How a Redis is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topology {
    /// One server.
    Single {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// The master that sentinels name.
    Sentinel {
        /// The sentinels.
        nodes: Vec<(String, u16)>,
        /// Name of the master.
        master: String,
    },
    /// A cluster.
    Cluster {
        /// Some of its nodes.
        nodes: Vec<(String, u16)>,
    },
}

/// Printed as an address without secrets.
impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |nodes: &[(String, u16)]| {
            nodes
                .iter()
                .map(|(host, port)| format!("{host}:{port}"))
                .collect::<Vec<_>>()
                .join(",")
        };
        match self {
            Self::Single { host, port } => write!(f, "{host}:{port}"),
            Self::Sentinel { nodes, master } => {
                write!(f, "master {master} of sentinels {}", list(nodes))
            }
            Self::Cluster { nodes } => write!(f, "cluster {}", list(nodes)),
        }
    }
}

/// Everything the adapter has to know.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// Where it is.
    pub topology: Topology,
    /// Whether connections use TLS, verified against the system's roots or [`Self::authority_pem`].
    pub tls: bool,
    /// A certificate authority to trust instead of the system's, in PEM.
    pub authority_pem: Option<String>,
    /// User of an access control list.
    pub username: Option<String>,
    /// Password.
    pub password: Option<SecretString>,
    /// Database number; a cluster has only 0.
    pub database: u32,
    /// Limit of connecting and of each answer.
    pub timeout: Duration,
    /// `keiko.queue.redis.queueName`: what the keys begin with.
    pub queue_name: String,
    /// `keiko.queue.redis.deadLetterQueueName`: what the dead letters' key is named by.
    pub dead_letter_name: String,
    /// How long a lease holds without renewal.
    pub lease: Duration,
    /// How long a complete record is kept.
    pub retention: Duration,
    /// Name of this process among the consumers of the group; unique per process.
    pub consumer: String,
}

impl RedisSettings {
    /// One server without TLS or password, and the defaults of everything else.
    #[must_use]
    pub fn single(host: impl Into<String>, port: u16, consumer: impl Into<String>) -> Self {
        Self {
            topology: Topology::Single {
                host: host.into(),
                port,
            },
            tls: false,
            authority_pem: None,
            username: None,
            password: None,
            database: 0,
            timeout: Duration::from_secs(2),
            queue_name: "kayenta.keiko.queue".to_owned(),
            dead_letter_name: "kayenta.keiko.queue.deadLetters".to_owned(),
            lease: Duration::from_secs(10),
            retention: Duration::from_secs(30 * 24 * 60 * 60),
            consumer: consumer.into(),
        }
    }
}
