//! Work that keeps a core busy: at most as wide as there are cores, long work at a lower priority than whatever answers
//! callers, and short work never behind long work.

use std::{
    any::Any,
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use tokio::sync::oneshot;

use crate::memory::Held;

/// How much less of a core the threads for long work get than those that answer requests, as `nice` counts.
const NICENESS: i32 = 10;
/// Work on fewer bytes is done by the time a thread for computing would have begun it.
const DONE_IN_PLACE: usize = 128 << 10;
/// Work on fewer bytes takes milliseconds.
const MOST_OF_SHORT: usize = 1 << 20;
/// A value that was read from fewer bytes is dropped by the time a thread for computing would have begun it.
const DROPPED_IN_PLACE: usize = 512 << 10;

type Work = Box<dyn FnOnce() + Send>;

/// The work panicked, or there is no thread to do it.
#[derive(Debug, thiserror::Error)]
#[error("the work panicked with message {0:?}")]
pub struct Panicked(String);

static LONG: LazyLock<Sender<Work>> = LazyLock::new(|| start("compute", NICENESS));
static SHORT: LazyLock<Sender<Work>> = LazyLock::new(|| start("compute-short", 0));

/// Does `work` on a thread for computing and waits for it. There are as many such threads as cores, for
/// the whole process, so that parsing and judging leave room for those who only ask how things are. Work
/// whose caller is gone before it begins is left out; what its caller [holds](crate::hold) counts until it ends.
///
/// # Errors
/// When the work panics.
pub async fn compute<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Panicked> {
    compute_on(&LONG, work).await
}

/// Does `work` that takes milliseconds as [`compute`] does, on threads of its own, so that it does not wait behind
/// work that takes seconds. There are as many of these threads as cores, too.
///
/// # Errors
/// When the work panics.
pub async fn compute_short<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Panicked> {
    compute_on(&SHORT, work).await
}

/// Does `work` on so many bytes: in place, as [`compute_short`] or as [`compute`] does.
///
/// # Errors
/// As [`compute`].
pub async fn compute_sized<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Panicked> {
    if bytes <= DONE_IN_PLACE {
        Ok(work())
    } else if bytes <= MOST_OF_SHORT {
        compute_short(work).await
    } else {
        compute(work).await
    }
}

/// Drops a value of so many bytes: in place, or on a thread for computing where that takes long, without waiting for
/// it. What the caller [holds](crate::hold) counts until it is dropped.
pub fn drop_sized<T: Send + 'static>(bytes: usize, value: T) {
    if bytes <= DROPPED_IN_PLACE {
        return;
    }
    let held = Held::current();
    let job = move || {
        drop(value);
        drop(held);
    };
    // Without such a thread it is dropped here.
    let _ = LONG.send(Box::new(job));
}

async fn compute_on<T: Send + 'static>(
    threads: &Sender<Work>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Panicked> {
    let (sender, receiver) = oneshot::channel();
    let held = Held::current();
    let job = move || {
        if !sender.is_closed() {
            let done =
                catch_unwind(AssertUnwindSafe(work)).map_err(|panic| Panicked(text(&*panic)));
            let _ = sender.send(done);
        }
        drop(held);
    };
    let lost = || Panicked("no thread took it".to_owned());
    threads.send(Box::new(job)).map_err(|_| lost())?;
    receiver.await.map_err(|_| lost())?
}

fn start(name: &'static str, niceness: i32) -> Sender<Work> {
    let (sender, receiver) = mpsc::channel();
    let receiver = Arc::new(Mutex::new(receiver));
    let cores = thread::available_parallelism().map_or(2, NonZero::get);
    for _ in 0..cores {
        let receiver = Arc::clone(&receiver);
        // Without a single thread every caller gets an error that says so.
        let _ = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work_off(&receiver, niceness));
    }
    sender
}

fn work_off(receiver: &Mutex<Receiver<Work>>, niceness: i32) {
    // On Linux this concerns the calling thread alone. Where it is refused, all are equal.
    if niceness > 0
        && let Ok(own) = rustix::process::getpriority_process(None)
    {
        let _ = rustix::process::setpriority_process(None, own + niceness);
    }
    loop {
        let next = receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        match next {
            Ok(work) => work(),
            Err(_) => return,
        }
    }
}

fn text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn no_more_work_runs_at_once_than_there_are_cores() {
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        static MOST: AtomicUsize = AtomicUsize::new(0);
        let jobs: Vec<_> = (0..32_u64)
            .map(|number| {
                tokio::spawn(compute(move || {
                    let running = RUNNING.fetch_add(1, Ordering::SeqCst) + 1;
                    MOST.fetch_max(running, Ordering::SeqCst);
                    let sum = (0..200_000_u64).fold(number, |sum, n| sum.wrapping_mul(31) ^ n);
                    RUNNING.fetch_sub(1, Ordering::SeqCst);
                    sum
                }))
            })
            .collect();
        for job in jobs {
            job.await.unwrap().unwrap();
        }
        let cores = thread::available_parallelism().unwrap().get();
        assert!((1..=cores).contains(&MOST.load(Ordering::SeqCst)));
    }

    #[tokio::test]
    async fn short_work_does_not_wait_behind_long_work() {
        let (release, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let cores = thread::available_parallelism().unwrap().get();
        let long: Vec<_> = (0..2 * cores)
            .map(|_| {
                let gate = Arc::clone(&gate);
                tokio::spawn(compute(move || {
                    let _ = gate.lock().unwrap().recv();
                }))
            })
            .collect();
        assert_eq!(compute_short(|| 1 + 1).await.unwrap(), 2);
        assert_eq!(compute_sized(MOST_OF_SHORT, || 1 + 1).await.unwrap(), 2);
        assert!(long.iter().all(|job| !job.is_finished()));
        drop(release);
        for job in long {
            job.await.unwrap().unwrap();
        }
    }

    /// Says on which thread it is dropped.
    struct Dropped(Sender<Option<String>>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send(thread::current().name().map(str::to_owned));
        }
    }

    #[tokio::test]
    async fn a_large_value_is_dropped_on_a_thread_for_computing_and_a_small_one_in_place() {
        let here = thread::current().name().map(str::to_owned);
        let (sender, dropped) = mpsc::channel();
        drop_sized(DROPPED_IN_PLACE, Dropped(sender.clone()));
        assert_eq!(dropped.try_recv().unwrap(), here);
        drop_sized(DROPPED_IN_PLACE + 1, Dropped(sender));
        assert_eq!(dropped.recv().unwrap().as_deref(), Some("compute"));
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_thread_goes_on() {
        let panicked = compute(|| panic!("a bug")).await;
        assert_eq!(
            panicked.map(|(): ()| ()).unwrap_err().to_string(),
            "the work panicked with message \"a bug\""
        );
        assert_eq!(compute(|| 1 + 1).await.unwrap(), 2);
    }
}
