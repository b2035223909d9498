//! A real server of each remote object store, for tests that hold on all of them.

use std::{fmt, net::SocketAddr};

use crate::{
    azurite::Azurite,
    bucket_servers::BucketServer,
    sql_server::{Product, SqlServer},
};

/// Which remote object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteStore {
    /// Azure Blob Storage, by Azurite.
    Azure,
    /// S3, by gofakes3.
    S3,
    /// Google Cloud Storage, by fake-gcs-server.
    Gcs,
    /// PostgreSQL or MariaDB.
    Sql(Product),
}

/// As documents call it.
impl fmt::Display for RemoteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Azure => "Azure",
            Self::S3 => "S3",
            Self::Gcs => "GCS",
            Self::Sql(Product::Postgres) => "PostgreSQL",
            Self::Sql(Product::MariaDb) => "MariaDB",
        })
    }
}

/// A running server; it ends when dropped.
#[derive(Debug)]
pub enum ObjectServer {
    /// Azure Blob Storage.
    Azure(Azurite),
    /// S3.
    S3(BucketServer),
    /// Google Cloud Storage.
    Gcs(BucketServer),
    /// PostgreSQL or MariaDB.
    Sql(SqlServer),
}

impl ObjectServer {
    /// Starts the server of a store.
    ///
    /// # Errors
    /// When it cannot be installed or started.
    pub async fn start(store: RemoteStore) -> anyhow::Result<Self> {
        Ok(match store {
            RemoteStore::Azure => Self::Azure(Azurite::start().await?),
            RemoteStore::S3 => Self::S3(BucketServer::gofakes3().await?),
            RemoteStore::Gcs => Self::Gcs(BucketServer::fake_gcs().await?),
            RemoteStore::Sql(product) => Self::Sql(SqlServer::start(product).await?),
        })
    }

    /// Which store it serves.
    #[must_use]
    pub fn store(&self) -> RemoteStore {
        match self {
            Self::Azure(_) => RemoteStore::Azure,
            Self::S3(_) => RemoteStore::S3,
            Self::Gcs(_) => RemoteStore::Gcs,
            Self::Sql(server) => RemoteStore::Sql(server.product()),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Azure(azurite) => ([127, 0, 0, 1], azurite.port()).into(),
            Self::S3(server) | Self::Gcs(server) => server.address(),
            Self::Sql(server) => server.address(),
        }
    }

    /// The endpoint of an account on it.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.endpoint_at(&format!("http://{}", self.address()))
    }

    /// The endpoint of an account that reaches it at another root, such as a proxy's.
    #[must_use]
    pub fn endpoint_at(&self, root: &str) -> String {
        self.store().endpoint_at(root)
    }

    /// Makes a database of this name. Containers and buckets are made by who uses them.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn create_database(&self, name: &str) -> anyhow::Result<()> {
        match self {
            Self::Azure(_) | Self::S3(_) | Self::Gcs(_) => Ok(()),
            Self::Sql(server) => server.create_database(name).await,
        }
    }
}

impl RemoteStore {
    /// The endpoint of an account on a server with this root: with SQL, the JDBC URL.
    #[must_use]
    pub fn endpoint_at(self, root: &str) -> String {
        match self {
            Self::Azure => format!("{root}/{}", crate::azurite::ACCOUNT_NAME),
            Self::S3 | Self::Gcs => root.to_owned(),
            Self::Sql(product) => product.jdbc_url(root.trim_start_matches("http://")),
        }
    }
}
