//! No secret is ever shown.

use crate::support::Case;

/// Every secret of this file contains this.
const LEAK: &str = "S3CRET";

fn everything() -> Case {
    Case::only(&format!(
        "redis.connection: redis://:{LEAK}@host:6379
redis.password: {LEAK}
kayenta:
  prometheus: {{enabled: true, accounts: [{{name: p, endpoint.baseUrl: http://p, username: u, password: {LEAK}}}, {{name: b, endpoint.baseUrl: 'http://u:{LEAK}@p', bearerToken: {LEAK}}}]}}
  datadog: {{enabled: true, accounts: [{{name: d, endpoint.baseUrl: http://d, apiKey: {LEAK}, applicationKey: {LEAK}}}]}}
  newrelic: {{enabled: true, accounts: [{{name: n, apiKey: {LEAK}, applicationKey: {LEAK}}}]}}
  signalfx: {{enabled: true, accounts: [{{name: s, accessToken: {LEAK}}}]}}
  wavefront: {{enabled: true, accounts: [{{name: w, endpoint.baseUrl: http://w, apiToken: {LEAK}, supportedTypes: METRICS_STORE}}]}}
  influxdb: {{enabled: true, accounts: [{{name: i, endpoint.baseUrl: http://i, token: {LEAK}, username: u, password: {LEAK}, supportedTypes: METRICS_STORE}}]}}
  aws: {{enabled: true, accounts: [{{name: a, region: r, bucket: b, endpoint: 'http://u:{LEAK}@a/?token={LEAK}', explicitCredentials: {{accessKey: {LEAK}, secretKey: {LEAK}, sessionToken: {LEAK}}}}}]}}
  azure: {{enabled: true, accounts: [{{name: z, storageAccountName: s, accountAccessKey: {LEAK}{LEAK}, container: kayenta, rootFolder: r, supportedTypes: OBJECT_STORE}}, {{name: z2, storageAccountName: s, sasToken: {LEAK}, container: kayenta, rootFolder: r, supportedTypes: OBJECT_STORE}}, {{name: z3, storageAccountName: s, container: kayenta, rootFolder: r, supportedTypes: OBJECT_STORE, endpointSuffix: 'core.windows.net;AccountKey={LEAK}{LEAK}'}}, {{name: z4, storageAccountName: s, accountAccessKey: {LEAK}{LEAK}, container: kayenta, rootFolder: r, supportedTypes: OBJECT_STORE, blobEndpoint: 'http://u:{LEAK}@z'}}]}}
  blobs.enabled: true
  http-json: {{enabled: true, accounts: [{{name: h, url: 'http://u:{LEAK}@h/?q=${{query}}&api_key={LEAK}', valuesPath: $, headers: {{Authorization: {LEAK}, X-Custom: {LEAK}}}, 'headers[X-Tenant]': {LEAK}}}]}}
  remoteJudge: {{enabled: true, endpoint.baseUrl: 'http://u:{LEAK}@j/?token={LEAK}'}}
  security: {{tokens: [{{token: {LEAK}}}], users: [{{username: u, password: {LEAK}}}], jwt: {{jwksUrl: 'http://u:{LEAK}@k?key={LEAK}'}}}}
server.ssl: {{key-store: k.p12, key-store-password: {LEAK}}}
ok-http-client: {{keyStore: k.p12, keyStorePassword: {LEAK}, trustStore: t.p12, trustStorePassword: {LEAK}}}
harmless: ${{azure.storageKey}}
indirect: x-${{harmless}}
"
    ))
    .var("AZURE_STORAGEKEY", LEAK)
    .var("AZURE_STORAGE_KEY_2", LEAK)
    .var("KAYENTA_HTTPJSON_ACCOUNTS_0_HEADERS_XTENANT", LEAK)
    .var("JAVA_OPTS", &format!("-Dmy.password={LEAK} -Dredis.extra=redis://u:{LEAK}@h"))
    .var("SPRING_APPLICATION_JSON", &format!("{{\"db.password\":\"{LEAK}\"}}"))
    .var("DATABASE_URL", &format!("postgres://u:{LEAK}@h/db"))
}

#[test]
fn nothing_printed_shows_a_secret() {
    let case = everything();
    let loaded = case.load();
    let shown = format!("{loaded:?}");
    assert!(!shown.contains(LEAK), "{}", around(&shown));
    let pretty = format!("{:#?}", loaded.settings);
    assert!(!pretty.contains(LEAK), "{}", around(&pretty));
    let report = case.check();
    for text in [
        report.effective_text(),
        report.to_string(),
        format!("{report:?}"),
    ] {
        assert!(!text.contains(LEAK), "{}", around(&text));
    }
}

#[test]
fn the_environment_shows_names_and_masks_values() {
    let loaded = everything().load();
    let found = loaded.environment.find("azure.storageKey").unwrap();
    assert_eq!(found.source.name, "systemEnvironment");
    assert_eq!(found.property.name, "AZURE_STORAGEKEY");
    assert_eq!(found.property.value, "******");
    let redis = loaded.environment.find("redis.connection").unwrap();
    assert_eq!(redis.property.value, "redis://:******@host:6379");
    assert!(
        redis
            .property
            .origin
            .as_deref()
            .unwrap()
            .ends_with("kayenta.yml:1:19")
    );
    assert!(loaded.environment.find("no.such").is_none());
    assert_eq!(
        loaded.environment.active_profiles,
        ["composite", "test", "local"]
    );
    let names: Vec<_> = loaded
        .environment
        .sources
        .iter()
        .map(|source| source.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "spring.application.json",
            "systemProperties",
            "systemEnvironment",
            "Config resource 'class path resource [kayenta.yml]' via location 'optional:classpath:/'",
            "defaultProperties"
        ]
    );
}

#[test]
fn errors_do_not_show_secrets() {
    for text in [
        format!("redis.connection: redis://{LEAK}@host\n"),
        format!("redis.connection: http://u:{LEAK}@host\n"),
        format!("redis.connection: 'redis://u:{LEAK}/{LEAK}@'\n"),
        format!("kayenta.security: {{tokens: [{{token: {LEAK}, role: none}}]}}\n"),
        format!(
            "kayenta.prometheus: {{enabled: true, accounts: [{{name: p, endpoint.baseUrl: 'ftp://u:{LEAK}@p', password: {LEAK}}}]}}\n"
        ),
        format!("redis.password: encrypted:nosuch!p:{LEAK}\n"),
        format!("redis.connection: user:{LEAK}@host:6379\n"),
        format!(
            "kayenta.remoteJudge: {{enabled: true, endpoint.baseUrl: 'ftp://h/?token={LEAK}'}}\n"
        ),
        format!(
            "kayenta.http-json: {{enabled: true, accounts: [{{name: h, url: 'http://${{h}}/?api_key={LEAK}', valuesPath: $}}]}}\n"
        ),
    ] {
        let report = Case::only(&text).check();
        let shown = format!("{report} {report:?}");
        assert!(report.errors.len() + report.warnings.len() > 0, "{text}");
        assert!(!shown.contains(LEAK), "{}", around(&shown));
    }
}

fn around(text: &str) -> &str {
    let at = text.find(LEAK).unwrap_or(0);
    let start = (0..=at.saturating_sub(80))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let end = (at..=(at + 60).min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(at);
    &text[start..end]
}
