//! The client against servers that answer, break off and never stop.

#![allow(clippy::unwrap_used, reason = "a failed expectation ends the test")]

mod authorizers;
mod calls;
mod events;
mod server;
mod tls;
