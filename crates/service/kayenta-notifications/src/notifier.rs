//! Delivers what there is to say, in order, and says when to try again.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use kayenta_engine::{Delivered, Engine, NoticeDelivery, NoticeId};
use kayenta_model::Clock;
use kayenta_queue::ExecutionStore;
use kayenta_settings::{NotificationEvent, NotificationVerdict};
use tracing::{Instrument as _, Span, field};

use crate::{
    event::{Event, events},
    filter::wants,
    progress::Progress,
    receiver::{Receiver, Receivers, Refusal},
    text::{FailingMetric, failing_metrics},
};

/// A receiver is tried again after the time that has passed since the event, within these bounds, so that the pauses double.
const PAUSES: (TimeDelta, TimeDelta) = (TimeDelta::seconds(5), TimeDelta::hours(1));
/// An event this old is given up. One that is put back by hand is tried once.
const PATIENCE: TimeDelta = TimeDelta::days(1);
/// Before something is looked at again that could not be read.
const STORE_PAUSE: TimeDelta = TimeDelta::seconds(5);

/// Delivers notices to the configured receivers.
#[derive(Debug)]
pub struct Notifier {
    receivers: Arc<Receivers>,
    engine: Engine,
    records: Arc<dyn ExecutionStore>,
    clock: Arc<dyn Clock>,
}

impl Notifier {
    /// One that reads executions through the engine, and keeps in `records` of which events a receiver was notified.
    #[must_use]
    pub fn new(
        receivers: Arc<Receivers>,
        engine: Engine,
        records: Arc<dyn ExecutionStore>,
    ) -> Self {
        Self {
            clock: Arc::clone(engine.clock()),
            receivers,
            engine,
            records,
        }
    }

    fn later(&self, pause: TimeDelta) -> Delivered {
        Delivered::Later(self.clock.now() + pause)
    }

    /// Notifies the receiver of every event of which it has not been notified.
    async fn tell(&self, notice: &NoticeId, receiver: &Receiver) -> Delivered {
        let history = match self.engine.history(&notice.execution_id).await {
            Ok(Some(history)) => history,
            Ok(None) => {
                return Delivered::GivenUp(format!(
                    "There is no record of execution {} any more, so there is nothing to notify {} of.",
                    notice.execution_id, notice.receiver
                ));
            }
            Err(error) => {
                tracing::debug!(%notice, %error, "could not read an execution to notify of");
                return self.later(STORE_PAUSE);
            }
        };
        let mut progress = None;
        if receiver.hears_of_several() {
            match Progress::load(Arc::clone(&self.records), notice).await {
                Ok(found) => progress = Some(found),
                Err(error) => {
                    tracing::debug!(%notice, %error, "could not read of which events a receiver was notified");
                    return self.later(STORE_PAUSE);
                }
            }
        }
        let known = progress.as_ref().map_or(0, Progress::notified);
        for event in events(&history).iter().skip(known) {
            if !wants(&receiver.settings, event) {
                continue;
            }
            let span = self.span_of(receiver, event);
            if let Err(refusal) = self.send(receiver, event).instrument(span).await {
                return self.after_refusal(receiver, event, &refusal);
            }
            if let Some(progress) = &mut progress
                && event.kind != NotificationEvent::Ended
            {
                let now = self.clock.now_millis();
                if let Err(error) = progress.save(event.ordinal + 1, now).await {
                    tracing::warn!(%notice, %error, "could not record that a receiver was notified; it may be notified again");
                }
            }
        }
        if let Some(progress) = progress.as_mut().filter(|_| history.has_ended())
            && let Err(error) = progress.forget().await
        {
            tracing::warn!(%notice, %error, "could not remove the record of a receiver that was notified");
        }
        Delivered::Done
    }

    /// The span of one attempt, in the trace of the request that asked for the execution.
    fn span_of(&self, receiver: &Receiver, event: &Event<'_>) -> Span {
        let span = || {
            tracing::trace_span!(
                "notification",
                otel.kind = "client",
                otel.status_code = field::Empty,
                receiver = receiver.name(),
                event = event.type_name(),
                http.response.status_code = field::Empty,
            )
        };
        match self.engine.traces() {
            Some(traces) => traces.begin(event.history.trace.as_ref(), &span),
            None => Span::none(),
        }
    }

    async fn send(&self, receiver: &Receiver, event: &Event<'_>) -> Result<(), Refusal> {
        let failing = self.failing(event).await;
        let said = self.receivers.said(event, failing);
        let source = self.receivers.public_url();
        let begun = Instant::now();
        let sent = receiver.send(event, &said, source, self.clock.now()).await;
        if sent.is_err() {
            Span::current().record("otel.status_code", "error");
        }
        receiver.turns.took(begun.elapsed());
        let name = receiver.name().to_owned();
        let outcome = if sent.is_ok() { "delivered" } else { "refused" };
        metrics::histogram!("kayenta_notification_seconds", "receiver" => name.clone())
            .record(begun.elapsed().as_secs_f64());
        metrics::counter!("kayenta_notifications_total", "receiver" => name, "outcome" => outcome)
            .increment(1);
        if sent.is_ok() {
            tracing::info!(
                receiver = receiver.name(),
                execution.id = %event.history.summary.id,
                event = event.type_name(),
                trace.id = event.trace_id(),
                "sent a notification"
            );
        }
        sent
    }

    fn after_refusal(
        &self,
        receiver: &Receiver,
        event: &Event<'_>,
        refusal: &Refusal,
    ) -> Delivered {
        let (name, cause) = (receiver.name(), &refusal.cause);
        let id = event.id();
        let now = self.clock.now();
        let since = DateTime::from_timestamp_millis(event.at_millis());
        let age = since.map_or(PATIENCE, |since| now - since);
        let Some(pause) = next_try(age, refusal) else {
            let reason = if refusal.gone {
                format!(
                    "Receiver {name} wants no more notifications, so {id} was not sent: {cause}"
                )
            } else {
                format!("Receiver {name} has not taken notification {id} for a day; last: {cause}")
            };
            tracing::error!(receiver = name, notification = %id, cause, trace.id = event.trace_id(), "gave up a notification; it is a dead letter now");
            metrics::counter!("kayenta_notifications_total", "receiver" => name.to_owned(), "outcome" => "given_up")
                .increment(1);
            return Delivered::GivenUp(reason);
        };
        let due: DateTime<Utc> = now + pause;
        tracing::warn!(
            receiver = name,
            notification = %id,
            cause,
            retry_in_s = pause.num_seconds(),
            trace.id = event.trace_id(),
            "could not deliver a notification; it is tried again"
        );
        Delivered::Later(due)
    }

    /// The metrics that speak against the canary, where there are any to be had.
    async fn failing(&self, event: &Event<'_>) -> (Vec<FailingMetric>, usize) {
        let speaks = matches!(
            event.verdict(),
            Some(NotificationVerdict::Marginal | NotificationVerdict::Failed)
        );
        let Some(run) = event.judged_run().filter(|_| speaks) else {
            return (Vec::new(), 0);
        };
        let evidence = match self.engine.canary_evidence(run, None).await {
            Ok(evidence) => evidence,
            Err(error) => {
                tracing::info!(execution.id = %run, %error, "a notification is sent without the failing metrics");
                return (Vec::new(), 0);
            }
        };
        let result = evidence
            .status
            .result
            .and_then(|result| result.judge_result);
        result.map_or((Vec::new(), 0), |result| {
            failing_metrics(&result, evidence.explanation.as_ref())
        })
    }
}

#[async_trait]
impl NoticeDelivery for Notifier {
    async fn deliver(&self, notice: &NoticeId) -> Delivered {
        let Some(receiver) = self.receivers.get(&notice.receiver) else {
            return Delivered::GivenUp(format!(
                "There is no receiver of notifications called {} any more.",
                notice.receiver
            ));
        };
        match receiver.turns.take(self.clock.now()) {
            Ok(turn) => {
                let delivered = self.tell(notice, receiver).await;
                drop(turn);
                delivered
            }
            Err(due) => Delivered::Later(due),
        }
    }
}

/// How long to wait before an event of this age is tried again; `None` when it is given up.
fn next_try(age: TimeDelta, refusal: &Refusal) -> Option<TimeDelta> {
    if refusal.gone || age >= PATIENCE {
        return None;
    }
    let asked = refusal
        .after
        .and_then(|after| TimeDelta::from_std(after).ok());
    let pause = age.max(asked.unwrap_or_default());
    Some(pause.clamp(PAUSES.0, PAUSES.1))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_end_after_a_day_or_when_the_receiver_is_gone() {
        let refusal = |gone, after| Refusal {
            cause: String::new(),
            gone,
            after,
        };
        let mut age = TimeDelta::zero();
        let mut tries = Vec::new();
        while let Some(pause) = next_try(age, &refusal(false, None)) {
            tries.push(pause.num_seconds());
            age += pause;
        }
        assert_eq!(
            tries[..11],
            [5, 5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560]
        );
        assert!(tries[11..].iter().all(|pause| *pause == 3_600), "{tries:?}");
        assert_eq!(tries.len(), 34);
        assert_eq!(age.num_hours(), 24);
        assert_eq!(next_try(TimeDelta::zero(), &refusal(true, None)), None);
        let asked = refusal(false, Some(Duration::from_secs(120)));
        assert_eq!(
            next_try(TimeDelta::zero(), &asked),
            Some(TimeDelta::seconds(120))
        );
    }
}
