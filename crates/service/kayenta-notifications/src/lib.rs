//! Notifications: receivers are notified of analyses, their judgements and how they ended.
//!
//! What there is to say follows from the record of an execution (`event`), whom it concerns from the settings (`filter`), and how
//! it is said from the kind of receiver (`form`). The engine queues a job for each receiver and execution as soon as there is
//! something new; [`Notifier`] delivers it, at least once and in order, and tries for a day. Receivers come from the configuration
//! alone: no request names a URL.
//!
//! ```
//! use kayenta_http::{Credentials, Transport};
//! use kayenta_notifications::{Receiver, Receivers};
//! use kayenta_settings::{NotificationEvent, NotificationForm, NotificationSettings};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = NotificationSettings {
//!     name: "deployments".to_owned(),
//!     form: NotificationForm::Slack,
//!     url: "https://hooks.slack.com/services/T0/B0/s3cret".into(),
//!     secrets: Vec::new(),
//!     events: vec![NotificationEvent::Ended],
//!     verdicts: Vec::new(),
//!     applications: vec!["shop*".to_owned()],
//!     configs: Vec::new(),
//! };
//! let transport = Transport::new(&Default::default())?;
//! let receiver = Receiver::new(settings, Credentials::None, Vec::new(), &transport)?;
//! assert!(!format!("{receiver:?}").contains("s3cret"));
//! let receivers = Receivers::new(vec![receiver], Some("https://kayenta.example.com".to_owned()));
//! assert!(receivers.get("deployments").is_some());
//! # Ok(())
//! # }
//! ```

mod event;
mod filter;
mod form;
mod notifier;
mod progress;
mod receiver;
mod sample;
mod signature;
mod text;
mod turns;

pub use notifier::Notifier;
pub use receiver::{Receiver, ReceiverError, Receivers, Tried};
