//! The sources of Kayenta's configuration, beyond those every Spring Boot application has.

use kayenta_properties::Loader;

use crate::{Environment, secret_reference};

/// What the service runs on when there is no configuration file at all.
const EMBEDDED: &str = include_str!("defaults/embedded.yml");

/// The profiles that are active by default.
pub const DEFAULT_PROFILES: [&str; 3] = ["composite", "test", "local"];

/// What the reference sets before it looks at anything, its start script's flags among it.
pub(crate) fn loader(environment: &Environment) -> Loader {
    // Two values the reference forces unless `-D` sets them; as system properties they outrank files
    // and variables.
    let mut loader = Loader::new()
        .secrets(secret_reference::references(environment.secret_engines()))
        .fallback("Embedded default", EMBEDDED)
        .system_property("management.endpoints.web.base-path", "/")
        .system_property("spring.main.allow-bean-definition-overriding", "true")
        .flags_of("JAVA_TOOL_OPTIONS")
        .flags_of("JDK_JAVA_OPTIONS");
    if environment.is_image() {
        loader = loader.flag(
            "spring.config.import",
            "optional:/opt/spinnaker/config/",
            "the start script",
        );
    }
    for variable in ["JAVA_OPTS", "KAYENTA_OPTS", "_JAVA_OPTIONS"] {
        loader = loader.flags_of(variable);
    }
    for (name, value) in [
        ("netflix.environment", "test"),
        ("netflix.account", "${netflix.environment}"),
        ("netflix.stack", "test"),
        ("spring.application.name", "kayenta"),
        ("spring.config.name", "spinnaker,${spring.application.name}"),
        ("spring.profiles.active", "${netflix.environment},local"),
        ("spring.profiles.include", "composite"),
    ] {
        loader = loader.default_property(name, value);
    }
    if !environment.is_image() {
        loader = loader.default_property(
            "spring.config.import",
            "optional:file:${user.home}/.spinnaker/",
        );
    }
    loader
}
