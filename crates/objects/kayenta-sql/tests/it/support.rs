//! Accounts on test servers, and statements around the store.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use kayenta_http::HttpSettings;
use kayenta_model::{Clock, clock::Sleep};
use kayenta_sql::{ConnectionPool, MissingTables, SqlAccount, SqlStore};
use kayenta_storage::{ObjectStore, RetryPolicy, Retrying};
use kayenta_testkit::{SqlServer, sql_server::Product};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection, Row};

#[derive(Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn sleep_until(&self, _: DateTime<Utc>) -> Sleep<'_> {
        Box::pin(std::future::ready(()))
    }
}

/// The account of a database.
pub(crate) fn account(jdbc_url: &str) -> SqlAccount {
    SqlAccount {
        name: "my-sql-account".to_owned(),
        pool: ConnectionPool::new(jdbc_url.parse().unwrap()),
        migration: None,
    }
}

/// The store, without retries.
pub(crate) fn open(account: &SqlAccount) -> SqlStore {
    opened(account, MissingTables::Create)
}

pub(crate) fn opened(account: &SqlAccount, missing: MissingTables) -> SqlStore {
    let http = HttpSettings::default();
    SqlStore::new(account, &http, Arc::new(SystemClock), missing).unwrap()
}

/// The store as the server uses it.
pub(crate) fn retrying(account: &SqlAccount) -> Arc<dyn ObjectStore> {
    let (store, policy) = (open(account), RetryPolicy::default());
    Arc::new(Retrying::new(store, account.name.clone(), policy))
}

/// A database and what another program does there.
pub(crate) struct Database {
    pub(crate) server: SqlServer,
    pub(crate) product: Product,
}

impl Database {
    pub(crate) async fn start(product: Product) -> Self {
        let server = SqlServer::start(product).await.unwrap();
        Self { server, product }
    }

    pub(crate) fn account(&self) -> SqlAccount {
        account(&self.server.jdbc_url())
    }

    /// Runs statements one after the other; the first column of what the last one answers.
    pub(crate) async fn run(&self, statements: &str) -> Vec<String> {
        let url = self.server.jdbc_url();
        let url = url.strip_prefix("jdbc:").unwrap();
        let parts: url::Url = url.parse().unwrap();
        let pairs: Vec<(String, String)> = parts.query_pairs().into_owned().collect();
        let mut plain = parts.clone();
        plain.set_query(None);
        plain.set_username(&pairs[0].1).unwrap();
        plain.set_password(Some(&pairs[1].1)).unwrap();
        let statements = statements.split(";\n").map(str::trim);
        let statements = statements.filter(|statement| !statement.is_empty());
        let mut answer = Vec::new();
        match self.product {
            Product::Postgres => {
                let mut connection = PgConnection::connect(plain.as_str()).await.unwrap();
                for statement in statements {
                    let sql = AssertSqlSafe(statement.to_owned());
                    let rows = connection.fetch_all(sql).await.unwrap();
                    answer = rows
                        .iter()
                        .map(|row| row.try_get_unchecked(0).unwrap())
                        .collect();
                }
            }
            Product::MariaDb => {
                let mut connection = MySqlConnection::connect(plain.as_str()).await.unwrap();
                for statement in statements {
                    let sql = AssertSqlSafe(statement.to_owned());
                    let rows = connection.fetch_all(sql).await.unwrap();
                    answer = rows
                        .iter()
                        .map(|row| row.try_get_unchecked(0).unwrap())
                        .collect();
                }
            }
        }
        answer
    }

    /// Inserts a row as the reference does.
    pub(crate) async fn plant(&self, table: &str, id: &str, content: &str) {
        let (cast, now) = match self.product {
            Product::Postgres => ("::jsonb", "now() AT TIME ZONE 'UTC'"),
            Product::MariaDb => ("", "UTC_TIMESTAMP()"),
        };
        let content = match self.product {
            Product::Postgres => content.replace('\'', "''"),
            Product::MariaDb => content.replace('\\', "\\\\").replace('\'', "''"),
        };
        self.run(&format!(
            "INSERT INTO {table} (content, created_at, updated_at, id) VALUES ('{content}'{cast}, {now}, {now}, '{id}')"
        ))
        .await;
    }
}
