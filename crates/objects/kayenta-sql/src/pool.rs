//! Connections that operations share.
//!
//! Not the pool of sqlx: it tries a refused connection again until its own deadline and then reports that alone,
//! and it takes a connection back whose use was cancelled, to ask a server that may not answer.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    connection::{Connection, Options},
    settings::ConnectionPool,
};

/// A connection unused for longer is asked whether it still works.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// The open connections to one database.
#[derive(Debug)]
pub(crate) struct Pool {
    options: Options,
    settings: ConnectionPool,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Idle>>>,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    opened: Instant,
    used: Instant,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum NoConnection {
    /// All are in use.
    Busy,
    /// The server does not answer in time.
    Slow,
    /// It cannot be reached or refuses.
    Failed(sqlx::Error),
}

/// A connection in use. Closed when dropped; given back it is used again.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) connection: Connection,
    opened: Instant,
    idle: Arc<Mutex<Vec<Idle>>>,
    _permit: OwnedSemaphorePermit,
}

/// No code that can panic runs under the lock, so a poisoned one is still whole.
fn locked(idle: &Mutex<Vec<Idle>>) -> MutexGuard<'_, Vec<Idle>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    pub(crate) fn new(settings: ConnectionPool, options: Options) -> Self {
        Self {
            options,
            permits: Arc::new(Semaphore::new(settings.most_connections as usize)),
            settings,
            idle: Arc::default(),
        }
    }

    pub(crate) fn settings(&self) -> &ConnectionPool {
        &self.settings
    }

    pub(crate) async fn acquire(&self) -> Result<Lease, NoConnection> {
        let patience = self.settings.connect_timeout;
        let permit = tokio::time::timeout(patience, Arc::clone(&self.permits).acquire_owned());
        let Ok(Ok(permit)) = permit.await else {
            return Err(NoConnection::Busy);
        };
        let found = tokio::time::timeout(patience, self.idle_or_new()).await;
        let (connection, opened) = match found {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(NoConnection::Failed(error)),
            Err(_) => return Err(NoConnection::Slow),
        };
        Ok(Lease {
            connection,
            opened,
            idle: Arc::clone(&self.idle),
            _permit: permit,
        })
    }

    async fn idle_or_new(&self) -> sqlx::Result<(Connection, Instant)> {
        loop {
            let Some(mut idle) = locked(&self.idle).pop() else {
                let connection = self.options.connect().await?;
                return Ok((connection, Instant::now()));
            };
            let unused = idle.used.elapsed();
            if unused > self.settings.idle_timeout || idle.opened.elapsed() > self.settings.most_age
            {
                continue;
            }
            if unused < TRUSTED_FOR || idle.connection.ping().await.is_ok() {
                return Ok((idle.connection, idle.opened));
            }
        }
    }
}

impl Lease {
    pub(crate) fn give_back(self) {
        let idle = Idle {
            connection: self.connection,
            opened: self.opened,
            used: Instant::now(),
        };
        locked(&self.idle).push(idle);
    }
}
