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

/// `String.hashCode` of Java: the 31-polynomial over UTF-16 units, wrapping at 32 bits.
///
/// The default account, the order of `/credentials` and the order of mixed pairs follow hash order
/// in the reference, so the hash is part of the contract.
#[must_use]
pub fn java_string_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_buckets_match_the_reference() {
        let bucket = |name: &str| {
            let h = java_string_hash(name);
            ((h ^ ((h as u32) >> 16) as i32) & 0x7fff_ffff) & 15
        };
        for (name, expected) in [
            ("in-memory-store-account", 3),
            ("prometheus-account", 5),
            ("my-datadog-account", 6),
            ("my-account", 10),
            ("metrics", 11),
            ("my-s3-account", 13),
            ("minio-store-account", 15),
        ] {
            assert_eq!(bucket(name), expected, "{name}");
        }
    }
}
