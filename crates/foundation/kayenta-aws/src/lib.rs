//! Who asks an AWS service, in which region, and the signature that proves it.
//!
//! Signatures (SigV4) and the links of the credential chain are those of `reqsign`; this crate puts
//! the links in the order of the AWS SDK for Java, remembers which one answered, adds profiles that
//! assume a role, and sends their requests through the connections of `kayenta-http`.

mod address;
mod chain;
mod configured;
mod connections;
mod environment;
mod error;
mod profile;
mod region;
#[cfg(test)]
mod signature_tests;
mod signer;
#[cfg(test)]
mod tests;

pub use address::{bucket_url, service_url};
pub use chain::{CredentialLink, CredentialSource};
pub use configured::{configured_link, configured_region};
pub use connections::AwsConnections;
pub use environment::AwsEnvironment;
pub use error::AwsError;
pub use region::RegionChain;
pub use signer::AwsSigner;
