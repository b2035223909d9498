//! Nothing anybody writes makes the loader or the binder panic or run away.

use kayenta_properties::{Binder, Environment, EnvironmentView, Loader};
use proptest::prelude::*;

/// Pieces that mean something, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("shop:\n"),
        Just("  warehouse:\n"),
        Just("    enabled: true\n"),
        Just("    shelves:\n"),
        Just("    - name: ${a}\n"),
        Just("      endpoint.baseUrl: http://x\n"),
        Just("a: &a [*a, {<<: *a}]\n"),
        Just("a: &b {c: d}\n<<: *b\n"),
        Just("spring.config.import: [optional:file:./, 'configtree:x', '*/']\n"),
        Just("---\n"),
        Just("spring.config.activate.on-profile: '!(a | (b'\n"),
        Just("till.url: 'redis://é:@[::1'\n"),
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

/// Everything there is to do with what an environment says.
fn reads(environment: &Environment) {
    let gathered = Loader::new().load(environment);
    let _ = format!("{:?}", EnvironmentView::new(&gathered));
    let binder = Binder::new(&gathered.properties, environment);
    let shop = binder.group("shop");
    let _ = (shop.text("title"), shop.list("x"), shop.object("info"));
    let _ = shop.map("level");
    let _ = shop
        .group("warehouse")
        .elements("shelves", "name", |shelf| {
            let _ = shelf.duration_if_set("timeOut");
            let _ = shelf.size("size", 1);
            shelf.text("name")
        });
    binder.warn_unknown("shop");
    for diagnostic in binder.finish().0 {
        let _ = diagnostic.to_string();
    }
}

fn reads_file(text: &str) {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("application.yml"), text).unwrap();
    reads(&Environment::empty(root.path()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_loader_panic(text in any::<String>()) {
        reads_file(&text);
    }

    #[test]
    fn no_yaml_makes_the_loader_panic(text in pieces()) {
        reads_file(&text);
    }

    #[test]
    fn no_values_make_the_loader_panic(name in "[a-z\\[\\]0-9.${}-]{0,40}", value in any::<String>()) {
        let environment = Environment::empty("/nonexistent")
            .variable(name.clone(), value.clone())
            .variable("SPRING_APPLICATION_JSON", value.clone())
            .argument(format!("--{name}={value}"))
            .argument(value.clone());
        reads(&environment);
    }
}

/// Followed without bound each of them would take longer than anybody waits.
#[test]
fn explosive_inputs_end() {
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
    for level in 1..32 {
        placeholders.push_str(&format!(
            "p{level}: ${{p{}}}${{p{}}}\n",
            level - 1,
            level - 1
        ));
    }
    placeholders.push_str("shop.title: ${p31}\n");
    let deep_flow = "[".repeat(200_000);
    let deep_block: String = (0..3_000)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    let wide: String = (0..60_000).map(|n| format!("k{n}: 1\n")).collect();
    let nested_placeholders = format!("shop.title: '{}'\n", "${".repeat(20_000));
    let braces = format!(
        "shop.title: '{}{}'\n",
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
        reads_file(&text);
    }
}
