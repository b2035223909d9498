//! A body as the Standard Webhooks convention has it: `type`, `timestamp`, `data`.

use serde_json::{Value, json};

use super::data::data;
use crate::{event::Event, text::Said};

pub(super) fn body(event: &Event<'_>, said: &Said) -> Value {
    json!({"type": event.type_name(), "timestamp": said.at, "data": data(event, said)})
}
