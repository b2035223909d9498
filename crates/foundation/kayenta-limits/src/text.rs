//! Texts that are written without knowing how long they become.

use std::io::{self, Write};

use crate::{Panicked, compute, compute_short};

/// A text up to this length is written in place.
const WRITTEN_IN_PLACE: usize = 64 << 10;
/// A text up to this length is written within milliseconds.
const MOST_OF_SHORT: usize = 512 << 10;

/// A text while it is written.
#[derive(Debug)]
pub struct Text {
    bytes: Vec<u8>,
    most: usize,
    is_full: bool,
}

impl Text {
    fn up_to(most: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(128),
            most,
            is_full: false,
        }
    }

    fn into_bytes(mut self) -> Vec<u8> {
        // What counts is the length of a text, which may be kept for long.
        self.bytes.shrink_to_fit();
        self.bytes
    }
}

impl Write for Text {
    fn write(&mut self, some: &[u8]) -> io::Result<usize> {
        self.write_all(some)?;
        Ok(some.len())
    }

    fn write_all(&mut self, some: &[u8]) -> io::Result<()> {
        if some.len() > self.most - self.bytes.len() {
            self.is_full = true;
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.bytes.extend_from_slice(some);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `write` writes of the document: in place if it is short, else as [`compute_short`] or [`compute()`] does. How
/// long it is shows only as it is written, so `write` begins again where it becomes too long, and gives up when the text
/// takes no more.
///
/// # Errors
/// When `write` panics; inside, what `write` fails with.
pub async fn written<D, E>(
    document: D,
    write: impl Fn(&D, &mut Text) -> Result<(), E> + Send + 'static,
) -> Result<Result<Vec<u8>, E>, Panicked>
where
    D: Send + 'static,
    E: Send + 'static,
{
    let unwritten = Unwritten { document, write };
    if let Some(done) = unwritten.up_to(WRITTEN_IN_PLACE) {
        return Ok(done);
    }
    let short = move || match unwritten.up_to(MOST_OF_SHORT) {
        Some(done) => Ok(done),
        None => Err(unwritten),
    };
    match compute_short(short).await? {
        Ok(done) => Ok(done),
        Err(unwritten) => compute(move || unwritten.whole()).await,
    }
}

/// A document, and how it is written.
struct Unwritten<D, W> {
    document: D,
    write: W,
}

impl<D, W> Unwritten<D, W> {
    /// Its text, unless that is longer than `most`.
    fn up_to<E>(&self, most: usize) -> Option<Result<Vec<u8>, E>>
    where
        W: Fn(&D, &mut Text) -> Result<(), E>,
    {
        let mut text = Text::up_to(most);
        let written = (self.write)(&self.document, &mut text);
        (!text.is_full).then(|| written.map(|()| text.into_bytes()))
    }

    fn whole<E>(&self) -> Result<Vec<u8>, E>
    where
        W: Fn(&D, &mut Text) -> Result<(), E>,
    {
        let mut text = Text::up_to(usize::MAX);
        (self.write)(&self.document, &mut text)?;
        Ok(text.into_bytes())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use std::thread;

    use super::*;

    /// Writes `length` bytes, and says on which threads.
    async fn write(length: usize) -> (Vec<u8>, Vec<String>) {
        let (sender, threads) = std::sync::mpsc::channel();
        let text = written(length, move |length, text| {
            let thread = thread::current().name().unwrap_or_default().to_owned();
            sender.send(thread).unwrap();
            (0..*length).try_for_each(|_| text.write_all(b"x"))
        });
        let text = text.await.unwrap().unwrap();
        (text, threads.iter().collect())
    }

    #[tokio::test]
    async fn a_longer_text_is_written_by_threads_for_longer_work_and_is_whole() {
        for (length, on) in [
            (0, &[""][..]),
            (WRITTEN_IN_PLACE, &[""]),
            (WRITTEN_IN_PLACE + 1, &["", "compute-short"]),
            (MOST_OF_SHORT, &["", "compute-short"]),
            (MOST_OF_SHORT + 1, &["", "compute-short", "compute"]),
        ] {
            let (text, threads) = write(length).await;
            assert_eq!(text.len(), length);
            assert_eq!(threads[1..], on[1..], "{length} bytes");
            assert_eq!(threads.len(), on.len(), "{length} bytes");
        }
    }

    #[tokio::test]
    async fn what_writing_fails_with_is_returned() {
        let failed = written((), |(), _| Err::<(), _>("no such number")).await;
        assert_eq!(failed.unwrap(), Err("no such number"));
    }
}
