//! Accounts of metric stores.

use kayenta_model::{AccountType, masking::mask_urls};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    binder::{Group, convert::Choice},
    diagnostic::Diagnostic,
    settings::{
        AccountKind, AtlasAccount, BaseUrl, DatadogAccount, GraphiteAccount, HttpJsonAccount,
        HttpJsonMethod, InfluxDbAccount, NewRelicAccount, PrometheusAccount, PrometheusAuth,
        SignalFxAccount, TimestampUnit, WavefrontAccount,
    },
};

use super::stores::{Stores, name, types, types_or_warn};

const METRICS: &[AccountType] = &[AccountType::MetricsStore];

impl Choice for HttpJsonMethod {
    const NAMES: &'static [(&'static str, Self)] = &[("GET", Self::Get), ("POST", Self::Post)];
}

impl Choice for TimestampUnit {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("seconds", Self::Seconds),
        ("millis", Self::Millis),
        ("iso", Self::Iso),
    ];
}

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
            lacking.severity = crate::diagnostic::Severity::Warning;
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
            Url::parse(&text).ok().map(|url| BaseUrl { text, url })
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

pub(super) fn prometheus(stores: &Stores<'_>, group: &Group<'_>) -> Option<PrometheusAccount> {
    let name = name(group);
    let base_url = base_url(group, METRICS, "http://prometheus:9090");
    let username = group.text("username");
    let password = group.secret("password");
    let bearer = group.secret("bearerToken");
    let file = group.text("usernamePasswordFile");
    let _ = group.choices::<AccountType>("supportedTypes");
    let locations = group.list_or_empty("locations");
    let recommended_locations = group.list_or_empty("recommendedLocations");
    let name = name?;
    let auth = match (&file, bearer, &username, password) {
        (Some(file), ..) => match user_and_password(stores, file) {
            Ok(auth) => auth,
            Err(reason) => {
                stores.skip(
                    AccountKind::Prometheus,
                    Some(&name),
                    Diagnostic::warning(format!("the file cannot be used: {reason}"))
                        .property(group.full("usernamePasswordFile"))
                        .found(file.clone())
                        .at(group.at("usernamePasswordFile"))
                        .expected("a file with user:password"),
                );
                return None;
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

fn user_and_password(stores: &Stores<'_>, file: &str) -> Result<PrometheusAuth, String> {
    let environment = stores.context.environment;
    let path = file.strip_prefix("file:").unwrap_or(file);
    let absolute = environment.absolute(std::path::Path::new(path));
    let text = std::fs::read_to_string(environment.physical(&absolute))
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
    let supported_types = types_or_warn(group, AccountType::MetricsStore);
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
    let supported_types = types_or_warn(group, AccountType::MetricsStore);
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
    let supported_types = types(group, METRICS);
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
        supported_types: types(group, METRICS),
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
        supported_types: types(group, METRICS),
        name: name?,
        base_url: base_url?,
    })
}

pub(super) fn wavefront(group: &Group<'_>) -> Option<WavefrontAccount> {
    let name = name(group);
    let supported_types = types_or_warn(group, AccountType::MetricsStore);
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
    let supported_types = types_or_warn(group, AccountType::MetricsStore);
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

pub(super) fn http_json(group: &Group<'_>) -> Option<HttpJsonAccount> {
    let name = name(group);
    let url = template_url(group);
    let method = group.choice_or("method", HttpJsonMethod::Get);
    let headers = group
        .map("headers")
        .into_iter()
        .filter(|(_, value)| !value.text.is_empty())
        .map(|(header, value)| (header, SecretString::from(value.text)))
        .collect();
    let body = group.template("body");
    let values_path = group.strict_text("valuesPath");
    let series_path = group.strict_text("seriesPath");
    let tags_path = group.strict_text("tagsPath");
    let timestamps_path = group.strict_text("timestampsPath");
    let timestamp_unit = group.choice_or("timestampUnit", TimestampUnit::Seconds);
    let timeout = group.duration_if_set("timeout");
    let locations = group.list_or_empty("locations");
    let recommended_locations = group.list_or_empty("recommendedLocations");
    let _ = group.choices::<AccountType>("supportedTypes");
    if values_path.is_none() {
        group.missing("valuesPath", "a JSONPath such as $.data[*].value");
    }
    if body.is_some() && method == HttpJsonMethod::Get {
        group.report(
            Diagnostic::error("a GET has no body")
                .property(group.full("body"))
                .at(group.at("body"))
                .remedy("Set method: POST"),
        );
    }
    Some(HttpJsonAccount {
        name: name?,
        url: url?.into(),
        method,
        headers,
        body,
        series_path,
        tags_path,
        timestamps_path,
        values_path: values_path?,
        timestamp_unit,
        timeout,
        locations,
        recommended_locations,
        supported_types: METRICS.to_vec(),
    })
}

/// The URL template. Scheme and host must be fixed here: a request chooses a query, never a host.
fn template_url(group: &Group<'_>) -> Option<String> {
    let Some(url) = group.template("url") else {
        group.missing(
            "url",
            "a URL such as https://metrics.example.com/query?q=${query}",
        );
        return None;
    };
    let wrong = |message: &str| {
        group.report(
            Diagnostic::error(message)
                .property(group.full("url"))
                .found(mask_urls(&url))
                .at(group.at("url"))
                .expected("a URL such as https://metrics.example.com/query?q=${query}"),
        );
    };
    let Some((scheme, rest)) = url.split_once("://") else {
        wrong("Expected URL scheme 'http' or 'https' but no colon was found");
        return None;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if !matches!(scheme, "http" | "https") || authority.is_empty() {
        wrong("the URL has no host, or a scheme other than http and https");
        return None;
    }
    if authority.contains("${") {
        wrong("scheme and host of the URL must not depend on the query");
        return None;
    }
    if Url::parse(&format!("{scheme}://{authority}/")).is_err() {
        wrong("the host of the URL is not valid");
        return None;
    }
    Some(url)
}
