//! `kayenta.notifications[]`: who is notified of what, and in which form.

use std::fmt;

use kayenta_secrets::Secret;

/// One receiver of notifications.
#[derive(Clone)]
pub struct NotificationSettings {
    /// `name`: letters, digits, `-` and `_`.
    pub name: String,
    /// `type`.
    pub form: NotificationForm,
    /// `webhookUrl`; a secret as a whole, since chat services put the right to post into it.
    pub url: Secret,
    /// `secret` and `previousSecret`: what requests are signed with, the current secret first.
    pub secrets: Vec<Secret>,
    /// `events`, default the end alone.
    pub events: Vec<NotificationEvent>,
    /// `verdicts`; empty for all.
    pub verdicts: Vec<NotificationVerdict>,
    /// `applications`; empty for all. A `*` stands for any characters.
    pub applications: Vec<String>,
    /// `configs`: names or ids of canary configs; empty for all. A `*` stands for any characters.
    pub configs: Vec<String>,
}

impl fmt::Debug for NotificationSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the URL, which is a secret as a whole.
        f.debug_struct("NotificationSettings")
            .field("name", &self.name)
            .field("form", &self.form)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationForm {
    /// `webhook`: JSON, with the headers of Standard Webhooks.
    Webhook,
    /// `cloudevents`: the same data as a CloudEvent 1.0 in structured JSON.
    CloudEvents,
    /// `slack`: a message for an incoming webhook of Slack.
    Slack,
    /// `teams`: an adaptive card for a workflow of Microsoft Teams.
    Teams,
}

/// What a receiver may be notified of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationEvent {
    /// `started`: an analysis or a canary run was accepted.
    Started,
    /// `judged`: a run of an analysis has its score.
    Judged,
    /// `ended`: an analysis or a canary run is over, however it ended.
    Ended,
}

/// How something came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationVerdict {
    /// `passed`: the score met the pass threshold.
    Passed,
    /// `marginal`: the score is above the marginal threshold and below the pass threshold.
    Marginal,
    /// `failed`: the score is not above the marginal threshold.
    Failed,
    /// `canceled`: somebody canceled it.
    Canceled,
    /// `terminal`: it ended without a verdict.
    Terminal,
}
