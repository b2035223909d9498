//! URLs of databases as Java's drivers write them.

use std::{fmt, path::PathBuf, str::FromStr};

use kayenta_secrets::Secret;
use percent_encoding::percent_decode_str;
use url::Url;

/// Which SQL is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    MySql,
}

/// The name of the product, as messages have it.
impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MySQL",
        })
    }
}

/// Whether a connection is encrypted, and how the server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// Never encrypted.
    Disabled,
    /// Encrypted if the server can; the certificate is not checked.
    Preferred,
    /// Encrypted; the certificate is not checked.
    Required,
    /// Encrypted; the certificate must be of a trusted authority.
    VerifyAuthority,
    /// Encrypted; the certificate must be of a trusted authority and name the host.
    VerifyHost,
}

/// Where a database is: `jdbc:postgresql://host:5432/database?sslmode=verify-full`,
/// `jdbc:mysql://host:3306/database` or `jdbc:mariadb://…`. Parameters that say nothing about the connection
/// itself are of Java's driver and have no effect.
#[derive(Clone)]
pub struct JdbcUrl {
    /// Which SQL is spoken there.
    pub dialect: Dialect,
    /// Host name or address.
    pub host: String,
    /// Port, that of the dialect by default.
    pub port: u16,
    /// Name of the database.
    pub database: String,
    /// The user, if the URL names one.
    pub user: Option<String>,
    /// The password, if the URL has one.
    pub password: Option<Secret>,
    /// `sslmode`, `sslMode`, `useSSL`.
    pub tls: TlsMode,
    /// `sslrootcert`, `serverSslCert`: a PEM file of authorities beside those of the service.
    pub authorities: Option<PathBuf>,
}

/// Why a text is not the URL of a database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidJdbcUrl(String);

/// What is shown: neither user nor password nor parameters.
impl fmt::Display for JdbcUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.dialect {
            Dialect::Postgres => "postgresql",
            Dialect::MySql => "mysql",
        };
        let Self {
            host,
            port,
            database,
            ..
        } = self;
        write!(f, "jdbc:{scheme}://{host}:{port}/{database}")
    }
}

impl fmt::Debug for JdbcUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({:?})", self.tls)
    }
}

impl FromStr for JdbcUrl {
    type Err = InvalidJdbcUrl;

    fn from_str(text: &str) -> Result<Self, InvalidJdbcUrl> {
        let wrong = |why: &str| InvalidJdbcUrl(why.to_owned());
        let rest = text.strip_prefix("jdbc:").unwrap_or(text);
        let url = Url::parse(rest).map_err(|_| wrong("not the URL of a database"))?;
        let (dialect, port) = match url.scheme() {
            "postgresql" | "postgres" => (Dialect::Postgres, 5432),
            "mysql" | "mariadb" => (Dialect::MySql, 3306),
            other => {
                let why = format!("a database of the kind '{other}' is not supported");
                return Err(InvalidJdbcUrl(why));
            }
        };
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| wrong("the URL has no host"))?;
        if host.contains([',', '(']) {
            return Err(wrong(
                "the URL names several hosts; name one, such as that of a proxy",
            ));
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let database = decoded(url.path().trim_start_matches('/'));
        if database.is_empty() {
            return Err(wrong("the URL names no database"));
        }
        let mut parsed = Self {
            dialect,
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(port),
            database,
            user: Some(decoded(url.username())).filter(|user| !user.is_empty()),
            password: url.password().map(|password| decoded(password).into()),
            tls: TlsMode::Preferred,
            authorities: None,
        };
        let mut legacy = [None; 3];
        for (name, value) in url.query_pairs() {
            let is_on = value.eq_ignore_ascii_case("true");
            match name.as_ref() {
                "user" => parsed.user = Some(value.into_owned()),
                "password" => parsed.password = Some(value.into_owned().into()),
                "sslmode" | "sslMode" => parsed.tls = tls(&value)?,
                "ssl" if is_on => parsed.tls = TlsMode::VerifyHost,
                "sslrootcert" | "serverSslCert" => parsed.authorities = Some(value.as_ref().into()),
                "useSSL" => legacy[0] = Some(is_on),
                "requireSSL" => legacy[1] = Some(is_on),
                "verifyServerCertificate" => legacy[2] = Some(is_on),
                _ => {}
            }
        }
        match legacy {
            [Some(false), ..] => parsed.tls = TlsMode::Disabled,
            [_, _, Some(true)] => parsed.tls = TlsMode::VerifyAuthority,
            [_, Some(true), _] => parsed.tls = TlsMode::Required,
            _ => {}
        }
        Ok(parsed)
    }
}

/// The names of pgjdbc, Connector/J and MariaDB's driver.
fn tls(name: &str) -> Result<TlsMode, InvalidJdbcUrl> {
    Ok(match name.to_ascii_lowercase().replace('_', "-").as_str() {
        "disable" | "disabled" => TlsMode::Disabled,
        "allow" | "prefer" | "preferred" => TlsMode::Preferred,
        "require" | "required" | "trust" => TlsMode::Required,
        "verify-ca" => TlsMode::VerifyAuthority,
        "verify-full" | "verify-identity" => TlsMode::VerifyHost,
        _ => {
            let why = "sslmode is none of disable, prefer, require, verify-ca, verify-full";
            return Err(InvalidJdbcUrl(why.to_owned()));
        }
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn parsed(text: &str) -> JdbcUrl {
        text.parse().unwrap()
    }

    #[test]
    fn urls_of_java_drivers_are_read() {
        let url = parsed(
            "jdbc:postgresql://db.example:5433/kay%20enta?stringtype=unspecified&sslmode=verify-full\
             &sslrootcert=/etc/ca.pem&user=k&password=s%26t",
        );
        assert_eq!(
            url.to_string(),
            "jdbc:postgresql://db.example:5433/kay enta"
        );
        assert_eq!(url.tls, TlsMode::VerifyHost);
        assert_eq!(url.authorities, Some("/etc/ca.pem".into()));
        assert_eq!(url.user.as_deref(), Some("k"));
        assert_eq!(
            url.password.as_ref().unwrap().current().expose_secret(),
            "s&t"
        );
        assert!(!format!("{url:?}").contains("s&t"));

        let url = parsed("jdbc:mysql://u:p%40w@[::1]/kayenta?serverTimezone=UTC&useSSL=false");
        assert_eq!((url.host.as_str(), url.port), ("::1", 3306));
        assert_eq!(url.password.unwrap().current().expose_secret(), "p@w");
        assert_eq!(url.tls, TlsMode::Disabled);
    }

    #[test]
    fn encryption_goes_by_the_names_of_each_driver() {
        for (parameters, expected) in [
            ("", TlsMode::Preferred),
            ("?sslMode=VERIFY_IDENTITY", TlsMode::VerifyHost),
            ("?sslMode=VERIFY_CA", TlsMode::VerifyAuthority),
            ("?sslMode=trust", TlsMode::Required),
            ("?useSSL=true", TlsMode::Preferred),
            ("?useSSL=true&requireSSL=true", TlsMode::Required),
            (
                "?useSSL=true&verifyServerCertificate=true",
                TlsMode::VerifyAuthority,
            ),
            ("?ssl=true", TlsMode::VerifyHost),
        ] {
            let url = parsed(&format!("jdbc:mariadb://h/d{parameters}"));
            assert_eq!(url.tls, expected, "{parameters}");
        }
    }

    #[test]
    fn what_is_no_database_of_ours_is_refused_with_a_reason() {
        for (text, why) in [
            ("jdbc:h2:mem:x", "of the kind 'h2'"),
            ("jdbc:mysql://h", "no database"),
            ("jdbc:mysql://h1,h2/d", "several hosts"),
            ("jdbc:postgresql:///d", "no host"),
            ("jdbc:postgresql://h/d?sslmode=maybe", "none of disable"),
            ("kayenta", "not the URL"),
        ] {
            let error = text.parse::<JdbcUrl>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
