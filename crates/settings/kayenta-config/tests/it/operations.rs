//! Redis, ports, management and logging, as the Java service reads them when it starts.

use kayenta_settings::{
    LogLevel, ManagementPort, ManagementTls, RedisSettings, RedisTopology, Show, WorkBackend,
};
use secrecy::ExposeSecret;

use crate::support::{Case, FILE, place, reported};

fn redis(connection: &str) -> Case {
    Case::only(&format!(
        "server.port: 1\nredis.connection: \"{connection}\"\n"
    ))
}

fn settings(case: &Case) -> RedisSettings {
    match case.load().settings.work {
        WorkBackend::Redis(redis) => redis,
        WorkBackend::Embedded => panic!("embedded"),
    }
}

#[test]
fn passwords_are_decoded_and_users_ignored() {
    let redis = settings(&redis("redis://u:s%23cr:t@localhost:6390/2"));
    assert_eq!(
        redis.password.as_ref().unwrap().current().expose_secret(),
        "s#cr:t"
    );
    assert_eq!(redis.username, None);
    assert_eq!(redis.database, 2);
    assert_eq!(redis.address(), "redis://localhost:6390");
    assert!(!format!("{redis:?}").contains("s#cr"));
}

#[test]
fn user_information_without_a_colon_is_refused_unprinted() {
    let error = redis("redis://secret@host").fails();
    let wrong = reported(&error.errors, "has no colon");
    assert_eq!(place(wrong), format!("{FILE}:2"));
    assert!(!error.to_string().contains("secret@"));
}

#[test]
fn a_slash_at_the_end_is_database_0() {
    assert_eq!(settings(&redis("redis://host/")).database, 0);
}

#[test]
fn a_scheme_is_needed() {
    let error = redis("localhost:6379").fails();
    reported(&error.errors, "the address has no scheme");
}

#[test]
fn rediss_is_tls() {
    assert!(settings(&redis("rediss://host:6380")).tls);
}

#[test]
fn sentinels_and_clusters_have_addresses_of_their_own() {
    assert_eq!(
        settings(&redis("redis-sentinel://a:1,b/3#m")).topology,
        RedisTopology::Sentinel {
            nodes: vec![("a".to_owned(), 1), ("b".to_owned(), 26_379)],
            master: "m".to_owned()
        }
    );
    let case = Case::only(
        "redis: {connection: redis://a, cluster-enabled: true, username: u, timeoutMs: 7, maxTotal: 3}\n",
    );
    let redis = settings(&case);
    assert!(matches!(redis.topology, RedisTopology::Cluster { .. }));
    assert_eq!(redis.username.as_deref(), Some("u"));
    assert_eq!(redis.timeout.as_millis(), 7);
    assert_eq!(redis.max_connections, 3);
}

#[test]
fn ports_are_checked() {
    let error = Case::only("server.port: abc\n").fails();
    assert_eq!(
        place(reported(&error.errors, "For input string: \"abc\"")),
        format!("{FILE}:1")
    );
    let error = Case::only("server.port: 99999\n").fails();
    reported(&error.errors, "port out of range:99999");
    assert_eq!(
        Case::only("server.port: -1\n").load().settings.server.port,
        None
    );
}

#[test]
fn the_context_path_has_one_slash_in_front() {
    for written in ["/kay", "kay", "/kay/"] {
        let loaded = Case::yaml(&format!("server.servlet.context-path: {written}\n")).load();
        assert_eq!(loaded.settings.server.context_path, "/kay");
    }
    assert_eq!(
        Case::yaml("server.servlet.context-path: /\n")
            .load()
            .settings
            .server
            .context_path,
        ""
    );
}

#[test]
fn management_has_a_port_of_its_own_on_request() {
    let port = |text: &str| Case::yaml(text).load().settings.management.port;
    assert_eq!(port(""), ManagementPort::Main);
    assert_eq!(
        port("management.server: {port: 8291, address: 127.0.0.1, base-path: /m}\n"),
        ManagementPort::Separate {
            port: 8291,
            address: Some("127.0.0.1".to_owned()),
            base_path: "/m".to_owned()
        }
    );
    assert_eq!(
        port("management.server.port: -1\n"),
        ManagementPort::Disabled
    );
}

#[test]
fn only_flags_and_arguments_move_the_base_path() {
    let path = |case: Case| case.load().settings.management.base_path;
    let file = || Case::yaml("management.endpoints.web.base-path: /actuator\n");
    assert_eq!(path(file()), "");
    assert_eq!(
        path(file().var("MANAGEMENT_ENDPOINTS_WEB_BASE_PATH", "/env")),
        ""
    );
    assert_eq!(
        path(file().var("JAVA_OPTS", "-Dmanagement.endpoints.web.base-path=/act")),
        "/act"
    );
    assert_eq!(
        path(file().var("JAVA_OPTS", "-Dmanagement.endpoints.web.basePath=/act")),
        "/act"
    );
    assert_eq!(
        path(file().arg("--management.endpoints.web.base-path=/arg")),
        "/arg"
    );
}

#[test]
fn health_alone_is_exposed_by_default() {
    let exposure = Case::yaml("").load().settings.management.exposure;
    assert!(exposure.exposes("health"));
    assert!(!exposure.exposes("info"));
}

#[test]
fn exposure_is_a_list_and_exclusion_wins() {
    let exposure = Case::yaml(
        "management.endpoints.web.exposure: {include: \"health, info,loggers ,env\", exclude: info}\n",
    )
    .load()
    .settings
    .management
    .exposure;
    for (id, exposed) in [
        ("health", true),
        ("loggers", true),
        ("env", true),
        ("info", false),
        ("beans", false),
    ] {
        assert_eq!(exposure.exposes(id), exposed, "{id}");
    }
}

#[test]
fn endpoint_ids_may_be_upper_case() {
    let exposure = Case::yaml("management.endpoints.web.exposure.include: [health, LOGGERS]\n")
        .load()
        .settings
        .management
        .exposure;
    assert!(exposure.exposes("loggers"));
}

#[test]
fn details_are_shown_always_or_never() {
    for (written, shown) in [
        ("", Show::Never),
        (
            "management.endpoint.health.show-details: never\n",
            Show::Never,
        ),
        (
            "management.endpoint.health.show-details: when-authorized\n",
            Show::Never,
        ),
        (
            "management.endpoint.health.show-details: ALWAYS\n",
            Show::Always,
        ),
    ] {
        let health = Case::yaml(written).load().settings.management.health;
        assert_eq!(
            (health.show_details, health.show_components),
            (shown, shown)
        );
    }
}

#[test]
fn components_may_be_shown_without_details() {
    let health =
        Case::yaml("management.endpoint.health: {show-details: never, show-components: always}\n")
            .load()
            .settings
            .management
            .health;
    assert_eq!(
        (health.show_details, health.show_components),
        (Show::Never, Show::Always)
    );
}

#[test]
fn health_groups_have_members_and_details_of_their_own() {
    let health = Case::yaml(
        "management.endpoint.health.group.custom: {include: \"ping,redisHealth\", show-details: always}\nmanagement.health: {diskspace: {enabled: false, threshold: 5MB}, defaults.enabled: true}\nmanagement.endpoint.health.status.http-mapping: {out-of-service: 200, DOWN: 500}\n",
    )
    .load()
    .settings
    .management
    .health;
    assert_eq!(health.groups["custom"].include, ["ping", "redisHealth"]);
    assert_eq!(health.groups["custom"].show_details, Some(Show::Always));
    assert!(!health.component_enabled("diskSpace"));
    assert!(health.component_enabled("ping"));
    assert_eq!(health.disk_space_threshold, 5 << 20);
    assert_eq!(health.status_mapping["OUT_OF_SERVICE"], 200);
    assert_eq!(health.status_mapping["DOWN"], 500);
}

#[test]
fn the_order_of_statuses_is_read_and_renamed_endpoints_are_reported() {
    let loaded = Case::yaml(
        "management.endpoint.health: {status.order: [fatal, out-of-service, up], group.g.status.order: up}\nmanagement.endpoints.web.path-mapping.health: healthcheck\n",
    )
    .load();
    let health = loaded.settings.management.health;
    assert_eq!(
        health.status_order.unwrap(),
        ["FATAL", "OUT_OF_SERVICE", "UP"]
    );
    assert_eq!(health.groups["g"].status_order.as_deref().unwrap(), ["UP"]);
    reported(
        &loaded.warnings,
        "the management endpoints keep their names",
    );
}

#[test]
fn the_management_port_has_tls_of_its_own_on_request() {
    let tls = |text: &str| Case::yaml(text).load().settings.management.tls;
    assert!(matches!(
        tls("management.server.port: 1\n"),
        ManagementTls::AsMain
    ));
    assert!(matches!(
        tls("management.server: {port: 1, ssl.enabled: false}\n"),
        ManagementTls::Off
    ));
    let own = tls(
        "management.server: {port: 1, ssl: {certificate: a.pem, certificate-private-key: b.pem}}\n",
    );
    assert!(matches!(own, ManagementTls::Own(_)));
    let half = Case::yaml("management.server: {port: 1, ssl.certificate: a.pem}\n").fails();
    reported(
        &half.errors,
        "management.server.ssl.certificate-private-key",
    );
}

#[test]
fn info_is_nested_and_switched() {
    let management =
        Case::yaml("info.app.name: nm\ninfo.app.list: [a, b]\nmanagement.info.env.enabled: true\n")
            .load()
            .settings
            .management;
    assert!(management.info_env);
    assert_eq!(
        serde_json::Value::Object(management.info),
        serde_json::json!({"app": {"name": "nm", "list": {"0": "a", "1": "b"}}})
    );
    assert!(
        !Case::yaml("info.app.name: nm\n")
            .load()
            .settings
            .management
            .info_env
    );
}

#[test]
fn an_unknown_log_level_lists_the_seven() {
    let error = Case::yaml("logging.level.root: FOO\n").fails();
    let wrong = reported(&error.errors, "logging.level.root");
    assert_eq!(place(wrong), format!("{FILE}:3"));
    assert_eq!(
        wrong.valid_values,
        ["DEBUG", "ERROR", "FATAL", "INFO", "OFF", "TRACE", "WARN"]
    );
}

#[test]
fn log_levels_come_from_every_source() {
    let level = |case: &Case| case.load().settings.logging.levels["a"];
    let case = Case::yaml("logging.level.a: DEBUG\n");
    assert_eq!(level(&case), LogLevel::Debug);
    let case = case.var("LOGGING_LEVEL_A", "TRACE");
    assert_eq!(level(&case), LogLevel::Trace);
    let case = case.var("JAVA_OPTS", "-Dlogging.level.a=ERROR");
    assert_eq!(level(&case), LogLevel::Error);
    let logging = Case::yaml(
        "logging.level: {root: warn, com.netflix.kayenta: off, b: fatal, com.netflix.kayenta.Main: info}\n",
    )
    .var("LOGGING_LEVEL_COM_NETFLIX_KAYENTA_MAIN", "debug")
    .load()
    .settings
    .logging;
    assert_eq!(logging.root, LogLevel::Warn);
    assert_eq!(logging.levels["com.netflix.kayenta"], LogLevel::Off);
    assert_eq!(logging.levels["b"], LogLevel::Error);
    assert_eq!(logging.levels["com.netflix.kayenta.Main"], LogLevel::Debug);
}

#[test]
fn logging_takes_formats_files_and_warns_of_logback() {
    use kayenta_settings::LogFormat;
    let loaded = Case::yaml(
        "logging: {format: json, file.path: /var/log, config: x.xml, pattern: {console: '%m', dateformat: HH}}\nspring.main.banner-mode: off\n",
    )
    .var("JAVA_OPTS", "-Duser.timezone=UTC")
    .load();
    let logging = loaded.settings.logging;
    assert_eq!(logging.format, LogFormat::Json);
    assert_eq!(
        logging.file.unwrap().path,
        std::path::Path::new("/var/log/spring.log")
    );
    assert_eq!(logging.date_format.as_deref(), Some("HH"));
    assert_eq!(logging.time_zone.as_deref(), Some("UTC"));
    assert!(!logging.banner);
    reported(&loaded.warnings, "a Logback file is not read");
    reported(&loaded.warnings, "Logback patterns are not used");
    let structured = Case::yaml("logging.structured.format.console: ecs\n").load();
    assert_eq!(structured.settings.logging.format, LogFormat::Json);
}

#[test]
fn parameters_the_judge_does_not_use_are_warned_of_where_they_are_set() {
    let loaded = Case::yaml("kayenta.netflix.judge: {tolerance: 0.3}\n").load();
    reported(
        &loaded.warnings,
        "kayenta.netflix.judge.tolerance: the setting has no effect, as in the Java service: the judge uses 0.25",
    );
    let unset = Case::yaml("").load();
    assert!(unset.oddities().is_empty(), "{:?}", unset.warnings);
    let error = Case::yaml("kayenta.netflix.judge.confLevel: high\n").fails();
    reported(&error.errors, "kayenta.netflix.judge.conf-level");
}
