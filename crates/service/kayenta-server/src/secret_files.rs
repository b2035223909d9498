//! Secrets in files and in other systems that something else renews.

use std::time::Duration;

use kayenta_secrets::SecretFiles;
use tokio_util::sync::CancellationToken;

/// How long a renewed secret in a file may go unnoticed, unless a server refuses the old one before. Other
/// systems are asked less often, as their settings say.
const PAUSE: Duration = Duration::from_secs(5);

/// Reads the files again and again until the service ends, and fetches what other systems keep.
pub(crate) async fn keep_current(files: SecretFiles, shutdown: CancellationToken) {
    // Another system that does not answer holds up no file.
    tokio::join!(
        keep(&files, SecretFiles::refresh, &shutdown),
        keep(&files, SecretFiles::refresh_fetched, &shutdown),
    );
}

async fn keep(files: &SecretFiles, refresh: fn(&SecretFiles), shutdown: &CancellationToken) {
    while !files.is_empty() {
        let pause = tokio::time::sleep(PAUSE);
        if shutdown.run_until_cancelled(pause).await.is_none() {
            return;
        }
        let files = files.clone();
        // A file system that does not answer holds up no other task.
        if tokio::task::spawn_blocking(move || refresh(&files))
            .await
            .is_err()
        {
            return;
        }
    }
}
