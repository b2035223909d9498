//! Files and their syntax, as the Java service reads them when it starts.

use kayenta_settings::WorkBackend;

use crate::support::{Case, FILE, place, reported};

/// C-CONF-01: upstream stops.
#[test]
fn an_empty_file_runs_on_port_8080_with_the_queue_on_disk_and_a_warning() {
    for text in ["", "# nothing\n", "---\n"] {
        let loaded = Case::only(text).load();
        assert_eq!(loaded.settings.server.port, Some(8080));
        assert!(matches!(loaded.settings.work, WorkBackend::Embedded));
        reported(&loaded.warnings, "redis.connection: not set: ");
        // C-CONF-09.
        assert_eq!(loaded.accounts.disk[0].name, "embedded-storage");
    }
}

#[test]
fn no_file_at_all_is_the_embedded_default() {
    let loaded = Case::empty().load();
    assert!(loaded.oddities().is_empty(), "{:?}", loaded.warnings);
    let accounts = loaded.accounts;
    let settings = loaded.settings;
    assert_eq!(settings.server.port, Some(8090));
    assert!(matches!(settings.work, WorkBackend::Embedded));
    assert!(settings.standalone_canary_analysis);
    assert_eq!(accounts.disk[0].name, "embedded-storage");
    assert_eq!(
        accounts.disk[0].path,
        std::path::Path::new("./kayenta-data/objects")
    );
    assert_eq!(settings.queue.name, "kayenta.keiko.queue");
    assert!(settings.management.exposure.exposes("loggers"));
    assert!(loaded.files.is_empty());
}

#[test]
fn a_key_twice_is_refused_with_file_and_both_lines() {
    let error =
        Case::only("kayenta:\n  a: 1\nserver:\n  port: 1\n  port: 2\nkayenta:\n  b: 1\n").fails();
    let kayenta = reported(
        &error.errors,
        "found duplicate key kayenta, first at line 1",
    );
    assert_eq!(place(kayenta), format!("{FILE}:6"));
    let port = reported(&error.errors, "found duplicate key port, first at line 4");
    assert_eq!(place(port), format!("{FILE}:5"));
}

#[test]
fn a_dotted_and_a_nested_spelling_do_not_collide() {
    let loaded = Case::only("server.port: 1\nserver: {address: 127.0.0.1}\n").load();
    assert_eq!(loaded.settings.server.port, Some(1));
    assert_eq!(loaded.settings.server.address.as_deref(), Some("127.0.0.1"));
}

#[test]
fn tabs_are_refused_with_their_place() {
    let error = Case::only("kayenta:\n\tmemory:\n").fails();
    let tab = reported(
        &error.errors,
        "found character '\\t(TAB)' that cannot start any token",
    );
    assert_eq!(place(tab), format!("{FILE}:2"));
    assert!(error.to_string().contains("APPLICATION FAILED TO START"));
}

#[test]
fn a_list_or_a_word_at_the_top_is_refused() {
    for text in ["- a\n- b\n", "just words\n"] {
        let error = Case::only(text).fails();
        assert_eq!(
            place(reported(&error.errors, "the top level is a")),
            format!("{FILE}:1")
        );
    }
}

#[test]
fn unknown_keys_run_with_a_warning() {
    let case = Case::yaml(
        "kayenta.unknown.thing: [1, 2]\nkayenta.prometheus:\n  enabled: true\n  accounts:\n  - name: p\n    endpont.baseUrl: http://x\n    endpoint.baseUrl: http://p\n    nonsense: 1\nkayenta.promethius.enabled: true\nother: 1\n",
    );
    let loaded = case.load();
    let warning = reported(
        &loaded.warnings,
        "did you mean kayenta.prometheus.accounts[0].endpoint.baseUrl?",
    );
    assert_eq!(place(warning), format!("{FILE}:8"));
    reported(
        &loaded.warnings,
        "unknown property kayenta.unknown.thing[0]",
    );
    reported(&loaded.warnings, "did you mean kayenta.prometheus.enabled?");
    reported(&loaded.warnings, "accounts[0].nonsense");
    assert!(
        !loaded
            .warnings
            .iter()
            .any(|w| w.to_string().contains("unknown property other"))
    );
}

#[test]
fn slips_outside_kayenta_are_reported_too() {
    let loaded =
        Case::yaml("redis.conection: redis://x\nservr.port: 1\nspring.servlet.x: 1\n").load();
    reported(&loaded.warnings, "did you mean redis.connection?");
    reported(&loaded.warnings, "did you mean server.port?");
    assert_eq!(loaded.oddities().len(), 2, "{:?}", loaded.warnings);
    let loaded = Case::yaml("kaynta.prometheus.enabled: true\n").load();
    reported(&loaded.warnings, "did you mean kayenta.prometheus.enabled?");
    let loaded = Case::yaml("kayneta:\n  standaloneCanaryAnalysis:\n    enabled: true\n").load();
    reported(
        &loaded.warnings,
        "did you mean kayenta.standaloneCanaryAnalysis.enabled?",
    );
}

#[test]
fn names_a_placeholder_refers_to_are_not_unknown() {
    let loaded = Case::yaml(
        "kayenta.signalfx:\n  apiKey: k\n  enabled: true\n  accounts: [{name: s, accessToken: \"${kayenta.signalfx.apiKey}\"}]\n",
    )
    .load();
    assert!(loaded.oddities().is_empty(), "{:?}", loaded.warnings);
}

#[test]
fn a_location_that_is_no_file_is_refused() {
    let error = Case::empty()
        .var(
            "JAVA_OPTS",
            "-Dspring.config.location=file:/nope/kayenta.yml",
        )
        .fails();
    reported(
        &error.errors,
        "Config data resource 'file [/nope/kayenta.yml]' via location 'file:/nope/kayenta.yml' does not exist",
    );
    assert!(error.to_string().contains("or prefix it with 'optional:'"));
}

#[test]
fn a_location_that_is_no_directory_is_refused() {
    let error = Case::empty()
        .var("JAVA_OPTS", "-Dspring.config.location=file:/nope/")
        .fails();
    reported(
        &error.errors,
        "Config data location 'file:/nope/' does not exist",
    );
}

#[test]
fn an_import_that_is_missing_is_reported_with_its_line() {
    let error = Case::only("a: 1\nspring.config.import: file:/nope/\n").fails();
    let import = reported(
        &error.errors,
        "Config data location 'file:/nope/' does not exist",
    );
    assert_eq!(place(import), format!("{FILE}:2"));
    assert!(
        import
            .remedy
            .as_ref()
            .unwrap()
            .contains(&format!("at {FILE}:2:23"))
    );
    assert_eq!(
        Case::only("spring.config.import: optional:file:/nope/\nserver.port: 3\n")
            .load()
            .settings
            .server
            .port,
        Some(3)
    );
}

#[test]
fn broken_json_names_its_variable() {
    let error = Case::empty().var("SPRING_APPLICATION_JSON", "{bad").fails();
    reported(&error.errors, "SPRING_APPLICATION_JSON is not valid JSON");
}

#[test]
fn files_of_profiles_rank_above_plain_ones_and_names_by_order() {
    let directory = "/opt/kayenta/config";
    let all = [
        "spinnaker",
        "kayenta",
        "spinnaker-test",
        "kayenta-test",
        "spinnaker-local",
        "kayenta-local",
    ];
    for highest in 0..all.len() {
        let mut case = Case::empty();
        for name in &all[..=highest] {
            case = case.file(
                &format!("{directory}/{name}.yml"),
                &format!("swagger.title: {name}\n"),
            );
        }
        assert_eq!(case.load().settings.swagger.title, all[highest]);
    }
}

#[test]
fn a_list_comes_whole_from_its_highest_source() {
    let first = "kayenta.memory: {enabled: true, accounts: [{name: a, supportedTypes: OBJECT_STORE}, {name: b, supportedTypes: OBJECT_STORE}]}\n";
    let second = "kayenta.memory.accounts: [{name: c, supportedTypes: OBJECT_STORE}]\n";
    let files = Case::yaml(first).file("/opt/kayenta/config/kayenta-local.yml", second);
    assert_eq!(files.memory(), ["c"]);
    let document = format!("{first}---\nspring.config.activate.on-profile: foo\n{second}");
    let documents = Case::yaml(&document).var("SPRING_PROFILES_ACTIVE", "foo");
    assert_eq!(documents.memory(), ["c"]);
    assert_eq!(documents.load().settings.profiles, ["composite", "foo"]);
    let inactive = Case::yaml(&document);
    assert_eq!(inactive.memory(), ["a", "b"]);
    assert_eq!(
        inactive.load().settings.profiles,
        ["composite", "test", "local"]
    );
}

#[test]
fn no_data_source_is_needed() {
    Case::yaml("spring.liquibase.change-log: classpath:db/changelog-master.yml\n").load();
}

#[test]
fn a_file_that_is_not_utf8_or_too_large_is_refused() {
    let case = Case::empty();
    let path = case.root().join("opt/kayenta/config/kayenta.yml");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, b"a: 1\nb: \xff\n").unwrap();
    assert_eq!(
        place(reported(&case.fails().errors, "not UTF-8")),
        format!("{FILE}:2")
    );
    std::fs::write(&path, vec![b'#'; 5 << 20]).unwrap();
    reported(&case.fails().errors, "cannot be read");
}

#[test]
fn properties_files_and_config_trees_are_read() {
    let case = Case::only(
        "server.port: 1\nswagger.title: yml\nspring.config.import: configtree:/etc/secrets/\n",
    )
    .file(
        "/opt/kayenta/config/kayenta.properties",
        "swagger.title=properties\n",
    )
    .file("/etc/secrets/azure/storageKey", "a2V5\n")
    .file("/etc/secrets/..data", "x");
    let loaded = case.load();
    assert_eq!(loaded.settings.swagger.title, "properties");
    assert!(loaded.environment.find("azure.storageKey").is_some());
}
