//! `kayenta.prometheus`: the accounts of Prometheus.

use std::{error::Error, sync::Arc, time::Duration};

use kayenta_accounts::{AccountKind, AccountSettings, LeftOutMessage, Section, name};
use kayenta_connections::{Authentication, Connection};
use kayenta_http::Credentials;
use kayenta_metrics::{
    MetricsStore,
    account::{
        METRICS, MetricsAccount, StoreSection, Surroundings, any_store, endpoint,
        metadata_interval, shown_endpoint,
    },
};
use kayenta_model::{AccountType, JsonMap};
use kayenta_properties::{Diagnostic, Group, convert::Choices};
use secrecy::ExposeSecret;

use crate::{DESCRIPTION, PrometheusAccount, PrometheusStore, QueryMethod, store::MOST_POINTS};

const METHODS: &Choices<QueryMethod> = &[("GET", QueryMethod::Url), ("POST", QueryMethod::Form)];

/// The store in the table of stores.
pub static SECTION: StoreSection = StoreSection {
    description: &DESCRIPTION,
    kind: &AccountKind {
        left_out: LeftOutMessage::ProblemRegistering,
        ..AccountKind::new("prometheus", "Prometheus")
    },
    read: |section| any_store(read(section)),
};

/// Reads the accounts.
#[must_use]
pub fn read(section: &Section<'_>) -> Vec<AccountSettings<PrometheusAccount>> {
    let interval = metadata_interval(section, Duration::from_secs(60));
    let scope_label = section.group().text_or("scopeLabel", "instance");
    section.accounts(|group| account(group, interval, &scope_label))
}

fn account(
    group: &Group<'_>,
    metadata_interval: Duration,
    scope_label: &str,
) -> Option<AccountSettings<PrometheusAccount>> {
    let name = name(group);
    let base_url = endpoint(group, METRICS, "http://prometheus:9090");
    let username = group.text("username");
    let password = group.secret("password");
    let bearer = group.secret("bearerToken");
    let file = group.text("usernamePasswordFile");
    // Always METRICS_STORE, whatever is configured.
    let _ = group.choices("supportedTypes", AccountType::NAMES);
    let locations = group.list_or_empty("locations");
    let recommended_locations = group.list_or_empty("recommendedLocations");
    let connection = Connection::read(group);
    let query_parameters = group
        .map("queryParameters")
        .into_iter()
        .map(|(name, value)| (name, value.text))
        .collect();
    let method = group.choice_or("method", METHODS, QueryMethod::Url);
    let max_points = group.integer("maxPoints", 1_i64, 1_000_000, MOST_POINTS);
    let name = name?;
    let connection = connection?;
    let asks_otherwise = !matches!(connection.authentication, Authentication::None);
    if asks_otherwise && (username.is_some() || bearer.is_some() || file.is_some()) {
        group.report(
            Diagnostic::error("authentication and username, bearerToken or usernamePasswordFile exclude one another")
                .property(group.full("authentication"))
                .at(group.group("authentication").begin())
                .remedy("Set one of them"),
        );
        return None;
    }
    // A file wins, then a bearer token, then the rest.
    let credentials = match (&file, bearer, &username, password) {
        (Some(file), ..) => match user_and_password(group, file) {
            Ok(credentials) => credentials,
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
        (None, Some(token), ..) => Credentials::Bearer(token),
        (None, None, Some(username), Some(password)) => Credentials::Basic {
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
        (None, None, None, None) => Credentials::None,
    };
    let account = PrometheusAccount {
        name: name.clone(),
        base_url: base_url?,
        credentials,
        username,
        username_password_file: file,
        metadata_interval,
        scope_label: scope_label.to_owned(),
        connection,
        query_parameters,
        method,
        max_points,
    };
    Some(AccountSettings {
        locations,
        recommended_locations,
        ..AccountSettings::new(name, METRICS.to_vec(), account)
    })
}

fn user_and_password(group: &Group<'_>, file: &str) -> Result<Credentials, String> {
    let path = file.strip_prefix("file:").unwrap_or(file);
    let environment = group.environment();
    let pair = environment.secret_files().open(environment.locate(path));
    let pair = pair.map_err(|error| error.to_string())?;
    if !pair.current().expose_secret().contains(':') {
        return Err("it has no colon between user and password".to_owned());
    }
    Ok(Credentials::UserPassword(pair))
}

impl MetricsAccount for PrometheusAccount {
    fn shown(&self) -> JsonMap {
        let mut shown = shown_endpoint(&self.base_url);
        for (name, value) in [
            ("username", &self.username),
            ("usernamePasswordFile", &self.username_password_file),
        ] {
            shown.extend(
                value
                    .as_deref()
                    .map(|value| (name.to_owned(), value.into())),
            );
        }
        shown
    }

    fn open(
        &self,
        surroundings: &Surroundings,
    ) -> Result<Box<dyn MetricsStore>, Box<dyn Error + Send + Sync>> {
        let store = PrometheusStore::new(
            self.clone(),
            &surroundings.transport,
            Arc::clone(&surroundings.clock),
        )?;
        Ok(Box::new(store))
    }
}
