//! How much work there is, for the threads that compute.

use kayenta_limits::{Panicked, compute, compute_short};

/// Work on more values may take so long that other work should not wait behind it.
const FEW_VALUES: usize = 20_000;
/// About as much work as a metric of a config are so many bytes of a text.
pub(crate) const METRIC: usize = 1_024;

/// Does work on so many values of series on a thread for computing.
///
/// # Errors
/// When the work panics.
pub(crate) async fn compute_values<T: Send + 'static>(
    values: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Panicked> {
    if values <= FEW_VALUES {
        compute_short(work).await
    } else {
        compute(work).await
    }
}

/// Whether others may work on as much at the same time without being limited.
pub(crate) fn is_little(values: usize) -> bool {
    values <= FEW_VALUES
}
