//! One connection to either database, with as much of SQL as the store needs.

use std::{fmt, future::Future, time::Duration};

use chrono::NaiveDateTime;
use futures::{Stream, TryStreamExt};
use kayenta_secrets::Secret;
use secrecy::ExposeSecret;
use sqlx::{
    Arguments, AssertSqlSafe, ConnectOptions, Connection as _, Database, Encode, Executor, MySql,
    MySqlConnection, PgConnection, Postgres, Row as _, Type,
    mysql::{MySqlConnectOptions, MySqlRow, MySqlSslMode},
    postgres::{PgConnectOptions, PgRow, PgSslMode},
};

use crate::{
    jdbc::{Dialect, TlsMode},
    settings::ConnectionPool,
};

/// Reads see what has been committed, and writers of different rows do not wait for each other.
const MYSQL_ISOLATION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

/// How a database is connected to.
#[derive(Clone)]
pub(crate) struct Options {
    to: To,
    /// Which may be another for the next connection.
    password: Option<Secret>,
    silence: Duration,
}

#[derive(Clone)]
enum To {
    Postgres(Box<PgConnectOptions>),
    MySql(Box<MySqlConnectOptions>),
}

/// The options of sqlx show passwords.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").finish_non_exhaustive()
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    wire: Wire,
    /// How long the server may say nothing.
    silence: Duration,
}

#[derive(Debug)]
enum Wire {
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

/// A value in a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Param<'p> {
    Text(&'p str),
    Bytes(Option<&'p [u8]>),
    Time(NaiveDateTime),
    Number(i64),
}

/// A row of an answer.
pub(crate) enum Row {
    Postgres(PgRow),
    MySql(MySqlRow),
}

impl Options {
    /// `authorities` are trusted beside those every program knows: PEM. A server that says nothing for so long
    /// as `silence` is given up.
    pub(crate) fn new(pool: &ConnectionPool, authorities: &[u8], silence: Duration) -> Self {
        let url = &pool.url;
        let user = pool.user.as_ref().or(url.user.as_ref());
        let password = pool.password.as_ref().or(url.password.as_ref());
        let to = match url.dialect {
            Dialect::Postgres => {
                let mut options = PgConnectOptions::new_without_pgpass()
                    .host(&url.host)
                    .port(url.port)
                    .database(&url.database)
                    .application_name("kayenta")
                    .ssl_mode(match url.tls {
                        TlsMode::Disabled => PgSslMode::Disable,
                        TlsMode::Preferred => PgSslMode::Prefer,
                        TlsMode::Required => PgSslMode::Require,
                        TlsMode::VerifyAuthority => PgSslMode::VerifyCa,
                        TlsMode::VerifyHost => PgSslMode::VerifyFull,
                    });
                if let Some(user) = user {
                    options = options.username(user);
                }
                if !authorities.is_empty() {
                    options = options.ssl_root_cert_from_pem(authorities.to_vec());
                }
                To::Postgres(Box::new(options.disable_statement_logging()))
            }
            Dialect::MySql => {
                let mut options = MySqlConnectOptions::new()
                    .host(&url.host)
                    .port(url.port)
                    .database(&url.database)
                    .ssl_mode(match url.tls {
                        TlsMode::Disabled => MySqlSslMode::Disabled,
                        TlsMode::Preferred => MySqlSslMode::Preferred,
                        TlsMode::Required => MySqlSslMode::Required,
                        TlsMode::VerifyAuthority => MySqlSslMode::VerifyCa,
                        TlsMode::VerifyHost => MySqlSslMode::VerifyIdentity,
                    });
                if let Some(user) = user {
                    options = options.username(user);
                }
                if !authorities.is_empty() {
                    options = options.ssl_ca_from_pem(authorities.to_vec());
                }
                To::MySql(Box::new(options.disable_statement_logging()))
            }
        };
        Self {
            to,
            password: password.cloned(),
            silence,
        }
    }

    pub(crate) async fn connect(&self) -> sqlx::Result<Connection> {
        let password = self.password.as_ref().map(Secret::current);
        let connecting = async {
            Ok(match &self.to {
                To::Postgres(options) => {
                    let options = match &password {
                        Some(password) => options.clone().password(password.expose_secret()),
                        None => (**options).clone(),
                    };
                    Wire::Postgres(options.connect().await?)
                }
                To::MySql(options) => {
                    let options = match &password {
                        Some(password) => options.clone().password(password.expose_secret()),
                        None => (**options).clone(),
                    };
                    let mut connection = options.connect().await?;
                    connection.execute(MYSQL_ISOLATION).await?;
                    Wire::MySql(connection)
                }
            })
        };
        Ok(Connection {
            wire: answered(self.silence, connecting).await?,
            silence: self.silence,
        })
    }
}

/// Fails where the server says nothing.
async fn answered<T>(
    silence: Duration,
    asked: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    tokio::time::timeout(silence, asked)
        .await
        .unwrap_or_else(|_| {
            let seconds = silence.as_secs_f64();
            Err(sqlx::Error::Protocol(format!(
                "no answer within {seconds:.1} s"
            )))
        })
}

/// All rows, however long they take, as long as they keep coming.
async fn rows_of<R, S>(silence: Duration, mut rows: S, row: fn(R) -> Row) -> sqlx::Result<Vec<Row>>
where
    S: Stream<Item = sqlx::Result<R>> + Unpin,
{
    let mut found = Vec::new();
    while let Some(next) = answered(silence, rows.try_next()).await? {
        found.push(row(next));
    }
    Ok(found)
}

fn arguments<D: Database>(params: &[Param<'_>]) -> sqlx::Result<D::Arguments>
where
    for<'t> &'t str: Encode<'t, D> + Type<D>,
    for<'t> Option<&'t [u8]>: Encode<'t, D> + Type<D>,
    for<'t> NaiveDateTime: Encode<'t, D> + Type<D>,
    for<'t> i64: Encode<'t, D> + Type<D>,
{
    let mut arguments = D::Arguments::default();
    for param in params {
        match *param {
            Param::Text(text) => arguments.add(text),
            Param::Bytes(bytes) => arguments.add(bytes),
            Param::Time(time) => arguments.add(time),
            Param::Number(number) => arguments.add(number),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

impl Connection {
    pub(crate) fn dialect(&self) -> Dialect {
        match &self.wire {
            Wire::Postgres(_) => Dialect::Postgres,
            Wire::MySql(_) => Dialect::MySql,
        }
    }

    /// Whether the server is still there.
    pub(crate) async fn ping(&mut self) -> sqlx::Result<()> {
        match &mut self.wire {
            Wire::Postgres(connection) => answered(self.silence, connection.ping()).await,
            Wire::MySql(connection) => answered(self.silence, connection.ping()).await,
        }
    }

    /// Runs a statement without values that no cache should keep (`BEGIN`, `CREATE TABLE`).
    pub(crate) async fn run(&mut self, sql: &str) -> sqlx::Result<()> {
        let sql = AssertSqlSafe(sql.to_owned());
        match &mut self.wire {
            Wire::Postgres(connection) => {
                let done = answered(self.silence, connection.execute(sql)).await;
                done.map(drop)
            }
            Wire::MySql(connection) => {
                let done = answered(self.silence, connection.execute(sql)).await;
                done.map(drop)
            }
        }
    }

    /// Runs a statement; how many rows it found.
    pub(crate) async fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> sqlx::Result<u64> {
        let sql = AssertSqlSafe(sql.to_owned());
        Ok(match &mut self.wire {
            Wire::Postgres(connection) => {
                let query = sqlx::query_with(sql, arguments::<Postgres>(params)?);
                let done = answered(self.silence, query.execute(connection)).await;
                done?.rows_affected()
            }
            Wire::MySql(connection) => {
                let query = sqlx::query_with(sql, arguments::<MySql>(params)?);
                let done = answered(self.silence, query.execute(connection)).await;
                done?.rows_affected()
            }
        })
    }

    /// The rows of a query.
    pub(crate) async fn rows(&mut self, sql: &str, params: &[Param<'_>]) -> sqlx::Result<Vec<Row>> {
        let sql = AssertSqlSafe(sql.to_owned());
        match &mut self.wire {
            Wire::Postgres(connection) => {
                let query = sqlx::query_with(sql, arguments::<Postgres>(params)?);
                rows_of(self.silence, query.fetch(connection), Row::Postgres).await
            }
            Wire::MySql(connection) => {
                let query = sqlx::query_with(sql, arguments::<MySql>(params)?);
                rows_of(self.silence, query.fetch(connection), Row::MySql).await
            }
        }
    }

    /// Inserts a row; whether it was free. `sql` does nothing where PostgreSQL finds a row.
    pub(crate) async fn insert(&mut self, sql: &str, params: &[Param<'_>]) -> sqlx::Result<bool> {
        match self.execute(sql, params).await {
            Ok(rows) => Ok(rows > 0),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Values by column, whatever text-like or binary type the database gives them.
impl Row {
    pub(crate) fn text(&self, column: usize) -> sqlx::Result<Option<String>> {
        match self {
            Self::Postgres(row) => row.try_get_unchecked(column),
            Self::MySql(row) => row.try_get_unchecked(column),
        }
    }

    pub(crate) fn bytes(&self, column: usize) -> sqlx::Result<Option<Vec<u8>>> {
        match self {
            Self::Postgres(row) => row.try_get_unchecked(column),
            Self::MySql(row) => row.try_get_unchecked(column),
        }
    }

    pub(crate) fn number(&self, column: usize) -> sqlx::Result<i64> {
        match self {
            Self::Postgres(row) => row.try_get(column),
            Self::MySql(row) => row.try_get(column),
        }
    }

    pub(crate) fn time(&self, column: usize) -> sqlx::Result<NaiveDateTime> {
        match self {
            Self::Postgres(row) => row.try_get(column),
            Self::MySql(row) => row.try_get(column),
        }
    }
}
