//! What arrives piece by piece.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::memory::{NoMemory, Reserved, reserve};

/// Least part of the budget that something asks for at a time.
const STEP: usize = 64 << 10;

/// Bytes that arrive piece by piece, and count against the budget as they do.
#[derive(Debug)]
pub struct Arriving {
    what: &'static str,
    patience: Duration,
    /// How many bytes of the budget a byte takes.
    factor: usize,
    reserved: Reserved,
    /// How many bytes have memory.
    room: usize,
    bytes: BytesMut,
}

impl Arriving {
    /// Something of which `expected` bytes are announced, 0 if nothing is known. Each of its bytes takes `factor` of the
    /// budget, which is waited for as long as `patience`.
    ///
    /// # Errors
    /// As [`reserve`], when there is no memory for what is announced.
    pub async fn expecting(
        what: &'static str,
        expected: usize,
        factor: usize,
        patience: Duration,
    ) -> Result<Self, NoMemory> {
        Ok(Self {
            what,
            patience,
            factor,
            reserved: reserve(what, expected.saturating_mul(factor), patience).await?,
            room: expected,
            bytes: BytesMut::new(),
        })
    }

    /// Takes a piece.
    ///
    /// # Errors
    /// As [`reserve`], when there is no memory for what has arrived beyond what was announced.
    pub async fn push(&mut self, piece: &[u8]) -> Result<(), NoMemory> {
        let needed = self.bytes.len() + piece.len();
        if needed > self.room {
            // A buffer that grows is there twice while it is copied.
            let more = (needed - self.room).max(self.bytes.len() / 2).max(STEP);
            let units = more.saturating_mul(self.factor);
            self.reserved.grow(self.what, units, self.patience).await?;
            self.room += more;
        }
        if self.bytes.capacity() < needed {
            // No more than what has memory, however much is announced: it is there now.
            self.bytes.reserve(self.room - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// How many bytes have arrived.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing has arrived.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What arrived in one piece, which is not copied. It counts as what was announced.
    #[must_use]
    pub fn whole_of(self, piece: Bytes) -> Bytes {
        self.reserved.bind(piece)
    }

    /// All of it, which counts for as long as any part of it exists.
    #[must_use]
    pub fn whole(self) -> Bytes {
        self.reserved.bind(self.bytes.freeze())
    }
}
