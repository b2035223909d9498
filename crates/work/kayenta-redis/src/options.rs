//! What the adapter has to know.

use std::time::Duration;

use kayenta_settings::RedisSettings;

/// Everything the adapter has to know.
#[derive(Clone, Debug)]
pub struct RedisStoreOptions {
    /// Where Redis is and how it is reached. The limits of connecting and of each answer are
    /// [`RedisSettings::timeout`]; the certificate of a TLS server is checked against the
    /// system's authorities and [`Self::trusted_pem`].
    pub server: RedisSettings,
    /// Certificates to trust beside the system's, in PEM: of authorities, or of the server itself.
    pub trusted_pem: Option<Vec<u8>>,
    /// `keiko.queue.redis.queueName`: what the keys begin with.
    pub queue_name: String,
    /// `keiko.queue.redis.deadLetterQueueName`: what the dead letters' key is named by.
    pub dead_letter_name: String,
    /// How long a lease holds without renewal.
    pub lease: Duration,
    /// How long a complete record is kept.
    pub retention: Duration,
    /// Name of this process among the consumers of the group; unique per process.
    pub consumer: String,
}

impl RedisStoreOptions {
    /// The defaults of everything but the server and the name of this process.
    #[must_use]
    pub fn new(server: RedisSettings, consumer: impl Into<String>) -> Self {
        Self {
            server,
            trusted_pem: None,
            queue_name: "kayenta.keiko.queue".to_owned(),
            dead_letter_name: "kayenta.keiko.queue.deadLetters".to_owned(),
            lease: Duration::from_secs(10),
            retention: Duration::from_secs(30 * 24 * 60 * 60),
            consumer: consumer.into(),
        }
    }
}
