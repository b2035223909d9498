//! Replays recorded HTTP scenarios against a running service and reports every difference.
//!
//! A transcript is a list of steps, each a request with the answer the reference gave. Later steps use
//! what earlier ones saved (`{{name}}`), a step may be repeated until its answer holds a value, and ids
//! and times are replaced by placeholders before the comparison ([`Normaliser`]), so that only
//! structure, texts and numbers that the request determines are compared. Numbers are equal within
//! 1e-9 relative.
//!
//! A step that differs on purpose has a [`Departure`]: then it must differ in exactly the named paths,
//! with exactly the named values. A departure that does not happen is reported like a difference.

mod departure;
mod difference;
mod normaliser;
mod runner;
mod store_requests;
mod transcript;

pub use departure::{Departure, Departures};
pub use difference::{Difference, differences};
pub use normaliser::Normaliser;
pub use runner::{Replay, ReplayReport};
pub use store_requests::{RequestDeparture, RequestGroup, RequestReport, StoreRequests};
pub use transcript::{RecordedRequest, RecordedResponse, Step, Transcript, Until};
