//! Every setting that holds a secret. What stands between « and » is one; no other word of the tests
//! or of the service begins as they do.

use std::path::Path;

/// One setting with its secret.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) value: Value,
    pub(super) reach: Reach,
}

/// Where the secret stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    /// In the setting itself.
    Here(&'static str),
    /// In a file the setting names.
    InFile(&'static str),
}

/// How far the secret goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// To the back end, which repeats it.
    Sent,
    /// It stays in the process.
    Kept,
}

use Reach::{Kept, Sent};
use Value::{Here, InFile};

const fn setting(name: &'static str, value: Value, reach: Reach) -> Setting {
    Setting { name, value, reach }
}

/// `{echo}` is the host and port of the back end.
#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    // Metric stores.
    setting("kayenta.prometheus.accounts[0].password", Here("«zq01-prometheus\"\\%+/ä»"), Sent),
    setting("kayenta.prometheus.accounts[1].bearerToken", Here("«zq02-prometheus»"), Sent),
    setting("kayenta.prometheus.accounts[2].usernamePasswordFile", InFile("file-user:«zq03-prometheus»\n"), Sent),
    setting("kayenta.prometheus.accounts[3].endpoint.baseUrl", Here("http://url-user:«zq04-prometheus»@{echo}/p"), Sent),
    setting("kayenta.prometheus.accounts[4].endpoint.baseUrl", Here("http://«zq05-prometheus»@{echo}/p"), Sent),
    setting("kayenta.datadog.accounts[0].apiKey", Here("«zq06-datadog»"), Sent),
    setting("kayenta.datadog.accounts[0].applicationKey", Here("«zq07-datadog»"), Sent),
    setting("kayenta.newrelic.accounts[0].apiKey", Here("«zq08-newrelic»"), Sent),
    setting("kayenta.newrelic.accounts[0].applicationKey", Here("«zq09-newrelic»"), Sent),
    setting("kayenta.signalfx.accounts[0].accessToken", Here("«zq10-signalfx»"), Sent),
    setting("kayenta.wavefront.accounts[0].apiToken", Here("«zq11-wavefront»"), Sent),
    setting("kayenta.graphite.accounts[0].endpoint.baseUrl", Here("http://url-user:«zq12-graphite%2Fx»@{echo}/g"), Sent),
    setting("kayenta.atlas.accounts[0].backendsJsonBaseUrl", Here("http://url-user:«zq13-atlas»@{echo}/a"), Sent),
    setting("kayenta.influxdb.accounts[0].token", Here("«zq14-influxdb»"), Sent),
    setting("kayenta.influxdb.accounts[1].password", Here("«zq15-influxdb»"), Sent),
    setting("kayenta.http-json.accounts[0].headers.Authorization", Here("Bearer «zq16-json»"), Sent),
    setting("kayenta.http-json.accounts[0].headers[X-Tenant]", Here("«zq17-json»"), Sent),
    setting("kayenta.http-json.accounts[0].url", Here("http://{echo}/j?q=${query}&api_key=«zq18-json»"), Sent),
    setting("kayenta.http-json.accounts[1].url", Here("http://url-user:«zq19-json»@{echo}/j?q=${query}"), Sent),
    setting("kayenta.google.accounts[0].jsonPath", InFile(
        r#"{"type": "authorized_user", "client_id": "c", "client_secret": "«zq20-google»",
            "refresh_token": "«zq21-google»", "token_uri": "http://{echo}/token"}"#), Sent),
    // Object stores. Azure's own keys sign and are not sent.
    setting("kayenta.azure.accounts[0].accountAccessKey", Here("«zq22azureAAA»"), Kept),
    setting("kayenta.azure.accounts[1].sasToken", Here("sv=2021-08-06&sig=«zq23-azure%2Bx»"), Sent),
    setting("kayenta.azure.accounts[2].endpointSuffix", Here("core.windows.net;BlobEndpoint=http://{echo}/stored;AccountKey=«zq24azureAAA»"), Kept),
    setting("kayenta.azure.accounts[3].blobEndpoint", Here("http://url-user:«zq25-azure»@{echo}/stored"), Kept),
    setting("kayenta.aws.accounts[0].explicitCredentials.accessKey", Here("«zq26-aws»"), Kept),
    setting("kayenta.aws.accounts[0].explicitCredentials.secretKey", Here("«zq27-aws»"), Kept),
    setting("kayenta.aws.accounts[0].explicitCredentials.sessionToken", Here("«zq28-aws»"), Kept),
    setting("kayenta.aws.accounts[0].endpoint", Here("http://url-user:«zq29-aws»@{echo}/s3"), Kept),
    setting("kayenta.configbin.accounts[0].endpoint.baseUrl", Here("http://url-user:«zq30-configbin»@{echo}/c"), Sent),
    setting("kayenta.sql.connectionPools.one.jdbcUrl", Here("jdbc:postgresql://{echo}/k?user=u&password=«zq40-sql»"), Kept),
    setting("kayenta.sql.connectionPools.two.password", Here("«zq41-sql»"), Kept),
    setting("kayenta.sql.migration.password", Here("«zq42-sql»"), Kept),
    // Judges and callers.
    setting("kayenta.remoteJudge.endpoint.baseUrl", Here("http://url-user:«zq31-judge»@{echo}/judging?token=«zq32-judge»&x="), Sent),
    setting("kayenta.security.tokens[0].token", Here("«zq33-security»"), Kept),
    setting("kayenta.security.users[0].password", Here("«zq34-security»"), Kept),
    setting("kayenta.security.jwt.jwksUrl", Here("http://url-user:«zq35-security»@{echo}/keys?key=«zq36-security»"), Sent),
    // The reference's user, and unused names.
    setting("kayenta.ui.sessionKey", Here("«zq60-ui»"), Kept),
    setting("spring.security.user.password", Here("«zq37-spring»"), Kept),
    setting("spring.datasource.url", Here("jdbc:mysql://h/kayenta?user=u&password=«zq38-spring»"), Kept),
    // Outgoing TLS.
    setting("ok-http-client.trustStorePassword", Here("«zq39-tls»"), Kept),
];

/// What the settings above need to be of use.
pub(super) const BESIDE: &str = r"
kayenta:
  prometheus:
    enabled: true
    accounts:
      - {name: prometheus-basic, username: u, endpoint: {baseUrl: 'http://{echo}/p'}}
      - {name: prometheus-bearer, endpoint: {baseUrl: 'http://{echo}/p'}}
      - {name: prometheus-file, endpoint: {baseUrl: 'http://{echo}/p'}}
      - {name: prometheus-url}
      - {name: prometheus-user}
  datadog:
    enabled: true
    accounts: [{name: datadog, endpoint: {baseUrl: 'http://{echo}/d'}}]
  newrelic:
    enabled: true
    accounts: [{name: newrelic, defaultScopeKey: s, endpoint: {baseUrl: 'http://{echo}/n'}}]
  signalfx:
    enabled: true
    accounts: [{name: signalfx, defaultScopeKey: s, endpoint: {baseUrl: 'http://{echo}/s'}}]
  wavefront:
    enabled: true
    accounts: [{name: wavefront, supportedTypes: [METRICS_STORE], endpoint: {baseUrl: 'http://{echo}/w'}}]
  graphite:
    enabled: true
    accounts: [{name: graphite, supportedTypes: [METRICS_STORE]}]
  atlas:
    enabled: true
    accounts: [{name: atlas, supportedTypes: [METRICS_STORE]}]
  influxdb:
    enabled: true
    accounts:
      - {name: influxdb-token, supportedTypes: [METRICS_STORE], endpoint: {baseUrl: 'http://{echo}/i'}}
      - {name: influxdb-basic, username: u, supportedTypes: [METRICS_STORE], endpoint: {baseUrl: 'http://{echo}/i'}}
  http-json:
    enabled: true
    accounts:
      - {name: json-headers, valuesPath: '$.values[*]'}
      - {name: json-url, valuesPath: '$.values[*]'}
  google:
    enabled: true
    accounts:
      - {name: google, project: p, supportedTypes: [METRICS_STORE], monitoringEndpoint: 'http://{echo}/m'}
  stackdriver: {enabled: true}
  azure:
    enabled: true
    accounts:
      - {name: azure-key, storageAccountName: stored, container: kayenta, rootFolder: r, supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE], blobEndpoint: 'http://{echo}/stored'}
      - {name: azure-sas, storageAccountName: stored, container: kayenta, rootFolder: r, supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE], blobEndpoint: 'http://{echo}/stored'}
      - {name: azure-suffix, storageAccountName: stored, container: kayenta, rootFolder: r, supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]}
      - {name: azure-url, storageAccountName: stored, container: kayenta, rootFolder: r, supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE], accountAccessKey: AAAA}
  blobs: {enabled: true}
  aws:
    enabled: true
    accounts: [{name: aws, region: r, bucket: b, supportedTypes: [OBJECT_STORE]}]
  s3: {enabled: true}
  configbin:
    enabled: true
    accounts: [{name: configbin, ownerApp: o, configType: t, supportedTypes: [CONFIGURATION_STORE]}]
  sql:
    enabled: true
    connectionPools:
      two: {jdbcUrl: 'jdbc:mysql://{echo}/k', user: u}
    migration: {jdbcUrl: 'jdbc:postgresql://{echo}/k'}
    accounts:
      - {name: sql-url, connectionPool: one}
      - {name: sql-password, connectionPool: two, supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]}
  memory:
    enabled: true
    accounts: [{name: memory, supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]}]
  remoteJudge: {enabled: true}
  security:
    users: [{username: u}]
    jwt: {issuer: i, audience: a}
    rules: [{path: /judges/judge, role: public}, {path: /judges, role: read}, {path: '/*', role: public}]
  metrics.retry.attempts: 1
management.endpoints.web.exposure.include: '*'
management.endpoint.health.show-details: always
management.endpoint.env.show-values: ALWAYS
management.endpoint.configprops.show-values: ALWAYS
# Which names are secret is not for this setting to take back.
management.endpoint.env.keys-to-sanitize: nothing
logging.level.root: TRACE
retrofit.logLevel: FULL
ok-http-client: {readTimeoutMs: 2000, trustStore: '{folder}/trust.p12', trustStoreType: PKCS12}
";

impl Setting {
    fn text(&self) -> &'static str {
        match self.value {
            Here(text) | InFile(text) => text,
        }
    }

    /// Its secrets, as they are written.
    pub(super) fn secrets(&self) -> Vec<&'static str> {
        self.text()
            .split('«')
            .skip(1)
            .map(|rest| rest.split('»').next().unwrap())
            .collect()
    }

    /// The setting's value, or what is in its file.
    pub(super) fn filled(&self, folder: &Path, echo: &str) -> String {
        filled(self.text(), folder, echo).replace(['«', '»'], "")
    }

    /// A line of `kayenta.yml`; a file it names is written.
    fn line(&self, folder: &Path, echo: &str) -> String {
        let text = self.filled(folder, echo);
        let value = match self.value {
            Here(_) => text,
            InFile(_) => {
                let file = folder.join(self.name.replace(['[', ']'], "."));
                std::fs::write(&file, text).unwrap();
                file.display().to_string()
            }
        };
        self.set_to(&value)
    }

    fn set_to(&self, value: &str) -> String {
        format!("'{}': '{}'\n", self.name, value.replace('\'', "''"))
    }
}

fn filled(text: &str, folder: &Path, echo: &str) -> String {
    text.replace("{echo}", echo)
        .replace("{folder}", folder.to_str().unwrap())
}

/// The whole `kayenta.yml`.
pub(super) fn kayenta_yml(folder: &Path, echo: &str) -> String {
    kayenta_yml_with(folder, echo, |_| None)
}

/// The same with other values for some of the settings.
pub(super) fn kayenta_yml_with(
    folder: &Path,
    echo: &str,
    other: impl Fn(&Setting) -> Option<String>,
) -> String {
    let line = |one: &Setting| match other(one) {
        Some(value) => one.set_to(&value),
        None => one.line(folder, echo),
    };
    let lines: String = SETTINGS.iter().map(line).collect();
    filled(BESIDE, folder, echo) + &lines
}
