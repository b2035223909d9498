//! Waiting for a condition, in the one place where tests sleep for it.

use std::{
    fmt::{Debug, Display},
    time::Duration,
};

use tokio::time::Instant;

/// Between two probes.
const PAUSE: Duration = Duration::from_millis(10);

/// Probes until it returns `Ok`, and returns the value.
///
/// # Panics
/// When `patience` is over; the text has `what` was awaited and the last probe's error.
#[track_caller]
pub fn eventually<T, E: Debug>(
    what: impl Display,
    patience: Duration,
    mut probe: impl AsyncFnMut() -> Result<T, E>,
) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        let deadline = Instant::now() + patience;
        loop {
            match probe().await {
                Ok(value) => return value,
                Err(error) if Instant::now() >= deadline => {
                    panic!("{what}: not within {patience:?} ({caller}); at last: {error:?}")
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

/// Probes until it is true.
///
/// # Panics
/// When `patience` is over; the text has `what` was awaited.
#[track_caller]
pub fn until(
    what: impl Display,
    patience: Duration,
    mut probe: impl AsyncFnMut() -> bool,
) -> impl Future<Output = ()> {
    eventually(what, patience, async move || {
        probe().await.then_some(()).ok_or("still false")
    })
}
