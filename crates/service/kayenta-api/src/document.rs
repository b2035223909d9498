//! The API document with everything the service can do.

use kayenta_management::Exposure;
use serde_json::Value;

use crate::{
    openapi::{self, Security},
    options::ApiOptions,
    router,
};

/// The metric stores with a fetch route.
const FETCH_STORES: [&str; 9] = [
    "prometheus",
    "stackdriver",
    "datadog",
    "graphite",
    "newrelic",
    "wavefront",
    "influxdb",
    "atlas",
    "http-json",
];

/// The API document with every route the service can have, whatever is switched on.
#[must_use]
pub fn document() -> Value {
    let options = everything();
    let mut document = openapi::as_value(&router::described(&options).into_openapi());
    openapi::complete(&mut document, &options, Security::Possible);
    document
}

/// [`document()`] as Swagger 2.0.
#[must_use]
pub fn document_2() -> Value {
    openapi::swagger_2(&document())
}

fn everything() -> ApiOptions {
    let mut options = ApiOptions {
        fetch_stores: FETCH_STORES.map(str::to_owned).into(),
        ..ApiOptions::default()
    };
    options.management.exposure = Exposure::all();
    options
}
