//! The names of everything kept in Redis.

/// Keys of one queue, all in one slot of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    tag: String,
    queue: [String; 8],
    records: [String; 4],
}

/// The consumer group of the stream of ready jobs.
pub(crate) const GROUP: &str = "workers";

impl Keys {
    pub(crate) fn new(queue_name: &str, dead_letter_name: &str) -> Self {
        // Braces inside a name would end the tag early.
        let plain = |name: &str| name.replace(['{', '}'], "_");
        let tag = format!("{{{}:rs}}", plain(queue_name));
        let key = |name: &str| format!("{tag}:{name}");
        Self {
            queue: [
                key("ready"),
                key("delayed"),
                key("places"),
                key("leases"),
                key("silent"),
                key("again"),
                key(&format!("dead:{}", plain(dead_letter_name))),
                key("suspects"),
            ],
            records: [
                key("records"),
                key("unfinished"),
                key("ended"),
                key("times"),
            ],
            tag,
        }
    }

    /// Stream of ready jobs, delayed jobs by time, place of each job, leases by end, leases that ended
    /// without a word, jobs pushed while leased, stream of dead letters, the job of each process that has lost
    /// several workers: what every queue script gets, in this order.
    pub(crate) fn queue(&self) -> &[String] {
        &self.queue
    }

    pub(crate) fn ready(&self) -> &str {
        &self.queue[0]
    }

    /// The place of each job.
    pub(crate) fn places(&self) -> &str {
        &self.queue[2]
    }

    pub(crate) fn dead(&self) -> &str {
        &self.queue[6]
    }

    /// Set of all ids, set of unfinished ids, ended records by the time they may go, all ids by the time they were
    /// accepted: what every record script gets first, in this order.
    pub(crate) fn records(&self) -> &[String] {
        &self.records
    }

    /// All ids by the time they were accepted.
    pub(crate) fn times(&self) -> &str {
        &self.records[3]
    }

    /// The key that a process writes to see whether it can.
    pub(crate) fn probe(&self, consumer: &str) -> String {
        format!("{}:probe:{consumer}", self.tag)
    }

    /// Every key with a fixed name, and what it is.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let queue = [
            "stream", "zset", "hash", "zset", "hash", "hash", "stream", "hash",
        ];
        let records = ["set", "set", "zset", "zset"];
        self.queue
            .iter()
            .zip(queue)
            .chain(self.records.iter().zip(records))
            .map(|(key, kind)| (&**key, kind))
    }

    pub(crate) fn record(&self, id: &str) -> String {
        format!("{}:record:{id}", self.tag)
    }

    pub(crate) fn group(&self, group: &str) -> String {
        format!("{}:group:{group}", self.tag)
    }

    /// Which era it is, and what was lost with the one before.
    pub(crate) fn era(&self) -> String {
        format!("{}:era", self.tag)
    }

    /// What all of them begin with, for scripts that meet ids inside Redis.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }
}
