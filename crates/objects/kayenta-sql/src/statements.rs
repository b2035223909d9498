//! The SQL of the store.

use std::ops::Range;

use kayenta_storage::ObjectKind;

use crate::jdbc::Dialect;

/// Connections to MySQL read what is committed in any case.
pub(crate) fn begin(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        Dialect::MySql => "BEGIN",
    }
}

pub(crate) const COMMIT: &str = "COMMIT";
pub(crate) const ROLLBACK: &str = "ROLLBACK";

/// The table of a kind, the reference's but for the last.
pub(crate) fn table(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::CanaryConfig => "canary_config",
        ObjectKind::CanaryResultArchive => "canary_archive",
        ObjectKind::MetricSetList => "metric_sets",
        ObjectKind::MetricSetPairList => "metric_set_pairs",
        // C-SQL-05: the reference has no table for it and fails.
        ObjectKind::StandaloneCanaryResultArchive => "standalone_canary_archive",
    }
}

/// File names, versions and exact contents.
pub(crate) const OBJECTS: &str = "kayenta_objects";
/// A version for each kind that changes with every write.
pub(crate) const CHANGES: &str = "kayenta_changes";
/// Exclusive rights.
pub(crate) const LOCKS: &str = "kayenta_locks";

/// The statements for one kind. Values stand in the order of their names in the comments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statements {
    pub(crate) dialect: Dialect,
    /// Whether the tables of this service are there, too.
    pub(crate) objects: bool,
}

impl Statements {
    /// Every value is a `?`; PostgreSQL counts them.
    fn numbered(self, sql: &str) -> String {
        match self.dialect {
            Dialect::MySql => sql.to_owned(),
            Dialect::Postgres => {
                let mut parts = sql.split('?');
                let mut numbered = parts.next().unwrap_or_default().to_owned();
                for (index, part) in parts.enumerate() {
                    numbered.push_str(&format!("${}{part}", index + 1));
                }
                numbered
            }
        }
    }

    /// The values of [`is_key`](Self::is_key).
    pub(crate) fn key_values(self) -> usize {
        match self.dialect {
            Dialect::Postgres => 1,
            Dialect::MySql => 2,
        }
    }

    /// Whether a row is of exactly this key. Many collations of MySQL take other letters for the same
    /// (C-SQL-06).
    fn is_key(self, id: &str) -> String {
        match self.dialect {
            Dialect::Postgres => format!("{id} = ?"),
            Dialect::MySql => format!(
                "{id} = ? AND CAST(CONVERT({id} USING utf8mb4) AS BINARY) = CAST(CONVERT(? USING utf8mb4) AS BINARY)"
            ),
        }
    }

    /// PostgreSQL takes no text for JSON by itself (C-SQL-02).
    fn json(self) -> &'static str {
        match self.dialect {
            Dialect::Postgres => "CAST(? AS jsonb)",
            Dialect::MySql => "?",
        }
    }

    /// The name a config gives itself, where this service has not kept its file name.
    fn name(self, kind: ObjectKind) -> &'static str {
        match (kind, self.dialect) {
            (ObjectKind::CanaryConfig, Dialect::Postgres) => {
                "CASE WHEN b.id IS NULL THEN t.content->>'name' END"
            }
            (ObjectKind::CanaryConfig, Dialect::MySql) => {
                "CASE WHEN b.id IS NULL THEN JSON_UNQUOTE(JSON_EXTRACT(t.content, '$.name')) END"
            }
            _ => "CAST(NULL AS CHAR)",
        }
    }

    /// The reference's row, with ours if it is about what is there now.
    fn from(self, kind: ObjectKind) -> String {
        let table = table(kind);
        let objects = match (self.objects, self.dialect) {
            (true, _) => OBJECTS.to_owned(),
            (false, Dialect::Postgres) => format!(
                "(SELECT '' AS kind, id, '' AS filename, '' AS version, 0::bigint AS size, updated_at, \
                 ''::bytea AS content \
                 FROM {table} WHERE false)"
            ),
            (false, Dialect::MySql) => format!(
                "(SELECT '' AS kind, id, '' AS filename, '' AS version, 0 AS size, updated_at, '' AS content \
                 FROM {table} WHERE 1 = 0)"
            ),
        };
        format!(
            "FROM {table} t LEFT JOIN {objects} b \
             ON b.kind = '{}' AND b.id = t.id AND b.updated_at = t.updated_at",
            kind.group()
        )
    }

    /// How many bytes an object has, which only of other programs' rows has to be counted.
    fn size(self) -> &'static str {
        match self.dialect {
            Dialect::Postgres => {
                "CASE WHEN b.id IS NULL THEN CAST(octet_length(CAST(t.content AS text)) AS bigint) ELSE b.size END"
            }
            Dialect::MySql => {
                "CAST(CASE WHEN b.id IS NULL THEN LENGTH(CONVERT(t.content USING utf8mb4)) ELSE b.size END AS SIGNED)"
            }
        }
    }

    /// Id, file name, version, time, name, size of every object.
    pub(crate) fn list(self, kind: ObjectKind) -> String {
        let (name, size, from) = (self.name(kind), self.size(), self.from(kind));
        format!("SELECT t.id, b.filename, b.version, t.updated_at, {name}, {size} {from}")
    }

    /// The same of one object, its exact content and the database's, both only if it has at most `most` bytes. Key.
    pub(crate) fn load(self, kind: ObjectKind, most: u64) -> String {
        let (name, size) = (self.name(kind), self.size());
        let (from, is_key) = (self.from(kind), self.is_key("t.id"));
        let content = match self.dialect {
            Dialect::Postgres => "CAST(t.content AS text)",
            Dialect::MySql => "CONVERT(t.content USING utf8mb4)",
        };
        self.numbered(&format!(
            "SELECT t.id, b.filename, b.version, t.updated_at, {name}, {size}, \
             CASE WHEN {size} <= {most} THEN b.content END, \
             CASE WHEN b.content IS NULL AND {size} <= {most} THEN {content} END {from} WHERE {is_key}"
        ))
    }

    /// The version and time of an object, and a part of its content. Key.
    pub(crate) fn part(self, kind: ObjectKind, part: &Range<u64>) -> String {
        let (from, is_key) = (self.from(kind), self.is_key("t.id"));
        let (first, length) = (part.start + 1, part.end.saturating_sub(part.start));
        let content = match self.dialect {
            Dialect::Postgres => "convert_to(CAST(t.content AS text), 'UTF8')",
            Dialect::MySql => "CAST(CONVERT(t.content USING utf8mb4) AS BINARY)",
        };
        let part = |of: &str| format!("substring({of} FROM {first} FOR {length})");
        self.numbered(&format!(
            "SELECT b.version, t.updated_at, COALESCE({}, {}) {from} WHERE {is_key}",
            part("b.content"),
            part(content)
        ))
    }

    /// Makes other writers of the object wait. Key.
    pub(crate) fn hold(self, kind: ObjectKind) -> String {
        let (table, is_key) = (table(kind), self.is_key("id"));
        self.numbered(&format!("SELECT id FROM {table} WHERE {is_key} FOR UPDATE"))
    }

    /// The version and time of an object. Key.
    pub(crate) fn version(self, kind: ObjectKind) -> String {
        let (from, is_key) = (self.from(kind), self.is_key("t.id"));
        self.numbered(&format!(
            "SELECT b.version, t.updated_at {from} WHERE {is_key}"
        ))
    }

    /// Overwrites an object, with the time of its creation left as it is (C-SQL-03). Content, time, key.
    pub(crate) fn update(self, kind: ObjectKind) -> String {
        let (table, json, is_key) = (table(kind), self.json(), self.is_key("id"));
        self.numbered(&format!(
            "UPDATE {table} SET content = {json}, updated_at = ? WHERE {is_key}"
        ))
    }

    /// Creates an object. Id, content, time, time.
    pub(crate) fn insert(self, kind: ObjectKind) -> String {
        let (table, json) = (table(kind), self.json());
        self.numbered(&format!(
            "INSERT INTO {table} (id, content, created_at, updated_at) VALUES (?, {json}, ?, ?){}",
            self.unless_there()
        ))
    }

    /// A failed statement ends a transaction of PostgreSQL, and none of MySQL.
    fn unless_there(self) -> &'static str {
        match self.dialect {
            Dialect::Postgres => " ON CONFLICT DO NOTHING",
            Dialect::MySql => "",
        }
    }

    /// Keeps what the reference's table has no place for. Kind, id, file name, version, size, time, content.
    pub(crate) fn remember(self) -> String {
        let columns = ["filename", "version", "size", "updated_at", "content"];
        let (on_conflict, new): (_, fn(&str) -> String) = match self.dialect {
            Dialect::Postgres => ("ON CONFLICT (kind, id) DO UPDATE SET", |column| {
                format!("{column} = excluded.{column}")
            }),
            Dialect::MySql => ("ON DUPLICATE KEY UPDATE", |column| {
                format!("{column} = VALUES({column})")
            }),
        };
        let new: Vec<String> = columns.into_iter().map(new).collect();
        self.numbered(&format!(
            "INSERT INTO {OBJECTS} (kind, id, filename, version, size, updated_at, content) \
             VALUES (?, ?, ?, ?, ?, ?, ?) {on_conflict} {}",
            new.join(", ")
        ))
    }

    /// Key.
    pub(crate) fn delete(self, kind: ObjectKind) -> String {
        let (table, is_key) = (table(kind), self.is_key("id"));
        self.numbered(&format!("DELETE FROM {table} WHERE {is_key}"))
    }

    /// Kind, id.
    pub(crate) fn forget(self) -> String {
        self.numbered(&format!("DELETE FROM {OBJECTS} WHERE kind = ? AND id = ?"))
    }

    /// Version, kind.
    pub(crate) fn change(self) -> String {
        self.numbered(&format!("UPDATE {CHANGES} SET version = ? WHERE kind = ?"))
    }

    /// Kind.
    pub(crate) fn change_mark(self) -> String {
        self.numbered(&format!("SELECT version FROM {CHANGES} WHERE kind = ?"))
    }

    /// The database's time, so that the clocks of replicas do not matter.
    fn now(self) -> &'static str {
        match self.dialect {
            Dialect::Postgres => "(clock_timestamp() AT TIME ZONE 'UTC')",
            Dialect::MySql => "UTC_TIMESTAMP(6)",
        }
    }

    fn after(self, seconds: u64) -> String {
        match self.dialect {
            Dialect::Postgres => format!("{} + interval '{seconds} seconds'", self.now()),
            Dialect::MySql => format!("{} + INTERVAL {seconds} SECOND", self.now()),
        }
    }

    /// Takes over a right whose time is over. Owner, name.
    pub(crate) fn take_over(self, seconds: u64) -> String {
        let (now, end) = (self.now(), self.after(seconds));
        self.numbered(&format!(
            "UPDATE {LOCKS} SET owner = ?, ends_at = {end} WHERE name = ? AND ends_at < {now}"
        ))
    }

    /// Takes a lock that is free. Name, owner.
    pub(crate) fn take(self, seconds: u64) -> String {
        let (end, unless_there) = (self.after(seconds), self.unless_there());
        self.numbered(&format!(
            "INSERT INTO {LOCKS} (name, owner, ends_at) VALUES (?, ?, {end}){unless_there}"
        ))
    }

    /// Name, owner.
    pub(crate) fn release(self) -> String {
        self.numbered(&format!("DELETE FROM {LOCKS} WHERE name = ? AND owner = ?"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_for_postgresql_alone() {
        let statements = |dialect| Statements {
            dialect,
            objects: true,
        };
        let kind = ObjectKind::MetricSetList;
        assert_eq!(
            statements(Dialect::Postgres).insert(kind),
            "INSERT INTO metric_sets (id, content, created_at, updated_at) \
             VALUES ($1, CAST($2 AS jsonb), $3, $4) ON CONFLICT DO NOTHING"
        );
        assert_eq!(
            statements(Dialect::MySql).insert(kind),
            "INSERT INTO metric_sets (id, content, created_at, updated_at) VALUES (?, ?, ?, ?)"
        );
    }
}
