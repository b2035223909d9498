//! Accounts of metric stores.

use kayenta_accounts::{name, supported_types, supported_types_or_warn};
use kayenta_model::AccountType;
use kayenta_properties::{Diagnostic, Group};
use kayenta_secrets::BaseUrl;
use secrecy::{ExposeSecret, SecretString};

use crate::settings::{
    AtlasAccount, DatadogAccount, GraphiteAccount, InfluxDbAccount, NewRelicAccount,
    PrometheusAccount, PrometheusAuth, SignalFxAccount, WavefrontAccount,
};

pub(super) const METRICS: &[AccountType] = &[AccountType::MetricsStore];

/// `endpoint.baseUrl` (or another name), required of a metric store. An account that is none is left
/// out without it: nothing could be done with it.
fn endpoint(
    group: &Group<'_>,
    property: &str,
    types: &[AccountType],
    shape: &str,
) -> Option<BaseUrl> {
    let url = group.base_url(property);
    if url.is_none()
        && group
            .get(property)
            .is_none_or(|value| value.text.is_empty())
    {
        let mut lacking = group.lacking(property, shape);
        if !types.contains(&AccountType::MetricsStore) {
            lacking.severity = kayenta_properties::Severity::Warning;
            lacking.message.push_str("; the account is left out");
        }
        group.report(lacking);
    }
    url
}

fn base_url(group: &Group<'_>, types: &[AccountType], example: &str) -> Option<BaseUrl> {
    endpoint(
        group,
        "endpoint.baseUrl",
        types,
        &format!("a URL such as {example}"),
    )
}

/// `endpoint.baseUrl`, or the public service.
fn base_url_or(group: &Group<'_>, default: &str) -> Option<BaseUrl> {
    match group.get("endpoint.baseUrl") {
        Some(value) if !value.text.is_empty() => group.base_url("endpoint.baseUrl"),
        _ => {
            let text = group.text_or("endpoint.baseUrl", default);
            text.parse().ok()
        }
    }
}

/// A credential without which every call fails, though the reference starts.
fn wanted_secret(group: &Group<'_>, property: &str) -> Option<SecretString> {
    let secret = group.secret(property);
    if secret.is_none() {
        group.report(
            Diagnostic::warning(format!(
                "{} is not set: every query will fail",
                group.full(property)
            ))
            .property(group.full(property))
            .at(group.at(property)),
        );
    }
    secret
}

pub(super) fn prometheus(group: &Group<'_>) -> Option<PrometheusAccount> {
    let name = name(group);
    let base_url = base_url(group, METRICS, "http://prometheus:9090");
    let username = group.text("username");
    let password = group.secret("password");
    let bearer = group.secret("bearerToken");
    let file = group.text("usernamePasswordFile");
    let _ = group.choices("supportedTypes", AccountType::NAMES);
    let locations = group.list_or_empty("locations");
    let recommended_locations = group.list_or_empty("recommendedLocations");
    let name = name?;
    let auth = match (&file, bearer, &username, password) {
        (Some(file), ..) => match user_and_password(group, file) {
            Ok(auth) => auth,
            Err(reason) => {
                return group.leave_out(
                    Some(&name),
                    Diagnostic::warning(format!("the file cannot be used: {reason}"))
                        .property(group.full("usernamePasswordFile"))
                        .found(file.clone())
                        .at(group.at("usernamePasswordFile"))
                        .expected("a file with user:password"),
                );
            }
        },
        (None, Some(token), ..) => PrometheusAuth::Bearer(token),
        (None, None, Some(username), Some(password)) => PrometheusAuth::Basic {
            username: username.clone(),
            password,
        },
        (None, None, Some(_), None) => {
            group.missing("password", "the password of username");
            return None;
        }
        (None, None, None, Some(_)) => {
            group.missing("username", "the user of password");
            return None;
        }
        (None, None, None, None) => PrometheusAuth::Anonymous,
    };
    Some(PrometheusAccount {
        name,
        base_url: base_url?,
        auth,
        username,
        username_password_file: file,
        supported_types: METRICS.to_vec(),
        locations,
        recommended_locations,
    })
}

fn user_and_password(group: &Group<'_>, file: &str) -> Result<PrometheusAuth, String> {
    let path = file.strip_prefix("file:").unwrap_or(file);
    let text = std::fs::read_to_string(group.environment().locate(path))
        .map_err(|error| error.to_string())?;
    let (username, password) = text
        .trim()
        .split_once(':')
        .ok_or("it has no colon between user and password")?;
    Ok(PrometheusAuth::Basic {
        username: username.to_owned(),
        password: password.into(),
    })
}

pub(super) fn graphite(group: &Group<'_>) -> Option<GraphiteAccount> {
    let name = name(group);
    let supported_types = supported_types_or_warn(group, AccountType::MetricsStore);
    let base_url = base_url(group, &supported_types, "http://graphite:8080");
    Some(GraphiteAccount {
        name: name?,
        base_url: base_url?,
        supported_types,
    })
}

pub(super) fn influxdb(group: &Group<'_>) -> Option<InfluxDbAccount> {
    group.accept(&["apiKey", "applicationKey"]);
    let name = name(group);
    let supported_types = supported_types_or_warn(group, AccountType::MetricsStore);
    let base_url = base_url(group, &supported_types, "http://influxdb:8086");
    let token = group.secret("token");
    let username = group.text("username");
    let password = group.secret("password");
    if username.is_some() && password.is_none() {
        group.missing("password", "the password of username");
    }
    Some(InfluxDbAccount {
        name: name?,
        base_url: base_url?,
        supported_types,
        token,
        username,
        password,
    })
}

pub(super) fn datadog(group: &Group<'_>) -> Option<DatadogAccount> {
    let name = name(group);
    let supported_types = supported_types(group, METRICS);
    let base_url = base_url(group, &supported_types, "https://app.datadoghq.com");
    Some(DatadogAccount {
        api_key: wanted_secret(group, "apiKey"),
        application_key: wanted_secret(group, "applicationKey"),
        name: name?,
        base_url: base_url?,
        supported_types,
    })
}

pub(super) fn newrelic(group: &Group<'_>) -> Option<NewRelicAccount> {
    let name = name(group);
    let base_url = base_url_or(group, "https://insights-api.newrelic.com");
    Some(NewRelicAccount {
        api_key: wanted_secret(group, "apiKey"),
        application_key: wanted_secret(group, "applicationKey"),
        default_scope_key: group.text("defaultScopeKey"),
        default_location_key: group.text("defaultLocationKey"),
        supported_types: supported_types(group, METRICS),
        name: name?,
        base_url: base_url?,
    })
}

pub(super) fn signalfx(group: &Group<'_>) -> Option<SignalFxAccount> {
    let name = name(group);
    let base_url = base_url_or(group, "https://stream.signalfx.com");
    Some(SignalFxAccount {
        access_token: wanted_secret(group, "accessToken"),
        default_scope_key: group.text("defaultScopeKey"),
        default_location_key: group.text("defaultLocationKey"),
        supported_types: supported_types(group, METRICS),
        name: name?,
        base_url: base_url?,
    })
}

pub(super) fn wavefront(group: &Group<'_>) -> Option<WavefrontAccount> {
    let name = name(group);
    let supported_types = supported_types_or_warn(group, AccountType::MetricsStore);
    let base_url = base_url(group, &supported_types, "https://example.wavefront.com");
    let api_token = group.secret("apiToken");
    if api_token
        .as_ref()
        .is_none_or(|token| token.expose_secret().is_empty())
    {
        let mut lacking = group.lacking("apiToken", "a token of the Wavefront API");
        lacking.message = "apiToken is marked non-null but is null".to_owned();
        group.report(lacking);
    }
    Some(WavefrontAccount {
        name: name?,
        base_url: base_url?,
        api_token: api_token?,
        supported_types,
    })
}

pub(super) fn atlas(group: &Group<'_>) -> Option<AtlasAccount> {
    // Keys of the shipped file's comments, which mean nothing.
    group.accept(&["endpoint", "namespace"]);
    let name = name(group);
    let supported_types = supported_types_or_warn(group, AccountType::MetricsStore);
    let base_url = endpoint(
        group,
        "backendsJsonBaseUrl",
        &supported_types,
        "the URL of the service that lists the backends",
    );
    Some(AtlasAccount {
        fetch_id: group.text("fetchId"),
        recommended_locations: group.list_or_empty("recommendedLocations"),
        name: name?,
        backends_json_base_url: base_url?,
        supported_types,
    })
}
