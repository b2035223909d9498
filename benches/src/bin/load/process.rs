//! What the operating system tells about a process.

use std::{error::Error, fs, time::Duration};

/// CPU time so far, user and system.
pub(crate) fn cpu_time(id: u32) -> Result<Duration, Box<dyn Error>> {
    let text = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The command name may hold anything; fields are counted from its closing parenthesis.
    let fields: Vec<&str> = text
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().collect())
        .unwrap_or_default();
    let ticks = |index: usize| {
        fields
            .get(index)
            .and_then(|t| t.parse::<u64>().ok())
            .unwrap_or(0)
    };
    // utime and stime are the 14th and 15th fields of the line; a tick is 10 ms on Linux.
    Ok(Duration::from_millis((ticks(11) + ticks(12)) * 10))
}

/// One `Vm…` line of the process' status, in MiB.
pub(crate) fn memory_mib(id: u32, line: &str) -> Result<f64, Box<dyn Error>> {
    let text = fs::read_to_string(format!("/proc/{id}/status"))?;
    let kib = text
        .lines()
        .find_map(|l| {
            l.strip_prefix(line)?
                .trim_start_matches(':')
                .split_whitespace()
                .next()?
                .parse::<f64>()
                .ok()
        })
        .ok_or_else(|| format!("no {line} of process {id}"))?;
    Ok(kib / 1024.0)
}

/// Lets the peak begin anew.
pub(crate) fn forget_peak(id: u32) {
    // Refused without the right to write there; the peak then covers the process' whole life.
    let _ = fs::write(format!("/proc/{id}/clear_refs"), "5");
}
