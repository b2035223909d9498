//! `kayenta.http-json`: the accounts of servers that answer with JSON. What [`HttpJsonStore`] would
//! refuse is reported here already, with its place in the file.

use std::{error::Error, sync::Arc};

use kayenta_accounts::{AccountKind, AccountSettings, Section, name};
use kayenta_connections::Connection;
use kayenta_metrics::{
    MetricsStore,
    account::{METRICS, MetricsAccount, StoreSection, Surroundings, any_store},
};
use kayenta_model::{AccountType, JsonMap};
use kayenta_properties::{Diagnostic, Group, convert::Choices};
use kayenta_secrets::mask_urls;
use serde_json_path::JsonPath;
use url::Url;

use crate::{DESCRIPTION, HttpJsonAccount, HttpJsonStore, Method, answer::TimestampUnit};

const METHODS: &Choices<Method> = &[("GET", Method::Get), ("POST", Method::Post)];

const TIMESTAMP_UNITS: &Choices<TimestampUnit> = &[
    ("seconds", TimestampUnit::Seconds),
    ("millis", TimestampUnit::Millis),
    ("iso", TimestampUnit::Iso),
];

/// The store in the table of stores.
pub static SECTION: StoreSection = StoreSection {
    description: &DESCRIPTION,
    kind: &AccountKind::new("http-json", "http-json"),
    read: |section| any_store(read(section)),
};

/// Reads the accounts.
#[must_use]
pub fn read(section: &Section<'_>) -> Vec<AccountSettings<HttpJsonAccount>> {
    section.accounts(account)
}

fn account(group: &Group<'_>) -> Option<AccountSettings<HttpJsonAccount>> {
    let name = name(group);
    let url = template_url(group);
    let method = group.choice_or("method", METHODS, Method::Get);
    let connection = Connection::read(group);
    let body = group
        .template("body")
        .filter(|body| is_closed(group, "body", body));
    let values_path = json_path(group, "valuesPath");
    let series_path = json_path(group, "seriesPath");
    let tags_path = json_path(group, "tagsPath");
    let timestamps_path = json_path(group, "timestampsPath");
    let timestamp_unit = group.choice_or("timestampUnit", TIMESTAMP_UNITS, TimestampUnit::Seconds);
    let locations = group.list_or_empty("locations");
    let recommended_locations = group.list_or_empty("recommendedLocations");
    // Always METRICS_STORE, whatever is configured.
    let _ = group.choices("supportedTypes", AccountType::NAMES);
    if group
        .get("valuesPath")
        .is_none_or(|value| value.text.is_empty())
    {
        group.missing("valuesPath", "a JSONPath such as $.data[*].value");
    }
    if body.is_some() && method == Method::Get {
        group.report(
            Diagnostic::error("a GET has no body")
                .property(group.full("body"))
                .at(group.at("body"))
                .remedy("Set method: POST"),
        );
    }
    let mut connection = connection?;
    let account = HttpJsonAccount {
        url: url?.into(),
        method,
        headers: std::mem::take(&mut connection.headers)
            .into_iter()
            .collect(),
        body,
        series_path,
        tags_path,
        timestamps_path,
        timestamp_unit,
        values_path: values_path?,
        timeout: connection.timeout.take(),
        connection,
    };
    Some(AccountSettings {
        locations,
        recommended_locations,
        ..AccountSettings::new(name?, METRICS.to_vec(), account)
    })
}

impl MetricsAccount for HttpJsonAccount {
    fn shown(&self) -> JsonMap {
        JsonMap::new()
    }

    fn open(
        &self,
        surroundings: &Surroundings,
    ) -> Result<Box<dyn MetricsStore>, Box<dyn Error + Send + Sync>> {
        let clock = Arc::clone(&surroundings.clock);
        let now = Arc::new(move || clock.now());
        let store = HttpJsonStore::new(self.clone(), &surroundings.transport, now)?;
        Ok(Box::new(store))
    }
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
    let path_end = url.find(['?', '#']).unwrap_or(url.len());
    if url.contains(char::is_control) || url[..path_end].contains('\\') {
        wrong("the URL contains backslashes, tabs or line breaks");
        return None;
    }
    is_closed(group, "url", &url).then_some(url)
}

/// A JSONPath; an invalid one is reported.
fn json_path(group: &Group<'_>, property: &str) -> Option<String> {
    let path = group.strict_text(property)?;
    match JsonPath::parse(&path) {
        Ok(_) => Some(path),
        Err(error) => {
            group.report(
                Diagnostic::error(format!("no JSONPath (RFC 9535): {error}"))
                    .property(group.full(property))
                    .found(path)
                    .at(group.at(property))
                    .expected("a JSONPath such as $.data[*].value"),
            );
            None
        }
    }
}

/// Whether every `${` of a template has its brace; reported if not.
fn is_closed(group: &Group<'_>, property: &str, template: &str) -> bool {
    let open = template
        .match_indices("${")
        .find(|(at, _)| !template[..*at].ends_with('$') && !template[*at..].contains('}'));
    if let Some((at, _)) = open {
        let position = template[..at].chars().count() + 1;
        group.report(
            Diagnostic::error(format!(
                "'${{' at character {position} has no closing brace"
            ))
            .property(group.full(property))
            .found(mask_urls(template))
            .at(group.at(property))
            .remedy("Close it, or write $${ for a literal ${"),
        );
    }
    open.is_none()
}
