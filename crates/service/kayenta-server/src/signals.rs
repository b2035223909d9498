//! Signals that end the process.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The signal that the process received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// SIGTERM: a stop that somebody planned.
    Terminated,
    /// SIGINT: Ctrl-C.
    Interrupted,
}

impl Ending {
    /// The exit code. The reference ends with 143 on SIGTERM because its JVM does; a stop that was
    /// asked for and went well is no failure (C-OPS-01).
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Terminated => 0,
            Self::Interrupted => 130,
        }
    }
}

/// Waits for the first signal, cancels `shutdown`, and ends the process at once on a second one.
///
/// # Errors
/// When the signals cannot be watched.
pub(crate) async fn wait(shutdown: CancellationToken) -> std::io::Result<Ending> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let ending = tokio::select! {
        _ = terminate.recv() => Ending::Terminated,
        _ = interrupt.recv() => Ending::Interrupted,
    };
    shutdown.cancel();
    tokio::spawn(async move {
        let code = tokio::select! {
            _ = terminate.recv() => 143,
            _ = interrupt.recv() => 130,
        };
        // The operator does not want to wait; what is under way is on record.
        std::process::exit(code);
    });
    Ok(ending)
}
