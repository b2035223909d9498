//! `kayenta.tracing.*` and the variables of OpenTelemetry.

use kayenta_properties::{Binder, Diagnostic, Environment, Group};
use kayenta_secrets::BaseUrl;
use kayenta_secrets::Secret;
use kayenta_settings::TracingSettings;
use percent_encoding::percent_decode_str;

/// What follows the endpoint of all signals.
const TRACES_PATH: &str = "/v1/traces";

pub(super) fn tracing(binder: &Binder<'_>, application_name: &str) -> TracingSettings {
    let group = binder.group("kayenta.tracing");
    let variables = Variables(group.environment());
    let enabled = group.strict_switch("enabled", true) && !variables.switch_off();
    let endpoint = group.base_url("endpoint");
    let endpoint = match enabled {
        true => endpoint.or_else(|| variables.endpoint(&group)),
        false => None,
    };
    let attributes = variables.pairs("OTEL_RESOURCE_ATTRIBUTES");
    let named = attributes.iter().find(|(name, _)| name == "service.name");
    let default_name = variables
        .get("OTEL_SERVICE_NAME")
        .or(named.map(|(_, value)| value.as_str()))
        .unwrap_or(application_name);
    let (ratio, follow_caller) = match &endpoint {
        Some(_) => variables.sampler(&group),
        None => (1.0, true),
    };
    let mut headers = kayenta_connections::headers(&group);
    for (name, value) in variables.headers() {
        if !headers
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(&name))
        {
            headers.push((name, value));
        }
    }
    TracingSettings {
        headers,
        sample_ratio: group.double("sampleRatio", 0.0, 1.0, ratio),
        follow_caller,
        service_name: group.text_or("serviceName", default_name),
        attributes,
        endpoint,
    }
}

/// The environment as the specification of OpenTelemetry reads it: an empty variable counts as none.
struct Variables<'e>(&'e Environment);

impl<'e> Variables<'e> {
    fn get(&self, name: &str) -> Option<&'e str> {
        let value = self.0.var(name)?.trim();
        (!value.is_empty()).then_some(value)
    }

    fn switch_off(&self) -> bool {
        let is = |name: &str, value: &str| {
            self.get(name)
                .is_some_and(|text| text.eq_ignore_ascii_case(value))
        };
        is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none")
    }

    fn endpoint(&self, group: &Group<'_>) -> Option<BaseUrl> {
        let (name, url) = match self.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
            Some(whole) => ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", whole.to_owned()),
            None => {
                let base = self.get("OTEL_EXPORTER_OTLP_ENDPOINT")?;
                let whole = format!("{}{TRACES_PATH}", base.trim_end_matches('/'));
                ("OTEL_EXPORTER_OTLP_ENDPOINT", whole)
            }
        };
        let protocol = self
            .get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
            .or_else(|| self.get("OTEL_EXPORTER_OTLP_PROTOCOL"));
        if let Some(protocol) = protocol.filter(|protocol| *protocol != "http/protobuf") {
            group.report(
                Diagnostic::warning(format!(
                    "OTEL_EXPORTER_OTLP_PROTOCOL is {protocol}, but traces are exported as http/protobuf only"
                ))
                .remedy("set kayenta.tracing.endpoint to the collector's port for OTLP/HTTP, by default 4318"),
            );
        }
        url.parse()
            .inspect_err(|error| {
                group.report(
                    Diagnostic::error(format!(
                        "{name} is not a URL that traces can be sent to: {error}"
                    ))
                    .expected("a URL such as http://collector:4318"),
                );
            })
            .ok()
    }

    /// The share of traces beginning here that are exported, and whether a caller decides on its own.
    fn sampler(&self, group: &Group<'_>) -> (f64, bool) {
        let Some(name) = self.get("OTEL_TRACES_SAMPLER") else {
            return (1.0, true);
        };
        let argument = || {
            let text = self.get("OTEL_TRACES_SAMPLER_ARG")?;
            let ratio = text
                .parse()
                .ok()
                .filter(|ratio| (0.0..=1.0).contains(ratio));
            if ratio.is_none() {
                group.report(
                    Diagnostic::warning(format!(
                        "OTEL_TRACES_SAMPLER_ARG is '{text}', which is not a share of traces; all are exported"
                    ))
                    .expected("a number from 0 to 1"),
                );
            }
            ratio
        };
        match name {
            "always_on" => (1.0, false),
            "always_off" => (0.0, false),
            "traceidratio" => (argument().unwrap_or(1.0), false),
            "parentbased_always_on" => (1.0, true),
            "parentbased_always_off" => (0.0, true),
            "parentbased_traceidratio" => (argument().unwrap_or(1.0), true),
            _ => {
                group.report(
                    Diagnostic::warning(format!(
                        "OTEL_TRACES_SAMPLER is '{name}', which is not supported; parentbased_always_on is used"
                    ))
                    .expected(
                        "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or \
                         parentbased_traceidratio",
                    ),
                );
                (1.0, true)
            }
        }
    }

    fn headers(&self) -> Vec<(String, Secret)> {
        let mut pairs = self.pairs("OTEL_EXPORTER_OTLP_TRACES_HEADERS");
        if pairs.is_empty() {
            pairs = self.pairs("OTEL_EXPORTER_OTLP_HEADERS");
        }
        pairs
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect()
    }

    /// `name=value,name=value` with percent-encoded values.
    fn pairs(&self, name: &str) -> Vec<(String, String)> {
        let pairs = self.get(name).unwrap_or_default().split(',');
        pairs
            .filter_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
                Some((name.trim().to_owned(), value.into_owned()))
            })
            .filter(|(name, _)| !name.is_empty())
            .collect()
    }
}
