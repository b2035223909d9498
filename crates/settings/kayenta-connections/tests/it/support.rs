use std::sync::Arc;

use axum::Router;
use chrono::DateTime;
use kayenta_connections::Connection;
use kayenta_http::{HttpClient, HttpSettings, Now, Transport};
use kayenta_properties::{Binder, Environment, Loader};

/// An environment with `account.<name>=value` for each setting.
pub(crate) fn environment(settings: &[(&str, &str)]) -> Environment {
    settings
        .iter()
        .fold(Environment::empty("/"), |environment, (name, value)| {
            environment.argument(format!("--account.{name}={value}"))
        })
}

/// The connection an environment configures, and what is reported.
pub(crate) fn read(environment: &Environment) -> (Option<Connection>, Vec<String>) {
    let gathered = Loader::new().load(environment);
    let binder = Binder::new(&gathered.properties, environment);
    let connection = Connection::read(&binder.group("account"));
    let (reports, _) = binder.finish();
    let reports = reports.iter().map(ToString::to_string).collect();
    (connection, reports)
}

pub(crate) fn transport() -> Transport {
    Transport::new(&HttpSettings::default()).unwrap()
}

/// A client of `base` with the connection of an environment.
pub(crate) fn client(base: &str, environment: &Environment) -> HttpClient {
    let (connection, reports) = read(environment);
    let connection = connection.unwrap_or_else(|| panic!("{reports:?}"));
    let transport = connection.transport(&transport()).unwrap();
    let now: Now = Arc::new(|| DateTime::from_timestamp(1_000, 0).unwrap());
    HttpClient::builder("Store", base.parse().unwrap())
        .credentials(connection.credentials(&transport, now).unwrap())
        .headers(connection.headers)
        .build(&transport)
        .unwrap()
}

/// Serves on a free port of loopback and returns the base URL.
pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}
