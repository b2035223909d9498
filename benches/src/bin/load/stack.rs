//! The service with everything it talks to.

use std::{error::Error, net::SocketAddr, path::Path};

use clap::ValueEnum;
use kayenta_testkit::{
    azurite::{self, Azurite},
    redis_server::RedisServer,
    service::{Service, ServiceBuilder},
};

/// What keeps objects and work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stores {
    /// Files under the data directory.
    Embedded,
    /// Real Redis, and Azurite as Azure Blob Storage.
    RedisAzurite,
}

impl Stores {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Embedded => "Embedded (disk)",
            Self::RedisAzurite => "Redis + Azurite",
        }
    }
}

/// A running service and its surroundings, all of which end with it.
pub(crate) struct Stack {
    pub(crate) service: Service,
    /// Held so that they outlive the service.
    _surroundings: Surroundings,
}

/// Everything but the service.
pub(crate) struct Surroundings {
    metric_store: SocketAddr,
    redis: Option<RedisServer>,
    azurite: Option<Azurite>,
}

impl Surroundings {
    pub(crate) async fn start(stores: Stores) -> Result<Self, Box<dyn Error>> {
        let metric_store = kayenta_benches::metric_store::serve().await?;
        let (redis, azurite) = match stores {
            Stores::Embedded => (None, None),
            Stores::RedisAzurite => (
                Some(RedisServer::start().await?),
                Some(Azurite::start().await?),
            ),
        };
        Ok(Self {
            metric_store,
            redis,
            azurite,
        })
    }

    pub(crate) fn builder(&self, binary: &Path) -> ServiceBuilder {
        ServiceBuilder::new(binary).config(self.config())
    }

    fn config(&self) -> String {
        let storage = match &self.azurite {
            None => "  disk:\n    enabled: true\n    accounts:\n      - name: canary-storage\n        supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]\n".to_owned(),
            Some(azurite) => format!(
                "  azure:\n    enabled: true\n    accounts:\n      - name: canary-storage\n        storageAccountName: {}\n        accountAccessKey: {}\n        blobEndpoint: {}\n        container: kayenta\n        rootFolder: kayenta\n        supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]\n  blobs:\n    enabled: true\n",
                azurite::ACCOUNT_NAME,
                azurite::ACCOUNT_KEY,
                azurite.endpoint(),
            ),
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
        let surroundings = Surroundings::start(stores).await?;
        let service = surroundings.builder(binary).start().await?;
        Ok(Self {
            service,
            _surroundings: surroundings,
        })
    }
}
