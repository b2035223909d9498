//! CloudEvents 1.0 in the structured mode of HTTP.

use serde_json::{Value, json};

use super::data::data;
use crate::{event::Event, text::Said};

/// The source of a service without a public URL.
const NAMELESS: &str = "urn:kayenta";

pub(super) fn body(event: &Event<'_>, said: &Said, source: Option<&str>) -> Value {
    json!({
        "specversion": "1.0",
        "id": event.id(),
        "source": source.unwrap_or(NAMELESS),
        "type": event.type_name(),
        "subject": event.history.summary.id,
        "time": said.at,
        "datacontenttype": "application/json",
        "data": data(event, said),
    })
}
