//! Files under `testdata`, and the binary under test.

use std::path::{Path, PathBuf};

use kayenta_testkit::{RemoteStore, Service, ServiceBuilder, azurite, bucket_servers};

/// The built binary.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_kayenta");

/// A path under `testdata`.
pub(crate) fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../testdata")
        .join(path)
}

/// A sample configuration with `{{name}}`s put in.
pub(crate) fn sample(name: &str, values: &[(&str, &str)]) -> String {
    let text = std::fs::read_to_string(testdata("samples").join(name)).unwrap();
    values.iter().fold(text, |text, (name, value)| {
        text.replace(&format!("{{{{{name}}}}}"), value)
    })
}

/// The configuration the transcripts are replayed on, on the embedded default.
pub(crate) fn embedded(prometheus_url: &str) -> String {
    sample(
        "transcripts-embedded.yml",
        &[("prometheus", prometheus_url)],
    )
}

/// A running service with this configuration.
pub(crate) async fn serving(yaml: impl Into<String>) -> Service {
    ServiceBuilder::new(BINARY)
        .config(yaml)
        .start()
        .await
        .unwrap()
}

/// A service on [`embedded`], with `more` lines of configuration.
pub(crate) async fn embedded_service(prometheus_url: &str, more: &str) -> Service {
    serving(embedded(prometheus_url) + more).await
}

/// Where a service on Redis and a remote object store finds what it needs.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    pub(crate) prometheus: String,
    pub(crate) redis: String,
    pub(crate) store: RemoteStore,
    /// The endpoint of the storage account.
    pub(crate) objects: String,
}

impl Addresses {
    /// The configuration the transcripts are replayed on.
    pub(crate) fn sample(&self) -> String {
        let (file, key) = match self.store {
            RemoteStore::Azure => ("transcripts-redis-azure.yml", azurite::ACCOUNT_KEY),
            RemoteStore::S3 => ("transcripts-redis-s3.yml", bucket_servers::SECRET_KEY),
            RemoteStore::Gcs => ("transcripts-redis-gcs.yml", ""),
            RemoteStore::Sql(_) => ("transcripts-redis-sql.yml", ""),
        };
        let values = [
            ("prometheus", self.prometheus.as_str()),
            ("redis", &self.redis),
            ("blobs", &self.objects),
            ("key", key),
        ];
        sample(file, &values)
    }
}
