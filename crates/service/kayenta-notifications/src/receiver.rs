//! The configured receivers, and how one is called.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use kayenta_engine::{ExecutionHistory, NoticeBoard};
use kayenta_http::{Credentials, HttpClient, HttpError, HttpErrorKind, HttpSetupError, Transport};
use kayenta_secrets::{BaseUrl, InvalidBaseUrl, Secret};
use kayenta_settings::{NotificationEvent, NotificationForm, NotificationSettings};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    event::{Event, events},
    filter::wants,
    form, sample,
    signature::{SigningKey, signatures},
    text::{FailingMetric, Said},
    turns::Turns,
};

/// Longest time one call may take, unless the connections are less patient.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longest answer that is read.
const MOST_ANSWER_BYTES: usize = 64 << 10;

/// Why a receiver cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ReceiverError {
    /// A secret is none that requests can be signed with.
    #[error("{0}")]
    Secret(String),
    /// Its URL is none.
    #[error("webhookUrl is not a URL: {0}")]
    Url(InvalidBaseUrl),
    /// It cannot be called.
    #[error(transparent)]
    Connection(#[from] HttpSetupError),
}

/// One receiver.
pub struct Receiver {
    pub(crate) settings: NotificationSettings,
    pub(crate) turns: Turns,
    credentials: Credentials,
    headers: Vec<(String, Secret)>,
    transport: Transport,
    /// Made anew when the URL, which is a secret, has changed.
    target: RwLock<Arc<Target>>,
}

/// Where a receiver is now.
struct Target {
    url: SecretString,
    client: HttpClient,
    host: String,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the client, whose URL may be a secret as a whole.
        f.debug_struct("Receiver")
            .field("settings", &self.settings)
            .field("host", &self.known().host)
            .finish_non_exhaustive()
    }
}

/// Why a receiver did not take an event.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// In words, without secrets.
    pub(crate) cause: String,
    /// It says that it will never take any.
    pub(crate) gone: bool,
    /// When it wants to be asked again.
    pub(crate) after: Option<Duration>,
}

impl Receiver {
    /// A receiver that is called with these credentials and headers.
    ///
    /// # Errors
    /// When a secret or a header cannot be used.
    pub fn new(
        settings: NotificationSettings,
        credentials: Credentials,
        headers: Vec<(String, Secret)>,
        transport: &Transport,
    ) -> Result<Self, ReceiverError> {
        keys(&settings).map_err(ReceiverError::Secret)?;
        let url = settings.url.current();
        let target = Target::new(url, credentials.clone(), headers.clone(), transport)?;
        Ok(Self {
            settings,
            turns: Turns::default(),
            credentials,
            headers,
            transport: transport.clone(),
            target: RwLock::new(Arc::new(target)),
        })
    }

    fn known(&self) -> Arc<Target> {
        let known = self.target.read();
        Arc::clone(&known.unwrap_or_else(PoisonError::into_inner))
    }

    /// Where the receiver is by the URL that the configuration has now.
    fn target(&self) -> Result<Arc<Target>, ReceiverError> {
        let (known, url) = (self.known(), self.settings.url.current());
        if known.url.expose_secret() == url.expose_secret() {
            return Ok(known);
        }
        let (credentials, headers) = (self.credentials.clone(), self.headers.clone());
        let renewed = Arc::new(Target::new(url, credentials, headers, &self.transport)?);
        let mut target = self.target.write().unwrap_or_else(PoisonError::into_inner);
        *target = Arc::clone(&renewed);
        Ok(renewed)
    }

    /// Its name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Whether one execution has several events for it, whose order counts.
    pub(crate) fn hears_of_several(&self) -> bool {
        let events = &self.settings.events;
        events.len() > 1 || events.contains(&NotificationEvent::Judged)
    }

    /// Sends an event.
    pub(crate) async fn send(
        &self,
        event: &Event<'_>,
        said: &Said,
        source: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let written = form::write(self.settings.form, event, said, source);
        let body = written.body.to_string();
        let id = event.id();
        let unusable = |error: ReceiverError| Refusal {
            cause: error.to_string(),
            gone: false,
            after: None,
        };
        let target = self.target().map_err(unusable)?;
        let mut call = target.client.post("").timeout(PATIENCE);
        if matches!(
            self.settings.form,
            NotificationForm::Webhook | NotificationForm::CloudEvents
        ) {
            let timestamp = now.timestamp();
            let mut headers = vec![
                ("webhook-id", id.clone()),
                ("webhook-timestamp", timestamp.to_string()),
            ];
            // Read each time: a secret in a file may have been exchanged.
            let keys =
                keys(&self.settings).map_err(|cause| unusable(ReceiverError::Secret(cause)))?;
            if !keys.is_empty() {
                let signed = signatures(&keys, &id, timestamp, body.as_bytes());
                headers.push(("webhook-signature", signed));
            }
            for (name, value) in headers {
                call = call
                    .header_text(name, &value)
                    .map_err(|error| target.refusal(&error))?;
            }
        }
        let call = call.body(written.content_type, body);
        call.send()
            .await
            .map(drop)
            .map_err(|error| target.refusal(&error))
    }
}

impl Target {
    fn new(
        url: SecretString,
        credentials: Credentials,
        headers: Vec<(String, Secret)>,
        transport: &Transport,
    ) -> Result<Self, ReceiverError> {
        let base: BaseUrl = url.expose_secret().parse().map_err(ReceiverError::Url)?;
        let host = base.expose_url().host_str().unwrap_or_default().to_owned();
        // The whole rest is the right to post: /services/T0/B0/XXXX, ?sig=XXXX.
        let rest = base.expose_url()[url::Position::BeforePath..].to_owned();
        let client = HttpClient::builder("a receiver of notifications", base)
            .credentials(credentials)
            .headers(headers)
            .secret(rest.into())
            .within_host()
            .max_answer_bytes(MOST_ANSWER_BYTES)
            .build(transport)?;
        Ok(Self { url, client, host })
    }

    fn refusal(&self, error: &HttpError) -> Refusal {
        let host = &self.host;
        let (cause, gone) = match &error.kind {
            HttpErrorKind::Status { status, reason, .. } => {
                let said = error.said.as_deref().unwrap_or(reason);
                let said: String = said.trim().chars().take(200).collect();
                (format!("{host} answers {status} {said}"), *status == 410)
            }
            HttpErrorKind::Unreachable { url }
            | HttpErrorKind::Network { url }
            | HttpErrorKind::Answer { url } => (error.message.replace(url.as_str(), host), false),
            HttpErrorKind::Invalid | HttpErrorKind::Incomplete => (error.message.clone(), false),
        };
        Refusal {
            cause,
            gone,
            after: error.retry_after,
        }
    }
}

/// What requests are signed with now.
fn keys(settings: &NotificationSettings) -> Result<Vec<SigningKey>, String> {
    let secrets = settings.secrets.iter();
    secrets
        .map(|secret| SigningKey::read(&secret.current()))
        .collect()
}

/// Every configured receiver.
#[derive(Debug)]
pub struct Receivers {
    receivers: Vec<Arc<Receiver>>,
    public_url: Option<String>,
}

/// What a test of a receiver came to.
#[derive(Debug)]
pub struct Tried {
    /// How long it took.
    pub elapsed: Duration,
    /// Why it was not taken.
    pub refused: Option<String>,
}

impl Receivers {
    /// These receivers; links begin with the public URL.
    #[must_use]
    pub fn new(receivers: Vec<Receiver>, public_url: Option<String>) -> Self {
        Self {
            receivers: receivers.into_iter().map(Arc::new).collect(),
            public_url,
        }
    }

    /// The receiver of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Receiver>> {
        self.receivers
            .iter()
            .find(|receiver| receiver.name() == name)
    }

    /// Names of all.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.receivers.iter().map(|receiver| receiver.name())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.receivers.is_empty()
    }

    pub(crate) fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// What is said of an event.
    pub(crate) fn said(&self, event: &Event<'_>, failing: (Vec<FailingMetric>, usize)) -> Said {
        Said::of(event, failing, self.public_url())
    }

    /// Sends a sample to a receiver, whatever it wants to hear of; `None` when there is none of the name.
    pub async fn test(&self, name: &str, now: DateTime<Utc>) -> Option<Tried> {
        let receiver = self.get(name)?;
        let history = sample::analysis();
        let event = *events(&history).last()?;
        let failing = sample::failing_metrics();
        let all = failing.len();
        let mut said = self.said(&event, (failing, all));
        said.title = format!("Test: {}", said.title);
        let begun = Instant::now();
        let sent = receiver.send(&event, &said, self.public_url(), now).await;
        Some(Tried {
            elapsed: begun.elapsed(),
            refused: sent.err().map(|refusal| refusal.cause),
        })
    }
}

impl NoticeBoard for Receivers {
    fn receivers(&self, history: &ExecutionHistory, known: usize) -> Vec<String> {
        if history.events() <= known {
            return Vec::new();
        }
        let events = events(history);
        let new = events.get(known..).unwrap_or_default();
        let wants_one =
            |receiver: &&Arc<Receiver>| new.iter().any(|event| wants(&receiver.settings, event));
        let concerned = self.receivers.iter().filter(wants_one);
        concerned
            .map(|receiver| receiver.name().to_owned())
            .collect()
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.elapsed.as_secs_f64();
        match &self.refused {
            None => write!(f, "delivered in {seconds:.2} s"),
            Some(cause) => write!(f, "not delivered after {seconds:.2} s: {cause}"),
        }
    }
}
