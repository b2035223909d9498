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

/// How long the answer to that may take.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

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

/// A connection in use. Given back it is used again. Dropped it is closed, with those that are idle: an operation
/// that did not end says that the server may not be what it was.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) connection: Connection,
    opened: Instant,
    others: Others,
    _permit: OwnedSemaphorePermit,
}

/// The idle connections, closed when dropped.
#[derive(Debug)]
struct Others(Option<Arc<Mutex<Vec<Idle>>>>);

impl Drop for Others {
    fn drop(&mut self) {
        if let Some(idle) = &self.0 {
            locked(idle).clear();
        }
    }
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
            others: Others(Some(Arc::clone(&self.idle))),
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
            let works = unused < TRUSTED_FOR || {
                let ping = tokio::time::timeout(PING_TIMEOUT, idle.connection.ping());
                matches!(ping.await, Ok(Ok(())))
            };
            if works {
                return Ok((idle.connection, idle.opened));
            }
            // The others will not be better.
            locked(&self.idle).clear();
        }
    }
}

impl Lease {
    pub(crate) fn give_back(mut self) {
        let idle = Idle {
            connection: self.connection,
            opened: self.opened,
            used: Instant::now(),
        };
        if let Some(others) = self.others.0.take() {
            locked(&others).push(idle);
        }
    }
}
