//! Names of threads in log lines.

use std::thread;

/// Width of the thread's name in a line.
const WIDTH: usize = 15;

/// The present thread's name, cut from the left or padded on the left to 15 characters.
pub(super) fn padded() -> String {
    let current = thread::current();
    let name = current.name().unwrap_or("unnamed");
    let skip = name.chars().count().saturating_sub(WIDTH);
    let name: String = name.chars().skip(skip).collect();
    format!("{name:>WIDTH$}")
}
