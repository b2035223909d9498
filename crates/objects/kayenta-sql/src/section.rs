//! `kayenta.sql`: accounts in databases, and how the databases are reached.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use kayenta_accounts::{AccountKind, AccountSettings, Section, name, supported_types};
use kayenta_model::{AccountType, JsonMap};
use kayenta_properties::{Diagnostic, Group};
use kayenta_storage::{
    ObjectAccount, ObjectStore, ObjectStoreDescription, OpenError, Opening, Place, Remark,
    StorageError,
};

use crate::{
    jdbc::{JdbcUrl, TlsMode},
    settings::{ConnectionPool, SqlAccount},
    store::{MissingTables, SqlStore},
};

/// Objects in a database.
pub static DESCRIPTION: ObjectStoreDescription = ObjectStoreDescription {
    kind: AccountKind::of_objects("sql", "SQL"),
    read: |section| {
        accounts(section)
            .into_iter()
            .map(|account| account.map(|sql| Some(Arc::new(sql) as _)))
            .collect()
    },
    log_target: "kayenta_sql",
    java_loggers: &["com.netflix.kayenta.sql"],
};

/// What an account is for that does not say so.
const TYPES: [AccountType; 2] = [AccountType::ObjectStore, AccountType::ConfigurationStore];

/// The accounts of `kayenta.sql.accounts`, each on one of `kayenta.sql.connectionPools` or, where there are
/// none, on `spring.datasource`, where the Java service has its database (C-SQL-01).
#[must_use]
pub fn accounts(section: &Section<'_>) -> Vec<AccountSettings<SqlAccount>> {
    let group = section.group();
    let pools = pools(group);
    let migration = group.group("migration");
    let migration = match migration.is_present() {
        true => pool(&migration, "jdbcUrl", "user"),
        // Read without effect, so that the names are known.
        false => group.binder().muted(|| pool(&migration, "jdbcUrl", "user")),
    };
    group.accept(&[
        "migration.additionalChangeLogs",
        "migration.dialect",
        "migration.driver",
    ]);
    group.accept(&[
        "migration.duplicateFileAllowed",
        "unhealthyThreshold",
        "healthyThreshold",
    ]);
    let accounts = section.accounts(|group| account(group, &pools, migration.as_ref()));
    if !group.group("accounts").is_present() {
        group.report(
            Diagnostic::warning(
                "no account keeps objects in the database: kayenta.sql.accounts is empty",
            )
            .property(group.full("accounts"))
            .at(group.begin())
            .remedy("Add an account with a name to kayenta.sql.accounts"),
        );
    }
    accounts
}

/// A connection pool by its name.
struct Named {
    name: String,
    is_default: bool,
    pool: Option<ConnectionPool>,
}

fn pools(group: &Group<'_>) -> Vec<Named> {
    let configured = group.group("connectionPools");
    let mut names = group.keys("connectionPools");
    if names.is_empty() {
        // Read without effect, so that the names are known.
        let unnamed = configured.group("default");
        group.binder().muted(|| named(&unnamed, "default"));
        let spring = group.binder().group("spring.datasource");
        let mut pool = match group.group("accounts").is_present() {
            true => pool(&spring, "url", "username"),
            false => group.binder().muted(|| pool(&spring, "url", "username")),
        };
        if let Some(pool) = &mut pool {
            let hikari = spring.group("hikari");
            sizes(
                &hikari,
                pool,
                [
                    "maximumPoolSize",
                    "connectionTimeout",
                    "idleTimeout",
                    "maxLifetime",
                ],
            );
        }
        return vec![Named {
            name: "spring.datasource".to_owned(),
            is_default: true,
            pool,
        }];
    }
    names.sort();
    names
        .iter()
        .map(|name| named(&configured.group(name), name))
        .collect()
}

fn named(group: &Group<'_>, name: &str) -> Named {
    let mut pool = pool(group, "jdbcUrl", "user");
    if let Some(pool) = &mut pool {
        sizes(
            group,
            pool,
            [
                "maxPoolSize",
                "connectionTimeoutMs",
                "idleTimeoutMs",
                "maxLifetimeMs",
            ],
        );
    }
    group.accept(&["dialect", "driver", "minIdle", "validationTimeoutMs"]);
    Named {
        name: name.to_owned(),
        is_default: group.boolean("default", false),
        pool,
    }
}

fn pool(group: &Group<'_>, url: &str, user: &str) -> Option<ConnectionPool> {
    let user = group.text(user);
    let password = group.secret("password");
    let expected = "jdbc:postgresql://host:port/database or jdbc:mysql://host:port/database";
    if !group.is_given(url) {
        group.missing(url, expected);
    }
    let url = group.parsed(
        url,
        |text| text.parse::<JdbcUrl>().map_err(|error| error.to_string()),
        expected,
    )?;
    Some(ConnectionPool {
        user,
        password,
        ..ConnectionPool::new(url)
    })
}

fn sizes(group: &Group<'_>, pool: &mut ConnectionPool, names: [&str; 4]) {
    let [most, connect, idle, age] = names;
    let most_connections = ConnectionPool::MOST_CONNECTIONS;
    pool.most_connections = group.integer(most, 1_u32, 10_000, most_connections);
    let millis =
        |name: &str, default: Duration| group.units(name, Duration::from_millis(1), default);
    pool.connect_timeout = millis(connect, ConnectionPool::CONNECT_TIMEOUT);
    pool.idle_timeout = millis(idle, ConnectionPool::IDLE_TIMEOUT);
    pool.most_age = millis(age, ConnectionPool::MOST_AGE);
}

fn account(
    group: &Group<'_>,
    pools: &[Named],
    migration: Option<&ConnectionPool>,
) -> Option<AccountSettings<SqlAccount>> {
    let name = name(group);
    let types = supported_types(group, &TYPES);
    let wanted = group.text("connectionPool");
    let found = match (&wanted, pools) {
        (Some(wanted), _) => pools.iter().find(|pool| pool.name == *wanted),
        (None, [only]) => Some(only),
        (None, _) => pools
            .iter()
            .find(|pool| pool.is_default)
            .or_else(|| pools.iter().find(|pool| pool.name == "default")),
    };
    let Some(found) = found else {
        let names: Vec<_> = pools.iter().map(|pool| pool.name.as_str()).collect();
        let message = match wanted {
            Some(wanted) => format!("there is no connection pool '{wanted}'"),
            None => "no connection pool is the default".to_owned(),
        };
        group.report(
            Diagnostic::error(message)
                .property(group.full("connectionPool"))
                .at(group.at("connectionPool"))
                .expected(format!("one of {}", names.join(", "))),
        );
        return None;
    };
    let name = name?;
    let account = SqlAccount {
        name: name.clone(),
        // What is wrong with it has been reported there.
        pool: found.pool.clone()?,
        migration: migration.cloned(),
    };
    Some(AccountSettings::new(name, types, account))
}

impl SqlAccount {
    fn store(
        &self,
        opening: &Opening,
        missing: MissingTables,
    ) -> Result<Arc<dyn ObjectStore>, StorageError> {
        let clock = Arc::clone(&opening.clock);
        Ok(Arc::new(SqlStore::new(
            self,
            &opening.http,
            clock,
            missing,
        )?))
    }
}

#[async_trait]
impl ObjectAccount for SqlAccount {
    fn shown(&self) -> JsonMap {
        let url = self.pool.url.to_string();
        JsonMap::from_iter([("jdbcUrl".to_owned(), url.into())])
    }

    fn place(&self) -> Place {
        Place::Network
    }

    async fn open(&self, opening: &Opening) -> Result<Arc<dyn ObjectStore>, OpenError> {
        self.store(opening, MissingTables::Create)
            .map_err(OpenError::LeftOut)
    }

    fn open_for_reading(&self, opening: &Opening) -> Result<Arc<dyn ObjectStore>, StorageError> {
        self.store(opening, MissingTables::Leave)
    }

    async fn remarks(&self) -> Vec<Remark> {
        let JdbcUrl {
            dialect, host, tls, ..
        } = &self.pool.url;
        let certificate = match tls {
            TlsMode::Disabled => {
                return vec![Remark::Note(format!(
                    "connections to {dialect} at {host} are not encrypted"
                ))];
            }
            TlsMode::Preferred => "if the server can; its certificate is not checked",
            TlsMode::Required => "and the server's certificate is not checked",
            TlsMode::VerifyAuthority => "and the server's certificate is checked without its name",
            TlsMode::VerifyHost => "and the server's certificate is checked",
        };
        vec![Remark::Note(format!(
            "connections to {dialect} at {host} are encrypted, {certificate}"
        ))]
    }
}
