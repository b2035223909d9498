//! A log file that does not grow without bound.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use kayenta_settings::LogFileSettings;

/// A file that is renamed to `<name>.1` once it is full, `.1` to `.2`, and so on; the oldest goes.
#[derive(Debug)]
pub(super) struct RollingFile {
    path: PathBuf,
    max_bytes: u64,
    max_files: u32,
    file: File,
    written: u64,
}

impl RollingFile {
    /// Opens the file to append to it, creating its folder.
    pub(super) fn open(settings: &LogFileSettings) -> io::Result<Self> {
        if let Some(folder) = settings.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = append(&settings.path)?;
        let written = file.metadata()?.len();
        Ok(Self {
            path: settings.path.clone(),
            max_bytes: settings.max_bytes.max(1),
            max_files: settings.max_files,
            file,
            written,
        })
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        name.into()
    }

    fn roll(&mut self) -> io::Result<()> {
        for number in (1..self.max_files).rev() {
            let (from, to) = (self.numbered(number), self.numbered(number + 1));
            if from.exists() {
                fs::rename(from, to)?;
            }
        }
        if self.max_files == 0 {
            fs::remove_file(&self.path)?;
        } else {
            fs::rename(&self.path, self.numbered(1))?;
        }
        self.file = append(&self.path)?;
        self.written = 0;
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

impl Write for RollingFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.written > 0 && self.written + line.len() as u64 > self.max_bytes {
            self.roll()?;
        }
        self.file.write_all(line)?;
        self.written += line.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_files_are_numbered_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/kayenta.log");
        let settings = LogFileSettings {
            path: path.clone(),
            max_bytes: 10,
            max_files: 2,
        };
        let mut file = RollingFile::open(&settings).unwrap();
        for line in ["first\n", "second\n", "third\n", "fourth\n"] {
            file.write_all(line.as_bytes()).unwrap();
        }
        let read = |name: &str| fs::read_to_string(folder.path().join("logs").join(name)).unwrap();
        assert_eq!(read("kayenta.log"), "fourth\n");
        assert_eq!(read("kayenta.log.1"), "third\n");
        assert_eq!(read("kayenta.log.2"), "second\n");
        assert!(!folder.path().join("logs/kayenta.log.3").exists());
    }
}
