//! No value of a setting makes its section panic.

use kayenta_config::{Environment, check_config};
use proptest::prelude::*;

use crate::table::TABLE;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

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
        let report = check_config(&environment, TABLE);
        let _ = (report.to_string(), report.effective_text());
    }
}
