//! The forms in which an event is sent: content type and body.

mod cloud_event;
mod data;
mod slack;
mod teams;
mod webhook;

use kayenta_settings::NotificationForm;
use serde_json::Value;

use crate::{event::Event, text::Said};

/// What is sent.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) content_type: &'static str,
    pub(crate) body: Value,
}

/// An event in the form of a receiver. `source` names this service.
pub(crate) fn write(
    form: NotificationForm,
    event: &Event<'_>,
    said: &Said,
    source: Option<&str>,
) -> Written {
    let json = |body| Written {
        content_type: "application/json",
        body,
    };
    match form {
        NotificationForm::Webhook => json(webhook::body(event, said)),
        NotificationForm::CloudEvents => Written {
            content_type: "application/cloudevents+json",
            body: cloud_event::body(event, said, source),
        },
        NotificationForm::Slack => json(slack::body(said)),
        NotificationForm::Teams => json(teams::body(said)),
    }
}
