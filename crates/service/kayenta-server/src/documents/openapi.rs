//! `api-spec/openapi.json` is what the service says of itself.

use std::fs;

use super::repository;
use crate::wiring::kinds::Kind;

/// C-API-15. Regenerate with `UPDATE_OPENAPI=1 cargo test -p kayenta-server openapi`.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a switch for the person who runs the tests"
)]
fn the_committed_document_is_up_to_date() {
    let path = repository().join("api-spec/openapi.json");
    let document = kayenta_api::document(Kind::metric_stores().collect());
    let mut current = serde_json::to_string_pretty(&document).unwrap();
    current.push('\n');
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&path, &current).unwrap();
    }
    assert!(
        current == fs::read_to_string(&path).unwrap(),
        "api-spec/openapi.json is stale: run UPDATE_OPENAPI=1 cargo test -p kayenta-server openapi"
    );
}
