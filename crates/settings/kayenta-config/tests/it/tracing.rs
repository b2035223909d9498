//! `kayenta.tracing.*` and the variables of OpenTelemetry.

use kayenta_settings::TracingSettings;
use secrecy::ExposeSecret;

use crate::support::{Case, reported};

fn of(case: &Case) -> TracingSettings {
    let loaded = case.load();
    assert!(loaded.oddities().is_empty(), "{:?}", loaded.warnings);
    loaded.settings.tracing
}

fn endpoint(case: &Case) -> Option<String> {
    of(case).endpoint.map(|url| url.expose().to_owned())
}

#[test]
fn there_are_no_traces_unless_an_endpoint_is_given() {
    assert_eq!(endpoint(&Case::yaml("")), None);
    let empty = Case::yaml("").var("OTEL_EXPORTER_OTLP_ENDPOINT", " ");
    assert_eq!(endpoint(&empty), None);
    let all = Case::yaml("").var("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/");
    assert_eq!(endpoint(&all).unwrap(), "http://c:4318/v1/traces");
    let traces = all.var("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t:1/otlp");
    assert_eq!(endpoint(&traces).unwrap(), "http://t:1/otlp");
    let own = "kayenta.tracing.endpoint: http://own:1/v1/traces\n";
    let own = Case::yaml(own).var("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318");
    assert_eq!(endpoint(&own).unwrap(), "http://own:1/v1/traces");
    for (name, value) in [
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("KAYENTA_TRACING_ENABLED", "false"),
    ] {
        let off = Case::yaml("").var("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318");
        assert_eq!(endpoint(&off.var(name, value)), None, "{name}");
    }
}

#[test]
fn headers_names_and_attributes_come_from_both() {
    let case = Case::yaml(
        "kayenta.tracing:\n  endpoint: http://c/v1/traces\n  headers: {X-Tenant: shop}\n",
    );
    let case = case
        .var(
            "OTEL_EXPORTER_OTLP_HEADERS",
            "x-tenant=other, authorization=Bearer%20t%3D1",
        )
        .var(
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=a,deployment.environment.name=prod",
        );
    let tracing = of(&case);
    let headers: Vec<_> = tracing
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.current().expose_secret().to_owned()))
        .collect();
    let expected = [("X-Tenant", "shop"), ("authorization", "Bearer t=1")]
        .map(|(name, value)| (name, value.to_owned()));
    assert_eq!(headers, expected);
    assert_eq!(tracing.service_name, "a");
    let prod = ("deployment.environment.name".to_owned(), "prod".to_owned());
    assert!(tracing.attributes.contains(&prod));
    assert_eq!(of(&case.var("OTEL_SERVICE_NAME", "b")).service_name, "b");
}

#[test]
fn the_sampler_of_opentelemetry_is_followed_and_a_wrong_one_reported() {
    let with = |name: &str, argument: &str| {
        Case::yaml("kayenta.tracing.endpoint: http://c/v1/traces\n")
            .var("OTEL_TRACES_SAMPLER", name)
            .var("OTEL_TRACES_SAMPLER_ARG", argument)
    };
    for (name, argument, expected) in [
        ("", "", (1.0, true)),
        ("always_on", "", (1.0, false)),
        ("always_off", "", (0.0, false)),
        ("traceidratio", "0.25", (0.25, false)),
        ("parentbased_always_on", "0.5", (1.0, true)),
        ("parentbased_always_off", "", (0.0, true)),
        ("parentbased_traceidratio", "0.5", (0.5, true)),
    ] {
        let tracing = of(&with(name, argument));
        assert_eq!(
            (tracing.sample_ratio, tracing.follow_caller),
            expected,
            "{name}"
        );
    }
    let own = Case::yaml("kayenta.tracing: {endpoint: http://c/v1/traces, sampleRatio: 0.1}\n")
        .var("OTEL_TRACES_SAMPLER", "traceidratio");
    assert_eq!(of(&own).sample_ratio, 0.1);
    let loaded = with("jaeger_remote", "").load();
    reported(
        &loaded.warnings,
        "OTEL_TRACES_SAMPLER is 'jaeger_remote', which is not supported",
    );
    let loaded = with("traceidratio", "2").load();
    reported(&loaded.warnings, "OTEL_TRACES_SAMPLER_ARG is '2'");
}

#[test]
fn an_endpoint_that_is_no_url_is_refused_and_another_protocol_is_warned_of() {
    let error = Case::yaml("")
        .var("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")
        .fails();
    reported(
        &error.errors,
        "OTEL_EXPORTER_OTLP_ENDPOINT is not a URL that traces can be sent to",
    );
    let grpc = Case::yaml("")
        .var("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317")
        .var("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    reported(
        &grpc.load().warnings,
        "traces are exported as http/protobuf only",
    );
}
