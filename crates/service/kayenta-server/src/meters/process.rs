//! What the operating system says about this process.

use std::{
    fs,
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use kayenta_management::{Meter, MeterKind, Statistic};

use kayenta_limits::{MemoryUse, Room, memory_use};

use super::catalogue;

fn gauge(name: &str, value: f64) -> Meter {
    meter(name, MeterKind::Gauge, (Statistic::Value, value))
}

fn meter(name: &str, kind: MeterKind, measured: (Statistic, f64)) -> Meter {
    let known = catalogue::described(name);
    Meter {
        name: name.to_owned(),
        description: known.map(|known| known.meaning.to_owned()),
        base_unit: known.and_then(|known| known.unit).map(str::to_owned),
        kind,
        tags: Vec::new(),
        measurements: vec![measured],
    }
}

/// Processor time at the last look, to tell the usage since.
#[derive(Debug)]
pub(super) struct ProcessorUsage(Mutex<(Instant, Duration)>);

impl ProcessorUsage {
    /// Nothing used since `started`.
    pub(super) fn since(started: Instant) -> Self {
        Self(Mutex::new((started, Duration::ZERO)))
    }

    /// The share of all processors used since the last look, 0 to 1.
    fn look(&self, processors: usize) -> f64 {
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let used = Duration::new(
            u64::try_from(used.tv_sec).unwrap_or_default(),
            u32::try_from(used.tv_nsec).unwrap_or_default(),
        );
        let now = Instant::now();
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, before) = std::mem::replace(&mut *last, (now, used));
        let elapsed = (now - since).as_secs_f64() * processors as f64;
        if elapsed > 0.0 {
            (used.saturating_sub(before).as_secs_f64() / elapsed).min(1.0)
        } else {
            0.0
        }
    }
}

/// Uptime, memory, processors, files, disk; what the system does not tell is left out.
pub(super) fn meters(started: Instant, start_millis: i64, usage: &ProcessorUsage) -> Vec<Meter> {
    let uptime = started.elapsed().as_secs_f64();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let mut meters = vec![
        gauge("process.uptime", uptime),
        gauge("process.start.time", start_millis as f64 / 1e3),
        gauge("system.cpu.count", processors as f64),
        gauge("process.cpu.usage", usage.look(processors)),
    ];
    if let Some(Room { total, free, .. }) = kayenta_limits::room(Path::new(".")) {
        for (name, bytes) in [("disk.total", total), ("disk.free", free)] {
            let mut meter = gauge(name, bytes as f64);
            meter.tags = vec![("path".to_owned(), ".".to_owned())];
            meters.push(meter);
        }
    }
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    if let Some(limit) = limit {
        meters.push(gauge("process.files.max", limit as f64));
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        meters.push(gauge("process.files.open", files.count() as f64));
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let number = |label: &str| -> Option<f64> {
        let rest = status.lines().find_map(|line| line.strip_prefix(label))?;
        rest.split_whitespace().next()?.parse().ok()
    };
    if let Some(kib) = number("VmRSS:") {
        meters.push(gauge("process.resident.memory", kib * 1024.0));
    }
    if let Some(threads) = number("Threads:") {
        meters.push(gauge("process.threads", threads));
    }
    meters.extend(memory_use().as_ref().map(budget).into_iter().flatten());
    meters
}

/// How the budget of bytes is used.
fn budget(used: &MemoryUse) -> Vec<Meter> {
    let mut meters = vec![
        gauge("kayenta.memory.budget", used.budget as f64),
        gauge("kayenta.memory.reserved", used.reserved as f64),
        gauge("kayenta.memory.reserved.peak", used.peak as f64),
        gauge("kayenta.memory.waiting", used.waiting as f64),
    ];
    for (reason, count) in [("in_use", used.refused), ("too_large", used.too_large)] {
        let count = (Statistic::Count, count as f64);
        let mut refusals = meter("kayenta.memory.refusals", MeterKind::Counter, count);
        refusals.tags = vec![("reason".to_owned(), reason.to_owned())];
        meters.push(refusals);
    }
    meters
}
