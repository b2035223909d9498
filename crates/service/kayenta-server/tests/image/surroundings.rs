//! The guide's Redis, Prometheus and storage account, under the guide's names and ports.

use std::net::SocketAddr;

use kayenta_testkit::{
    PrometheusServer, RedisServer,
    azurite::{self, Azurite, AzuriteOptions},
    certificates::write_certificates,
};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

const STORAGE_ACCOUNT: &str = "kayentastorage";
const STORAGE_HOST: &str = "kayentastorage.blob.core.windows.net";

/// Each name has a loopback address of its own, so that each has its guide's port.
const REDIS: &str = "127.0.80.1:6379";
const PROMETHEUS: &str = "127.0.80.2:9090";
const STORAGE: &str = "127.0.80.3:443";

/// Everything the guide has one install before the service.
pub(crate) struct Surroundings {
    redis: RedisServer,
    _prometheus: PrometheusServer,
    _azurite: Azurite,
    authority: String,
    _certificates: TempDir,
}

impl Surroundings {
    pub(crate) async fn start() -> Self {
        let certificates = tempfile::tempdir().unwrap();
        let authority = write_certificates(certificates.path(), &[STORAGE_HOST]).unwrap();
        let azurite = Azurite::start_with(AzuriteOptions {
            account: Some(STORAGE_ACCOUNT.to_owned()),
            certificate: Some((
                certificates.path().join("server.pem"),
                certificates.path().join("server.key"),
            )),
            ..AzuriteOptions::default()
        })
        .await
        .unwrap();
        let redis = RedisServer::start().await.unwrap();
        let prometheus = PrometheusServer::start(&[]).await.unwrap();
        forward(REDIS, redis.port()).await;
        forward(PROMETHEUS, port_of(&prometheus.base_url())).await;
        forward(STORAGE, azurite.port()).await;
        Self {
            redis,
            _prometheus: prometheus,
            _azurite: azurite,
            authority,
            _certificates: certificates,
        }
    }

    /// The content of `/etc/hosts`.
    pub(crate) fn hosts(&self) -> String {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap().ip();
        format!(
            "127.0.0.1 localhost\n{} kayenta-redis-master\n{} prometheus\n{} {STORAGE_HOST}\n",
            address(REDIS),
            address(PROMETHEUS),
            address(STORAGE)
        )
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) fn key(&self) -> &'static str {
        azurite::ACCOUNT_KEY
    }

    pub(crate) async fn redis_keys(&self) -> u64 {
        self.redis
            .cli(&["DBSIZE"])
            .await
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    }
}

fn port_of(url: &str) -> u16 {
    url.rsplit_once(':')
        .unwrap()
        .1
        .trim_end_matches('/')
        .parse()
        .unwrap()
}

/// Forwards connections of a loopback address to a port of `127.0.0.1` until the test ends.
async fn forward(address: &str, port: u16) {
    let listener = TcpListener::bind(address)
        .await
        .unwrap_or_else(|e| panic!("{address}: {e}"));
    tokio::spawn(async move {
        while let Ok((mut outer, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Ok(mut inner) = TcpStream::connect(("127.0.0.1", port)).await {
                    let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
                }
            });
        }
    });
}
