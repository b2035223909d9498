//! What tells connections, eras and clusters of this process apart.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number no other call gets.
pub(crate) fn next_generation() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
