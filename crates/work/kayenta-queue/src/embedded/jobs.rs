//! The queue's state in memory: which job is ready, delayed or leased. Pure: values and the present
//! timestamp in, the row to keep on disk out.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// A timestamp in milliseconds since 1970.
pub(super) type Millis = i64;

/// Orders waiting jobs: by due time, then by arrival.
type Turn = (Millis, u64);

/// What a job's row on disk says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JobRow {
    /// Not to be taken before.
    pub(super) due: Millis,
    /// How often it was handed out without an answer.
    pub(super) deliveries: u32,
    /// Whether a worker has it. After a crash no worker has it, so it is due at once.
    pub(super) started: bool,
}

/// A row to write, or to delete when `row` is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RowChange {
    pub(super) id: Arc<str>,
    pub(super) row: Option<JobRow>,
}

/// A job handed to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) id: Arc<str>,
    pub(super) token: u64,
    pub(super) delivery: u32,
}

/// Another worker has the job, or no worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost;

#[derive(Debug)]
enum Place {
    Ready(Turn),
    Delayed(Turn),
    Leased {
        until: Turn,
        /// The due time of a push that came while a worker had the job.
        again: Option<Millis>,
    },
}

#[derive(Debug)]
struct QueuedJob {
    place: Place,
    deliveries: u32,
}

/// Counts of jobs by place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) ready: u64,
    pub(super) delayed: u64,
    pub(super) leased: u64,
}

/// All jobs of the queue.
#[derive(Debug)]
pub(super) struct Jobs {
    lease_millis: Millis,
    entries: HashMap<Arc<str>, QueuedJob>,
    ready: BTreeMap<Turn, Arc<str>>,
    delayed: BTreeMap<Turn, Arc<str>>,
    /// By the end of the lease; the second part of the key is the lease's token.
    leased: BTreeMap<Turn, Arc<str>>,
    next_number: u64,
}

impl Jobs {
    /// An empty queue whose leases last `lease_millis`.
    pub(super) fn new(lease_millis: Millis) -> Self {
        Self {
            lease_millis,
            entries: HashMap::new(),
            ready: BTreeMap::new(),
            delayed: BTreeMap::new(),
            leased: BTreeMap::new(),
            next_number: 1,
        }
    }

    /// Forgets everything and takes up what the disk says: jobs that were being worked on are due
    /// at once. Tokens given before stay invalid.
    pub(super) fn restore(
        &mut self,
        rows: impl IntoIterator<Item = (String, JobRow)>,
        now: Millis,
    ) {
        self.entries.clear();
        self.ready.clear();
        self.delayed.clear();
        self.leased.clear();
        let mut rows: Vec<_> = rows.into_iter().collect();
        rows.sort_by_key(|(_, row)| row.due);
        for (id, row) in rows {
            let due = if row.started {
                row.due.min(now)
            } else {
                row.due
            };
            self.enqueue(id.into(), due, row.deliveries, now);
        }
    }

    /// Queues a job. `None` when nothing changed, as the job is queued for an earlier time already.
    pub(super) fn push(&mut self, id: &str, due: Millis, now: Millis) -> Option<RowChange> {
        let Some(entry) = self.entries.get_mut(id) else {
            let id: Arc<str> = id.into();
            let row = self.enqueue(Arc::clone(&id), due, 0, now);
            return Some(RowChange { id, row: Some(row) });
        };
        match &mut entry.place {
            Place::Ready(_) => None,
            Place::Delayed(turn) if turn.0 <= due => None,
            Place::Delayed(turn) => {
                let turn = *turn;
                let deliveries = entry.deliveries;
                let id = self.delayed.remove(&turn)?;
                let row = self.enqueue(Arc::clone(&id), due, deliveries, now);
                Some(RowChange { id, row: Some(row) })
            }
            Place::Leased { again, .. } => {
                let earlier = again.map_or(due, |known| known.min(due));
                *again = Some(earlier);
                // A crash makes it due at once anyhow, so the row on disk already keeps the wish.
                None
            }
        }
    }

    /// Lets delayed jobs become ready and ended leases end.
    pub(super) fn advance(&mut self, now: Millis) {
        while let Some(first) = self.delayed.first_entry() {
            if first.key().0 > now {
                break;
            }
            let (turn, id) = first.remove_entry();
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.place = Place::Ready(turn);
            }
            self.ready.insert(turn, id);
        }
        while let Some(first) = self.leased.first_entry() {
            if first.key().0 > now {
                break;
            }
            let (turn, id) = first.remove_entry();
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.place = Place::Ready(turn);
            }
            self.ready.insert(turn, id);
        }
    }

    /// Hands out the job that has been ready for longest. Call [`Jobs::advance`] first.
    pub(super) fn take(&mut self, now: Millis) -> Option<(Taken, RowChange)> {
        let (turn, id) = self.ready.pop_first()?;
        let token = self.number();
        let until = (now.saturating_add(self.lease_millis), token);
        let entry = self.entries.get_mut(&id)?;
        entry.deliveries = entry.deliveries.saturating_add(1);
        entry.place = Place::Leased { until, again: None };
        let delivery = entry.deliveries;
        self.leased.insert(until, Arc::clone(&id));
        let row = JobRow {
            due: turn.0,
            deliveries: delivery,
            started: true,
        };
        let change = RowChange {
            id: Arc::clone(&id),
            row: Some(row),
        };
        Some((
            Taken {
                id,
                token,
                delivery,
            },
            change,
        ))
    }

    /// Moves the end of a lease.
    pub(super) fn renew(&mut self, id: &str, token: u64, now: Millis) -> Result<(), Lost> {
        self.advance(now);
        let until = (now.saturating_add(self.lease_millis), token);
        let entry = self.entries.get_mut(id).ok_or(Lost)?;
        let Place::Leased { until: known, .. } = &mut entry.place else {
            return Err(Lost);
        };
        if known.1 != token {
            return Err(Lost);
        }
        if let Some(id) = self.leased.remove(known) {
            self.leased.insert(until, id);
        }
        *known = until;
        Ok(())
    }

    /// Ends a lease for good; the job stays only if it was pushed meanwhile.
    pub(super) fn complete(
        &mut self,
        id: &str,
        token: u64,
        now: Millis,
    ) -> Result<RowChange, Lost> {
        let (id, again) = self.end_lease(id, token)?;
        Ok(self.after_lease(id, again, now))
    }

    /// Ends a lease; the job waits for the earlier of `due` and any push that came meanwhile, and
    /// its deliveries are counted anew.
    pub(super) fn put_off(
        &mut self,
        id: &str,
        token: u64,
        due: Millis,
        now: Millis,
    ) -> Result<RowChange, Lost> {
        let (id, again) = self.end_lease(id, token)?;
        let due = again.map_or(due, |again| again.min(due));
        Ok(self.after_lease(id, Some(due), now))
    }

    /// The next time at which [`Jobs::advance`] has something to do.
    pub(super) fn next_event(&self) -> Option<Millis> {
        let delayed = self.delayed.first_key_value().map(|(turn, _)| turn.0);
        let leased = self.leased.first_key_value().map(|(turn, _)| turn.0);
        match (delayed, leased) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Whether a job can be taken now.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// How many jobs are where.
    pub(super) fn counts(&self) -> Counts {
        Counts {
            ready: self.ready.len() as u64,
            delayed: self.delayed.len() as u64,
            leased: self.leased.len() as u64,
        }
    }

    fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    fn enqueue(&mut self, id: Arc<str>, due: Millis, deliveries: u32, now: Millis) -> JobRow {
        let turn = (due, self.number());
        let place = if due <= now {
            self.ready.insert(turn, Arc::clone(&id));
            Place::Ready(turn)
        } else {
            self.delayed.insert(turn, Arc::clone(&id));
            Place::Delayed(turn)
        };
        self.entries.insert(id, QueuedJob { place, deliveries });
        JobRow {
            due,
            deliveries,
            started: false,
        }
    }

    /// Takes the job out of the queue if the token still holds it. A lease that has ended but whose
    /// job that no other worker has taken yet still counts: the work is done and need not be
    /// repeated.
    fn end_lease(&mut self, id: &str, token: u64) -> Result<(Arc<str>, Option<Millis>), Lost> {
        let entry = self.entries.get(id).ok_or(Lost)?;
        match entry.place {
            Place::Leased { until, again } if until.1 == token => {
                let id = self.leased.remove(&until).ok_or(Lost)?;
                self.entries.remove(&id);
                Ok((id, again))
            }
            Place::Ready(turn) if turn.1 == token => {
                let id = self.ready.remove(&turn).ok_or(Lost)?;
                self.entries.remove(&id);
                Ok((id, None))
            }
            _ => Err(Lost),
        }
    }

    fn after_lease(&mut self, id: Arc<str>, due: Option<Millis>, now: Millis) -> RowChange {
        let row = due.map(|due| self.enqueue(Arc::clone(&id), due, 0, now));
        RowChange { id, row }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(jobs: &mut Jobs, now: Millis) -> Taken {
        jobs.advance(now);
        jobs.take(now).expect("a ready job").0
    }

    #[test]
    fn an_ended_lease_makes_the_job_ready_and_counts() {
        let mut jobs = Jobs::new(10);
        jobs.push("a", 0, 0);
        let first = taken(&mut jobs, 0);
        assert_eq!(first.delivery, 1);
        assert_eq!(jobs.next_event(), Some(10));
        let second = taken(&mut jobs, 10);
        assert_eq!(second.delivery, 2);
        assert_eq!(jobs.complete("a", first.token, 11), Err(Lost));
        assert_eq!(jobs.renew("a", first.token, 11), Err(Lost));
        assert!(jobs.complete("a", second.token, 11).is_ok());
        assert_eq!(jobs.counts(), Counts::default());
    }

    #[test]
    fn an_ended_lease_nobody_took_over_can_still_be_completed_but_not_renewed() {
        let mut jobs = Jobs::new(10);
        jobs.push("a", 0, 0);
        let first = taken(&mut jobs, 0);
        jobs.advance(20);
        assert_eq!(jobs.renew("a", first.token, 20), Err(Lost));
        let change = jobs.complete("a", first.token, 20).expect("still ours");
        assert_eq!(change.row, None);
    }

    #[test]
    fn a_push_while_leased_survives_the_completion() {
        let mut jobs = Jobs::new(10);
        jobs.push("a", 0, 0);
        let lease = taken(&mut jobs, 0);
        assert_eq!(jobs.push("a", 50, 1), None);
        assert_eq!(jobs.push("a", 70, 1), None);
        let change = jobs.complete("a", lease.token, 2).expect("held");
        assert_eq!(change.row.map(|row| row.due), Some(50));
        assert_eq!(jobs.counts().delayed, 1);
        assert_eq!(taken(&mut jobs, 50).delivery, 1);
    }

    #[test]
    fn the_earlier_due_time_wins() {
        let mut jobs = Jobs::new(10);
        jobs.push("a", 100, 0);
        assert_eq!(jobs.push("a", 200, 0), None);
        assert!(jobs.push("a", 60, 0).is_some());
        assert_eq!(jobs.next_event(), Some(60));
        assert!(jobs.push("a", 0, 0).is_some());
        assert_eq!(jobs.counts().ready, 1);
        assert_eq!(jobs.push("a", 0, 0), None);
    }

    #[test]
    fn restoring_makes_started_jobs_due_and_keeps_delays() {
        let mut jobs = Jobs::new(10);
        let row = |due, started| JobRow {
            due,
            deliveries: 1,
            started,
        };
        jobs.restore(
            [
                ("started".to_owned(), row(5_000, true)),
                ("delayed".to_owned(), row(6_000, false)),
            ],
            1_000,
        );
        let first = taken(&mut jobs, 1_000);
        assert_eq!((&*first.id, first.delivery), ("started", 2));
        assert_eq!(jobs.counts().delayed, 1);
    }
}
