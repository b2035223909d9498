//! Ports for servers that cannot tell which one they chose.

use std::{
    fs::{File, OpenOptions},
    io,
    net::TcpListener,
    os::unix::fs::OpenOptionsExt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU16, Ordering},
    },
};

use rustix::fs::{FlockOperation, flock};

/// Below the ports that systems give to outgoing connections and to listeners without a port of their own. A node
/// of a Redis cluster also listens 10,000 above its own.
const PORTS: std::ops::Range<u16> = 10_000..20_000;

/// The reservations of this process, which last as long as it does.
static RESERVED: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port of the loopback interface that nobody listens on, and that no other caller is given, in this process or
/// another one, until this process ends. Two suites that run at once would else reach each other's servers: a
/// server that has found its port taken ends, and the test talks to the one that took it.
///
/// # Errors
/// When there is none, or reservations cannot be made in the folder for temporary files.
pub fn free_port() -> io::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let folder = std::env::temp_dir().join("kayenta-test-ports");
    std::fs::create_dir_all(&folder)?;
    let count = PORTS.end - PORTS.start;
    // Processes begin apart, so that they seldom ask for the same.
    let first = (std::process::id() % u32::from(count)) as u16;
    for _ in 0..count {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed) % count;
        let port = PORTS.start + (first + offset) % count;
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o666)
            .open(folder.join(port.to_string()))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err()
            || TcpListener::bind(("127.0.0.1", port)).is_err()
        {
            continue;
        }
        let mut reserved = RESERVED.lock().unwrap_or_else(PoisonError::into_inner);
        reserved.push(file);
        return Ok(port);
    }
    Err(io::Error::new(
        io::ErrorKind::AddrNotAvailable,
        "no free port",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once_and_kept_from_other_processes() {
        let ports: Vec<u16> = (0..50).map(|_| free_port().unwrap()).collect();
        let mut different = ports.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), ports.len());
        let path = std::env::temp_dir()
            .join("kayenta-test-ports")
            .join(ports[0].to_string());
        // Another open file, as another process would have.
        let other = File::open(path).unwrap();
        assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_err());
    }
}
