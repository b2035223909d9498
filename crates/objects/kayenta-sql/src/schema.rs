//! The tables: the reference's, as its migrations leave them, and this service's own.
//!
//! The reference creates its tables with Liquibase and stops at a table that is there and not in the log of its
//! change sets. So who creates one here writes the log, too, with the checksums the reference writes.

use kayenta_storage::ObjectKind;

use crate::{
    connection::{Connection, Param},
    jdbc::Dialect,
    statements::{CHANGES, COMMIT, LOCKS, OBJECTS, ROLLBACK, begin, table},
};

/// What is in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Kinds that have a table, by their place in [`ObjectKind::ALL`].
    tables: [bool; ObjectKind::ALL.len()],
    /// Whether this service's own tables are there.
    pub(crate) objects: bool,
    /// Whether a JSON column gives back the very text that was stored: MariaDB.
    pub(crate) keeps_text: bool,
}

impl Layout {
    pub(crate) fn has(self, kind: ObjectKind) -> bool {
        let kinds = ObjectKind::ALL.iter().zip(self.tables);
        kinds
            .filter(|(_, there)| *there)
            .any(|(known, _)| *known == kind)
    }

    pub(crate) fn is_empty(self) -> bool {
        !self.tables.contains(&true)
    }

    pub(crate) fn is_complete(self) -> bool {
        self.objects && !self.tables.contains(&false)
    }
}

/// The reference's log of change sets, which Liquibase asks for in this case.
fn change_log(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "databasechangelog",
        Dialect::MySql => "DATABASECHANGELOG",
    }
}

/// The reference's change sets: id, number of the file, checksum.
const CHANGE_SETS: [(&str, &str, &str); 5] = [
    (
        "create-canary-archive-table",
        "202303091551",
        "9:5d83edd6d2f8a7a6ca95a9fa710871dd",
    ),
    (
        "create-canary-config-table",
        "202303091552",
        "9:8796ee3e81ca47ca405371ce1acc3156",
    ),
    (
        "create-metric-sets-table",
        "202303091553",
        "9:3f021387da794b48f5173bc917b7afc5",
    ),
    (
        "create-metric-set-pairs-table",
        "202303091554",
        "9:2134ffac22d3733bf12c9af503d4298d",
    ),
    (
        "adjust-tables-for-postgres",
        "202303091555",
        "9:9c35c9d4b244e87f946c1e358c793ff9",
    ),
];

/// What excludes other replicas that create tables.
const MIGRATION_LOCK: i64 = 0x006b_6179_656e_7461;

async fn tables(connection: &mut Connection) -> sqlx::Result<Vec<String>> {
    let sql = match connection.dialect() {
        Dialect::Postgres => {
            "SELECT lower(table_name::text) FROM information_schema.tables \
             WHERE table_schema = current_schema()"
        }
        Dialect::MySql => {
            "SELECT LOWER(CAST(table_name AS CHAR)) FROM information_schema.tables \
             WHERE table_schema = DATABASE()"
        }
    };
    let rows = connection.rows(sql, &[]).await?;
    rows.iter()
        .filter_map(|row| row.text(0).transpose())
        .collect()
}

/// What is there.
pub(crate) async fn look(connection: &mut Connection) -> sqlx::Result<Layout> {
    let tables = tables(connection).await?;
    let has = |name: &str| tables.iter().any(|table| table == name);
    let keeps_text = match connection.dialect() {
        Dialect::Postgres => false,
        Dialect::MySql => {
            let rows = connection.rows("SELECT VERSION()", &[]).await?;
            let version = rows.first().map(|row| row.text(0)).transpose()?.flatten();
            version.is_some_and(|version| version.contains("MariaDB"))
        }
    };
    Ok(Layout {
        tables: ObjectKind::ALL.map(|kind| has(table(kind))),
        objects: [OBJECTS, CHANGES, LOCKS].into_iter().all(has),
        keeps_text,
    })
}

/// Creates what is missing; what is there stays as it is.
pub(crate) async fn create_missing(connection: &mut Connection) -> sqlx::Result<()> {
    match connection.dialect() {
        Dialect::Postgres => {
            connection.run(begin(Dialect::Postgres)).await?;
            let lock = format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})");
            connection.run(&lock).await?;
            let created = create(connection, Dialect::Postgres).await;
            let end = if created.is_ok() { COMMIT } else { ROLLBACK };
            connection.run(end).await?;
            created
        }
        Dialect::MySql => {
            connection
                .run("SELECT GET_LOCK('kayenta-sql-migration', 30)")
                .await?;
            let created = create(connection, Dialect::MySql).await;
            connection
                .run("SELECT RELEASE_LOCK('kayenta-sql-migration')")
                .await?;
            created
        }
    }
}

async fn create(connection: &mut Connection, dialect: Dialect) -> sqlx::Result<()> {
    if look(connection).await?.is_complete() {
        return Ok(());
    }
    for kind in ObjectKind::ALL {
        connection
            .run(&create_objects(dialect, table(kind)))
            .await?;
    }
    for sql in own_tables(dialect) {
        connection.run(&sql).await?;
    }
    let kind = ObjectKind::CanaryConfig.group();
    let first = match dialect {
        Dialect::Postgres => {
            format!("INSERT INTO {CHANGES} VALUES ('{kind}', '0') ON CONFLICT DO NOTHING")
        }
        Dialect::MySql => format!("INSERT IGNORE INTO {CHANGES} VALUES ('{kind}', '0')"),
    };
    connection.run(&first).await?;
    connection.run(&create_log(dialect)).await?;
    log_change_sets(connection, dialect).await
}

fn create_objects(dialect: Dialect, table: &str) -> String {
    let (id, content, time) = match dialect {
        Dialect::Postgres => ("VARCHAR(255)", "JSONB", "TIMESTAMP WITHOUT TIME ZONE"),
        // With the server's own collation ids that differ by case only would be the same.
        Dialect::MySql => (
            "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            "JSON",
            "DATETIME",
        ),
    };
    format!(
        "CREATE TABLE IF NOT EXISTS {table} (id {id} NOT NULL, content {content} NOT NULL, \
         created_at {time} NOT NULL, updated_at {time} NOT NULL, PRIMARY KEY (id))"
    )
}

fn own_tables(dialect: Dialect) -> [String; 3] {
    let (suffix, time, exact_time, bytes) = match dialect {
        Dialect::Postgres => (
            "",
            "TIMESTAMP WITHOUT TIME ZONE",
            "TIMESTAMP WITHOUT TIME ZONE",
            "BYTEA",
        ),
        Dialect::MySql => (
            " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            "DATETIME",
            "DATETIME(6)",
            "LONGBLOB",
        ),
    };
    [
        format!(
            "CREATE TABLE IF NOT EXISTS {OBJECTS} (kind VARCHAR(64) NOT NULL, id VARCHAR(255) NOT NULL, \
             filename VARCHAR(512) NOT NULL, version VARCHAR(64) NOT NULL, size BIGINT NOT NULL, updated_at {time} NOT NULL, \
             content {bytes}, PRIMARY KEY (kind, id)){suffix}"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {CHANGES} (kind VARCHAR(64) NOT NULL, version VARCHAR(64) NOT NULL, \
             PRIMARY KEY (kind)){suffix}"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {LOCKS} (name VARCHAR(255) NOT NULL, owner VARCHAR(64) NOT NULL, \
             ends_at {exact_time} NOT NULL, PRIMARY KEY (name)){suffix}"
        ),
    ]
}

fn create_log(dialect: Dialect) -> String {
    let time = match dialect {
        Dialect::Postgres => "TIMESTAMP WITHOUT TIME ZONE",
        Dialect::MySql => "DATETIME",
    };
    format!(
        "CREATE TABLE IF NOT EXISTS {} (ID VARCHAR(255) NOT NULL, AUTHOR VARCHAR(255) NOT NULL, \
         FILENAME VARCHAR(255) NOT NULL, DATEEXECUTED {time} NOT NULL, ORDEREXECUTED INT NOT NULL, \
         EXECTYPE VARCHAR(10) NOT NULL, MD5SUM VARCHAR(35), DESCRIPTION VARCHAR(255), \
         COMMENTS VARCHAR(255), TAG VARCHAR(255), LIQUIBASE VARCHAR(20), CONTEXTS VARCHAR(255), \
         LABELS VARCHAR(255), DEPLOYMENT_ID VARCHAR(10))",
        change_log(dialect)
    )
}

async fn log_change_sets(connection: &mut Connection, dialect: Dialect) -> sqlx::Result<()> {
    let log = change_log(dialect);
    let rows = connection
        .rows(&format!("SELECT ID FROM {log}"), &[])
        .await?;
    let logged: Vec<String> = rows
        .iter()
        .filter_map(|row| row.text(0).transpose())
        .collect::<sqlx::Result<_>>()?;
    let (values, now) = match dialect {
        Dialect::Postgres => ("$1, $2, $3", "CURRENT_TIMESTAMP"),
        Dialect::MySql => ("?, ?, ?", "UTC_TIMESTAMP()"),
    };
    for (index, (id, number, checksum)) in CHANGE_SETS.into_iter().enumerate() {
        if logged.iter().any(|logged| logged == id) {
            continue;
        }
        // The last change set is for PostgreSQL alone, which the table is created for here already.
        let ran = match (id, dialect) {
            ("adjust-tables-for-postgres", Dialect::MySql) => "MARK_RAN",
            _ => "EXECUTED",
        };
        let order = index + 1;
        let filename = format!("db/changelog/{number}-{id}.yml");
        let sql = format!(
            "INSERT INTO {log} (ID, FILENAME, MD5SUM, AUTHOR, DATEEXECUTED, ORDEREXECUTED, EXECTYPE) \
             VALUES ({values}, 'alexey.bedonik', {now}, {order}, '{ran}')"
        );
        let values = [
            Param::Text(id),
            Param::Text(&filename),
            Param::Text(checksum),
        ];
        connection.execute(&sql, &values).await?;
    }
    Ok(())
}
