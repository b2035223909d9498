//! One synchronisation of a directory for all that wait for it.

use std::{
    fs::File,
    io,
    path::Path,
    sync::{Condvar, Mutex, PoisonError},
};

/// Joins simultaneous requests to synchronise one directory: a request is served by any round that
/// begins after it, so that many writers cost two rounds, not many.
#[derive(Debug, Default)]
pub(super) struct DirectorySync {
    rounds: Mutex<Rounds>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Rounds {
    begun: u64,
    done: u64,
    running: bool,
    /// The last round that failed, and how.
    failed: Option<(u64, io::ErrorKind, String)>,
}

impl DirectorySync {
    /// Returns once a round that began after the call has ended. Blocks.
    pub(super) fn sync(&self, directory: &Path) -> io::Result<()> {
        self.sync_by(|| File::open(directory)?.sync_all())
    }

    fn sync_by(&self, round: impl Fn() -> io::Result<()>) -> io::Result<()> {
        let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = rounds.begun + 1;
        while rounds.done < wanted {
            if rounds.running {
                rounds = self
                    .ended
                    .wait(rounds)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            rounds.begun += 1;
            rounds.running = true;
            let number = rounds.begun;
            drop(rounds);
            let outcome = round();
            rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
            rounds.running = false;
            rounds.done = number;
            if let Err(error) = outcome {
                rounds.failed = Some((number, error.kind(), error.to_string()));
            }
            self.ended.notify_all();
        }
        match &rounds.failed {
            Some((number, kind, text)) if *number >= wanted => {
                Err(io::Error::new(*kind, text.clone()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        thread,
        time::Duration,
    };

    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "its own thread, which serves no requests"
    )]
    fn many_writers_share_rounds() {
        let sync = Arc::new(DirectorySync::default());
        let count = Arc::new(AtomicUsize::new(0));
        let writers: Vec<_> = (0..32)
            .map(|_| {
                let (sync, count) = (Arc::clone(&sync), Arc::clone(&count));
                thread::spawn(move || {
                    sync.sync_by(|| {
                        thread::sleep(Duration::from_millis(50));
                        count.fetch_add(1, Ordering::Relaxed);
                        Ok(())
                    })
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap().unwrap();
        }
        let rounds = count.load(Ordering::Relaxed);
        assert!((1..16).contains(&rounds), "{rounds} rounds for 32 writers");
    }

    #[test]
    fn a_failed_round_fails_its_waiters_and_no_later_one() {
        let sync = DirectorySync::default();
        let failing = || Err(io::Error::new(io::ErrorKind::StorageFull, "full"));
        assert_eq!(
            sync.sync_by(failing).unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );
        sync.sync_by(|| Ok(())).unwrap();
    }
}
