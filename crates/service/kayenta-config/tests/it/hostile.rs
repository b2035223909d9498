//! Nothing anybody writes makes the loader panic or run away.

use std::time::{Duration, Instant};

use kayenta_config::{Environment, check_config};
use proptest::prelude::*;

use crate::support::Case;

/// Pieces that mean something, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("kayenta:\n"),
        Just("  prometheus:\n"),
        Just("    enabled: true\n"),
        Just("    accounts:\n"),
        Just("    - name: ${a}\n"),
        Just("      endpoint.baseUrl: http://x\n"),
        Just(
            "  azure: {enabled: true, accounts: [{name: a, supportedTypes: OBJECT_STORE, endpointSuffix: 'x;;=', accountAccessKey: '${'}]}\n"
        ),
        Just("a: &a [*a, {<<: *a}]\n"),
        Just("a: &b {c: d}\n<<: *b\n"),
        Just("spring.config.import: [optional:file:./, 'configtree:x', '*/']\n"),
        Just("---\n"),
        Just("spring.config.activate.on-profile: '!(a | (b'\n"),
        Just("redis.connection: 'redis://é:@[::1'\n"),
        Just("? [x]\n: y\n"),
        Just("server.port: ${server.port}\n"),
        Just("logging.level: {[a.b]: debug, 1: off, root: ~}\n"),
        Just("x[: 1\n"),
        Just("a.[0]..b: 1\n"),
        Just("info: {a: 1, a.b: 2}\n"),
        Just("\t"),
        Just("'"),
        Just("\""),
        Just("- "),
        Just(" ?"),
        Just("!!float x"),
        Just("| \n"),
        Just("\u{0}"),
        Just("\u{feff}"),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn reads(text: &str) {
    let case = Case::only(text);
    let report = case.check();
    let _ = (report.to_string(), report.effective_text());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_loader_panic(text in any::<String>()) {
        reads(&text);
    }

    #[test]
    fn no_yaml_makes_the_loader_panic(text in pieces()) {
        reads(&text);
    }

    #[test]
    fn no_values_make_the_loader_panic(name in "[a-z\\[\\]0-9.${}-]{0,40}", value in any::<String>()) {
        let environment = Environment::empty("/nonexistent")
            .variable(name.clone(), value.clone())
            .variable("JAVA_OPTS", value.clone())
            .variable("SPRING_APPLICATION_JSON", value.clone())
            .argument(format!("--{name}={value}"))
            .argument(value.clone());
        let _ = check_config(&environment);
    }

    #[test]
    fn no_value_of_a_setting_makes_the_loader_panic(
        name in proptest::sample::select(vec![
            "server.port", "server.address", "server.servlet.context-path", "server.ssl.key-store", "redis.connection",
            "redis.timeout", "kayenta.server.max-body-size", "kayenta.engine.lease", "kayenta.metrics.retry.statuses",
            "kayenta.netflix.judge.tolerance", "spring.config.location", "spring.config.import", "spring.profiles.active",
            "spring.config.name", "logging.level.root", "management.endpoint.health.group.x.include", "info.a",
            "kayenta.azure.accounts[0].endpointSuffix", "kayenta.http-json.accounts[0].url", "kayenta.security.tokens[0].token",
        ]),
        value in prop_oneof![any::<String>(), "[-+0-9a-zA-Z:/.,;${}\\[\\]%@#!|&() ]{0,30}"],
    ) {
        let environment = Environment::empty("/nonexistent")
            .argument("--kayenta.azure.enabled=true")
            .argument("--kayenta.azure.accounts[0].name=a")
            .argument("--kayenta.azure.accounts[0].storageAccountName=s")
            .argument("--kayenta.azure.accounts[0].supportedTypes=OBJECT_STORE")
            .argument("--kayenta.http-json.enabled=true")
            .argument("--kayenta.http-json.accounts[0].name=h")
            .argument(format!("--{name}={value}"));
        let report = check_config(&environment);
        let _ = (report.to_string(), report.effective_text());
    }
}

#[test]
fn explosive_inputs_end_soon() {
    let mut anchors = "a0: &a0 {x: 1, y: 2}\n".to_owned();
    for level in 1..40 {
        anchors.push_str(&format!(
            "a{level}: &a{level} {{l: *a{}, r: *a{}}}\n",
            level - 1,
            level - 1
        ));
    }
    let mut merges = "m0: &m0 {x: 1}\n".to_owned();
    for level in 1..60 {
        merges.push_str(&format!(
            "m{level}: &m{level} {{<<: [*m{}, *m{}], k{level}: 1}}\n",
            level - 1,
            level - 1
        ));
    }
    let mut placeholders = "p0: 0123456789\n".to_owned();
    for level in 1..60 {
        placeholders.push_str(&format!(
            "p{level}: ${{p{}}}${{p{}}}\n",
            level - 1,
            level - 1
        ));
    }
    placeholders.push_str("swagger.title: ${p59}\n");
    let deep_flow = "[".repeat(200_000);
    let deep_block: String = (0..3_000)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    let wide: String = (0..60_000).map(|n| format!("k{n}: 1\n")).collect();
    let nested_placeholders = format!("swagger.title: '{}'\n", "${".repeat(20_000));
    let braces = format!(
        "swagger.title: '{}{}'\n",
        "${a:".repeat(5_000),
        "}".repeat(5_000)
    );
    for text in [
        anchors,
        merges,
        placeholders,
        deep_flow,
        deep_block,
        wide,
        nested_placeholders,
        braces,
    ] {
        let begun = Instant::now();
        reads(&text);
        let taken = begun.elapsed();
        assert!(
            taken < Duration::from_secs(20),
            "{taken:?}: {}",
            &text[..60]
        );
    }
}
