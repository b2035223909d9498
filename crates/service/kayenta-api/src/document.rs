//! The API document with everything the service can do.

use kayenta_settings::ExposureSettings;
use serde_json::Value;

use crate::{
    controllers::FETCH_ROUTES,
    openapi::{self, Security},
    options::ApiOptions,
    router,
};

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
        fetch_stores: FETCH_ROUTES
            .iter()
            .map(|route| route.store.to_owned())
            .collect(),
        ..ApiOptions::default()
    };
    options.management.exposure = ExposureSettings::all();
    options
}
