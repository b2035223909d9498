//! What the operating system says about this process.

use std::{fs, time::Instant};

use kayenta_api::{Meter, MeterKind, Statistic};

fn gauge(name: &str, description: &str, unit: Option<&str>, value: f64) -> Meter {
    Meter {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        base_unit: unit.map(str::to_owned),
        kind: MeterKind::Gauge,
        tags: Vec::new(),
        measurements: vec![(Statistic::Value, value)],
    }
}

/// Uptime, memory, open files, processors; what the system does not tell is left out.
pub(super) fn meters(started: Instant, start_millis: i64) -> Vec<Meter> {
    let uptime = started.elapsed().as_secs_f64();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let mut meters = vec![
        gauge(
            "process.uptime",
            "The uptime of the process",
            Some("seconds"),
            uptime,
        ),
        gauge(
            "process.start.time",
            "Start time of the process since unix epoch.",
            Some("seconds"),
            start_millis as f64 / 1e3,
        ),
        gauge(
            "system.cpu.count",
            "The number of processors available to the process",
            None,
            processors as f64,
        ),
    ];
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        let open = files.count() as f64;
        meters.push(gauge(
            "process.files.open",
            "The open file descriptor count",
            Some("files"),
            open,
        ));
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let number = |label: &str| -> Option<f64> {
        let rest = status.lines().find_map(|line| line.strip_prefix(label))?;
        rest.split_whitespace().next()?.parse().ok()
    };
    if let Some(kib) = number("VmRSS:") {
        meters.push(gauge(
            "process.resident.memory",
            "Resident memory of the process",
            Some("bytes"),
            kib * 1024.0,
        ));
    }
    if let Some(threads) = number("Threads:") {
        meters.push(gauge(
            "process.threads",
            "The threads of the process",
            Some("threads"),
            threads,
        ));
    }
    meters
}
