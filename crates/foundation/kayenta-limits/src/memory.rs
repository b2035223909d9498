//! One budget of bytes for the whole process.
//!
//! Bounds of single requests do not add up: a hundred requests within theirs can exceed the memory the
//! process has. So whatever may be large (bodies, answers of stores, parsed series, rendered answers)
//! reserves its bytes before they are there, waits while others have them, and fails with a text that
//! says so when they do not become free in time.

use std::{
    cell::RefCell,
    fs,
    future::Future,
    ops::AddAssign,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::Semaphore, time::timeout};

/// What the budget is counted in. Reservations are rounded up to it.
const UNIT: usize = 4 << 10;
/// Bytes below this are not worth counting.
const SMALL: usize = 16 << 10;

/// How long a caller who waits for an answer waits for memory.
pub const CALLER_PATIENCE: Duration = Duration::from_secs(5);
/// How long a run waits for memory.
pub const RUN_PATIENCE: Duration = Duration::from_secs(60);

static BUDGET: OnceLock<Budget> = OnceLock::new();

#[derive(Debug)]
struct Budget {
    units: Semaphore,
    total: u64,
}

/// Memory that did not become free, or never can.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMemory {
    /// Others have it. Worth trying again.
    #[error(
        "{what} needs {bytes} bytes of memory, which did not become free within {seconds} s; the budget \
         of {budget} bytes (kayenta.memory.budget) is in use. Try again later"
    )]
    InUse {
        /// What it is for.
        what: &'static str,
        /// How much was asked for.
        bytes: u64,
        /// How long it was waited for.
        seconds: u64,
        /// The whole budget.
        budget: u64,
    },
    /// It is more than there is.
    #[error(
        "{what} needs {bytes} bytes of memory, more than the whole budget of {budget} bytes \
         (kayenta.memory.budget). Give the service more memory, or ask for less"
    )]
    TooLarge {
        /// What it is for.
        what: &'static str,
        /// How much was asked for.
        bytes: u64,
        /// The whole budget.
        budget: u64,
    },
}

/// Bytes of the budget, given back when it is dropped.
#[derive(Debug, Default)]
#[must_use = "the bytes are given back when it is dropped"]
pub struct Reserved {
    units: usize,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let (Some(budget), 1..) = (BUDGET.get(), self.units) {
            budget.units.add_permits(self.units);
        }
    }
}

/// Puts two reservations together.
impl AddAssign for Reserved {
    fn add_assign(&mut self, mut other: Self) {
        self.units += std::mem::take(&mut other.units);
    }
}

impl Reserved {
    /// Makes it `bytes`: gives the rest back, or waits for more as [`reserve`] does.
    ///
    /// # Errors
    /// As [`reserve`].
    pub async fn resize(
        &mut self,
        what: &'static str,
        bytes: usize,
        patience: Duration,
    ) -> Result<(), NoMemory> {
        let units = if bytes > SMALL {
            bytes.div_ceil(UNIT)
        } else {
            0
        };
        if units > self.units {
            *self += reserve(what, bytes - self.units * UNIT, patience).await?;
        } else if let Some(budget) = BUDGET.get() {
            budget.units.add_permits(self.units - units);
            self.units = units;
        }
        Ok(())
    }

    /// The same bytes, reserved for as long as any part of them exists.
    #[must_use]
    pub fn bind(self, bytes: Bytes) -> Bytes {
        struct Held(Bytes, #[expect(dead_code, reason = "held")] Reserved);
        impl AsRef<[u8]> for Held {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        if self.units == 0 {
            return bytes;
        }
        Bytes::from_owner(Held(bytes, self))
    }
}

/// Sets the budget of the process, once; later calls change nothing. Without one nothing is counted.
pub fn set_budget(bytes: u64) {
    let units = usize::try_from(bytes).unwrap_or(usize::MAX) / UNIT;
    let budget = Budget {
        units: Semaphore::new(units.min(Semaphore::MAX_PERMITS)),
        total: bytes,
    };
    // The first one counts.
    let _ = BUDGET.set(budget);
}

/// The budget of the process, and how much of it is free; `None` if there is none.
#[must_use]
pub fn budget() -> Option<(u64, u64)> {
    let budget = BUDGET.get()?;
    let free = budget.units.available_permits() * UNIT;
    Some((budget.total, free as u64))
}

/// Reserves bytes of the budget, waiting for them as long as `patience`.
///
/// # Errors
/// [`NoMemory`] when they do not become free in time, or exceed the whole budget.
pub async fn reserve(
    what: &'static str,
    bytes: usize,
    patience: Duration,
) -> Result<Reserved, NoMemory> {
    let Some(budget) = BUDGET.get().filter(|_| bytes > SMALL) else {
        return Ok(Reserved::default());
    };
    budget.reserve(what, bytes, patience).await
}

impl Budget {
    async fn reserve(
        &self,
        what: &'static str,
        bytes: usize,
        patience: Duration,
    ) -> Result<Reserved, NoMemory> {
        let too_large = || NoMemory::TooLarge {
            what,
            bytes: bytes as u64,
            budget: self.total,
        };
        if bytes as u64 > self.total {
            return Err(too_large());
        }
        let units = u32::try_from(bytes.div_ceil(UNIT)).map_err(|_| too_large())?;
        match timeout(patience, self.units.acquire_many(units)).await {
            Ok(Ok(permit)) => {
                permit.forget();
                Ok(Reserved {
                    units: units as usize,
                })
            }
            _ => Err(NoMemory::InUse {
                what,
                bytes: bytes as u64,
                seconds: patience.as_secs(),
                budget: self.total,
            }),
        }
    }
}

tokio::task_local! {
    static SCOPE: RefCell<Reserved>;
}

/// Runs `work` so that what it [`hold`]s stays reserved until it ends.
pub async fn scope<T>(work: impl Future<Output = T>) -> T {
    SCOPE.scope(RefCell::default(), work).await
}

/// Keeps bytes reserved until the surrounding [`scope`] ends; without one they are given back.
pub fn hold(reserved: Reserved) {
    let _ = SCOPE.try_with(|held| *held.borrow_mut() += reserved);
}

/// Takes what the surrounding [`scope`] holds out of it.
pub fn take_held() -> Reserved {
    SCOPE
        .try_with(|held| std::mem::take(&mut *held.borrow_mut()))
        .unwrap_or_default()
}

/// Reserves bytes and [`hold`]s them. What the scope holds already counts: a scope that would hold more
/// than the whole budget by itself gets an error instead of waiting for itself.
///
/// # Errors
/// As [`reserve`].
pub async fn reserve_and_hold(
    what: &'static str,
    bytes: usize,
    patience: Duration,
) -> Result<(), NoMemory> {
    let held = SCOPE
        .try_with(|held| held.borrow().units * UNIT)
        .unwrap_or(0);
    if let Some(budget) = BUDGET.get()
        && held.saturating_add(bytes) as u64 > budget.total
    {
        return Err(NoMemory::TooLarge {
            what,
            bytes: held.saturating_add(bytes) as u64,
            budget: budget.total,
        });
    }
    hold(reserve(what, bytes, patience).await?);
    Ok(())
}

/// The memory that the system allows this process: the limit of its control group and of those around
/// it, else the memory of the machine. `None` where neither can be read.
#[must_use]
pub fn memory_limit() -> Option<u64> {
    let group = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(&group)
        .into_iter()
        .filter_map(|file| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok());
    let machine = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| machine_memory(&text));
    limits.chain(machine).min()
}

/// Where the limits of a process in these control groups are: version 2, then version 1.
fn limit_files(group: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in group.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (root, file) = if controllers.is_empty() {
            ("/sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|name| name == "memory") {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            continue;
        };
        // Inside a container the path may be one of the host: then only the root is there.
        let path = Path::new(path.trim_start_matches('/'));
        files.extend(
            path.ancestors()
                .map(|path| Path::new(root).join(path).join(file)),
        );
    }
    files
}

fn machine_memory(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_the_group_and_of_those_around_it_are_looked_at() {
        let files = limit_files("0::/kubepods/pod1\n");
        let shown: Vec<_> = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        assert_eq!(
            shown,
            [
                "/sys/fs/cgroup/kubepods/pod1/memory.max",
                "/sys/fs/cgroup/kubepods/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        let files = limit_files("3:cpu,cpuacct:/x\n5:memory:/docker\n");
        assert_eq!(files.len(), 2);
        assert!(files[0].ends_with("memory/docker/memory.limit_in_bytes"));
        assert_eq!(
            machine_memory("MemFree: 1 kB\nMemTotal:  2048 kB\n"),
            Some(2 << 20)
        );
    }

    /// The one test that sets the budget, as there is one for the process.
    #[tokio::test(start_paused = true)]
    async fn bytes_are_reserved_waited_for_and_given_back() {
        let total = 64 * UNIT;
        set_budget(total as u64);
        let half = || reserve("half of it", total / 2, CALLER_PATIENCE);
        let first = half().await.unwrap();
        let second = half().await.unwrap();
        let refused = half().await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "half of it needs 131072 bytes of memory, which did not become free within 5 s; the budget of \
             262144 bytes (kayenta.memory.budget) is in use. Try again later"
        );
        let refused = reserve("all of it", total + 1, CALLER_PATIENCE).await;
        assert!(matches!(refused, Err(NoMemory::TooLarge { .. })));

        // Bound to bytes, it lives as long as any part of them.
        let bytes = second.bind(Bytes::from(vec![1; 1000]));
        let part = bytes.slice(10..20);
        drop(bytes);
        half().await.unwrap_err();
        drop(part);
        drop(half().await.unwrap());

        // It can be made larger and smaller.
        let mut sized = half().await.unwrap();
        sized
            .resize("more", total, CALLER_PATIENCE)
            .await
            .unwrap_err();
        sized
            .resize("less", total / 4, CALLER_PATIENCE)
            .await
            .unwrap();
        assert_eq!(budget(), Some((total as u64, total as u64 / 4)));
        sized
            .resize("more", total / 2, CALLER_PATIENCE)
            .await
            .unwrap();
        assert_eq!(budget(), Some((total as u64, 0)));
        sized.resize("nothing", 0, CALLER_PATIENCE).await.unwrap();
        drop(sized);
        assert_eq!(budget(), Some((total as u64, total as u64 / 2)));

        // Held by a scope, it lives as long as the scope.
        scope(async {
            hold(half().await.unwrap());
            half().await.unwrap_err();
            // Unless it is taken out.
            drop(take_held());
            hold(half().await.unwrap());
        })
        .await;
        assert_eq!(budget(), Some((total as u64, total as u64 / 2)));
        drop(first);
        assert_eq!(budget(), Some((total as u64, total as u64)));
        // Nobody counts what is small.
        let small: Vec<_> = futures_of_small().await;
        assert_eq!(small.len(), 100);
    }

    async fn futures_of_small() -> Vec<Reserved> {
        let mut all = Vec::new();
        for _ in 0..100 {
            all.push(reserve("little", SMALL, CALLER_PATIENCE).await.unwrap());
        }
        all
    }
}
