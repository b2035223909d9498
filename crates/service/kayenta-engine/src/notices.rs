//! Notices: jobs that notify receivers of how far an execution has come. They share the queue with the
//! executions but not their workers: a notice takes no place of an execution.
//!
//! The engine knows when there is something to notify of. Whom, and how, is decided by the implementations of
//! [`NoticeBoard`] and [`NoticeDelivery`].

use std::{fmt, str::FromStr};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kayenta_model::{Double, ExecutionStatus, ExecutionSummary};

use crate::{
    record::{Execution, StageWork},
    traces::TraceContext,
};

/// What the ids of notice jobs begin with. No execution has such an id.
const PREFIX: &str = "notice:";

/// The job that notifies one receiver of one execution: at most one is queued or under way at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NoticeId {
    /// Name of the receiver; without colons.
    pub receiver: String,
    /// The execution.
    pub execution_id: String,
}

/// A text that names no notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a notice is named {PREFIX}<receiver>:<execution>")]
pub struct NoNoticeId;

impl fmt::Display for NoticeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}:{}", self.receiver, self.execution_id)
    }
}

impl FromStr for NoticeId {
    type Err = NoNoticeId;

    fn from_str(text: &str) -> Result<Self, NoNoticeId> {
        let rest = text.strip_prefix(PREFIX).ok_or(NoNoticeId)?;
        let (receiver, execution_id) = rest.split_once(':').ok_or(NoNoticeId)?;
        Ok(Self {
            receiver: receiver.to_owned(),
            execution_id: execution_id.to_owned(),
        })
    }
}

/// Whether an id in the queue or among the records belongs to a notice.
pub(crate) fn is_notice(id: &str) -> bool {
    id.starts_with(PREFIX)
}

/// How far an execution has come, as far as notices go.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionHistory {
    /// What a listing shows of it.
    pub summary: ExecutionSummary,
    /// The judgements so far, in order; a canary run on its own has none beside its end.
    pub looks: Vec<JudgedLook>,
    /// The trace of the request that asked for it.
    pub trace: Option<TraceContext>,
}

/// One judgement of an analysis.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedLook {
    /// From 1.
    pub number: i64,
    /// The canary run that was judged.
    pub execution_id: String,
    /// Its score.
    pub score: Double,
    /// When it was judged, in milliseconds since 1970.
    pub at_millis: i64,
}

impl ExecutionHistory {
    pub(crate) fn of(execution: &Execution) -> Self {
        let looks = execution.stages.iter().filter_map(|stage| {
            let StageWork::Run(run) = &stage.work else {
                return None;
            };
            Some(JudgedLook {
                number: run.number,
                execution_id: run.child_id.clone()?,
                score: run.score?,
                at_millis: stage.end_time.unwrap_or(execution.build_time),
            })
        });
        Self {
            summary: execution.summary(),
            looks: looks.collect(),
            trace: execution.trace(),
        }
    }

    /// How many events there are: its start, each judgement, and its end.
    #[must_use]
    pub fn events(&self) -> usize {
        1 + self.looks.len() + usize::from(self.has_ended())
    }

    /// Whether the execution is complete.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        ExecutionStatus::is_complete(self.summary.status)
    }
}

/// Knows which receivers want which events.
pub trait NoticeBoard: Send + Sync + fmt::Debug {
    /// Names of the receivers that want an event of the execution that is not among its first `known`. Called often: it
    /// must not wait for anything.
    fn receivers(&self, history: &ExecutionHistory, known: usize) -> Vec<String>;
}

/// What becomes of the job of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The receiver has been notified of everything.
    Done,
    /// Try again no earlier than this.
    Later(DateTime<Utc>),
    /// Given up, with the reason: a dead letter.
    GivenUp(String),
}

/// Notifies receivers. May be called at any number of places at a time; it has to return soon where the
/// receiver cannot be notified now.
#[async_trait]
pub trait NoticeDelivery: Send + Sync + fmt::Debug {
    /// Notifies a receiver of every event of an execution of which it has not been notified.
    async fn deliver(&self, notice: &NoticeId) -> Delivered;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_notice_is_read_as_it_is_written_and_no_execution_has_one() {
        let id = NoticeId {
            receiver: "ops-chat".to_owned(),
            execution_id: "01JRAW4P5ZK8Q9W2M7D3N6X0TV".to_owned(),
        };
        let text = id.to_string();
        assert_eq!(text, "notice:ops-chat:01JRAW4P5ZK8Q9W2M7D3N6X0TV");
        assert!(is_notice(&text));
        assert_eq!(text.parse(), Ok(id));
        assert!("01JRAW4P5ZK8Q9W2M7D3N6X0TV".parse::<NoticeId>().is_err());
    }
}
