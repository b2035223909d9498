//! The JSON Schema of `kayenta.yml`, for completion in editors.

use kayenta_accounts::AccountSection;
use serde_json::{Value, json};

use crate::{Environment, load::read};

/// The schema of 2020-12 of a configuration file: every name that the settings and the accounts of these kinds read. It
/// allows other names, as the file may hold settings of the Java service that mean nothing here; `check-config` reports
/// those that are misspelt.
#[must_use]
pub fn configuration_schema<S: AccountSection>(table: &[S]) -> Value {
    let mut known = read(&Environment::empty(""), table).known;
    known.sort();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "kayenta.yml",
        "type": "object",
    });
    for name in known {
        insert(&mut schema, &name);
    }
    schema
}

/// Adds a name such as `kayenta.prometheus.accounts[0].name`.
fn insert(schema: &mut Value, name: &str) {
    let mut place = schema;
    for step in name.split('.') {
        let (key, element) = match step.split_once('[') {
            Some((key, _)) => (key, true),
            None => (step, false),
        };
        place = &mut place["properties"][key];
        if place.is_null() {
            *place = json!({});
        }
        if element {
            place = &mut place["items"];
            if place.is_null() {
                *place = json!({});
            }
        }
    }
}
