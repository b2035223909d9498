//! Work that keeps a core busy: at most as wide as there are cores, and behind whatever answers callers.

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

/// How much less of a core the threads get than those that answer requests, as `nice` counts.
const NICENESS: i32 = 5;

type Work = Box<dyn FnOnce() + Send>;

/// The work panicked, or there is no thread to do it.
#[derive(Debug, thiserror::Error)]
#[error("the work panicked with message {0:?}")]
pub struct Panicked(String);

static POOL: LazyLock<Sender<Work>> = LazyLock::new(start);

/// Does `work` on a thread for computing and waits for it. There are as many such threads as cores, for
/// the whole process, so that parsing and judging leave room for those who only ask how things are. Work
/// whose caller is gone before it begins is left out; what its caller [holds](crate::hold) counts until it ends.
///
/// # Errors
/// When the work panics.
pub async fn compute<T: Send + 'static>(
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
    POOL.send(Box::new(job)).map_err(|_| lost())?;
    receiver.await.map_err(|_| lost())?
}

/// Work on fewer bytes is done by the time a thread for computing would have begun it.
pub const DONE_IN_PLACE: usize = 128 << 10;

/// Does `work` on a text of so many bytes: in place if it is short, else as [`compute`] does.
///
/// # Errors
/// As [`compute`].
pub async fn compute_sized<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Panicked> {
    if bytes <= DONE_IN_PLACE {
        return Ok(work());
    }
    compute(work).await
}

fn start() -> Sender<Work> {
    let (sender, receiver) = mpsc::channel();
    let receiver = Arc::new(Mutex::new(receiver));
    let cores = thread::available_parallelism().map_or(2, NonZero::get);
    for _ in 0..cores {
        let receiver = Arc::clone(&receiver);
        // Without a single thread every caller gets an error that says so.
        let _ = thread::Builder::new()
            .name("compute".to_owned())
            .spawn(move || work_off(&receiver));
    }
    sender
}

fn work_off(receiver: &Mutex<Receiver<Work>>) {
    // On Linux this concerns the calling thread alone. Where it is refused, all are equal.
    let _ = rustix::process::setpriority_process(None, NICENESS);
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
    async fn a_panic_is_an_error_and_the_thread_goes_on() {
        let panicked = compute(|| panic!("a bug")).await;
        assert_eq!(
            panicked.map(|(): ()| ()).unwrap_err().to_string(),
            "the work panicked with message \"a bug\""
        );
        assert_eq!(compute(|| 1 + 1).await.unwrap(), 2);
    }
}
