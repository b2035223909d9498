//! Accounts of stores whose adapters do not read their own section yet.

use std::path::PathBuf;

use kayenta_model::AccountType;
use kayenta_secrets::BaseUrl;
use secrecy::SecretString;

/// A Google Cloud project.
#[derive(Clone, Debug)]
pub struct GoogleAccount {
    /// Account name.
    pub name: String,
    /// `project`
    pub project: String,
    /// `jsonPath`: the service account's key; `None`: application default credentials.
    pub json_path: Option<PathBuf>,
    /// Application default credentials: `GOOGLE_APPLICATION_CREDENTIALS`, or the file of
    /// `gcloud auth application-default login` where there is one; `None`: the metadata server.
    pub default_credentials: Option<PathBuf>,
    /// Another metadata server than Google's (`GCE_METADATA_HOST`).
    pub metadata_host: Option<String>,
    /// `bucket`, required with OBJECT_STORE.
    pub bucket: Option<String>,
    /// `bucketLocation`
    pub bucket_location: Option<String>,
    /// `rootFolder`, default `kayenta`.
    pub root_folder: String,
    /// `endpoint` (not in the Java service): another Cloud Storage (an emulator).
    pub endpoint: Option<BaseUrl>,
    /// `monitoringEndpoint` (not in the Java service): another Cloud Monitoring (an emulator).
    pub monitoring_endpoint: Option<BaseUrl>,
    /// `supportedTypes`, none by default.
    pub supported_types: Vec<AccountType>,
}

/// A bucket of S3.
#[derive(Clone, Debug)]
pub struct AwsAccount {
    /// Account name.
    pub name: String,
    /// `bucket`; `Some` with OBJECT_STORE.
    pub bucket: Option<String>,
    /// `rootFolder`, default `kayenta`.
    pub root_folder: String,
    /// `region`, else `AWS_REGION` or `AWS_DEFAULT_REGION`; `None` only with an `endpoint`, a profile or
    /// OBJECT_STORE, where the SDK's chain may know.
    pub region: Option<String>,
    /// `endpoint`: another S3, path style.
    pub endpoint: Option<BaseUrl>,
    /// `profileName`
    pub profile_name: Option<String>,
    /// `explicitCredentials`
    pub credentials: Option<AwsCredentials>,
    /// `proxyHost`, `proxyPort`, `proxyProtocol`, when all three are set.
    pub proxy: Option<AwsProxy>,
    /// `supportedTypes`, none by default.
    pub supported_types: Vec<AccountType>,
}

/// Keys of an AWS user.
#[derive(Clone, Debug)]
pub struct AwsCredentials {
    /// `accessKey`
    pub access_key: SecretString,
    /// `secretKey`
    pub secret_key: SecretString,
    /// `sessionToken`
    pub session_token: Option<SecretString>,
}

/// A proxy of an AWS account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsProxy {
    /// `proxyProtocol`: `HTTP` or `HTTPS`, upper case.
    pub protocol: String,
    /// `proxyHost`
    pub host: String,
    /// `proxyPort`
    pub port: u16,
}

/// A ConfigBin.
#[derive(Clone, Debug)]
pub struct ConfigBinAccount {
    /// Account name.
    pub name: String,
    /// `endpoint.baseUrl`
    pub base_url: BaseUrl,
    /// `ownerApp`
    pub owner_app: String,
    /// `configType`
    pub config_type: String,
    /// `supportedTypes`, none by default.
    pub supported_types: Vec<AccountType>,
}
