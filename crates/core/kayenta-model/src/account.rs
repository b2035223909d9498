//! Accounts as far as the wire knows them: what a type of account can be asked for, and the hash
//! the reference's default account depends on.

use serde::{Deserialize, Serialize};

/// What an account can be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountType {
    /// Time series are fetched from it.
    MetricsStore,
    /// Metric sets, pair lists and archives are kept in it.
    ObjectStore,
    /// Canary configs are kept in it.
    ConfigurationStore,
    /// Judgements are asked of it.
    RemoteJudge,
}

impl AccountType {
    /// Every type with its wire name, in alphabetical order.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("CONFIGURATION_STORE", Self::ConfigurationStore),
        ("METRICS_STORE", Self::MetricsStore),
        ("OBJECT_STORE", Self::ObjectStore),
        ("REMOTE_JUDGE", Self::RemoteJudge),
    ];

    /// The wire name, as it appears in `/credentials` and in error texts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MetricsStore => "METRICS_STORE",
            Self::ObjectStore => "OBJECT_STORE",
            Self::ConfigurationStore => "CONFIGURATION_STORE",
            Self::RemoteJudge => "REMOTE_JUDGE",
        }
    }
}
