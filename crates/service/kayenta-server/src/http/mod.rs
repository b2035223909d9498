//! Listening: one port, plain or TLS, bounded in every way, ended gracefully.

mod compressed;
mod connections;
mod one_host;
mod paced;
mod probe_thread;
mod server;
mod surface;
mod tls;
mod tls_listeners;

pub(crate) use connections::ConnectionLimits;
pub(crate) use paced::Pace;
pub(crate) use probe_thread::ProbeThread;
pub(crate) use server::{Carried, HttpServer, ServerLimits};
pub(crate) use surface::around;
pub(crate) use tls::TlsListener;
pub(crate) use tls_listeners::TlsListeners;
