//! What the errors of a database mean, in words.

use std::io;

use kayenta_storage::{StorageError, StorageErrorKind};
use sqlx::{error::DatabaseError, mysql::MySqlDatabaseError};

use crate::{pool::NoConnection, settings::SqlAccount};

/// What a refusal of the database means for the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// User, password or rights.
    Denied,
    /// The database of the URL.
    NoDatabase,
    /// A table.
    NoTable,
    /// It is starting, stopping or full, or another writer was quicker.
    Busy,
    /// A statement larger than it accepts.
    TooLarge,
    /// A text that is JSON for everyone else.
    Content,
    /// Anything else.
    Other,
}

impl Refusal {
    pub(crate) fn of(error: &dyn DatabaseError) -> Self {
        if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
            return match error.number() {
                1044 | 1045 | 1130 | 1142 | 1143 | 1227 | 1698 => Self::Denied,
                1049 => Self::NoDatabase,
                1146 => Self::NoTable,
                1021 | 1040 | 1053 | 1114 | 1129 | 1203 | 1205 | 1213 | 1290 | 1836 | 1927 => {
                    Self::Busy
                }
                1153 => Self::TooLarge,
                3140 | 3141 | 3157 | 4025 => Self::Content,
                _ => Self::Other,
            };
        }
        match error.code().as_deref() {
            Some("42501") => Self::Denied,
            Some("3D000") => Self::NoDatabase,
            Some("42P01") => Self::NoTable,
            Some("25006" | "40001" | "40P01" | "55P03") => Self::Busy,
            Some("54000") => Self::TooLarge,
            Some(code) => match code.get(..2) {
                Some("28") => Self::Denied,
                Some("08" | "53" | "57") => Self::Busy,
                Some("22") => Self::Content,
                _ => Self::Other,
            },
            None => Self::Other,
        }
    }

    fn kind(self) -> StorageErrorKind {
        match self {
            Self::Denied => StorageErrorKind::Denied,
            Self::Busy => StorageErrorKind::Unavailable,
            Self::TooLarge | Self::Content => StorageErrorKind::Invalid,
            Self::NoDatabase | Self::NoTable | Self::Other => StorageErrorKind::Other,
        }
    }
}

/// Names the account and what it tried.
#[derive(Debug)]
pub(crate) struct Failures {
    account: String,
    server: String,
    database: String,
    most_connections: u32,
}

impl Failures {
    pub(crate) fn new(account: &SqlAccount) -> Self {
        let url = &account.pool.url;
        Self {
            account: account.name.clone(),
            server: format!("{} at {}:{}", url.dialect, url.host, url.port),
            database: url.database.clone(),
            most_connections: account.pool.most_connections,
        }
    }

    pub(crate) fn new_error(
        &self,
        kind: StorageErrorKind,
        attempted: &str,
        why: impl std::fmt::Display,
    ) -> StorageError {
        let message = format!("SQL account '{}' cannot {attempted}: {why}", self.account);
        StorageError::new(kind, message)
    }

    /// `attempted` reads on from "cannot".
    pub(crate) fn of(&self, attempted: &str, error: sqlx::Error) -> StorageError {
        let Self {
            server, database, ..
        } = self;
        let unavailable = StorageErrorKind::Unavailable;
        let (kind, why) = match &error {
            sqlx::Error::Io(cause) if is_before_connecting(cause) => {
                (unavailable, format!("cannot connect to {server}: {cause}"))
            }
            // Of rustls, about the certificate.
            sqlx::Error::Io(cause) if cause.kind() == io::ErrorKind::InvalidData => {
                (unavailable, self.unencrypted(cause))
            }
            sqlx::Error::Tls(cause) => (unavailable, self.unencrypted(cause)),
            sqlx::Error::Io(cause) => (
                unavailable,
                format!("the connection broke ({server}): {cause}"),
            ),
            sqlx::Error::Protocol(cause) => (
                unavailable,
                format!("the connection broke ({server}): {cause}"),
            ),
            sqlx::Error::Database(refused) => {
                let refusal = Refusal::of(refused.as_ref());
                let said = refused.message();
                let why = match refusal {
                    Refusal::NoDatabase => {
                        format!("{server} has no database '{database}'; create it")
                    }
                    Refusal::Denied => format!("{server} refuses: {said}"),
                    Refusal::TooLarge => {
                        format!("{server} accepts no statement of this size: {said}")
                    }
                    Refusal::NoTable | Refusal::Busy | Refusal::Content | Refusal::Other => {
                        format!("{server} answers: {said}")
                    }
                };
                (refusal.kind(), why)
            }
            other => (StorageErrorKind::Other, other.to_string()),
        };
        self.new_error(kind, attempted, why).caused_by(error)
    }

    fn unencrypted(&self, cause: impl std::fmt::Display) -> String {
        let server = &self.server;
        format!(
            "no encrypted connection to {server}: {cause}; check sslmode and sslrootcert of jdbcUrl"
        )
    }

    pub(crate) fn unconnected(&self, attempted: &str, error: NoConnection) -> StorageError {
        let why = match error {
            NoConnection::Failed(error) => return self.of(attempted, error),
            NoConnection::Busy => format!(
                "all {} connections are busy; raise maxPoolSize of the connection pool",
                self.most_connections
            ),
            NoConnection::Slow => {
                format!("{} gave no answer within connectionTimeoutMs", self.server)
            }
        };
        self.new_error(StorageErrorKind::Unavailable, attempted, why)
    }
}

fn is_before_connecting(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionRefused, HostUnreachable, NetworkUnreachable, NotFound, TimedOut,
    };
    // The resolver's errors have no kind of their own.
    matches!(
        error.kind(),
        ConnectionRefused | HostUnreachable | NetworkUnreachable | NotFound | TimedOut
    ) || error.to_string().contains("lookup")
}
