//! One budget of bytes for the whole process.
//!
//! Bounds of single requests do not add up: a hundred requests within theirs can exceed the memory the
//! process has. So whatever may be large (bodies, answers of stores, records, parsed documents and series,
//! rendered answers) reserves its bytes before they are there, waits while others have them, and fails with a
//! text that says so when they do not become free in time.
//!
//! Two rules keep those who wait from waiting for ever or for the wrong ones:
//!
//! * Who needs more in several steps reserves all of it first and [`lend`]s it to the steps, instead of keeping
//!   one part while waiting for the next.
//! * A share of the budget is for [small](MOST_OF_SMALL) reservations, so that they never wait behind large ones.

use std::{
    error::Error,
    future::Future,
    ops::AddAssign,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::Semaphore, time::timeout};

/// What the budget is counted in. Reservations are rounded up to it.
const UNIT: usize = 4 << 10;
/// Bytes below this are not worth counting.
const UNCOUNTED: usize = 16 << 10;
/// Reservations up to this size may use the share for small ones.
pub const MOST_OF_SMALL: usize = 256 << 10;
/// The share for small reservations is the budget divided by this.
const SHARE_FOR_SMALL: usize = 8;

/// How long a caller who waits for an answer waits for memory.
pub const CALLER_PATIENCE: Duration = Duration::from_secs(5);
/// How long a run waits for memory.
pub const RUN_PATIENCE: Duration = Duration::from_secs(60);

static BUDGET: OnceLock<Budget> = OnceLock::new();

#[derive(Debug)]
struct Budget {
    any: Semaphore,
    small: Semaphore,
    /// Units of `any`.
    largest: usize,
    total: u64,
    /// Most bytes that were reserved at once.
    peak: AtomicUsize,
    waiting: AtomicUsize,
    refused: AtomicU64,
    too_large: AtomicU64,
}

/// How the budget is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryUse {
    /// The whole budget in bytes.
    pub budget: u64,
    /// Bytes that are reserved now.
    pub reserved: u64,
    /// The most bytes that were reserved at once since the budget was set.
    pub peak: u64,
    /// Reservations that wait for bytes that others have.
    pub waiting: usize,
    /// Reservations that failed with [`NoMemory::InUse`] since the budget was set.
    pub refused: u64,
    /// Reservations that failed with [`NoMemory::TooLarge`] since the budget was set.
    pub too_large: u64,
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
        "{what} needs {bytes} bytes of memory, more than the {largest} bytes that there are for large things in \
         the budget of {budget} bytes (kayenta.memory.budget). Give the service more memory, or ask for less"
    )]
    TooLarge {
        /// What it is for.
        what: &'static str,
        /// How much was asked for.
        bytes: u64,
        /// The budget without the share for small reservations.
        largest: u64,
        /// The whole budget.
        budget: u64,
    },
}

impl NoMemory {
    /// The error itself or that one of its causes which says that there was no memory.
    #[must_use]
    pub fn of<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            let shared = error.downcast_ref::<Arc<dyn Error + Send + Sync>>();
            let found = match shared {
                Some(shared) => shared.downcast_ref(),
                None => error.downcast_ref(),
            };
            if found.is_some() {
                return found;
            }
            next = error.source();
        }
        None
    }

    /// Whether the error comes from memory that others have.
    #[must_use]
    pub fn is_cause_of(error: &(dyn Error + 'static)) -> bool {
        matches!(Self::of(error), Some(Self::InUse { .. }))
    }
}

/// What reserved bytes were taken from.
#[derive(Clone, Debug)]
enum Source {
    Any,
    Small,
    /// What a [`lend`] has lent.
    Lent(Arc<Loan>),
}

impl Source {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, Self::Any) | (Self::Small, Self::Small) => true,
            (Self::Lent(one), Self::Lent(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    fn give_back(&self, units: usize) {
        match self {
            Self::Lent(loan) => {
                loan.free.fetch_add(units, Ordering::AcqRel);
            }
            Self::Any | Self::Small => {
                if let Some(budget) = BUDGET.get() {
                    budget.semaphore(self).add_permits(units);
                }
            }
        }
    }
}

/// Bytes of the budget, given back when it is dropped.
#[derive(Debug, Default)]
#[must_use = "the bytes are given back when it is dropped"]
pub struct Reserved {
    parts: Vec<(Source, usize)>,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        for (source, units) in self.parts.drain(..) {
            source.give_back(units);
        }
    }
}

/// Puts two reservations together.
impl AddAssign for Reserved {
    fn add_assign(&mut self, mut other: Self) {
        for (source, units) in std::mem::take(&mut other.parts) {
            self.put(source, units);
        }
    }
}

impl Reserved {
    fn new(source: Source, units: usize) -> Self {
        Self {
            parts: vec![(source, units)],
        }
    }

    fn put(&mut self, source: Source, units: usize) {
        match self.parts.iter_mut().find(|(known, _)| known.is(&source)) {
            Some((_, known)) => *known += units,
            None => self.parts.push((source, units)),
        }
    }

    fn units(&self) -> usize {
        self.parts.iter().map(|(_, units)| units).sum()
    }

    /// How many bytes are reserved.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.units() * UNIT
    }

    /// Takes as many bytes out of it, or all there are.
    pub fn split(&mut self, bytes: usize) -> Self {
        let mut wanted = bytes.div_ceil(UNIT);
        let mut taken = Self::default();
        while wanted > 0
            && let Some((source, units)) = self.parts.last_mut()
        {
            let some = wanted.min(*units);
            taken.put(source.clone(), some);
            *units -= some;
            wanted -= some;
            if *units == 0 {
                self.parts.pop();
            }
        }
        taken
    }

    /// Reserves more. What it already has counts: once it is large, it no longer uses the share for small
    /// reservations.
    ///
    /// # Errors
    /// As [`reserve`].
    pub async fn grow(
        &mut self,
        what: &'static str,
        bytes: usize,
        patience: Duration,
    ) -> Result<(), NoMemory> {
        if let Some(budget) = BUDGET.get() {
            *self += budget.reserve(what, self.bytes(), bytes, patience).await?;
        }
        Ok(())
    }

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
        let wanted = if bytes > UNCOUNTED {
            bytes.next_multiple_of(UNIT)
        } else {
            0
        };
        let has = self.bytes();
        if wanted > has {
            self.grow(what, wanted - has, patience).await
        } else {
            drop(self.split(has - wanted));
            Ok(())
        }
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
        if self.parts.is_empty() {
            return bytes;
        }
        Bytes::from_owner(Held(bytes, self))
    }
}

/// Sets the budget of the process, once; later calls change nothing. Without one nothing is counted.
pub fn set_budget(bytes: u64) {
    let units = usize::try_from(bytes).unwrap_or(usize::MAX) / UNIT;
    let units = units.min(Semaphore::MAX_PERMITS);
    let small = units / SHARE_FOR_SMALL;
    let budget = Budget {
        any: Semaphore::new(units - small),
        small: Semaphore::new(small),
        largest: units - small,
        total: bytes,
        peak: AtomicUsize::new(0),
        waiting: AtomicUsize::new(0),
        refused: AtomicU64::new(0),
        too_large: AtomicU64::new(0),
    };
    // The first one counts.
    let _ = BUDGET.set(budget);
}

/// The budget of the process, and how much of it is free; `None` if there is none.
#[must_use]
pub fn budget() -> Option<(u64, u64)> {
    let budget = BUDGET.get()?;
    Some((budget.total, budget.free_bytes() as u64))
}

/// How the budget of the process is used; `None` if there is none.
#[must_use]
pub fn memory_use() -> Option<MemoryUse> {
    let budget = BUDGET.get()?;
    Some(MemoryUse {
        budget: budget.total,
        reserved: budget.reserved_bytes() as u64,
        peak: budget.peak.load(Ordering::Relaxed) as u64,
        waiting: budget.waiting.load(Ordering::Relaxed),
        refused: budget.refused.load(Ordering::Relaxed),
        too_large: budget.too_large.load(Ordering::Relaxed),
    })
}

/// The largest reservation that can be had: the budget without the share for small ones. `None` if there is no
/// budget.
#[must_use]
pub fn largest_reservation() -> Option<u64> {
    Some(BUDGET.get()?.largest_bytes())
}

/// Reserves bytes: of what is [lent](lend) to the caller, else of the budget, waiting for them as long as
/// `patience`.
///
/// # Errors
/// [`NoMemory`] when they do not become free in time, or exceed the whole budget.
pub async fn reserve(
    what: &'static str,
    bytes: usize,
    patience: Duration,
) -> Result<Reserved, NoMemory> {
    let Some(budget) = BUDGET.get().filter(|_| bytes > UNCOUNTED) else {
        return Ok(Reserved::default());
    };
    budget.reserve(what, 0, bytes, patience).await
}

/// Reserves bytes if they are free just now.
#[must_use]
pub fn try_reserve(bytes: usize) -> Option<Reserved> {
    let Some(budget) = BUDGET.get().filter(|_| bytes > UNCOUNTED) else {
        return Some(Reserved::default());
    };
    budget.at_once(bytes.div_ceil(UNIT), bytes <= MOST_OF_SMALL)
}

impl Budget {
    fn semaphore(&self, source: &Source) -> &Semaphore {
        match source {
            Source::Small => &self.small,
            Source::Any | Source::Lent(_) => &self.any,
        }
    }

    fn largest_bytes(&self) -> u64 {
        (self.largest * UNIT) as u64
    }

    fn free_bytes(&self) -> usize {
        (self.any.available_permits() + self.small.available_permits()) * UNIT
    }

    fn reserved_bytes(&self) -> usize {
        let whole = usize::try_from(self.total).unwrap_or(usize::MAX) / UNIT * UNIT;
        whole.saturating_sub(self.free_bytes())
    }

    /// What was just taken from `source`.
    fn taken(&self, source: Source, units: usize) -> Reserved {
        self.peak
            .fetch_max(self.reserved_bytes(), Ordering::Relaxed);
        Reserved::new(source, units)
    }

    /// The failure of a reservation of `bytes` that is more than there is, whoever gives some back.
    fn exceeded(&self, what: &'static str, bytes: usize) -> NoMemory {
        self.too_large.fetch_add(1, Ordering::Relaxed);
        NoMemory::TooLarge {
            what,
            bytes: bytes as u64,
            largest: self.largest_bytes(),
            budget: self.total,
        }
    }

    /// What can be had without waiting.
    fn at_once(&self, units: usize, is_small: bool) -> Option<Reserved> {
        Loan::take(units).or_else(|| self.free(units, is_small))
    }

    /// What is free of the budget itself.
    fn free(&self, units: usize, is_small: bool) -> Option<Reserved> {
        let permits = u32::try_from(units).ok()?;
        let sources = [Some(Source::Any), is_small.then_some(Source::Small)];
        sources.into_iter().flatten().find_map(|source| {
            let permit = self.semaphore(&source).try_acquire_many(permits).ok()?;
            permit.forget();
            Some(self.taken(source, units))
        })
    }

    /// Reserves `bytes` for one who has `has` already.
    async fn reserve(
        &self,
        what: &'static str,
        has: usize,
        bytes: usize,
        patience: Duration,
    ) -> Result<Reserved, NoMemory> {
        let all = has.saturating_add(bytes);
        let units = bytes.div_ceil(UNIT);
        let is_small = all <= MOST_OF_SMALL;
        if let Some(reserved) = self.at_once(units, is_small) {
            return Ok(reserved);
        }
        let permits = u32::try_from(units)
            .ok()
            .filter(|_| all as u64 <= self.largest_bytes());
        let Some(permits) = permits else {
            return Err(self.exceeded(what, all));
        };
        if let Some(loan) = Loan::without_waiting() {
            return Err(loan.lack(what, bytes, self));
        }
        let source = if is_small { Source::Small } else { Source::Any };
        let waiting = Waiting::on(&self.waiting);
        let permit = timeout(patience, self.semaphore(&source).acquire_many(permits)).await;
        drop(waiting);
        match permit {
            Ok(Ok(permit)) => {
                permit.forget();
                Ok(self.taken(source, units))
            }
            _ => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Err(NoMemory::InUse {
                    what,
                    bytes: bytes as u64,
                    seconds: patience.as_secs(),
                    budget: self.total,
                })
            }
        }
    }
}

/// One who waits, counted until it is dropped: the caller may go away meanwhile.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn on(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bytes reserved as a whole, from which several steps take theirs. Given back when none of them is taken any more.
#[derive(Debug, Default)]
struct Loan {
    reserved: Mutex<Reserved>,
    /// Units of it that are not taken.
    free: AtomicUsize,
    /// Bytes that would have been enough for the step that lacked some. Only of a loan whose steps do not wait.
    lacking: Option<AtomicUsize>,
    /// The loan within which this one was made.
    outer: Option<Arc<Self>>,
}

impl Loan {
    fn new(reserved: Reserved) -> Self {
        Self {
            free: AtomicUsize::new(reserved.units()),
            reserved: Mutex::new(reserved),
            lacking: None,
            outer: Self::current(),
        }
    }

    /// What is lent to the current task.
    fn current() -> Option<Arc<Self>> {
        LENT.try_with(Arc::clone).ok()
    }

    /// Takes units of what is lent to the current task.
    fn take(units: usize) -> Option<Reserved> {
        let mut next = Self::current();
        while let Some(loan) = next {
            let taken = loan
                .free
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| {
                    free.checked_sub(units)
                });
            if taken.is_ok() {
                return Some(Reserved::new(Source::Lent(loan), units));
            }
            next = loan.outer.clone();
        }
        None
    }

    /// The loan around the current task whose steps do not wait, if there is one.
    fn without_waiting() -> Option<Arc<Self>> {
        let mut next = Self::current();
        while let Some(loan) = next {
            if loan.lacking.is_some() {
                return Some(loan);
            }
            next = loan.outer.clone();
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, Reserved> {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a step lacks bytes.
    fn lack(&self, what: &'static str, bytes: usize, budget: &Budget) -> NoMemory {
        let total = self.lock().bytes();
        if total as u64 >= budget.largest_bytes() {
            return budget.exceeded(what, total + bytes);
        }
        if let Some(lacking) = &self.lacking {
            lacking.fetch_max(total.max(held()) + bytes, Ordering::AcqRel);
        }
        NoMemory::InUse {
            what,
            bytes: bytes as u64,
            seconds: 0,
            budget: budget.total,
        }
    }

    fn add(&self, reserved: Reserved) {
        let units = reserved.units();
        *self.lock() += reserved;
        self.free.fetch_add(units, Ordering::AcqRel);
    }
}

/// What a scope holds.
#[derive(Debug, Default)]
pub(crate) struct Held(Mutex<Reserved>);

impl Held {
    /// What the scope around the current task holds: kept for as long as this is, whatever becomes of the task.
    pub(crate) fn current() -> Option<Arc<Self>> {
        SCOPE.try_with(Arc::clone).ok()
    }

    fn lock(&self) -> MutexGuard<'_, Reserved> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

tokio::task_local! {
    static SCOPE: Arc<Held>;
    static LENT: Arc<Loan>;
}

/// Runs `work`, whose reservations are taken from `reserved` as long as that is enough, and only then from the
/// budget. So what takes several steps waits once, before the first, with nothing in hand.
pub async fn lend<T>(reserved: Reserved, work: impl Future<Output = T>) -> T {
    if reserved.parts.is_empty() {
        return work.await;
    }
    LENT.scope(Arc::new(Loan::new(reserved)), work).await
}

/// Bytes reserved for work that goes on in steps with pauses between them, each of which takes its own of them. What a step
/// has taken and given back is there for the next, and no other work gets it.
#[derive(Debug)]
pub struct Lender(Arc<Loan>);

impl Lender {
    /// Lends what is reserved.
    #[must_use]
    pub fn new(reserved: Reserved) -> Self {
        Self(Arc::new(Loan::new(reserved)))
    }

    /// Runs a step, as [`lend`] runs all of the work.
    pub async fn lend<T>(&self, step: impl Future<Output = T>) -> T {
        LENT.scope(Arc::clone(&self.0), step).await
    }
}

/// As [`lend`], but reservations within `work` never wait: those that need more than is lent and free fail at once.
/// Also returns how many bytes to lend when `work` is tried again because of that; 0 if it lacked none. Many whose
/// needs show only as they go on cannot wait for one another in this way: each gives back what it has, and waits with
/// nothing in hand for all that it needs.
pub async fn lend_without_waiting<T>(
    reserved: Reserved,
    work: impl Future<Output = T>,
) -> (T, usize) {
    let loan = Arc::new(Loan {
        lacking: Some(AtomicUsize::new(0)),
        ..Loan::new(reserved)
    });
    let done = LENT.scope(Arc::clone(&loan), work).await;
    let enough = loan.lacking.as_ref();
    let enough = enough.map_or(0, |bytes| bytes.load(Ordering::Acquire));
    let most = BUDGET.get().map_or(0, |budget| budget.largest * UNIT);
    // It may lack more the next time.
    (done, (enough + enough / 4).min(most))
}

/// Makes sure that so many bytes are [lent](lend_without_waiting) and not taken yet, so that the steps that follow
/// lack none. Where nothing is lent it does nothing.
///
/// # Errors
/// [`NoMemory`] if they are not free.
pub fn require(what: &'static str, bytes: usize) -> Result<(), NoMemory> {
    let (Some(budget), Some(loan)) = (BUDGET.get(), Loan::without_waiting()) else {
        return Ok(());
    };
    let free = loan.free.load(Ordering::Acquire) * UNIT;
    let Some(missing) = bytes.checked_sub(free).filter(|missing| *missing > 0) else {
        return Ok(());
    };
    match budget.free(missing.div_ceil(UNIT), bytes <= MOST_OF_SMALL) {
        Some(reserved) => {
            loan.add(reserved);
            Ok(())
        }
        None => Err(loan.lack(what, missing, budget)),
    }
}

/// Runs `work` so that what it [`hold`]s stays reserved until it ends, and until what threads for computing do for it
/// ends, which may be later when `work` is dropped.
pub async fn scope<T>(work: impl Future<Output = T>) -> T {
    SCOPE.scope(Arc::default(), work).await
}

/// Keeps bytes reserved until the surrounding [`scope`] ends; without one they are given back.
pub fn hold(reserved: Reserved) {
    let _ = SCOPE.try_with(|held| *held.lock() += reserved);
}

/// How many bytes the surrounding [`scope`] holds.
#[must_use]
pub fn held() -> usize {
    SCOPE.try_with(|held| held.lock().bytes()).unwrap_or(0)
}

/// Takes what the surrounding [`scope`] holds out of it.
pub fn take_held() -> Reserved {
    SCOPE
        .try_with(|held| std::mem::take(&mut *held.lock()))
        .unwrap_or_default()
}

/// Reserves bytes and [`hold`]s them. What the scope holds already counts: a scope that would hold more
/// than the whole budget by itself fails instead of waiting for itself.
///
/// # Errors
/// As [`reserve`].
pub async fn reserve_and_hold(
    what: &'static str,
    bytes: usize,
    patience: Duration,
) -> Result<(), NoMemory> {
    let Some(budget) = BUDGET.get().filter(|_| bytes > UNCOUNTED) else {
        return Ok(());
    };
    hold(budget.reserve(what, held(), bytes, patience).await?);
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    /// The one test that sets the budget, as there is one for the process.
    #[tokio::test(start_paused = true)]
    async fn bytes_are_reserved_waited_for_and_given_back() {
        let whole = 4 << 20;
        set_budget(whole);
        let large = largest_reservation().unwrap() as usize;
        assert_eq!(large as u64, whole - whole / 8);
        let all_free = || budget() == Some((whole, whole));
        let half = || reserve("half of it", large / 2, CALLER_PATIENCE);
        let first = half().await.unwrap();
        let second = half().await.unwrap();
        let refused = half().await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "half of it needs 1835008 bytes of memory, which did not become free within 5 s; the budget of \
             4194304 bytes (kayenta.memory.budget) is in use. Try again later"
        );
        let refused = reserve("all of it", large + 1, CALLER_PATIENCE).await;
        assert_eq!(
            refused.unwrap_err().to_string(),
            "all of it needs 3670017 bytes of memory, more than the 3670016 bytes that there are for large things in \
             the budget of 4194304 bytes (kayenta.memory.budget). Give the service more memory, or ask for less"
        );

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
            .resize("more", large, CALLER_PATIENCE)
            .await
            .unwrap_err();
        sized
            .resize("less", large / 4, CALLER_PATIENCE)
            .await
            .unwrap();
        assert_eq!(sized.bytes(), large / 4);
        sized
            .resize("more", large / 2, CALLER_PATIENCE)
            .await
            .unwrap();
        let part = sized.split(large / 4);
        assert_eq!((sized.bytes(), part.bytes()), (large / 4, large / 4));
        assert_eq!(sized.split(large).bytes(), large / 4);
        sized.resize("nothing", 0, CALLER_PATIENCE).await.unwrap();
        drop((sized, part));

        // Held by a scope, it lives as long as the scope.
        scope(async {
            hold(half().await.unwrap());
            assert_eq!(held(), large / 2);
            half().await.unwrap_err();
            // Unless it is taken out.
            drop(take_held());
            hold(half().await.unwrap());
            let more = reserve_and_hold("too much", large, CALLER_PATIENCE).await;
            assert!(matches!(more, Err(NoMemory::TooLarge { .. })));
        })
        .await;
        drop(first);
        assert!(all_free());
        // What is small is not counted.
        for _ in 0..100 {
            let little = reserve("little", UNCOUNTED, CALLER_PATIENCE).await.unwrap();
            assert_eq!(little.bytes(), 0);
        }

        small_reservations_do_not_wait_behind_large_ones(large).await;
        assert!(all_free());
        what_is_lent_is_taken_first_and_given_back_when_nobody_has_any(large).await;
        assert!(all_free());
        two_that_need_all_of_it_in_steps_both_end(large).await;
        assert!(all_free());
        two_whose_needs_show_as_they_go_on_both_end(large).await;
        assert!(all_free());
        who_waits_and_who_is_refused_is_counted(whole, large).await;
        assert!(all_free());
    }

    async fn who_waits_and_who_is_refused_is_counted(whole: u64, large: usize) {
        let before = memory_use().unwrap();
        assert_eq!((before.budget, before.reserved), (whole, 0));
        assert_eq!((before.peak, before.waiting), (whole, 0));
        let everything = reserve("everything", large, CALLER_PATIENCE).await.unwrap();
        let late = tokio::spawn(reserve("everything", large, CALLER_PATIENCE));
        let gone = tokio::spawn(reserve("everything", large, RUN_PATIENCE));
        tokio::task::yield_now().await;
        let now = memory_use().unwrap();
        assert_eq!((now.reserved, now.waiting), (large as u64, 2));
        gone.abort();
        gone.await.unwrap_err();
        assert_eq!(memory_use().unwrap().waiting, 1);
        assert!(late.await.unwrap().is_err());
        assert!(reserve("more", large + 1, CALLER_PATIENCE).await.is_err());
        drop(everything);
        let after = memory_use().unwrap();
        assert_eq!((after.reserved, after.waiting), (0, 0));
        assert_eq!(
            (after.refused, after.too_large),
            (before.refused + 1, before.too_large + 1)
        );
    }

    async fn small_reservations_do_not_wait_behind_large_ones(large: usize) {
        let everything = reserve("everything", large, CALLER_PATIENCE).await.unwrap();
        let next = tokio::spawn(reserve("everything", large, RUN_PATIENCE));
        tokio::task::yield_now().await;
        let small = reserve("a small body", MOST_OF_SMALL, Duration::ZERO);
        let mut small = small.await.unwrap();
        // Once it grows, it is a large one.
        let grown = small.grow("a body", UNIT, CALLER_PATIENCE).await;
        assert!(matches!(grown, Err(NoMemory::InUse { .. })));
        assert!(try_reserve(MOST_OF_SMALL).is_some());
        assert!(try_reserve(MOST_OF_SMALL + 1).is_none());
        drop(everything);
        drop(next.await.unwrap().unwrap());
    }

    async fn what_is_lent_is_taken_first_and_given_back_when_nobody_has_any(large: usize) {
        let everything = reserve("everything", large, CALLER_PATIENCE).await.unwrap();
        let kept = lend(everything, async {
            let step = || reserve("a step", large / 2, Duration::ZERO);
            let first = step().await.unwrap();
            drop(step().await.unwrap());
            let second = step().await.unwrap();
            assert!(step().await.is_err());
            drop(second);
            first
        })
        .await;
        assert!(try_reserve(large).is_none());
        drop(kept);
    }

    /// Each would have half of it and wait for the other half.
    async fn two_that_need_all_of_it_in_steps_both_end(large: usize) {
        let run = || async move {
            let everything = reserve("a run", large, RUN_PATIENCE).await?;
            lend(everything, async {
                for _ in 0..2 {
                    reserve_and_hold("a step", large / 2, Duration::ZERO).await?;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Ok::<_, NoMemory>(())
            })
            .await
        };
        let (one, other) = tokio::join!(scope(run()), scope(run()));
        assert_eq!((one, other), (Ok(()), Ok(())));
    }

    /// Each has half of the budget when it learns that it needs the other half too.
    async fn two_whose_needs_show_as_they_go_on_both_end(large: usize) {
        let run = || async move {
            let mut needed = 0;
            for tries in 1..10 {
                let reserved = reserve("a run", needed, RUN_PATIENCE).await?;
                let work = scope(async {
                    for _ in 0..2 {
                        reserve_and_hold("a step", large / 2, RUN_PATIENCE).await?;
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                    Ok::<_, NoMemory>(())
                });
                let (done, more) = lend_without_waiting(reserved, work).await;
                match done {
                    Ok(()) => return Ok(tries),
                    Err(error) => {
                        assert!(NoMemory::is_cause_of(&error), "{error}");
                        assert!(more > needed);
                        needed = more;
                    }
                }
            }
            Ok::<_, NoMemory>(0)
        };
        let (one, other) = tokio::join!(run(), run());
        let (one, other) = (one.unwrap(), other.unwrap());
        assert!((1..10).contains(&one) && (1..10).contains(&other));
        assert_eq!(one.max(other), 2, "each tries again at most once");

        // What alone is more than the whole budget fails for good.
        let everything = reserve("a run", large, RUN_PATIENCE).await.unwrap();
        let (refused, more) = lend_without_waiting(everything, async {
            require("a run", large).unwrap();
            require("a run", large + 1)
        })
        .await;
        assert!(matches!(refused, Err(NoMemory::TooLarge { .. })));
        assert_eq!(more, 0);
    }
}
