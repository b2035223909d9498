//! A connection whose client has to read: what it does not take in time ends it.

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// How often the speed is looked at.
const WINDOW: Duration = Duration::from_secs(15);

/// How fast a client has to take answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Bytes a second at least, over a quarter of a minute.
    pub(crate) least_rate: u64,
    /// How long one answer may take in all.
    pub(crate) longest: Duration,
}

/// A stream that fails writing when the other side reads too slowly. Only time spent waiting for it
/// counts.
#[derive(Debug)]
pub(super) struct Paced<S> {
    inner: S,
    pace: Pace,
    waiting: Option<Waiting>,
}

/// Since the other side let an answer wait for the first time.
#[derive(Debug)]
struct Waiting {
    since: Instant,
    window_ends: Instant,
    /// Bytes taken in this window.
    taken: u64,
    timer: Pin<Box<Sleep>>,
}

impl<S> Paced<S> {
    pub(super) fn new(inner: S, pace: Pace) -> Self {
        Self {
            inner,
            pace,
            waiting: None,
        }
    }

    fn took(&mut self, bytes: usize) {
        if let Some(waiting) = &mut self.waiting {
            waiting.taken = waiting.taken.saturating_add(bytes as u64);
        }
    }

    /// The other side takes nothing just now: whether that has been so for too long.
    fn look(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let waiting = self.waiting.get_or_insert_with(|| {
            let now = Instant::now();
            Waiting {
                since: now,
                window_ends: now + WINDOW,
                taken: 0,
                timer: Box::pin(sleep_until(now + WINDOW)),
            }
        });
        loop {
            ready!(waiting.timer.as_mut().poll(context));
            let now = Instant::now();
            let least = self.pace.least_rate.saturating_mul(WINDOW.as_secs());
            if waiting.taken < least || now - waiting.since >= self.pace.longest {
                return Poll::Ready(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the client reads its answer too slowly",
                ));
            }
            waiting.taken = 0;
            waiting.window_ends = now + WINDOW;
            waiting.timer.as_mut().reset(waiting.window_ends);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.inner).poll_read(context, buffer));
        if buffer.filled().len() > before {
            // The next request: the last answer has arrived.
            self.waiting = None;
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.inner).poll_write(context, bytes) {
            Poll::Ready(Ok(written)) => {
                self.took(written);
                Poll::Ready(Ok(written))
            }
            Poll::Ready(failed) => Poll::Ready(failed),
            Poll::Pending => self.look(context).map(Err),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.inner).poll_write_vectored(context, parts) {
            Poll::Ready(Ok(written)) => {
                self.took(written);
                Poll::Ready(Ok(written))
            }
            Poll::Ready(failed) => Poll::Ready(failed),
            Poll::Pending => self.look(context).map(Err),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.inner).poll_flush(context) {
            Poll::Pending => self.look(context).map(Err),
            flushed => flushed,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const PACE: Pace = Pace {
        least_rate: 1_000,
        longest: Duration::from_secs(60),
    };

    async fn written_to_reader(rate: usize) -> (io::Result<()>, Duration) {
        let (near, mut far) = duplex(1_024);
        tokio::spawn(async move {
            let mut buffer = vec![0; rate.max(1)];
            while rate > 0 && far.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            std::future::pending::<()>().await;
        });
        let began = Instant::now();
        let written = Paced::new(near, PACE).write_all(&vec![0; 40_000]).await;
        (written, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_or_drop_by_drop_is_let_go() {
        for rate in [0, 500] {
            let (written, took) = written_to_reader(rate).await;
            assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert!(took <= 2 * WINDOW, "{took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_fast_enough_gets_its_answer() {
        // The pipe holds 1,024 bytes, so no more is taken a second.
        let (written, took) = written_to_reader(1_024).await;
        written.unwrap();
        assert!(took > WINDOW);
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_takes_longer_than_the_limit() {
        let (near, mut far) = duplex(1_024);
        tokio::spawn(async move {
            let mut buffer = vec![0; 1_024];
            while far.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let began = Instant::now();
        let written = Paced::new(near, PACE).write_all(&vec![0; 1 << 20]).await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() <= PACE.longest + WINDOW);
    }
}
