//! Settings the reference lacks.

use std::time::Duration;

use kayenta_azure::AzureCredential;
use kayenta_http_json::{Method, answer::TimestampUnit};
use kayenta_settings::{
    CorsSettings, JudgingSettings, Role, ShutdownMode, TlsIdentity, TrustStore,
};
use secrecy::ExposeSecret;

use crate::support::{Case, reported};

#[test]
fn tokens_users_and_jwt_are_read_with_roles() {
    let loaded = Case::yaml(
        "kayenta.security:\n  tokens:\n  - {name: ci, token: \"${CI_TOKEN}\", role: write}\n  - token: look\n  users:\n  - {username: u, password: p}\n  jwt:\n    jwksUrl: https://id/keys\n    issuer: https://id\n    audience: [kayenta]\n    rolesClaim: realm_access.roles\n    readRoles: a, b\n  rules:\n  - {path: /credentials, methods: get, role: write}\n  - {path: /judges*, role: public}\n",
    )
    .var("CI_TOKEN", "t0ken")
    .load();
    assert!(loaded.oddities().is_empty(), "{:?}", loaded.warnings);
    let authentication = loaded.settings.security.authentication.unwrap();
    assert_eq!(
        authentication.tokens[0].token.current().expose_secret(),
        "t0ken"
    );
    assert_eq!(authentication.tokens[0].role, Role::Write);
    assert_eq!(authentication.tokens[1].role, Role::Read);
    assert_eq!(authentication.users[0].username, "u");
    let jwt = authentication.jwt.unwrap();
    assert_eq!(jwt.read_roles, ["a", "b"]);
    assert_eq!(jwt.write_roles, ["kayenta-write"]);
    assert_eq!(jwt.roles_claim, "realm_access.roles");
    assert_eq!(authentication.rules[0].methods, ["GET"]);
    assert_eq!(authentication.rules[0].role, Some(Role::Write));
    assert_eq!(authentication.rules[1].role, None);
}

#[test]
fn a_door_that_is_half_shut_is_refused() {
    let error = Case::yaml("kayenta.security: {enabled: false, tokens: [{token: t}]}\n").fails();
    reported(&error.errors, "yet callers are to show who they are");
    let error = Case::yaml("kayenta.security.rules: [{path: /x, role: write}]\n").fails();
    reported(&error.errors, "no caller could authenticate");
    let error = Case::yaml("kayenta.security.jwt.issuer: https://id\n").fails();
    reported(
        &error.errors,
        "kayenta.security.jwt.jwks-url must not be null",
    );
    let loaded = Case::yaml("kayenta.security.jwt.jwksUrl: https://id/keys\n").load();
    for url in [
        "not a url",
        "id/keys",
        "ftp://id/keys",
        "https://",
        "https://id:99999/keys",
        "${NONE}",
    ] {
        let error = Case::yaml(&format!("kayenta.security.jwt.jwksUrl: '{url}'\n")).fails();
        assert_eq!(error.errors.len(), 1, "{url}: {error}");
        reported(
            &error.errors,
            "expected the URL of the identity provider's keys, such as https://login.example.com/keys",
        );
    }
    reported(&loaded.warnings, "issuer: not set: ");
    reported(&loaded.warnings, "audience: not set: ");
    let loaded = Case::yaml("kayenta.security.enabled: false\n").load();
    assert!(!loaded.settings.security.headers);
    assert!(loaded.settings.security.authentication.is_none());
}

#[test]
fn tls_takes_pem_and_pkcs12() {
    let tls = |text: &str| Case::yaml(text).load().settings.server.tls;
    assert!(tls("").is_none());
    assert!(tls("server.ssl: {enabled: false, key-store: k.p12}\n").is_none());
    let pem = tls("server.ssl: {certificate: file:/c.pem, certificate-private-key: /k.pem, client-auth: need, trust-certificate: /ca.pem}\n").unwrap();
    assert!(matches!(pem.identity, TlsIdentity::Pem { .. }));
    assert!(matches!(pem.trust, Some(TrustStore::Pem { .. })));
    assert_eq!(pem.reload_interval, Duration::from_secs(60));
    let pkcs12 = tls("server.ssl: {key-store: classpath:k.p12, key-password: x, key-alias: a, enabled-protocols: \"TLSv1.2,TLSv1.1\"}\n").unwrap();
    match pkcs12.identity {
        TlsIdentity::Pkcs12 {
            path,
            password,
            alias,
        } => {
            assert_eq!(path, std::path::Path::new("/opt/kayenta/config/k.p12"));
            assert_eq!(password.current().expose_secret(), "x");
            assert_eq!(alias.as_deref(), Some("a"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pkcs12.protocols, ["TLSv1.2"]);
    let error = Case::yaml("server.ssl.enabled: true\n").fails();
    reported(&error.errors, "server.ssl.key-store must not be null");
    let error = Case::yaml("server.ssl: {certificate: c, client-auth: need}\n").fails();
    reported(&error.errors, "certificate-private-key must not be null");
    let error = Case::yaml("server.ssl: {key-store: k.p12, enabled-protocols: SSLv3}\n").fails();
    reported(
        &error.errors,
        "none of the requested protocols is supported",
    );
}

#[test]
fn the_engine_and_the_server_have_limits() {
    let settings = Case::yaml(
        "kayenta.engine: {workers: 7, fetches-per-run: 300, lease: 3s, execution-retention: 0, judgements: 2}\nkayenta.server: {max-body-size: 1MB, body-timeout: 5s, cors.allowed-origins: \"https://a, https://b\"}\nkayenta.embedded.dataDir: /data\nserver.shutdown: immediate\npollers.old-pipeline-cleanup: {enabled: true, threshold-days: 7}\n",
    )
    .load()
    .settings;
    assert_eq!(settings.engine.workers, 7);
    assert_eq!(settings.engine.fetches_per_run, 300);
    assert_eq!(settings.engine.fetches_total, 300);
    assert_eq!(settings.engine.lease, Duration::from_secs(3));
    assert_eq!(settings.engine.execution_retention, None);
    assert_eq!(settings.engine.judgements, Some(2));
    let cleanup = settings.engine.cleanup.unwrap();
    assert_eq!(cleanup.threshold, Duration::from_secs(7 * 86_400));
    assert_eq!(cleanup.keep_at_least, 5);
    assert_eq!(settings.server.max_body_bytes, 1 << 20);
    assert_eq!(
        settings.server.cors,
        CorsSettings::Origins(vec!["https://a".to_owned(), "https://b".to_owned()])
    );
    assert_eq!(settings.server.shutdown, ShutdownMode::Immediate);
    assert_eq!(settings.data_dir, std::path::Path::new("/data"));
    let settings = Case::yaml("keiko.queue.handlerMaxPoolSize: 5\n")
        .load()
        .settings;
    assert_eq!(settings.engine.workers, 5);
    assert_eq!(
        settings.engine.execution_retention,
        Some(Duration::from_secs(30 * 86_400))
    );
    assert_eq!(settings.server.shutdown_timeout, Duration::from_secs(25));
}

#[test]
fn disk_accounts_live_under_the_data_directory_unless_configured_otherwise() {
    let accounts = Case::yaml("kayenta.disk: {enabled: true, accounts: [{name: a}, {name: b, path: /b, rootFolder: x, supportedTypes: OBJECT_STORE}]}\n")
        .arg("--kayenta.embedded.data-dir=/data")
        .load().accounts;
    assert_eq!(accounts.disk[0].path, std::path::Path::new("/data/objects"));
    assert_eq!(accounts.disk[1].path, std::path::Path::new("/b"));
    assert_eq!(accounts.disk[1].root_folder, "x");
}

#[test]
fn http_json_accounts_keep_the_placeholders_of_their_templates() {
    let loaded = Case::yaml(
        "kayenta.http-json:\n  enabled: true\n  accounts:\n  - name: h\n    url: https://m/${path.prefix}/q?scope=${scope}\n    method: post\n    headers:\n      Authorization: Bearer ${TOKEN}\n      X-Tenant: t\n    body: '{\"q\": \"${query}\"}'\n    timestampsPath: $.t\n    valuesPath: $.v\n    timestampUnit: millis\n    timeout: 5s\n",
    )
    .var("TOKEN", "s3cret")
    .var("PATH_PREFIX", "api")
    .load();
    assert!(loaded.oddities().is_empty(), "{:?}", loaded.warnings);
    let account = &loaded.accounts.http_json[0].store;
    assert_eq!(account.url.expose(), "https://m/api/q?scope=${scope}");
    assert_eq!(account.method, Method::Post);
    assert_eq!(
        account.headers["Authorization"].current().expose_secret(),
        "Bearer s3cret"
    );
    assert_eq!(account.headers.len(), 2);
    assert_eq!(account.body.as_deref(), Some("{\"q\": \"${query}\"}"));
    assert_eq!(account.timestamp_unit, TimestampUnit::Millis);
    assert_eq!(account.timeout, Some(Duration::from_secs(5)));
    let error =
        Case::yaml("kayenta.http-json: {enabled: true, accounts: [{name: h, body: x}]}\n").fails();
    reported(&error.errors, "a GET has no body");
    reported(&error.errors, "url must not be null");
    reported(&error.errors, "values-path must not be null");
}

#[test]
fn what_http_json_could_not_use_is_reported_with_its_line() {
    let good = [
        ("url", "https://m/q?q=${query}"),
        ("body", "'{\"q\": \"${query}\"}'"),
        ("seriesPath", "$.results[*]"),
        ("tagsPath", "$.labels"),
        ("timestampsPath", "$.t"),
        ("valuesPath", "$.v"),
        ("headers", "{X-Tenant: t}"),
    ];
    let account = |wrong: &str, value: &str| {
        let lines: String = good
            .iter()
            .map(|(name, text)| {
                let text = if *name == wrong { value } else { text };
                format!("    {name}: {text}\n")
            })
            .collect();
        Case::yaml(&format!(
            "kayenta.http-json:\n  enabled: true\n  accounts:\n  - name: h\n    method: POST\n{lines}"
        ))
    };
    account("", "").load();
    for (name, value, words) in [
        (
            "url",
            "https://m/${scope",
            "'${' at character 11 has no closing brace",
        ),
        (
            "url",
            "https://m/a\\b",
            "the URL contains backslashes, tabs or line breaks",
        ),
        (
            "body",
            "'{\"q\": ${query'",
            "'${' at character 7 has no closing brace",
        ),
        ("seriesPath", "results", "no JSONPath (RFC 9535): "),
        ("tagsPath", "$.[", "no JSONPath (RFC 9535): "),
        ("timestampsPath", "'$..'", "no JSONPath (RFC 9535): "),
        ("valuesPath", "$.v[", "no JSONPath (RFC 9535): "),
        (
            "headers",
            "{'X Tenant': t}",
            "'X Tenant' is not a header name",
        ),
        (
            "headers",
            "{X-Tenant: \"S3CRET\\n\"}",
            "the value of header 'X-Tenant' has",
        ),
    ] {
        let errors = account(name, value).fails().errors;
        assert_eq!(errors.len(), 1, "{name} {value}: {errors:?}");
        let reported = errors[0].to_string();
        let line = 8 + good.iter().position(|(one, _)| *one == name).unwrap();
        assert!(reported.contains(words), "{reported}");
        assert!(
            reported.contains(&format!("kayenta.yml:{line}:")),
            "line {line}: {reported}"
        );
        assert!(!reported.contains("S3CRET"), "{reported}");
    }
}

/// C-CONF-03.
#[test]
fn azure_takes_other_endpoints_and_credentials() {
    let account = |more: &str| {
        Case::yaml(&format!(
            "kayenta.blobs.enabled: true\nkayenta.azure: {{enabled: true, accounts: [{{name: a, storageAccountName: acct, container: kayenta, rootFolder: r, supportedTypes: OBJECT_STORE, {more}}}]}}\n"
        ))
        .load().accounts
        .azure
        .remove(0)
        .store
        .unwrap()
    };
    let sas = account("sasToken: '?sv=1&sig=x', protocol: http");
    assert!(
        matches!(&sas.credential, AzureCredential::SasToken(t) if t.current().expose_secret() == "?sv=1&sig=x")
    );
    assert_eq!(sas.endpoint.scheme(), "http");
    let identity = account("workloadIdentity: true, blobEndpoint: 'http://azurite:10000/acct'");
    assert!(matches!(
        identity.credential,
        AzureCredential::WorkloadIdentity
    ));
    assert_eq!(identity.endpoint.as_str(), "http://azurite:10000/acct");
}

#[test]
fn judges_and_explanations_beside_the_references_are_off_until_switched_on() {
    let judging = |yaml: &str| Case::yaml(yaml).load().settings.judging;
    assert_eq!(judging("kayenta: {}"), JudgingSettings::default());
    let all = JudgingSettings {
        paired_judge: true,
        static_limit_judge: true,
        explanations: true,
    };
    let yaml = "kayenta:\n  paired-judge.enabled: true\n  staticLimitJudge:\n    enabled: true\n  explanations:\n    enabled: true\n";
    assert_eq!(judging(yaml), all);
}
