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

/// A job that has lost so many workers is handed out only while this process, which is the only one that has leases,
/// has no other such job ([`WorkQueue`](crate::WorkQueue) says why).
const SINGLED_OUT_AFTER: u32 = 2;
/// How long a job that is singled out waits after the process has started; doubled with each
/// further worker lost, so that a burst of crashes of another cause does not count against it.
const SINGLED_OUT_PAUSE: Millis = 1_000;
/// How often the pause is doubled at most.
const MOST_DOUBLINGS: u32 = 5;

/// What a job's row on disk says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JobRow {
    /// Not to be taken before.
    pub(super) due: Millis,
    /// How many workers it has lost; while a worker has it, that one is counted already.
    pub(super) deliveries: u32,
    /// Whether a worker has it. After a crash no worker has it.
    pub(super) started: bool,
}

/// Who had the jobs that the disk says were being worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// A process that is gone, and its workers with it.
    EarlierProcess,
    /// This process, which only lost touch with the disk.
    ThisProcess,
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
    history: History,
}

/// The workers a job has lost.
#[derive(Clone, Debug, Default)]
struct History {
    /// Those that ended with an earlier process.
    ended: u32,
    /// Leases of this process that ended without a word. A word of their worker that comes after all
    /// shows that it lives.
    silent: Vec<u64>,
}

impl History {
    fn lost(&self) -> u32 {
        let silent = u32::try_from(self.silent.len()).unwrap_or(u32::MAX);
        self.ended.saturating_add(silent)
    }

    fn is_singled_out(&self) -> bool {
        self.lost() >= SINGLED_OUT_AFTER
    }
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
    /// Jobs that have lost several workers, ready to be taken one at a time: those that have lost the
    /// fewest first, as they are the least likely to be the cause.
    singled_out: BTreeMap<(u32, Turn), Arc<str>>,
    /// The token of the lease on a job that is singled out.
    alone: Option<u64>,
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
            singled_out: BTreeMap::new(),
            alone: None,
            delayed: BTreeMap::new(),
            leased: BTreeMap::new(),
            next_number: 1,
        }
    }

    /// Forgets everything and takes up what the disk says: jobs that were being worked on are due
    /// at once, except those that have lost several workers. Tokens given before stay invalid.
    pub(super) fn restore(
        &mut self,
        rows: impl IntoIterator<Item = (String, JobRow)>,
        holder: Holder,
        now: Millis,
    ) {
        self.entries.clear();
        self.ready.clear();
        self.singled_out.clear();
        self.alone = None;
        self.delayed.clear();
        self.leased.clear();
        let mut rows: Vec<_> = rows.into_iter().collect();
        rows.sort_by_key(|(_, row)| row.due);
        for (id, row) in rows {
            let mut ended = row.deliveries;
            let mut due = row.due;
            if row.started {
                due = due.min(now);
                match holder {
                    Holder::EarlierProcess if ended >= SINGLED_OUT_AFTER => {
                        let doublings = (ended - SINGLED_OUT_AFTER).min(MOST_DOUBLINGS);
                        due = now.saturating_add(SINGLED_OUT_PAUSE << doublings);
                    }
                    Holder::EarlierProcess => {}
                    Holder::ThisProcess => ended = ended.saturating_sub(1),
                }
            }
            let history = History {
                ended,
                silent: Vec::new(),
            };
            self.enqueue(id.into(), due, history, now);
        }
    }

    /// Whether the execution has a job, in any place.
    pub(super) fn has(&self, id: &str) -> bool {
        self.entries.contains_key(id)
    }

    /// Queues a job. `None` when nothing changed, as the job is queued for an earlier time already.
    pub(super) fn push(&mut self, id: &str, due: Millis, now: Millis) -> Option<RowChange> {
        let Some(entry) = self.entries.get_mut(id) else {
            let id: Arc<str> = id.into();
            let row = self.enqueue(Arc::clone(&id), due, History::default(), now);
            return Some(RowChange { id, row: Some(row) });
        };
        match &mut entry.place {
            Place::Ready(_) => None,
            Place::Delayed(turn) if turn.0 <= due => None,
            // The pause after a crash: whoever asks for the job, it is not what ends the next process at once.
            Place::Delayed(_) if entry.history.is_singled_out() => None,
            Place::Delayed(turn) => {
                let turn = *turn;
                let history = std::mem::take(&mut entry.history);
                let id = self.delayed.remove(&turn)?;
                let row = self.enqueue(Arc::clone(&id), due, history, now);
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
            self.make_ready(turn, id);
        }
        while let Some(first) = self.leased.first_entry() {
            if first.key().0 > now {
                break;
            }
            let (turn, id) = first.remove_entry();
            if self.alone == Some(turn.1) {
                self.alone = None;
            }
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.history.silent.push(turn.1);
            }
            self.make_ready(turn, id);
        }
    }

    /// Hands out the job that has been ready for longest. Call [`Jobs::advance`] first.
    pub(super) fn take(&mut self, now: Millis) -> Option<(Taken, RowChange)> {
        let first = self.ready.first_key_value().map(|(turn, _)| *turn);
        let suspect = self
            .singled_out
            .first_key_value()
            .filter(|_| self.alone.is_none())
            .map(|((_, turn), _)| *turn);
        let alone = match (first, suspect) {
            (Some(first), Some(suspect)) => suspect < first,
            (_, suspect) => suspect.is_some(),
        };
        let (turn, id) = if alone {
            let ((_, turn), id) = self.singled_out.pop_first()?;
            (turn, id)
        } else {
            self.ready.pop_first()?
        };
        let token = self.number();
        if alone {
            self.alone = Some(token);
        }
        let until = (now.saturating_add(self.lease_millis), token);
        let entry = self.entries.get_mut(&id)?;
        entry.place = Place::Leased { until, again: None };
        let delivery = entry.history.lost().saturating_add(1);
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
        let known = match &mut entry.place {
            Place::Leased { until: known, .. } if known.1 == token => known,
            _ => {
                self.hear_from(id, token);
                return Err(Lost);
            }
        };
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
        !self.ready.is_empty() || (self.alone.is_none() && !self.singled_out.is_empty())
    }

    /// When the job was due that has been ready for longest.
    pub(super) fn oldest_due(&self) -> Option<Millis> {
        let first = self.ready.keys().next().map(|(due, _)| *due);
        // By lost workers first, and few.
        let singled_out = self.singled_out.keys().map(|(_, (due, _))| *due).min();
        first.into_iter().chain(singled_out).min()
    }

    /// How many jobs are where.
    pub(super) fn counts(&self) -> Counts {
        Counts {
            ready: (self.ready.len() + self.singled_out.len()) as u64,
            delayed: self.delayed.len() as u64,
            leased: self.leased.len() as u64,
        }
    }

    fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    fn enqueue(&mut self, id: Arc<str>, due: Millis, history: History, now: Millis) -> JobRow {
        let turn = (due, self.number());
        let row = JobRow {
            due,
            deliveries: history.lost(),
            started: false,
        };
        let place = Place::Delayed(turn);
        self.entries
            .insert(Arc::clone(&id), QueuedJob { place, history });
        if due <= now {
            self.make_ready(turn, id);
        } else {
            self.delayed.insert(turn, id);
        }
        row
    }

    /// Puts a known job among those that can be taken.
    fn make_ready(&mut self, turn: Turn, id: Arc<str>) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        entry.place = Place::Ready(turn);
        if entry.history.is_singled_out() {
            self.singled_out.insert((entry.history.lost(), turn), id);
        } else {
            self.ready.insert(turn, id);
        }
    }

    /// Takes a ready job out from among those that can be taken.
    fn unready(&mut self, id: &str, turn: Turn) -> Option<Arc<str>> {
        let history = &self.entries.get(id)?.history;
        if history.is_singled_out() {
            self.singled_out.remove(&(history.lost(), turn))
        } else {
            self.ready.remove(&turn)
        }
    }

    /// A worker whose lease has ended speaks after all: it is not lost.
    fn hear_from(&mut self, id: &str, token: u64) {
        let Some(entry) = self.entries.get(id) else {
            return;
        };
        let Some(at) = entry
            .history
            .silent
            .iter()
            .position(|known| *known == token)
        else {
            return;
        };
        let ready = match entry.place {
            Place::Ready(turn) => self.unready(id, turn).map(|id| (turn, id)),
            _ => None,
        };
        if let Some(entry) = self.entries.get_mut(id) {
            entry.history.silent.swap_remove(at);
        }
        if let Some((turn, id)) = ready {
            self.make_ready(turn, id);
        }
    }

    /// Takes the job out of the queue if the token still holds it. A lease that has ended but whose
    /// job that no other worker has taken yet still counts: the work is done and need not be
    /// repeated.
    fn end_lease(&mut self, id: &str, token: u64) -> Result<(Arc<str>, Option<Millis>), Lost> {
        let entry = self.entries.get(id).ok_or(Lost)?;
        let ended = match entry.place {
            Place::Leased { until, again } if until.1 == token => {
                let id = self.leased.remove(&until).ok_or(Lost)?;
                (id, again)
            }
            Place::Ready(turn) if turn.1 == token => (self.unready(id, turn).ok_or(Lost)?, None),
            _ => {
                self.hear_from(id, token);
                return Err(Lost);
            }
        };
        if self.alone == Some(token) {
            self.alone = None;
        }
        self.entries.remove(&ended.0);
        Ok(ended)
    }

    fn after_lease(&mut self, id: Arc<str>, due: Option<Millis>, now: Millis) -> RowChange {
        let row = due.map(|due| self.enqueue(Arc::clone(&id), due, History::default(), now));
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
            Holder::EarlierProcess,
            1_000,
        );
        let first = taken(&mut jobs, 1_000);
        assert_eq!((&*first.id, first.delivery), ("started", 2));
        assert_eq!(jobs.counts().delayed, 1);
    }

    #[test]
    fn a_push_does_not_shorten_the_pause_of_a_job_that_lost_several_workers() {
        let mut jobs = Jobs::new(10);
        let row = JobRow {
            due: 0,
            deliveries: SINGLED_OUT_AFTER,
            started: true,
        };
        jobs.restore([("a".to_owned(), row)], Holder::EarlierProcess, 100);
        assert_eq!(jobs.push("a", 100, 100), None);
        assert_eq!(jobs.next_event(), Some(100 + SINGLED_OUT_PAUSE));
    }

    #[test]
    fn reading_the_disk_again_is_the_death_of_no_worker() {
        let mut jobs = Jobs::new(10);
        jobs.push("a", 0, 0);
        for _ in 0..50 {
            jobs.advance(0);
            let (taken, change) = jobs.take(0).expect("a ready job");
            assert_eq!(taken.delivery, 1);
            let row = change.row.expect("the row of a leased job");
            jobs.restore([("a".to_owned(), row)], Holder::ThisProcess, 0);
        }
    }

    #[test]
    fn a_late_word_of_the_worker_takes_the_suspicion_away() {
        let mut jobs = Jobs::new(10);
        jobs.push("a", 0, 0);
        for round in 0..5 {
            let now = round * 10;
            let first = taken(&mut jobs, now);
            assert_eq!(first.delivery, 1);
            jobs.advance(now + 10);
            assert_eq!(jobs.renew("a", first.token, now + 10), Err(Lost));
        }
    }

    /// The guilty job kills the process the moment it is taken; every other one needs the process to
    /// live a little.
    #[test]
    fn only_the_job_that_kills_its_process_loses_more_than_a_few_workers() {
        const LIMIT: u32 = 5;
        let mut rows: Vec<_> = (0..20)
            .map(|number| {
                let row = JobRow {
                    due: number,
                    deliveries: 0,
                    started: false,
                };
                (format!("job-{number:02}"), row)
            })
            .collect();
        let mut worst = HashMap::new();
        let mut now = 1_000;
        let mut crashes = 0;
        loop {
            let mut jobs = Jobs::new(10_000);
            jobs.restore(rows.clone(), Holder::EarlierProcess, now);
            let mut disk: HashMap<String, JobRow> = rows.into_iter().collect();
            let mut working = Vec::new();
            let mut given_up = None;
            let mut crashed = false;
            while !crashed && given_up.is_none() {
                jobs.advance(now);
                while let Some((taken, change)) = jobs.take(now) {
                    disk.insert(taken.id.to_string(), change.row.expect("leased"));
                    if taken.delivery > LIMIT {
                        given_up = Some(taken.id.to_string());
                        break;
                    }
                    worst.insert(taken.id.to_string(), taken.delivery);
                    crashed |= &*taken.id == "job-13";
                    working.push(taken);
                }
                if crashed || given_up.is_some() {
                    break;
                }
                // No process crashed: what is under way ends well.
                for done in working.drain(..) {
                    jobs.complete(&done.id, done.token, now).expect("held");
                    disk.remove(&*done.id);
                }
                now = jobs.next_event().unwrap_or(now).max(now);
            }
            if let Some(id) = given_up {
                assert_eq!(id, "job-13");
                break;
            }
            crashes += 1;
            now += 2_000;
            rows = disk.into_iter().collect();
        }
        assert_eq!(crashes, LIMIT);
        worst.remove("job-13");
        assert!(
            worst.values().all(|deliveries| *deliveries <= 3),
            "{worst:?}"
        );
    }

    /// Sixty ends from outside, each while jobs are under way, and a job that ends the process whenever it is taken.
    #[test]
    fn of_three_hundred_jobs_and_sixty_kills_only_the_guilty_one_is_given_up_and_the_rest_is_done_in_bounded_rounds()
     {
        const LIMIT: u32 = 5;
        const INNOCENT: usize = 300;
        const KILLS: usize = 60;
        let row = |due| JobRow {
            due,
            deliveries: 0,
            started: false,
        };
        let name = |number: usize| match number {
            137 => "guilty".to_owned(),
            number => format!("job-{number:03}"),
        };
        let mut disk: HashMap<String, JobRow> = (0..=INNOCENT)
            .map(|number| (name(number), row(number as Millis)))
            .collect();
        let mut now = 1_000;
        let (mut kills, mut crashes, mut rounds) = (0, 0, 0);
        let mut given_up = Vec::new();
        while !disk.is_empty() {
            let mut jobs = Jobs::new(10_000);
            let rows: Vec<_> = disk.clone().into_iter().collect();
            jobs.restore(rows, Holder::EarlierProcess, now);
            loop {
                jobs.advance(now);
                let mut working = Vec::new();
                let mut crashed = false;
                while let Some((taken, change)) = jobs.take(now) {
                    if taken.delivery > LIMIT {
                        given_up.push(taken.id.to_string());
                        jobs.complete(&taken.id, taken.token, now).expect("held");
                        disk.remove(&*taken.id);
                        continue;
                    }
                    disk.insert(taken.id.to_string(), change.row.expect("leased"));
                    crashed |= &*taken.id == "guilty";
                    working.push(taken);
                }
                // What passes until jobs are due again is no round.
                rounds += usize::from(!working.is_empty());
                let killed = kills < KILLS && !working.is_empty();
                kills += usize::from(killed);
                if killed || crashed {
                    crashes += usize::from(crashed);
                    now += 1_000;
                    break;
                }
                for done in working {
                    jobs.complete(&done.id, done.token, now).expect("held");
                    disk.remove(&*done.id);
                }
                match jobs.next_event() {
                    _ if jobs.has_ready() => {}
                    Some(next) => now = now.max(next),
                    None => break,
                }
            }
        }
        assert_eq!((kills, given_up), (KILLS, vec!["guilty".to_owned()]));
        assert!(crashes <= LIMIT as usize, "{crashes}");
        // No round passes in which nothing ends: neither the process nor a job.
        let most = KILLS + crashes + INNOCENT;
        assert!(rounds <= most, "{rounds} rounds, {most} expected at most");
    }
}
