//! Files of others that must load unchanged.

use kayenta_azure::AzureCredential;
use kayenta_http::Credentials;
use kayenta_model::AccountType;
use kayenta_settings::{Show, WorkBackend};
use secrecy::ExposeSecret;

use crate::support::{Case, FILE};

fn testdata(path: &str) -> String {
    let path = format!(
        "{}/../../../testdata/configuration/{path}",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(path).unwrap()
}

fn guide() -> Case {
    Case::only(&testdata("guide-kayenta.yml"))
        .var(
            "JAVA_OPTS",
            "-XX:+UnlockExperimentalVMOptions -Dlogging.level.root=DEBUG",
        )
        .var("KAYENTA_PORT", "tcp://10.0.0.1:80")
        .var("KAYENTA_SERVICE_HOST", "10.0.0.1")
        .var("KAYENTA_SERVICE_PORT", "80")
}

#[test]
fn the_guides_file_loads_without_a_word() {
    let loaded = guide().var("AZURE_STORAGEKEY", "c2VjcmV0LWtleQ==").load();
    assert!(loaded.oddities().is_empty(), "{:?}", loaded.warnings);
    assert_eq!(loaded.files, [FILE]);
    let settings = loaded.settings;
    assert_eq!(settings.server.port, Some(8090));
    let WorkBackend::Redis(redis) = &settings.work else {
        panic!("embedded");
    };
    assert_eq!(redis.address(), "redis://kayenta-redis-master:6379");
    assert!(redis.password.is_none());
    let accounts = &loaded.accounts;
    assert_eq!(
        accounts.azure[0].supported_types,
        [AccountType::ObjectStore, AccountType::ConfigurationStore]
    );
    let azure = accounts.azure[0].store.as_ref().unwrap();
    assert_eq!(azure.name, "canary-storage");
    assert_eq!(azure.storage_account_name, "kayentastorage");
    assert_eq!(azure.container, "kayenta");
    assert_eq!(azure.root_folder, "kayenta");
    assert_eq!(
        azure.endpoint.as_str(),
        "https://kayentastorage.blob.core.windows.net/"
    );
    match &azure.credential {
        AzureCredential::SharedKey(key) => {
            assert_eq!(key.current().expose_secret(), "c2VjcmV0LWtleQ==")
        }
        other => panic!("{other:?}"),
    }
    let prometheus = &accounts.prometheus[0];
    assert_eq!(prometheus.name, "canary-prometheus");
    assert_eq!(prometheus.store.base_url.expose(), "http://prometheus:9090");
    assert!(matches!(prometheus.store.credentials, Credentials::None));
    assert_eq!(
        accounts.registration_order,
        [
            ("azure", "canary-storage".to_owned()),
            ("prometheus", "canary-prometheus".to_owned())
        ]
    );
    assert!(accounts.store_enabled("signalfx") && accounts.signalfx.is_empty());
    assert!(!accounts.store_enabled("atlas"));
    assert!(settings.standalone_canary_analysis);
    assert!(settings.management.exposure.exposes("anything"));
    assert_eq!(settings.management.health.show_details, Show::Always);
    assert_eq!(settings.queue.name, "kayenta.keiko.queue");
    assert_eq!(
        settings.queue.dead_letter_name,
        "kayenta.keiko.queue.deadLetters"
    );
    assert_eq!(settings.spectator.application_name, "kayenta");
    assert!(settings.spectator.enabled);
    assert_eq!(settings.swagger.title, "Kayenta API");
    assert_eq!(settings.swagger.description, "");
    assert_eq!(settings.swagger.patterns.len(), 14);
    assert_eq!(settings.logging.root, kayenta_settings::LogLevel::Debug);
    assert_eq!(settings.profiles, ["composite", "test", "local"]);
    assert!(settings.security.authentication.is_none());
}

#[test]
fn the_guides_file_without_its_secret_runs_without_the_store() {
    let loaded = guide().load();
    let accounts = loaded.accounts;
    assert!(accounts.azure.is_empty());
    assert_eq!(accounts.prometheus.len(), 1);
    assert_eq!(
        accounts.skipped[0].message,
        "Could not load Azure account canary-storage."
    );
    assert!(
        accounts.skipped[0]
            .cause
            .to_string()
            .contains("azure.storageKey")
    );
}

#[test]
fn every_kind_of_metric_store_loads() {
    let case = Case::only(&testdata("metric-stores-kayenta.yml"))
        .file("/google-service-account.json", "{}");
    let loaded = case.load();
    assert!(loaded.oddities().is_empty(), "{:?}", loaded.warnings);
    let accounts = loaded.accounts;
    assert!(accounts.skipped.is_empty());
    assert_eq!(
        accounts.datadog[0]
            .store
            .api_key
            .as_ref()
            .unwrap()
            .current()
            .expose_secret(),
        "dd-api-key"
    );
    assert_eq!(
        accounts.graphite[0].store.base_url.join("").expose(),
        "http://localhost:9191/graphite"
    );
    assert_eq!(accounts.newrelic.len(), 2);
    assert_eq!(
        accounts.newrelic[1].store.defaults.scope.as_deref(),
        Some("appName")
    );
    assert_eq!(
        accounts.newrelic[0]
            .store
            .application_key
            .as_ref()
            .unwrap()
            .current()
            .expose_secret(),
        "12345"
    );
    assert_eq!(
        accounts.signalfx[1].store.default_location_key.as_deref(),
        Some("region")
    );
    assert_eq!(
        accounts.wavefront[0]
            .store
            .api_token
            .current()
            .expose_secret(),
        "wf-api-token"
    );
    assert_eq!(accounts.atlas[0].recommended_locations, ["us-east-1.main"]);
    assert_eq!(
        accounts.influxdb[0].supported_types,
        [AccountType::MetricsStore]
    );
    assert_eq!(accounts.google[0].store.1.google.project, "my-project");
    assert_eq!(accounts.memory[0].name, "canary-storage");
    assert_eq!(
        loaded.settings.remote_judge.unwrap().base_url.expose(),
        "http://localhost:9191/remote-judge"
    );
    assert_eq!(loaded.settings.retry.attempts, 3);
}

#[test]
fn the_files_of_the_deployment_load() {
    let deploy = format!("{}/../../../deploy", env!("CARGO_MANIFEST_DIR"));
    for file in [
        "image/kayenta.yml",
        "compose/kayenta.yml",
        "kubernetes/overlays/embedded/kayenta.yml",
        "kubernetes/overlays/replicas/kayenta.yml",
    ] {
        let text = std::fs::read_to_string(format!("{deploy}/{file}")).unwrap();
        let loaded = Case::only(&text).var("AZURE_STORAGEKEY", "a2V5").load();
        assert!(loaded.accounts.skipped.is_empty(), "{file}");
        for warning in loaded.oddities() {
            assert!(
                warning.property.as_deref() == Some("redis.connection")
                    && warning.message.starts_with("not set: "),
                "{file}: {warning}"
            );
        }
    }
}

#[test]
fn a_container_with_only_json_becomes_the_embedded_default_on_redis() {
    let loaded = Case::empty()
        .var(
            "SPRING_APPLICATION_JSON",
            r#"{"redis.connection":"redis://redisHost:6379"}"#,
        )
        .load();
    assert!(matches!(loaded.settings.work, WorkBackend::Redis(_)));
    assert_eq!(loaded.settings.server.port, Some(8090));
}

#[test]
fn the_shipped_file_of_the_reference_loads() {
    let loaded = Case::only(&testdata("reference-defaults.yml")).load();
    assert!(loaded.oddities().is_empty(), "{:?}", loaded.warnings);
    assert!(!loaded.settings.standalone_canary_analysis);
    assert_eq!(loaded.settings.server.port, Some(8090));
}
