//! The service with everything it talks to.

use std::{error::Error, net::SocketAddr, path::Path};

use clap::ValueEnum;
use kayenta_testkit::{
    ObjectServer, RemoteStore, azurite, bucket_servers,
    redis_server::RedisServer,
    service::{Service, ServiceBuilder},
    sql_server::Product,
};

/// What keeps objects and work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stores {
    /// Files under the data directory.
    Embedded,
    /// Real Redis, and Azurite as Azure Blob Storage.
    RedisAzurite,
    /// Real Redis, and gofakes3 as S3.
    RedisS3,
    /// Real Redis, and fake-gcs-server as Google Cloud Storage.
    RedisGcs,
    /// Real Redis and PostgreSQL.
    RedisPostgresql,
    /// Real Redis and MariaDB.
    RedisMariadb,
}

impl Stores {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Embedded => "Embedded (disk)",
            Self::RedisAzurite => "Redis + Azurite",
            Self::RedisS3 => "Redis + gofakes3 (S3)",
            Self::RedisGcs => "Redis + fake-gcs-server (Google Cloud Storage)",
            Self::RedisPostgresql => "Redis + PostgreSQL",
            Self::RedisMariadb => "Redis + MariaDB",
        }
    }
}

/// A running service and its surroundings, all of which end with it.
pub(crate) struct Stack {
    pub(crate) service: Service,
    /// They have to outlive the service.
    pub(crate) surroundings: Surroundings,
}

/// Everything but the service.
pub(crate) struct Surroundings {
    metric_store: SocketAddr,
    pub(crate) redis: Option<RedisServer>,
    pub(crate) objects: Option<ObjectServer>,
}

impl Surroundings {
    pub(crate) async fn start(stores: Stores) -> Result<Self, Box<dyn Error>> {
        let metric_store = kayenta_benches::metric_store::serve().await?;
        let remote = match stores {
            Stores::Embedded => None,
            Stores::RedisAzurite => Some(RemoteStore::Azure),
            Stores::RedisS3 => Some(RemoteStore::S3),
            Stores::RedisGcs => Some(RemoteStore::Gcs),
            Stores::RedisPostgresql => Some(RemoteStore::Sql(Product::Postgres)),
            Stores::RedisMariadb => Some(RemoteStore::Sql(Product::MariaDb)),
        };
        let (redis, objects) = match remote {
            None => (None, None),
            Some(store) => (
                Some(RedisServer::start().await?),
                Some(ObjectServer::start(store).await?),
            ),
        };
        Ok(Self {
            metric_store,
            redis,
            objects,
        })
    }

    pub(crate) fn builder(&self, binary: &Path) -> ServiceBuilder {
        self.builder_with(binary, "")
    }

    /// A service with more lines in its `kayenta.yml`.
    pub(crate) fn builder_with(&self, binary: &Path, more: &str) -> ServiceBuilder {
        ServiceBuilder::new(binary).config(self.config() + more)
    }

    fn config(&self) -> String {
        let section = |kind: &str, service: &str, settings: &str| {
            format!(
                "  {kind}:\n    enabled: true\n    accounts:\n      - name: canary-storage\n{settings}        supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]\n{service}"
            )
        };
        let storage = match &self.objects {
            None => section("disk", "", ""),
            Some(objects) => {
                let endpoint = objects.endpoint();
                match objects.store() {
                    RemoteStore::Azure => section(
                        "azure",
                        "  blobs.enabled: true\n",
                        &format!(
                            "        storageAccountName: {}\n        accountAccessKey: {}\n        blobEndpoint: {endpoint}\n        container: kayenta\n        rootFolder: kayenta\n",
                            azurite::ACCOUNT_NAME,
                            azurite::ACCOUNT_KEY,
                        ),
                    ),
                    RemoteStore::S3 => section(
                        "aws",
                        "  s3.enabled: true\n",
                        &format!(
                            "        endpoint: {endpoint}\n        bucket: kayenta\n        explicitCredentials: {{accessKey: {}, secretKey: {}}}\n",
                            bucket_servers::ACCESS_KEY,
                            bucket_servers::SECRET_KEY,
                        ),
                    ),
                    RemoteStore::Gcs => section(
                        "google",
                        "  gcs.enabled: true\n",
                        &format!(
                            "        endpoint: {endpoint}\n        project: my-project\n        bucket: kayenta\n",
                        ),
                    ),
                    RemoteStore::Sql(_) => section(
                        "sql",
                        &format!("    connectionPools.default.jdbcUrl: {endpoint}\n"),
                        "",
                    ),
                }
            }
        };
        let redis = self
            .redis
            .as_ref()
            .map(|redis| format!("redis:\n  connection: {}\n", redis.url()))
            .unwrap_or_default();
        format!(
            "{redis}kayenta:\n{storage}  prometheus:\n    enabled: true\n    accounts:\n      - name: canary-prometheus\n        endpoint:\n          baseUrl: http://{}\n  standaloneCanaryAnalysis:\n    enabled: true\nmanagement.endpoints.web.exposure.include: '*'\nmanagement.endpoint.health.show-details: always\n",
            self.metric_store,
        )
    }
}

impl Stack {
    pub(crate) async fn start(binary: &Path, stores: Stores) -> Result<Self, Box<dyn Error>> {
        Self::start_with(binary, stores, "").await
    }

    /// With more lines in `kayenta.yml`.
    pub(crate) async fn start_with(
        binary: &Path,
        stores: Stores,
        more: &str,
    ) -> Result<Self, Box<dyn Error>> {
        let surroundings = Surroundings::start(stores).await?;
        let service = surroundings.builder_with(binary, more).start().await?;
        Ok(Self {
            service,
            surroundings,
        })
    }
}
