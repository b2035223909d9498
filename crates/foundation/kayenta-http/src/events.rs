//! Server-sent events of an answer, read as they arrive and bounded in size and time.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use kayenta_secrets::Masker;
use reqwest::{Response, header::CONTENT_TYPE};
use sse_stream::SseByteStream;
use tokio::time::Instant;

use crate::{
    answer::unusable,
    call::{broke_off, too_large, too_late},
    error::{HttpError, HttpErrorKind},
};

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name; `message` when it has none.
    pub name: String,
    /// Its data, lines joined by newlines.
    pub data: String,
}

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, HttpError>> + Send>>;

/// The events of one answer. Only the event being read is held in memory.
pub struct Events {
    peer: &'static str,
    url: String,
    masker: Masker,
    content_type: Option<String>,
    events: SseByteStream<Pieces>,
    received: Arc<AtomicUsize>,
    started: Instant,
    timeout: Duration,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("peer", &self.peer)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Events {
    pub(crate) fn new(
        peer: &'static str,
        url: String,
        masker: Masker,
        response: Response,
        limit: usize,
        (started, timeout): (Instant, Duration),
    ) -> Self {
        let content_type = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let received = Arc::new(AtomicUsize::new(0));
        let pieces = pieces(response, url.clone(), limit, Arc::clone(&received));
        Self {
            peer,
            masker,
            content_type,
            events: SseByteStream::new(pieces),
            received,
            url,
            started,
            timeout,
        }
    }

    /// The URL called, secrets masked.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the answer says it is.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Waits for the next event that has data; `None` at the end of the answer. An event the answer
    /// ends in without the blank line that should follow counts.
    ///
    /// # Errors
    /// [`Network`](HttpErrorKind::Network) when the answer breaks off or takes too long,
    /// [`Answer`](HttpErrorKind::Answer) when it is too large or no text. Nothing comes after one.
    pub async fn next(&mut self) -> Result<Option<Event>, HttpError> {
        loop {
            let event = tokio::time::timeout_at(self.started + self.timeout, self.events.next())
                .await
                .map_err(|_| self.timed(too_late(&self.url, self.timeout)))?;
            let event = match event {
                None => return Ok(None),
                Some(Ok(event)) => event,
                Some(Err(sse_stream::Error::Body(cause))) => {
                    return Err(match cause.downcast::<HttpError>() {
                        Ok(failure) => self.timed(*failure),
                        Err(cause) => self.unexpected(&cause).caused_by(cause),
                    });
                }
                Some(Err(error)) => return Err(self.unexpected(&error).caused_by(error)),
            };
            if let Some(data) = event.data {
                let name = event.event.unwrap_or_else(|| "message".to_owned());
                return Ok(Some(Event { name, data }));
            }
        }
    }

    fn timed(&self, failure: HttpError) -> HttpError {
        failure.after(self.started.elapsed())
    }

    /// Words of the server, with the secrets it may have repeated masked.
    #[must_use]
    pub fn masked(&self, words: &str) -> String {
        self.masker.text(words)
    }

    /// The failure of an answer that is not what the server promises, as
    /// [`Answer::unexpected`](crate::Answer::unexpected).
    #[must_use]
    pub fn unexpected(&self, what: impl fmt::Display) -> HttpError {
        self.timed(unusable(self.peer, &self.url, &self.masker, what))
    }

    /// The failure of an answer without a single event: an empty one may pass by itself, any other is
    /// something else.
    #[must_use]
    pub fn without_events(&self) -> HttpError {
        if self.received.load(Ordering::Relaxed) == 0 {
            return self.incomplete(format!("The answer of {} was empty", self.peer));
        }
        let kind = self.content_type().unwrap_or("unknown");
        self.unexpected(format!("it holds no events (content type {kind})"))
    }

    /// The failure of an answer that ended before the server said that it was complete; it is worth
    /// another try.
    #[must_use]
    pub fn incomplete(&self, what: impl fmt::Display) -> HttpError {
        self.timed(HttpError::new(
            HttpErrorKind::Incomplete,
            format!("{} (URL: {})", self.masked(&what.to_string()), self.url),
        ))
    }
}

/// The body in pieces, at most `limit` bytes, and the blank line a last event may lack.
fn pieces(response: Response, url: String, limit: usize, received: Arc<AtomicUsize>) -> Pieces {
    let body = stream::try_unfold((response, url, received), move |state| async move {
        let (mut response, url, received) = state;
        let so_far = received.load(Ordering::Relaxed);
        let piece = response
            .chunk()
            .await
            .map_err(|error| broke_off(&url, so_far, error))?;
        let Some(piece) = piece else { return Ok(None) };
        let so_far = so_far + piece.len();
        if so_far > limit {
            return Err(too_large(&url, limit));
        }
        received.store(so_far, Ordering::Relaxed);
        Ok(Some((piece, (response, url, received))))
    });
    let end = stream::iter([Ok(Bytes::from_static(b"\n\n"))]);
    Box::pin(body.chain(end))
}
