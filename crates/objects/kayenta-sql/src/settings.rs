//! What an operator configures.

use std::time::Duration;

use kayenta_secrets::Secret;

use crate::jdbc::JdbcUrl;

/// An account of `kayenta.sql.accounts`.
#[derive(Clone, Debug)]
pub struct SqlAccount {
    /// Account name.
    pub name: String,
    /// Where its objects are.
    pub pool: ConnectionPool,
    /// `kayenta.sql.migration`: with whose rights missing tables are created; those of the pool if absent.
    pub migration: Option<ConnectionPool>,
}

/// One of `kayenta.sql.connectionPools`, or `spring.datasource`.
#[derive(Clone, Debug)]
pub struct ConnectionPool {
    /// `jdbcUrl`
    pub url: JdbcUrl,
    /// `user`, else the one in the URL.
    pub user: Option<String>,
    /// `password`, else the one in the URL.
    pub password: Option<Secret>,
    /// `maxPoolSize`: connections open at a time.
    pub most_connections: u32,
    /// `connectionTimeoutMs`: how long to wait for a connection.
    pub connect_timeout: Duration,
    /// `idleTimeoutMs`: a connection unused for longer is not used again.
    pub idle_timeout: Duration,
    /// `maxLifetimeMs`: a connection older than this is not used again.
    pub most_age: Duration,
}

impl ConnectionPool {
    /// Connections to this database as many and for as long as the defaults say.
    #[must_use]
    pub fn new(url: JdbcUrl) -> Self {
        Self {
            url,
            user: None,
            password: None,
            most_connections: Self::MOST_CONNECTIONS,
            connect_timeout: Self::CONNECT_TIMEOUT,
            idle_timeout: Self::IDLE_TIMEOUT,
            most_age: Self::MOST_AGE,
        }
    }

    /// `maxPoolSize` by default.
    pub(crate) const MOST_CONNECTIONS: u32 = 20;
    /// `connectionTimeoutMs` by default.
    pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
    /// `idleTimeoutMs` by default.
    pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
    /// `maxLifetimeMs` by default.
    pub(crate) const MOST_AGE: Duration = Duration::from_secs(1800);
}
