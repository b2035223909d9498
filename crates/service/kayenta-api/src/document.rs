//! The API document with everything the service can do.

use kayenta_metrics::StoreDescription;
use kayenta_settings::ExposureSettings;
use serde_json::Value;

use crate::{
    openapi::{self, Security},
    options::ApiOptions,
    router,
};

/// The API document with every route that a service with these metric stores can have, whatever is
/// switched on.
#[must_use]
pub fn document(metric_stores: Vec<&'static StoreDescription>) -> Value {
    let options = everything(metric_stores);
    let mut document = openapi::as_value(&router::described(&options).into_openapi());
    openapi::complete(&mut document, &options, Security::Possible);
    document
}

/// A [`document()`] as Swagger 2.0.
#[must_use]
pub fn document_2(document: &Value) -> Value {
    openapi::swagger_2(document)
}

fn everything(metric_stores: Vec<&'static StoreDescription>) -> ApiOptions {
    let mut options = ApiOptions {
        metric_stores,
        ..ApiOptions::default()
    };
    options.management.exposure = ExposureSettings::all();
    options
}
