//! Secrets in files that something else renews.

use std::time::Duration;

use kayenta_secrets::SecretFiles;
use tokio_util::sync::CancellationToken;

/// How long a renewed secret may go unnoticed, unless a server refuses the old one before.
const PAUSE: Duration = Duration::from_secs(5);

/// Reads the files again and again until the service ends.
pub(crate) async fn keep_current(files: SecretFiles, shutdown: CancellationToken) {
    while !files.is_empty() {
        let pause = tokio::time::sleep(PAUSE);
        if shutdown.run_until_cancelled(pause).await.is_none() {
            return;
        }
        let files = files.clone();
        // A file system that does not answer holds up no other task.
        if tokio::task::spawn_blocking(move || files.refresh())
            .await
            .is_err()
        {
            return;
        }
    }
}
