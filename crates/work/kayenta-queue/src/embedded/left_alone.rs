//! A file as a database may change it, without any of the changes reaching the file.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use redb::StorageBackend;

/// The unit in which changes are kept.
const PAGE: u64 = 4096;

/// A file that is read, and whose changes stay in memory: what an opening would do to it can be tried.
#[derive(Debug)]
pub(super) struct LeftAlone {
    file: File,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    len: u64,
    /// Pages that differ from the file, by their number.
    changed: BTreeMap<u64, Vec<u8>>,
}

impl LeftAlone {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self {
            file,
            state: RwLock::new(State {
                len,
                changed: BTreeMap::new(),
            }),
        })
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A page as the file has it; zeros after its end.
    fn page_of_file(&self, number: u64) -> io::Result<Vec<u8>> {
        let mut page = vec![0; PAGE as usize];
        let mut read = 0;
        while read < page.len() {
            match self
                .file
                .read_at(&mut page[read..], number * PAGE + read as u64)?
            {
                0 => break,
                more => read += more,
            }
        }
        Ok(page)
    }
}

/// The parts of pages that a range of bytes covers: the page's number, where in the page, and where in the range.
fn parts(
    offset: u64,
    len: usize,
) -> impl Iterator<Item = (u64, std::ops::Range<usize>, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == len {
            return None;
        }
        let at = offset + done as u64;
        let in_page = (at % PAGE) as usize;
        let taken = (PAGE as usize - in_page).min(len - done);
        let part = (at / PAGE, in_page..in_page + taken, done..done + taken);
        done += taken;
        Some(part)
    })
}

impl StorageBackend for LeftAlone {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.state().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let state = self.state();
        if offset + out.len() as u64 > state.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (number, in_page, in_range) in parts(offset, out.len()) {
            let part = &mut out[in_range];
            match state.changed.get(&number) {
                Some(page) => part.copy_from_slice(&page[in_page]),
                None => part.copy_from_slice(&self.page_of_file(number)?[in_page]),
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        let mut state = self.state_mut();
        if len < state.len {
            // What is after the new end is zero, should it grow again.
            for number in len / PAGE..state.len.div_ceil(PAGE) {
                let mut page = match state.changed.remove(&number) {
                    Some(page) => page,
                    None => self.page_of_file(number)?,
                };
                let kept = len.saturating_sub(number * PAGE).min(PAGE) as usize;
                page[kept..].fill(0);
                state.changed.insert(number, page);
            }
        }
        state.len = len;
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut state = self.state_mut();
        if offset + data.len() as u64 > state.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (number, in_page, in_range) in parts(offset, data.len()) {
            let mut page = match state.changed.remove(&number) {
                Some(page) => page,
                None => self.page_of_file(number)?,
            };
            page[in_page].copy_from_slice(&data[in_range]);
            state.changed.insert(number, page);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read_back_and_the_file_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let content: Vec<u8> = (0..10_000_u32).map(|n| n as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let store = LeftAlone::new(File::open(&path).unwrap()).unwrap();
        store.write(4_000, &[7; 300]).unwrap();
        let mut read = vec![0; 10_000];
        store.read(0, &mut read).unwrap();
        assert_eq!(read[..4_000], content[..4_000]);
        assert_eq!(read[4_000..4_300], [7; 300]);
        assert_eq!(read[4_300..], content[4_300..]);

        store.set_len(5_000).unwrap();
        assert!(store.read(4_999, &mut [0; 2]).is_err());
        store.set_len(9_000).unwrap();
        let mut grown = vec![1; 4_000];
        store.read(5_000, &mut grown).unwrap();
        assert_eq!(grown, [0; 4_000]);
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
}
