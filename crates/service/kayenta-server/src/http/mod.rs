//! Listening: one port, plain or TLS, bounded in every way, ended gracefully.

mod connections;
mod one_host;
mod paced;
mod server;
mod surface;
mod tls;
mod tls_listeners;

pub(crate) use connections::ConnectionLimits;
pub(crate) use paced::Pace;
pub(crate) use server::{HttpServer, ServerLimits};
pub(crate) use surface::around;
pub(crate) use tls::TlsListener;
pub(crate) use tls_listeners::TlsListeners;
