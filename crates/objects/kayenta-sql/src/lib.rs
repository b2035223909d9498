//! An [`ObjectStore`](kayenta_storage::ObjectStore) in a PostgreSQL, MySQL or MariaDB database.
//!
//! The tables are those of the reference: one row for each object, its content as JSON. A database the
//! reference filled is read as it is, and the reference reads what is written here. Tables whose names begin
//! with `kayenta_` hold what the reference's tables have no place for: file names, versions, and contents
//! that a JSON column would give back changed (C-SQL-04).
//!
//! The store tries everything once: wrap it in [`Retrying`](kayenta_storage::Retrying).

mod connection;
mod failure;
mod jdbc;
mod pool;
mod schema;
mod section;
mod settings;
mod statements;
mod store;

pub use jdbc::{Dialect, InvalidJdbcUrl, JdbcUrl, TlsMode};
pub use section::{DESCRIPTION, accounts};
pub use settings::{ConnectionPool, SqlAccount};
pub use store::{MissingTables, SqlStore};
