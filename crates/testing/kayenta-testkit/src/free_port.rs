//! Ports for servers that cannot tell which one they chose.

use std::net::TcpListener;

/// A port of the loopback interface that was free a moment ago.
///
/// # Errors
/// When none can be bound.
pub fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
