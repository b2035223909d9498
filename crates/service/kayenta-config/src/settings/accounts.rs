//! Accounts of stores whose adapters do not read their own section yet.

use std::{path::PathBuf, time::Duration};

use indexmap::IndexMap;
use kayenta_model::AccountType;
use kayenta_secrets::{BaseUrl, SecretUrl};
use secrecy::SecretString;

/// A Prometheus.
#[derive(Clone, Debug)]
pub struct PrometheusAccount {
    /// Account name.
    pub name: String,
    /// `endpoint.baseUrl`
    pub base_url: BaseUrl,
    /// How it is authenticated.
    pub auth: PrometheusAuth,
    /// `username` as configured; `/credentials` shows it.
    pub username: Option<String>,
    /// `usernamePasswordFile` as configured; `/credentials` shows it.
    pub username_password_file: Option<String>,
    /// Always METRICS_STORE, whatever is configured.
    pub supported_types: Vec<AccountType>,
    /// `locations`
    pub locations: Vec<String>,
    /// `recommendedLocations`
    pub recommended_locations: Vec<String>,
}

/// Authentication of a Prometheus. A `usernamePasswordFile` wins, then `bearerToken`, then the rest.
#[derive(Clone, Debug)]
pub enum PrometheusAuth {
    /// None.
    Anonymous,
    /// `username` and `password`, or the content of `usernamePasswordFile`.
    Basic {
        /// User.
        username: String,
        /// Password.
        password: SecretString,
    },
    /// `bearerToken`.
    Bearer(SecretString),
}

/// A Graphite.
#[derive(Clone, Debug)]
pub struct GraphiteAccount {
    /// Account name.
    pub name: String,
    /// `endpoint.baseUrl`
    pub base_url: BaseUrl,
    /// `supportedTypes`, none by default.
    pub supported_types: Vec<AccountType>,
}

/// An InfluxDB.
#[derive(Clone, Debug)]
pub struct InfluxDbAccount {
    /// Account name.
    pub name: String,
    /// `endpoint.baseUrl`
    pub base_url: BaseUrl,
    /// `supportedTypes`, none by default.
    pub supported_types: Vec<AccountType>,
    /// `token` (not in the Java service): sent as `Authorization: Token …`.
    pub token: Option<SecretString>,
    /// `username` (not in the Java service): HTTP basic, with `password`.
    pub username: Option<String>,
    /// `password` (not in the Java service).
    pub password: Option<SecretString>,
}

/// A Datadog.
#[derive(Clone, Debug)]
pub struct DatadogAccount {
    /// Account name.
    pub name: String,
    /// `endpoint.baseUrl`
    pub base_url: BaseUrl,
    /// `apiKey`
    pub api_key: Option<SecretString>,
    /// `applicationKey`
    pub application_key: Option<SecretString>,
    /// `supportedTypes`, default METRICS_STORE.
    pub supported_types: Vec<AccountType>,
}

/// A New Relic Insights.
#[derive(Clone, Debug)]
pub struct NewRelicAccount {
    /// Account name.
    pub name: String,
    /// `endpoint.baseUrl`, default `https://insights-api.newrelic.com`.
    pub base_url: BaseUrl,
    /// `apiKey`: the query key.
    pub api_key: Option<SecretString>,
    /// `applicationKey`: the account number, part of the path.
    pub application_key: Option<SecretString>,
    /// `defaultScopeKey`
    pub default_scope_key: Option<String>,
    /// `defaultLocationKey`
    pub default_location_key: Option<String>,
    /// `supportedTypes`, default METRICS_STORE.
    pub supported_types: Vec<AccountType>,
}

/// A SignalFx.
#[derive(Clone, Debug)]
pub struct SignalFxAccount {
    /// Account name.
    pub name: String,
    /// `endpoint.baseUrl`, default `https://stream.signalfx.com`.
    pub base_url: BaseUrl,
    /// `accessToken`
    pub access_token: Option<SecretString>,
    /// `defaultScopeKey`
    pub default_scope_key: Option<String>,
    /// `defaultLocationKey`
    pub default_location_key: Option<String>,
    /// `supportedTypes`, default METRICS_STORE.
    pub supported_types: Vec<AccountType>,
}

/// A Wavefront.
#[derive(Clone, Debug)]
pub struct WavefrontAccount {
    /// Account name.
    pub name: String,
    /// `endpoint.baseUrl`
    pub base_url: BaseUrl,
    /// `apiToken`
    pub api_token: SecretString,
    /// `supportedTypes`, none by default.
    pub supported_types: Vec<AccountType>,
}

/// An Atlas.
#[derive(Clone, Debug)]
pub struct AtlasAccount {
    /// Account name.
    pub name: String,
    /// `backendsJsonBaseUrl`: where the backends are listed.
    pub backends_json_base_url: BaseUrl,
    /// `fetchId`
    pub fetch_id: Option<String>,
    /// `recommendedLocations`
    pub recommended_locations: Vec<String>,
    /// `supportedTypes`, none by default.
    pub supported_types: Vec<AccountType>,
}

/// Any server that answers with JSON; not in the Java service.
#[derive(Clone, Debug)]
pub struct HttpJsonAccount {
    /// Account name.
    pub name: String,
    /// `url`: a template; `${…}` bindings of a query are put in percent-encoded.
    pub url: SecretUrl,
    /// `method`: GET (default) or POST.
    pub method: HttpJsonMethod,
    /// `headers`: name to value; values are secrets.
    pub headers: IndexMap<String, SecretString>,
    /// `body`: a template, for POST.
    pub body: Option<String>,
    /// `seriesPath`: JSONPath to the series, one match each; `None`: the whole answer is one.
    pub series_path: Option<String>,
    /// `tagsPath`: JSONPath, within a series, to the object of its tags.
    pub tags_path: Option<String>,
    /// `timestampsPath`: JSONPath to the timestamps; `None`: evenly spaced over the range.
    pub timestamps_path: Option<String>,
    /// `valuesPath`: JSONPath to the values.
    pub values_path: String,
    /// `timestampUnit`: `seconds` (default), `millis` or `iso`.
    pub timestamp_unit: TimestampUnit,
    /// `timeout` of one call; the HTTP client's read timeout when unset.
    pub timeout: Option<Duration>,
    /// `locations`
    pub locations: Vec<String>,
    /// `recommendedLocations`
    pub recommended_locations: Vec<String>,
    /// Always METRICS_STORE.
    pub supported_types: Vec<AccountType>,
}

/// How an http-json store is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpJsonMethod {
    /// GET
    Get,
    /// POST
    Post,
}

/// What the timestamps of an http-json store count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampUnit {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Millis,
    /// ISO 8601 texts.
    Iso,
}

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
