//! Stores and accounts, as the Java service reads them when it starts.

use std::time::Duration;

use kayenta_azure::AzureCredential;
use kayenta_config::SkippedAccount;
use kayenta_http::Credentials;
use kayenta_model::AccountType;
use kayenta_s3::CredentialSource;
use kayenta_settings::{HttpLogLevel, ManagementPort};
use secrecy::ExposeSecret;

use crate::support::{Case, FILE, place, reported};

fn skipped(case: &Case) -> SkippedAccount {
    let mut skipped = case.load().accounts.skipped;
    assert_eq!(skipped.len(), 1, "{skipped:?}");
    skipped.remove(0)
}

fn azure(account: &str) -> Case {
    Case::yaml(&format!(
        "kayenta.blobs.enabled: true\nkayenta.azure:\n  enabled: true\n  accounts:\n  - {account}\n"
    ))
}

#[test]
fn signalfx_without_accounts_is_fine() {
    let loaded = Case::yaml("kayenta.signalfx.enabled: true\n").load();
    assert!(loaded.accounts.store_enabled("signalfx"));
    assert!(loaded.oddities().is_empty());
}

#[test]
fn an_azure_key_that_is_none_drops_the_account_and_names_the_placeholder() {
    let account = "{name: az1, storageAccountName: s, accountAccessKey: \"KEY\", container: kayenta, rootFolder: r, supportedTypes: OBJECT_STORE}";
    let left = skipped(&azure(&account.replace("KEY", "${azure.storageKey}")));
    assert_eq!(left.message, "Could not load Azure account az1.");
    assert!(
        left.cause
            .message
            .starts_with("Storage Key is not a valid base64 encoded string.")
    );
    assert!(left.cause.message.contains("'azure.storageKey'"));
    assert!(
        left.cause
            .remedy
            .as_ref()
            .unwrap()
            .contains("AZURE_STORAGEKEY")
    );
    assert_eq!(place(&left.cause), format!("{FILE}:7"));
    let left = skipped(&azure(&account.replace("KEY", "not base64!")));
    assert_eq!(
        left.cause.message,
        "Storage Key is not a valid base64 encoded string."
    );
    assert!(!format!("{left:?}").contains("not base64!"));
    let loaded = azure(&account.replace("KEY", "${azure.storageKey}"))
        .var("AZURE_STORAGEKEY", "a2V5")
        .load();
    match &loaded.accounts.azure[0].store.as_ref().unwrap().credential {
        AzureCredential::SharedKey(key) => assert_eq!(key.current().expose_secret(), "a2V5"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_azure_account_without_its_parts_is_left_out() {
    for (account, shown, cause) in [
        (
            "{container: kayenta, rootFolder: r, supportedTypes: OBJECT_STORE}",
            "null",
            "a name is required",
        ),
        (
            "{name: a, rootFolder: r, accountAccessKey: a2V5, supportedTypes: OBJECT_STORE}",
            "a",
            "Azure/Blobs account a is required to specify a container.",
        ),
        (
            "{name: a, container: kayenta, accountAccessKey: a2V5, supportedTypes: OBJECT_STORE}",
            "a",
            "Azure/Blobs account a is required to specify a rootFolder.",
        ),
    ] {
        let left = skipped(&azure(account));
        assert_eq!(
            left.message,
            format!("Could not load Azure account {shown}.")
        );
        assert_eq!(left.cause.message, cause);
        assert_eq!(place(&left.cause), format!("{FILE}:7"));
    }
}

#[test]
fn configuration_store_alone_is_listed_with_a_warning() {
    let loaded = azure("{name: az6, storageAccountName: s, accountAccessKey: a2V5, supportedTypes: CONFIGURATION_STORE}").load();
    assert_eq!(
        loaded.accounts.azure[0].supported_types,
        [AccountType::ConfigurationStore]
    );
    reported(&loaded.warnings, "Unable to resolve storage service az6.");
}

#[test]
fn an_account_that_stores_no_objects_needs_no_key_and_its_absence_is_reported() {
    let loaded = azure("{name: a}").load();
    let account = &loaded.accounts.azure[0];
    assert!(account.store.is_none());
    reported(&loaded.warnings, "accountAccessKey");
    reported(&loaded.warnings, "storage-account-name");
}

fn aws(account: &str) -> Case {
    Case::yaml(&format!(
        "kayenta.s3.enabled: true\nkayenta.aws:\n  enabled: true\n  accounts:\n  - {account}\n"
    ))
}

#[test]
fn an_aws_account_without_bucket_or_name_is_left_out() {
    let left = skipped(&aws("{name: aw1, region: r, supportedTypes: OBJECT_STORE}"));
    assert_eq!(left.message, "Could not load AWS account aw1.");
    assert_eq!(
        left.cause.message,
        "AWS/S3 account aw1 is required to specify a bucket."
    );
    let left = skipped(&aws("{bucket: b, region: r, supportedTypes: OBJECT_STORE}"));
    assert_eq!(left.message, "Could not load AWS account null.");
    let left = skipped(&aws(
        "{name: aw1, bucket: b, rootFolder: '', region: r, supportedTypes: OBJECT_STORE}",
    ));
    assert_eq!(
        left.cause.message,
        "AWS/S3 account aw1 is required to specify a rootFolder."
    );
}

/// Where a region comes from shows when it is needed: a profile or the machine may know it.
#[test]
fn an_aws_account_needs_neither_region_nor_endpoint_to_load() {
    let account = "{name: a, bucket: b, supportedTypes: OBJECT_STORE}";
    let aws_of = |case: Case| {
        let store = case.load().accounts.aws.remove(0).store;
        store.unwrap().account
    };
    assert_eq!(aws_of(aws(account)).region, None);
    let account = aws_of(aws(
        "{name: a, bucket: b, endpoint: \"http://minio:9000\", explicitCredentials: {accessKey: k, secretKey: s}, supportedTypes: OBJECT_STORE}",
    ));
    assert!(matches!(account.credentials, CredentialSource::Keys { .. }));
    assert_eq!(account.root_folder, "kayenta");
}

/// A URL that is none is one mistake, not also a missing region (F05).
#[test]
fn an_endpoint_that_is_no_url_is_reported_once() {
    let text = "{name: a, bucket: b, endpoint: \"ftp://minio\", supportedTypes: OBJECT_STORE}";
    let loaded = aws(text).load();
    reported(&loaded.warnings, "every call to it will fail");
    assert!(
        !loaded
            .warnings
            .iter()
            .any(|warning| warning.to_string().contains("region")),
        "{:?}",
        loaded.warnings
    );
}

/// As the AWS SDK of the Java service has it.
#[test]
fn an_endpoint_of_s3_without_a_scheme_means_https() {
    for (text, url) in [
        ("minio", "https://minio"),
        ("minio.example.com:9000", "https://minio.example.com:9000"),
        ("http://minio:9000", "http://minio:9000"),
    ] {
        let loaded = aws(&format!(
            "{{name: a, bucket: b, endpoint: \"{text}\", supportedTypes: OBJECT_STORE}}"
        ))
        .load();
        let store = loaded.accounts.aws[0].store.as_ref().unwrap();
        let endpoint = store.account.endpoint.as_ref().unwrap();
        assert_eq!(endpoint.expose(), url);
    }
}

/// One account that cannot be used keeps no other from being used (F10).
#[test]
fn a_url_of_an_account_that_is_none_does_not_stop_the_start() {
    for yaml in [
        "kayenta.aws: {enabled: true, accounts: [{name: a, bucket: b, rootFolder: r, endpoint: URL, supportedTypes: OBJECT_STORE}]}",
        "kayenta.google: {enabled: true, accounts: [{name: a, project: p, bucket: b, rootFolder: r, endpoint: URL, supportedTypes: OBJECT_STORE}]}",
        "kayenta.google: {enabled: true, accounts: [{name: a, project: p, monitoringEndpoint: URL, supportedTypes: METRICS_STORE}]}",
        "kayenta.configbin: {enabled: true, accounts: [{name: a, endpoint.baseUrl: URL, ownerApp: o, configType: c, supportedTypes: CONFIGURATION_STORE}]}",
        "kayenta.prometheus: {enabled: true, accounts: [{name: a, endpoint.baseUrl: \"http://p\", authentication: {type: oauth2, tokenUrl: URL, clientId: c, clientSecret: s}}]}",
    ] {
        for url in ["\"ftp://h\"", "\"${URL_OF_EU}\""] {
            let yaml = yaml.replace("URL", url) + "\n";
            let loaded = Case::yaml(&yaml).load();
            reported(&loaded.warnings, "every call to it will fail");
        }
    }
}

/// Each of the services that work with the accounts of a provider.
#[test]
fn an_account_whose_service_is_off_is_reported() {
    for (kind, types, service) in [
        ("azure", "OBJECT_STORE", "blobs"),
        ("aws", "OBJECT_STORE", "s3"),
        ("google", "OBJECT_STORE", "gcs"),
        ("google", "METRICS_STORE", "stackdriver"),
    ] {
        let text = format!(
            "kayenta.{kind}: {{enabled: true, accounts: [{{name: a, project: p, bucket: b, container: c-c, rootFolder: r, storageAccountName: s, accountAccessKey: c2VjcmV0, supportedTypes: {types}}}]}}\n"
        );
        let loaded = Case::yaml(&text).load();
        reported(
            &loaded.warnings,
            &format!("kayenta.{service}.enabled is off"),
        );
    }
}

/// The reference's migrator, and what there is instead.
#[test]
fn c_account_02_the_migrator_is_answered_with_the_command() {
    let text =
        "kayenta.data-migration: {enabled: true, sourceAccountName: old, targetAccountName: new}\n";
    let loaded = Case::yaml(text).load();
    let warning = reported(&loaded.warnings, "copies no objects in the background");
    let remedy = warning.remedy.as_deref();
    assert_eq!(remedy, Some("run kayenta migrate copy --from old --to new"));
    let off =
        Case::yaml("kayenta.data-migration: {enabled: false, sourceAccountName: old}\n").load();
    let of_migrator = off
        .warnings
        .iter()
        .filter(|warning| warning.message.contains("copies"));
    assert_eq!(of_migrator.count(), 0);
}

#[test]
fn c_account_01_an_account_of_an_unknown_kind_is_reported_with_the_known_ones() {
    let text = "kayenta.oracle: {enabled: true, accounts: [{name: o1, bucket: b, supportedTypes: OBJECT_STORE}]}\n";
    let loaded = Case::yaml(text).load();
    let wrong = reported(&loaded.warnings, "account o1 is of the kind oracle");
    assert!(wrong.to_string().contains("azure"), "{wrong}");
    let unknown = loaded
        .warnings
        .iter()
        .filter(|w| w.message.contains("unknown property"));
    assert_eq!(unknown.count(), 0, "{:?}", loaded.warnings);
}

#[test]
fn half_a_key_pair_is_refused() {
    let error = aws("{name: a, bucket: b, region: r, explicitCredentials: {accessKey: k}}").fails();
    reported(&error.errors, "Secret key cannot be null.");
    let error =
        aws("{name: a, bucket: b, region: r, proxyProtocol: HTTP, proxyHost: h, proxyPort: x}")
            .fails();
    reported(&error.errors, "For input string: \"x\"");
}

#[test]
fn an_unreadable_key_file_drops_the_google_account() {
    let text = "kayenta.stackdriver.enabled: true\nkayenta.google: {enabled: true, accounts: [{name: g1, project: p, jsonPath: /nope.json, supportedTypes: METRICS_STORE}]}\n";
    let left = skipped(&Case::yaml(text));
    assert_eq!(left.message, "Could not load Google account g1.");
    assert!(left.cause.message.contains("/nope.json"));
    let loaded = Case::yaml(text).file("/nope.json", "{}").load();
    assert_eq!(loaded.accounts.google.len(), 1);
}

#[test]
fn google_s_default_credentials_are_looked_for_where_google_s_libraries_do() {
    let text = "kayenta.google: {enabled: true, accounts: [{name: g1, project: p, supportedTypes: METRICS_STORE}]}\n";
    let google = |case: Case| case.load().accounts.google.remove(0).store.1.google;
    let ends = |path: &Option<std::path::PathBuf>, end: &str| {
        path.as_ref().is_some_and(|path| path.ends_with(end))
    };
    let machine = google(Case::yaml(text).var("GCE_METADATA_HOST", "metadata:80"));
    assert_eq!(machine.default_credentials, None);
    assert_eq!(machine.metadata_host.as_deref(), Some("metadata:80"));
    let of_gcloud = ".config/gcloud/application_default_credentials.json";
    let case = Case::yaml(text).file(&format!("/home/spinnaker/{of_gcloud}"), "{}");
    assert!(ends(&google(case).default_credentials, of_gcloud));
    let case = Case::yaml(text).var("GOOGLE_APPLICATION_CREDENTIALS", "/keys/adc.json");
    assert!(ends(&google(case).default_credentials, "keys/adc.json"));
}

fn prometheus(account: &str) -> Case {
    Case::yaml(&format!(
        "kayenta.prometheus:\n  enabled: true\n  accounts:\n  - {account}\n"
    ))
}

#[test]
fn an_unreadable_password_file_drops_the_prometheus_account() {
    let case = prometheus("{name: pr1, endpoint.baseUrl: http://p, usernamePasswordFile: /nope}");
    let left = skipped(&case);
    assert_eq!(left.kind.name, "prometheus");
    assert_eq!(left.message, "Problem registering Prometheus account pr1:");
    let loaded = case.file("/nope", " user:pa:ss\n").load();
    match &loaded.accounts.prometheus[0].store.credentials {
        Credentials::UserPassword(pair) => {
            assert_eq!(pair.current().expose_secret(), "user:pa:ss");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_prometheus_account_needs_name_and_endpoint() {
    let error = prometheus("{endpoint.baseUrl: http://p}").fails();
    let wrong = reported(
        &error.errors,
        "kayenta.prometheus.accounts[0].name must not be null",
    );
    assert_eq!(place(wrong), format!("{FILE}:6"));
    let error = prometheus("{name: p}").fails();
    reported(
        &error.errors,
        "kayenta.prometheus.accounts[0].endpoint.base-url must not be null",
    );
}

#[test]
fn a_base_url_that_is_none_is_warned_of_and_the_account_is_listed() {
    for (url, words) in [
        (
            "not a url",
            "Expected URL scheme 'http' or 'https' but no colon was found",
        ),
        ("ftp://p", "Invalid URL"),
        ("http://", "Invalid URL"),
        ("http://a b", "Invalid URL"),
        (
            "${PROMETHEUS_OF_EU}",
            "Set the environment variable PROMETHEUS_OF_EU",
        ),
    ] {
        let loaded = prometheus(&format!("{{name: p, endpoint.baseUrl: \"{url}\"}}")).load();
        let warning = reported(&loaded.warnings, "every call to it will fail");
        assert!(warning.to_string().contains(words), "{warning}");
        let account = &loaded.accounts.prometheus[0];
        assert_eq!(account.store.base_url.to_string(), url);
        assert!(account.store.base_url.flaw().is_some(), "{url}");
    }
}

#[test]
fn accounts_that_can_be_used_for_nothing_are_warned_of() {
    let prometheus =
        "kayenta.prometheus: {enabled: true, accounts: [{name: p, endpoint.baseUrl: http://p}]}\n";
    let objects = "kayenta.memory: {enabled: true, accounts: [{name: m, supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]}]}\n";
    for (yaml, words) in [
        (
            "kayenta.datadog: {accounts: [{name: d}]}\n",
            "kayenta.datadog.enabled is not set: the accounts are not used",
        ),
        (
            "kayenta.aws: {accounts: [{name: d}]}\n",
            "kayenta.aws.enabled is not set: the accounts are not used",
        ),
        (
            "kayenta.google: {enabled: true, accounts: [{name: g, project: p, supportedTypes: METRICS_STORE}]}\n",
            "kayenta.stackdriver.enabled is off: no metric can be queried from account g",
        ),
        (
            "kayenta.google: {enabled: true, accounts: [{name: g, project: p, bucket: b, supportedTypes: OBJECT_STORE}]}\n",
            "kayenta.gcs.enabled is off: nothing can be stored in account g",
        ),
        (
            "kayenta.google: {enabled: true, accounts: [{name: g, project: p}]}\n",
            "account g supports nothing",
        ),
        (
            "kayenta.graphite: {enabled: true, accounts: [{name: g, endpoint.baseUrl: http://g}]}\n",
            "account g supports nothing",
        ),
        (
            "kayenta.datadog: {enabled: true, accounts: [{name: d, apiKey: a, applicationKey: b, endpoint.baseUrl: http://d, supportedTypes: OBJECT_STORE}]}\n",
            "account d supports OBJECT_STORE, which accounts of the kind datadog cannot be used for",
        ),
    ] {
        let loaded = Case::yaml(&format!("{prometheus}{objects}{yaml}")).load();
        reported(&loaded.warnings, words);
    }
    let quiet = Case::yaml(&format!(
        "{prometheus}{objects}kayenta.datadog: {{enabled: false, accounts: [{{name: d}}]}}\n"
    ))
    .load();
    let warnings: Vec<_> = quiet
        .warnings
        .iter()
        .filter(|warning| warning.severity == kayenta_config::Severity::Warning)
        .collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
    for (yaml, words) in [
        (objects, "no account can be queried for metrics"),
        (
            "kayenta.memory: {enabled: true, accounts: [{name: m, supportedTypes: OBJECT_STORE}]}\n",
            "no account can keep canary configs",
        ),
    ] {
        reported(&Case::yaml(yaml).load().warnings, words);
    }
}

#[test]
fn c_conf_09_a_file_without_any_object_store_keeps_objects_on_disk() {
    let prometheus =
        "kayenta.prometheus: {enabled: true, accounts: [{name: p, endpoint.baseUrl: http://p}]}\n";
    let loaded = Case::yaml(prometheus).load();
    reported(&loaded.warnings, "no object store is configured");
    assert_eq!(loaded.accounts.disk[0].name, "embedded-storage");
    assert!(loaded.accounts.disk[0].is_default);
    // Whoever says anything of an object store has chosen.
    for yaml in [
        "kayenta.azure.enabled: false\n",
        "kayenta.memory: {enabled: true, accounts: [{name: m}]}\n",
        "kayenta.aws: {accounts: [{name: a}]}\n",
        "kayenta.gcs.enabled: false\n",
        "kayenta.disk.enabled: false\n",
    ] {
        let loaded = Case::yaml(&format!("{prometheus}{yaml}")).load();
        assert!(loaded.accounts.disk.is_empty(), "{yaml}");
    }
    let google = "kayenta.google: {enabled: true, accounts: [{name: g, project: p, supportedTypes: METRICS_STORE}]}\n";
    assert_eq!(Case::yaml(google).load().accounts.disk.len(), 1);
}

#[test]
fn one_fault_has_one_message() {
    for (yaml, words) in [
        (
            "kayenta.datadog: {enabled: true, accounts: [{name: d, apiKey: 'encrypted:k8s!n:x!k:y', applicationKey: b, endpoint.baseUrl: http://d}]}\n",
            "api-key",
        ),
        (
            "server.ssl: {enabled: true, key-store: store.jks}\n",
            "key-store",
        ),
        (
            "server.ssl: {client-auth: need, certificate: a, certificate-private-key: b, trust-store: t.jks}\n",
            "trust-store",
        ),
        (
            "redis.connection: 'encrypted:k8s!n:x!k:y'\n",
            "redis.connection",
        ),
        (
            "kayenta.remoteJudge: {enabled: true, endpoint.baseUrl: 'encrypted:k8s!n:x!k:y'}\n",
            "base-url",
        ),
    ] {
        let report = Case::only(&format!("server.port: 8090\n{yaml}")).check();
        let about: Vec<String> = report
            .errors
            .iter()
            .chain(&report.warnings)
            .map(ToString::to_string)
            .filter(|text| text.contains(words))
            .collect();
        assert_eq!(about.len(), 1, "{yaml}: {report}");
        assert!(!report.errors.is_empty(), "{yaml}: {report}");
    }
}

#[test]
fn the_number_of_the_main_port_means_the_main_port() {
    for (yaml, same) in [
        ("management.server.port: 8090\n", true),
        ("management.server.port: 8091\n", false),
        ("management.server.port: 0\n", false),
    ] {
        let port = Case::yaml(yaml).load().settings.management.port;
        assert_eq!(port == ManagementPort::Main, same, "{yaml}");
    }
    let port = Case::only("server.port: 0\nmanagement.server.port: 0\n")
        .load()
        .settings
        .management
        .port;
    assert_ne!(port, ManagementPort::Main);
}

#[test]
fn locations_are_lists_and_types_are_fixed() {
    for (written, expected) in [
        ("'a, b ,c'", vec!["a", "b", "c"]),
        ("''", vec![]),
        ("[]", vec![]),
    ] {
        let loaded = prometheus(&format!(
            "{{name: p, endpoint.baseUrl: http://p, locations: {written}, supportedTypes: OBJECT_STORE}}"
        ))
        .load();
        let account = &loaded.accounts.prometheus[0];
        assert_eq!(account.locations, expected);
        assert_eq!(account.supported_types, [AccountType::MetricsStore]);
    }
}

#[test]
fn wavefront_needs_its_token() {
    let error = Case::yaml(
        "kayenta.wavefront: {enabled: true, accounts: [{name: w, endpoint.baseUrl: http://w, supportedTypes: METRICS_STORE}]}\n",
    )
    .fails();
    reported(&error.errors, "apiToken is marked non-null but is null");
}

#[test]
fn of_one_name_the_last_registered_stays_with_a_warning() {
    let case = Case::yaml(
        "kayenta.memory: {enabled: true, accounts: [{name: dup, supportedTypes: OBJECT_STORE}, {name: dup, supportedTypes: CONFIGURATION_STORE}]}\n",
    );
    let loaded = case.load();
    assert_eq!(loaded.accounts.memory.len(), 1);
    assert_eq!(
        loaded.accounts.memory[0].supported_types,
        [AccountType::ConfigurationStore]
    );
    reported(&loaded.warnings, "is replaced by a later Memory account");
    let loaded = Case::yaml(
        "kayenta.memory: {enabled: true, accounts: [{name: dup, supportedTypes: OBJECT_STORE}]}\nkayenta.prometheus: {enabled: true, accounts: [{name: dup, endpoint.baseUrl: http://p}]}\nkayenta.graphite: {enabled: true, accounts: [{name: dup, endpoint.baseUrl: http://g, supportedTypes: METRICS_STORE}]}\n",
    )
    .load();
    let accounts = loaded.accounts;
    assert!(accounts.memory.is_empty() && accounts.graphite.is_empty());
    assert_eq!(
        accounts.registration_order,
        [("prometheus", "dup".to_owned())]
    );
}

#[test]
fn two_newrelic_accounts_of_one_name_are_refused() {
    let error = Case::yaml(
        "kayenta.newrelic: {enabled: true, accounts: [{name: n, apiKey: a, applicationKey: b}, {name: n, apiKey: a, applicationKey: b}]}\n",
    )
    .fails();
    reported(&error.errors, "Duplicate key n");
}

#[test]
fn stores_need_their_providers() {
    for (store, provider, bean) in [
        ("blobs", "azure", "registerAzureCredentials"),
        ("s3", "aws", "registerAwsCredentials"),
        ("gcs", "google", "registerGoogleCredentials"),
        ("stackdriver", "google", "registerGoogleCredentials"),
    ] {
        let error = Case::yaml(&format!("kayenta.{store}.enabled: true\n")).fails();
        let wrong = reported(
            &error.errors,
            &format!("kayenta.{store}.enabled needs kayenta.{provider}.enabled"),
        );
        assert!(wrong.message.contains(bean));
        assert_eq!(place(wrong), format!("{FILE}:3"));
    }
}

#[test]
fn the_index_may_be_off() {
    let loaded = Case::yaml(
        "kayenta.index.enabled: false\nkayenta.configbin: {enabled: true, accounts: [{name: c, endpoint.baseUrl: http://c, ownerApp: o, configType: t, supportedTypes: CONFIGURATION_STORE}]}\n",
    )
    .load();
    assert!(!loaded.settings.index.enabled);
}

#[test]
fn the_remote_judge_needs_its_endpoint() {
    let error = Case::yaml("kayenta.remoteJudge.enabled: true\n").fails();
    let wrong = reported(&error.errors, "must not be null");
    assert_eq!(
        wrong.property.as_deref(),
        Some("kayenta.remote-judge.endpoint")
    );
    assert_eq!(wrong.found.as_deref(), Some("null"));
    assert_eq!(place(wrong), format!("{FILE}:3"));
    let loaded =
        Case::yaml("kayenta.remoteJudge: {enabled: true, endpoint.baseUrl: http://j/x/}\n").load();
    assert_eq!(
        loaded
            .settings
            .remote_judge
            .unwrap()
            .base_url
            .join("")
            .expose(),
        "http://j/x"
    );
}

/// C-CONF-05: upstream takes only milliseconds or ISO 8601 here, and hangs on others.
#[test]
fn health_delays_take_units() {
    let loaded = prometheus("{name: p, endpoint.baseUrl: http://p}");
    assert!(loaded.load().settings.prometheus.health.is_none());
    let health = |delay: &str| {
        Case::yaml(&format!(
            "kayenta.prometheus: {{enabled: true, accounts: [{{name: p, endpoint.baseUrl: http://p}}], health: {{enabled: true, fixed-delay: {delay}}}}}\n"
        ))
        .load()
        .settings
        .prometheus
        .health
        .unwrap()
    };
    assert_eq!(health("5m").fixed_delay, Duration::from_secs(300));
    assert_eq!(health("PT1M").fixed_delay, Duration::from_secs(60));
    assert_eq!(health("1500").fixed_delay, Duration::from_millis(1500));
    assert_eq!(health("5m").initial_delay, Duration::from_secs(2));
    let none = Case::yaml("kayenta.prometheus: {enabled: true, health.enabled: true}\n").load();
    assert!(none.settings.prometheus.health.is_none());
}

/// C-CONF-06: upstream wants upper case.
#[test]
fn the_log_level_of_calls_is_read_in_any_case() {
    for (written, level) in [
        ("retrofit.logLevel: basic", HttpLogLevel::Basic),
        (
            "retrofit.log-level: headers_and_args",
            HttpLogLevel::Headers,
        ),
        ("retrofit2.logLevel: BODY", HttpLogLevel::Full),
        ("retrofit.logLevel: NONE", HttpLogLevel::None),
    ] {
        assert_eq!(
            Case::yaml(&format!("{written}\n"))
                .load()
                .settings
                .http_client
                .log,
            level
        );
    }
    reported(
        &Case::yaml("retrofit.logLevel: LOUD\n").fails().errors,
        "retrofit.log-level",
    );
}

#[test]
fn settings_that_would_change_behaviour_are_refused_by_name() {
    for (text, name) in [
        ("keiko.queue.sql.enabled: true", "keiko.queue.sql.enabled"),
        (
            "keiko.queue.redis.enabled: false",
            "keiko.queue.redis.enabled",
        ),
        ("redis.enabled: false", "redis.enabled"),
        (
            "redis.connectionPrevious: redis://old",
            "redis.connection-previous",
        ),
        (
            "redis.clients.default.primary.config.connection: redis://x",
            "redis.clients",
        ),
        ("server.ssl: {key-store: k.jks}", "server.ssl.key-store"),
        (
            "server.ssl: {key-store: k, key-store-type: JKS}",
            "server.ssl.key-store",
        ),
        (
            "ok-http-client: {trustStore: t.jks}",
            "ok-http-client.trust-store",
        ),
        (
            "management.server.ssl.enabled: true",
            "management.server.ssl.key-store",
        ),
    ] {
        let error = Case::yaml(&format!("{text}\n")).fails();
        assert_eq!(error.errors[0].property.as_deref(), Some(name), "{text}");
    }
    let error = Case::yaml("")
        .var(
            "JAVA_OPTS",
            "-Djavax.net.ssl.trustStore=/t -Djavax.net.ssl.trustStoreType=JKS -DsocksProxyHost=h",
        )
        .fails();
    assert_eq!(error.errors.len(), 2);
}

#[test]
fn a_store_that_is_off_is_not_looked_at() {
    let loaded = Case::yaml(
        "kayenta.prometheus: {enabled: false, accounts: [{endpoint.baseUrl: rubbish, supportedTypes: FOO}]}\n",
    )
    .load();
    assert!(loaded.accounts.prometheus.is_empty());
    assert!(loaded.oddities().is_empty(), "{:?}", loaded.warnings);
}

#[test]
fn every_error_is_reported_at_once() {
    let error = Case::yaml(
        "kayenta.blobs.enabled: true\nkayenta.metrics.retry.attempts: x\nkayenta.prometheus: {enabled: true, accounts: [{name: a}, {endpoint.baseUrl: http://p}]}\n",
    )
    .fails();
    assert_eq!(error.errors.len(), 4, "{error}");
}
