//! Values, names and placeholders, as the Java service reads them when it starts.

use std::time::Duration;

use kayenta_http::{RetryPolicy, StatusSeries};
use kayenta_model::AccountType;
use kayenta_secrets::Secret;
use kayenta_settings::WorkBackend;
use secrecy::ExposeSecret;

use crate::support::{Case, FILE, memory_named, place, reported};

/// A value that refers to a variable: `AZURE_STORAGEKEY=k`, `AZURE_STORAGE_KEY_TWO=two`.
fn named(name: &str, more: &str) -> Case {
    Case::yaml(&format!("{}{more}", memory_named(name)))
        .var("AZURE_STORAGEKEY", "k")
        .var("AZURE_STORAGE_KEY_TWO", "two")
}

#[track_caller]
fn assert_named(written: &str, more: &str, expected: &str) {
    assert_eq!(named(written, more).memory(), [expected], "{written}");
}

#[test]
fn variables_answer_placeholders_in_any_case() {
    for written in [
        "${azure.storageKey}",
        "${AZURE_STORAGEKEY}",
        "${azure.storagekey}",
    ] {
        assert_named(written, "", "k");
    }
}

#[test]
fn a_placeholder_matches_variables_of_other_spellings() {
    assert_named("${azure.storage-key}", "", "k");
    assert_named("${azure.storage_key}", "", "k");
    assert_named("${azure.storageKeyTwo}", "", "two");
}

#[test]
fn a_dash_in_a_placeholder_is_an_underscore_in_the_variable() {
    assert_named("${azure.storage-key-two}", "", "two");
}

#[test]
fn a_placeholder_without_a_value_stays_and_is_reported() {
    assert_named("${no.a}", "", "${no.a}");
    assert_named("x/${no.a}/${azure.storageKey}", "", "x/${no.a}/k");
    let loaded = named("${no.a}", "").load();
    let warning = reported(&loaded.warnings, "Could not resolve placeholder 'no.a'");
    assert_eq!(place(warning), format!("{FILE}:6"));
    assert!(warning.remedy.as_ref().unwrap().contains("NO_A"));
}

#[test]
fn defaults_of_placeholders_may_be_empty_nested_and_contain_colons() {
    assert_named("${no.a:d}", "", "d");
    assert_named("x${no.a:}", "", "x");
    assert_named("${no.a:${azure.storageKey}}", "", "k");
    assert_named("${no.a:${no.b:p:q}}", "", "p:q");
    let error = named("${no.a:}", "").fails();
    reported(
        &error.errors,
        "kayenta.memory.accounts[0].name must not be null",
    );
}

#[test]
fn names_of_placeholders_nest_and_have_indices_and_colons() {
    assert_named("${x.${sel}}", "sel: b\nx.b: xb\n", "xb");
    assert_named("\"${list[0]}\"", "list: [first, second]\n", "first");
    assert_named("${has:colon}", "\"has:colon\": hc\n", "hc");
}

#[test]
fn nothing_escapes_a_placeholder() {
    assert_named("\\${azure.storageKey}", "", "\\k");
    assert_named("$${azure.storageKey}", "", "$k");
    assert_named("${ azure.storageKey }", "", "${ azure.storageKey }");
    assert_named("${open", "", "${open");
    assert_named("'#{1+1}'", "", "#{1+1}");
}

#[test]
fn a_placeholder_finds_a_setting_of_a_file_in_any_spelling() {
    assert_named("${f.camelKey}", "f.camel-key: v\n", "v");
    assert_named("${f.camel-key}", "f.camelKey: v\n", "v");
    assert_named("${f.camelkey}", "f.camelKey: v\n", "v");
}

#[test]
fn placeholders_in_a_circle_are_refused() {
    let error = named("${a}", "a: ${b}\nb: ${a}\n").fails();
    reported(
        &error.errors,
        "Circular placeholder reference 'b' in property definitions",
    );
    assert!(error.to_string().contains("APPLICATION FAILED TO START"));
}

#[test]
fn a_redis_address_whose_placeholder_has_no_value_is_refused_by_name() {
    let error = Case::only("redis.connection: ${no.host}\n").fails();
    let reported = reported(
        &error.errors,
        "Could not resolve placeholder 'no.host' in value \"${no.host}\"",
    );
    assert_eq!(place(reported), format!("{FILE}:1"));
    assert_eq!(error.errors.len(), 1);
}

#[test]
fn a_setting_of_one_value_is_refused_when_its_placeholder_has_none() {
    let error = Case::yaml("redis.timeout: ${rt}\nkayenta.graphite.enabled: ${gr}\n").fails();
    reported(
        &error.errors,
        "Could not resolve placeholder 'rt' in value \"${rt}\"",
    );
    reported(
        &error.errors,
        "Could not resolve placeholder 'gr' in value \"${gr}\"",
    );
    assert_eq!(error.errors.len(), 2);
}

#[test]
fn switches_and_lists_may_come_through_placeholders() {
    let loaded = Case::yaml(
        "kayenta.memory:\n  enabled: ${on:true}\n  accounts: [{name: m, supportedTypes: \"${types}\"}]\n",
    )
    .var("TYPES", "METRICS_STORE,OBJECT_STORE")
    .load();
    assert_eq!(
        loaded.accounts.memory[0].supported_types,
        [AccountType::MetricsStore, AccountType::ObjectStore]
    );
}

#[test]
fn json_over_flags_over_variables_over_files() {
    let title = |case: &Case| case.load().settings.swagger.title;
    let case = Case::yaml("swagger.title: file\n");
    assert_eq!(title(&case), "file");
    let case = case.var("SWAGGER_TITLE", "env");
    assert_eq!(title(&case), "env");
    let case = case.var("JAVA_OPTS", "-Dswagger.title=prop");
    assert_eq!(title(&case), "prop");
    let case = case.var("SPRING_APPLICATION_JSON", r#"{"swagger":{"title":"json"}}"#);
    assert_eq!(title(&case), "json");
    let case = case.arg("--swagger.title=arg");
    assert_eq!(title(&case), "arg");
}

#[test]
fn a_flag_beats_a_variable() {
    let loaded = Case::yaml("")
        .var("SERVER_PORT", "8299")
        .var("JAVA_OPTS", "-Dserver.port=0")
        .load();
    assert_eq!(loaded.settings.server.port, Some(0));
}

#[test]
fn every_spelling_of_a_setting_binds() {
    for spelling in [
        "supportedTypes",
        "supported-types",
        "supported_types",
        "SUPPORTEDTYPES",
        "SupportedTypes",
    ] {
        for name in ["NAME", "na-me"] {
            let loaded = Case::yaml(&format!(
                "kayenta:\n  memory:\n    enabled: true\n    accounts:\n    - {name}: m\n      {spelling}: OBJECT_STORE\n"
            ))
            .load();
            let account = &loaded.accounts.memory[0];
            assert_eq!(
                (account.name.as_str(), account.supported_types.len()),
                ("m", 1),
                "{spelling}"
            );
        }
    }
    for endpoint in [
        "endpoint.baseUrl: http://p",
        "ENDPOINT: {BASEURL: http://p}",
        "endpoint: {base-url: http://p}",
    ] {
        let loaded = Case::yaml(&format!(
            "kayenta.prometheus:\n  enabled: true\n  accounts:\n  - name: p\n    {endpoint}\n"
        ))
        .load();
        assert_eq!(
            loaded.accounts.prometheus[0].store.base_url.expose(),
            "http://p"
        );
    }
}

#[test]
fn the_kebab_case_spelling_wins() {
    for (first, second) in [
        (
            "supportedTypes: OBJECT_STORE",
            "supported-types: METRICS_STORE",
        ),
        (
            "supported-types: METRICS_STORE",
            "supportedTypes: OBJECT_STORE",
        ),
    ] {
        let loaded = Case::yaml(&format!(
            "kayenta.memory:\n  enabled: true\n  accounts:\n  - name: m\n    {first}\n    {second}\n"
        ))
        .load();
        assert_eq!(
            loaded.accounts.memory[0].supported_types,
            [AccountType::MetricsStore]
        );
    }
}

fn types(written: &str) -> Vec<AccountType> {
    Case::yaml(&format!(
        "kayenta.memory:\n  enabled: true\n  accounts:\n  - name: m\n    supportedTypes: {written}\n"
    ))
    .load().accounts
    .memory
    .remove(0)
    .supported_types
}

#[test]
fn account_types_are_read_in_any_case_and_with_dashes() {
    let both = [AccountType::MetricsStore, AccountType::ObjectStore];
    assert_eq!(types("metrics-store, OBJECT_STORE"), both);
    assert_eq!(types("[metricsStore, \"object store\"]"), both);
    assert_eq!(types("\"\""), []);
}

#[test]
fn empty_items_are_dropped() {
    assert_eq!(
        types("\" METRICS_STORE ,, OBJECT_STORE,\""),
        [AccountType::MetricsStore, AccountType::ObjectStore]
    );
}

#[test]
fn an_unknown_type_lists_the_valid_ones_with_its_line() {
    let error = Case::yaml(
        "kayenta.memory:\n  enabled: true\n  accounts:\n  - name: m\n    supportedTypes:\n    - OBJECT_STORE\n    - FOO\n",
    )
    .fails();
    let wrong = reported(
        &error.errors,
        "Failed to bind properties under 'kayenta.memory.accounts[0].supported-types[1]' to",
    );
    assert_eq!(place(wrong), format!("{FILE}:9"));
    assert_eq!(wrong.found.as_deref(), Some("FOO"));
    assert_eq!(
        wrong.valid_values,
        [
            "CONFIGURATION_STORE",
            "METRICS_STORE",
            "OBJECT_STORE",
            "REMOTE_JUDGE"
        ]
    );
    let block = error.to_string();
    assert!(block.contains("    Value: \"FOO\""), "{block}");
    assert!(block.contains("The following values are valid:"), "{block}");
}

#[test]
fn text_in_place_of_a_number_is_reported_with_its_line() {
    let error = Case::yaml("kayenta.metrics.retry.attempts: abc\n").fails();
    let wrong = reported(&error.errors, "For input string: \"abc\"");
    assert_eq!(place(wrong), format!("{FILE}:3"));
    assert!(wrong.expected.is_some());
}

#[test]
fn text_in_place_of_a_boolean_is_reported() {
    let error = Case::yaml("keiko.queue.enabled: maybe\n").fails();
    reported(&error.errors, "Invalid boolean value 'maybe'");
}

#[test]
fn hexadecimal_and_on_are_read() {
    let loaded = Case::yaml(
        "kayenta.metrics.retry.attempts: \"0x3\"\nkayenta.serialization.writeDatesAsTimestamps: \"on\"\n",
    )
    .load();
    assert_eq!(loaded.settings.retry.attempts, 3);
    assert!(loaded.settings.serialization.dates_as_numbers);
}

#[test]
fn a_switch_is_on_for_every_value_but_false() {
    for (written, on) in [
        ("kayenta.memory.enabled:", true),
        ("kayenta.memory.enabled: 0", true),
        ("kayenta.memory.enabled: \"no\"", true),
        ("kayenta.memory.enabled: off", false),
        ("kayenta.memory.enabled: 'False'", false),
        ("kayenta.memory: {}", false),
    ] {
        let loaded = Case::yaml(&format!("{written}\n")).load();
        assert_eq!(loaded.accounts.store_enabled("memory"), on, "{written}");
    }
}

/// C-CONF-04: upstream does not see lists in variables.
#[test]
fn a_list_of_accounts_is_read_from_variables_with_a_warning() {
    let loaded = Case::yaml("kayenta.configbin: {}\n")
        .var("KAYENTA_CONFIGBIN_ENABLED", "true")
        .var("KAYENTA_CONFIGBIN_ACCOUNTS_0_NAME", "x")
        .var("KAYENTA_CONFIGBIN_ACCOUNTS_0_ENDPOINT_BASEURL", "http://cb")
        .load();
    assert_eq!(loaded.accounts.configbin.len(), 1);
    reported(&loaded.warnings, "comes from environment variables");
}

#[test]
fn a_variable_without_a_name_does_not_hide_the_files_list() {
    let loaded = Case::yaml(
        "kayenta.azure:\n  enabled: true\n  accounts: [{name: az, accountAccessKey: a2V5, storageAccountName: s, container: kayenta, rootFolder: r, supportedTypes: OBJECT_STORE}]\nkayenta.blobs.enabled: true\n",
    )
    .var("KAYENTA_AZURE_ACCOUNTS_0_ACCOUNTACCESSKEY", "b3RoZXI=")
    .load();
    assert_eq!(loaded.accounts.azure[0].name, "az");
    reported(&loaded.warnings, "a list is never merged");
}

#[test]
fn a_list_of_accounts_comes_from_flags() {
    let loaded = Case::yaml("kayenta.graphite.enabled: true\n")
        .var(
            "JAVA_OPTS",
            "'-Dkayenta.graphite.accounts[0].name=g' -Dkayenta.graphite.accounts[0].endpoint.baseUrl=http://g -Dkayenta.graphite.accounts[0].supportedTypes=METRICS_STORE",
        )
        .load();
    assert_eq!(loaded.accounts.graphite.len(), 1);
}

#[test]
fn gaps_in_lists_are_refused() {
    let error = Case::yaml("kayenta.memory.enabled: true\n")
        .var(
            "JAVA_OPTS",
            "-Dkayenta.memory.accounts[0].name=a -Dkayenta.memory.accounts[2].name=c",
        )
        .fails();
    reported(
        &error.errors,
        "The elements [kayenta.memory.accounts[2].name] were left unbound.",
    );
}

#[test]
fn service_variables_of_kubernetes_are_no_settings() {
    let case = Case::yaml(
        "kayenta.prometheus: {enabled: true, accounts: [{name: p, endpoint.baseUrl: http://p}]}\n",
    )
    .var("KAYENTA_PORT", "tcp://10.0.0.1:80")
    .var("KAYENTA_PORT_80_TCP", "tcp://10.0.0.1:80")
    .var("KAYENTA_PORT_80_TCP_PORT", "80")
    .var("KAYENTA_SERVICE_HOST", "10.0.0.1")
    .var("KAYENTA_SERVICE_PORT", "80")
    .var("KAYENTA_SERVICE_PORT_HTTP", "80")
    .var("KAYENTA_PROMETHEUS_PORT", "tcp://10.0.0.2:9090")
    .var("KAYENTA_REDIS_MASTER_SERVICE_HOST", "10.0.0.3")
    .var("SERVER_PORT", "tcp://10.0.0.4:80");
    let loaded = case.load();
    assert_eq!(loaded.settings.server.port, Some(8090));
    assert!(loaded.oddities().is_empty(), "{:?}", loaded.warnings);
    assert!(loaded.settings.management.health.probes_listed);
    assert!(loaded.environment.on_kubernetes);
    assert!(
        !Case::yaml("")
            .load()
            .settings
            .management
            .health
            .probes_listed
    );
}

#[test]
fn references_to_secrets_are_followed_or_refused() {
    assert_named("encrypted:noop!v:hello", "", "hello");
    let error = named("encrypted:nosuch!k:v", "").fails();
    let wrong = reported(&error.errors, "Secret Engine does not exist: nosuch");
    assert_eq!(
        wrong.property.as_deref(),
        Some("kayenta.memory.accounts[0].name")
    );
    let error = Case::yaml("redis.password: encrypted:s3!b:bucket!f:file\n").fails();
    reported(&error.errors, "Storage region parameter is missing (r=...)");
    // Nothing listens there.
    let error = Case::yaml(
        "redis.password: encrypted:gcs!b:bucket!f:file\nkayenta.secrets.gcsEndpoint: http://127.0.0.1:1\n",
    )
    .fails();
    let wrong = reported(&error.errors, "gs://bucket/file cannot be fetched: ");
    assert_eq!(wrong.property.as_deref(), Some("redis.password"));
}

#[test]
fn yaml_scalars_become_the_text_java_makes() {
    for (written, expected) in [
        ("on", "true"),
        ("NO", "false"),
        ("y", "y"),
        ("0777", "511"),
        ("0x1F", "31"),
        ("0b101", "5"),
        ("0o17", "0o17"),
        ("1_000", "1000"),
        ("1:30", "90"),
        ("1e3", "1000.0"),
        ("1.50", "1.5"),
        (".5", "0.5"),
        ("2020-01-02", "2020-01-02"),
        ("\" x \"", " x "),
    ] {
        assert_named(written, "", expected);
    }
    reported(&named("~", "").fails().errors, "must not be null");
}

#[test]
fn the_retry_policy_takes_names_and_numbers() {
    let retry = |text: &str| Case::yaml(text).load().settings.retry;
    let default = retry("");
    assert_eq!(default, RetryPolicy::default());
    let written = retry(
        "kayenta.metrics.retry: {series: [5xx, client-error], statuses: \"408, BAD_GATEWAY, i am a teapot\", attempts: -3, backoffPeriodMultiplierMs: 50}\n",
    );
    assert_eq!(written.statuses, [408, 502, 418]);
    assert_eq!(
        written.series,
        [StatusSeries::ServerError, StatusSeries::ClientError]
    );
    assert_eq!(written.attempts, 1);
    let error = Case::yaml("kayenta.metrics.retry.statuses: TEAPOT\n").fails();
    reported(&error.errors, "no status is called TEAPOT");
}

#[test]
fn the_shipped_redis_placeholder_has_its_default() {
    let text = "redis.connection: ${services.redis.baseUrl:redis://localhost:6379}\n";
    let address = |case: Case| match case.load().settings.work {
        WorkBackend::Redis(redis) => redis.address(),
        WorkBackend::Embedded => panic!("embedded"),
    };
    assert_eq!(address(Case::only(text)), "redis://localhost:6379");
    assert_eq!(
        address(Case::only(text).var("services.redis.baseUrl", "redis://other:1")),
        "redis://other:1"
    );
}

#[test]
fn variables_bind_in_every_spelling_of_the_table() {
    let loaded = Case::yaml("")
        .var("SERVER_PORT", "9001")
        .var("KAYENTA_METRICS_RETRY_BACKOFFPERIODMULTIPLIERMS", "7")
        .var("OK_HTTP_CLIENT_READ_TIMEOUT_MS", "8")
        .var("OKHTTPCLIENT_CONNECTTIMEOUTMS", "9")
        .var("KEIKO_QUEUE_REDIS_QUEUENAME", "q")
        .var("KEIKO_QUEUE_REDIS_DEAD_LETTER_QUEUE_NAME", "d")
        .var("KAYENTA_STANDALONE_CANARY_ANALYSIS_ENABLED", "true")
        .var("kayenta_influxdb_enabled", "true")
        .var("SERVER_SERVLET_CONTEXT_PATH", "/kay/")
        .load();
    let accounts = loaded.accounts;
    let settings = loaded.settings;
    assert_eq!(settings.server.port, Some(9001));
    assert_eq!(settings.retry.multiplier, Duration::from_millis(7));
    assert_eq!(settings.http_client.read_timeout, Duration::from_millis(8));
    assert_eq!(
        settings.http_client.connect_timeout,
        Duration::from_millis(9)
    );
    assert_eq!(settings.queue.name, "q");
    assert_eq!(settings.queue.dead_letter_name, "d");
    assert!(settings.standalone_canary_analysis);
    assert!(accounts.store_enabled("influxdb"));
    assert_eq!(settings.server.context_path, "/kay");
}

/// The password of Redis.
fn redis_password(case: &Case) -> Secret {
    match case.load().settings.work {
        WorkBackend::Redis(redis) => redis.password.unwrap(),
        other => panic!("{other:?}"),
    }
}

fn with_password(written: &str) -> Case {
    Case::yaml(&format!(
        "redis: {{connection: 'redis://h:6379', password: '{written}'}}\n"
    ))
}

#[test]
fn c_secrets_02_a_secret_may_be_in_a_file_whose_content_is_asked_for_when_it_is_used() {
    for written in ["file:/run/redis", "file:///run/redis", "${REDIS}"] {
        let case = with_password(written)
            .var("REDIS", "file:/run/redis")
            .file("/run/redis", " first\n");
        let password = redis_password(&case);
        assert_eq!(password.current().expose_secret(), "first");
        let _case = case.file("/run/redis", "second");
        assert!(password.reread());
        assert_eq!(password.current().expose_secret(), "second");
    }
    // What only looks like it, and the way to write a password that begins like it.
    for (written, expected) in [
        ("file:relative", "file:relative"),
        ("encrypted:noop!v:file:/run/redis", "file:/run/redis"),
    ] {
        let password = redis_password(&with_password(written));
        assert!(!password.rotates());
        assert_eq!(password.current().expose_secret(), expected);
    }
    let error = with_password("file:/run/missing").fails();
    let wrong = reported(
        &error.errors,
        "the secret cannot be read from its file /run/missing",
    );
    assert_eq!(wrong.property.as_deref(), Some("redis.password"));
    assert!(
        wrong.to_string().contains("encrypted:noop!v:file:/"),
        "{wrong}"
    );
}

#[test]
fn c_secrets_01_keys_of_mounted_kubernetes_secrets_are_read_from_their_files() {
    let mounted = "/var/run/secrets/kayenta/spin-secrets/redis";
    for written in ["encrypted:k8s!n:spin-secrets!k:redis", "${REDIS}"] {
        let case = with_password(written)
            .var("REDIS", "encrypted:k8s!n:spin-secrets!k:redis")
            .file(mounted, "first");
        let password = redis_password(&case);
        assert_eq!(password.current().expose_secret(), "first");
        let _case = case.file(mounted, "second");
        assert!(password.reread());
    }
    let elsewhere = with_password("encrypted:k8s!n:spin-secrets!k:redis")
        .var("KAYENTA_SECRETS_DIRECTORY", "/etc/secrets")
        .file("/etc/secrets/spin-secrets/redis", "there");
    assert_eq!(
        redis_password(&elsewhere).current().expose_secret(),
        "there"
    );
    let error = with_password("encrypted:k8s!n:spin-secrets!k:redis").fails();
    let wrong = reported(
        &error.errors,
        &format!("the mounted secret {mounted} of encrypted:k8s cannot be read"),
    );
    assert!(
        wrong.to_string().contains("kayenta.secrets.directory"),
        "{wrong}"
    );
    // Other settings get the content at start, and settings that name files the path.
    let case = named("encrypted:k8s!n:spin-secrets!k:redis", "").file(mounted, "called\n");
    assert_eq!(case.memory(), ["called"]);
    for written in [
        "encryptedFile:k8s!n:spin-secrets!k:pair",
        "encrypted:k8s!n:spin-secrets!k:pair",
    ] {
        let case = Case::yaml(&format!(
            "kayenta.prometheus: {{enabled: true, accounts: [{{name: p, endpoint.baseUrl: http://p, usernamePasswordFile: '{written}'}}]}}\n"
        ))
        .file("/var/run/secrets/kayenta/spin-secrets/pair", "user:password");
        let loaded = case.load();
        let store = &loaded.accounts.prometheus[0].store;
        let file = "/var/run/secrets/kayenta/spin-secrets/pair";
        assert_eq!(store.username_password_file.as_deref(), Some(file));
    }
}
