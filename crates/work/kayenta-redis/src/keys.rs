//! The names of everything kept in Redis.

/// Keys of one queue, all in one slot of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    tag: String,
    queue: [String; 7],
    records: [String; 3],
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
                key("deliveries"),
                key("again"),
                key(&format!("dead:{}", plain(dead_letter_name))),
            ],
            records: [key("records"), key("unfinished"), key("ended")],
            tag,
        }
    }

    /// Stream of ready jobs, delayed jobs by time, place of each job, leases by end, deliveries so far,
    /// jobs pushed while leased, stream of dead letters: what every queue script gets, in this order.
    pub(crate) fn queue(&self) -> &[String] {
        &self.queue
    }

    pub(crate) fn ready(&self) -> &str {
        &self.queue[0]
    }

    pub(crate) fn dead(&self) -> &str {
        &self.queue[6]
    }

    /// Set of all ids, set of unfinished ids, ended records by the time they may go.
    pub(crate) fn records(&self) -> &[String] {
        &self.records
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
