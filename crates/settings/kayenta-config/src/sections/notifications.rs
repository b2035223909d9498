//! `kayenta.notifications[]`.

use kayenta_connections::Connection;
use kayenta_properties::{Binder, Diagnostic, Group, convert::Choices};
use kayenta_secrets::{BaseUrl, Secret};
use kayenta_settings::{
    NotificationEvent, NotificationForm, NotificationSettings, NotificationVerdict,
};
use secrecy::ExposeSecret as _;

const FORMS: &Choices<NotificationForm> = &[
    ("webhook", NotificationForm::Webhook),
    ("cloudevents", NotificationForm::CloudEvents),
    ("slack", NotificationForm::Slack),
    ("teams", NotificationForm::Teams),
];

const EVENTS: &Choices<NotificationEvent> = &[
    ("started", NotificationEvent::Started),
    ("judged", NotificationEvent::Judged),
    ("ended", NotificationEvent::Ended),
];

const VERDICTS: &Choices<NotificationVerdict> = &[
    ("passed", NotificationVerdict::Passed),
    ("marginal", NotificationVerdict::Marginal),
    ("failed", NotificationVerdict::Failed),
    ("canceled", NotificationVerdict::Canceled),
    ("terminal", NotificationVerdict::Terminal),
];

/// Longest name of a receiver.
const LONGEST_NAME: usize = 64;

pub(super) fn notifications(binder: &Binder<'_>) -> Vec<(NotificationSettings, Connection)> {
    let group = binder.group("kayenta");
    let mut receivers: Vec<(NotificationSettings, Connection)> =
        group.elements("notifications", "name", receiver);
    let mut names = Vec::new();
    receivers.retain(|(receiver, _)| {
        let is_new = !names.contains(&receiver.name);
        if !is_new {
            group.report(
                Diagnostic::error(format!(
                    "two receivers of notifications are called {}",
                    receiver.name
                ))
                .property(group.full("notifications"))
                .at(group.group("notifications").begin())
                .remedy("Give each a name of its own"),
            );
        }
        names.push(receiver.name.clone());
        is_new
    });
    receivers
}

fn receiver(group: &Group<'_>) -> Option<(NotificationSettings, Connection)> {
    let name = name(group);
    let form = group.choice("type", FORMS);
    let url = url(group);
    let secrets: Vec<_> = ["secret", "previousSecret"]
        .into_iter()
        .filter_map(|name| group.secret(name))
        .collect();
    let events = group
        .choices("events", EVENTS)
        .unwrap_or_else(|| vec![NotificationEvent::Ended]);
    let verdicts = group.choices("verdicts", VERDICTS).unwrap_or_default();
    let applications = group.list_or_empty("applications");
    let configs = group.list_or_empty("configs");
    let connection = Connection::read(group);
    if group.get("type").is_none_or(|value| value.text.is_empty()) {
        group.missing("type", "one of webhook, cloudevents, slack, teams");
    }
    if matches!(
        form,
        Some(NotificationForm::Slack | NotificationForm::Teams)
    ) && !secrets.is_empty()
    {
        group.report(
            Diagnostic::error("messages to Slack and Teams are not signed")
                .property(group.full("secret"))
                .at(group.at("secret"))
                .remedy("Remove the secret: what protects the receiver is its URL"),
        );
    }
    let settings = NotificationSettings {
        name: name?,
        form: form?,
        url: url?,
        secrets,
        events,
        verdicts,
        applications,
        configs,
    };
    Some((settings, connection?))
}

/// The name stands in ids of jobs and in labels of meters.
fn name(group: &Group<'_>) -> Option<String> {
    let Some(name) = group.strict_text("name") else {
        group.missing("name", "a name such as deployments");
        return None;
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.chars().all(is_plain) || name.len() > LONGEST_NAME {
        group.report(
            Diagnostic::error("a receiver is called by letters, digits, '-' and '_', at most 64")
                .property(group.full("name"))
                .found(name)
                .at(group.at("name")),
        );
        return None;
    }
    Some(name)
}

/// The URL is not shown: it is the right to post.
fn url(group: &Group<'_>) -> Option<Secret> {
    let Some(secret) = group.secret("webhookUrl") else {
        group.missing("webhookUrl", "the URL that notifications are posted to");
        return None;
    };
    match secret.current().expose_secret().parse::<BaseUrl>() {
        Ok(_) => Some(secret),
        Err(error) => {
            group.report(
                Diagnostic::error(format!("the URL cannot be used: {error}"))
                    .property(group.full("webhookUrl"))
                    .at(group.at("webhookUrl"))
                    .expected("a URL such as https://hooks.example.com/kayenta"),
            );
            None
        }
    }
}
