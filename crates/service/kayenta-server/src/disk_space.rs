//! The component `diskSpace` of `/health`.

use std::path::PathBuf;

use async_trait::async_trait;
use kayenta_limits::Room;
use kayenta_management::{Health, HealthIndicator, HealthStatus, Impact};
use kayenta_model::JsonMap;

/// Free space of the file systems that data is on: of the fullest, if there are several.
#[derive(Debug)]
pub(crate) struct DiskSpace {
    paths: Vec<PathBuf>,
    threshold: u64,
}

impl DiskSpace {
    /// Down when one of the paths has fewer than `threshold` bytes left, or hardly any files.
    pub(crate) fn new(paths: Vec<PathBuf>, threshold: u64) -> Self {
        Self { paths, threshold }
    }
}

#[async_trait]
impl HealthIndicator for DiskSpace {
    fn name(&self) -> &str {
        "diskSpace"
    }

    fn impact(&self) -> Impact {
        Impact::Health
    }

    async fn check(&self) -> Health {
        let paths = self.paths.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let look = |path: PathBuf| (kayenta_limits::room(&path), path);
            let rooms = paths.into_iter().map(look);
            // Without files or bytes to spare nothing can be written, and a path that is missing is
            // worse than either.
            rooms.min_by_key(|(room, _)| {
                room.map(|room| (room.is_unlimited(), has_files(&room), room.free))
            })
        });
        let Some((found, path)) = looked.await.ok().flatten() else {
            return Health::down("the file system did not answer");
        };
        let room = found.unwrap_or_default();
        let has_bytes =
            room.free >= self.threshold || found.is_some_and(|room| room.is_unlimited());
        let mut health = if has_bytes && has_files(&room) {
            Health::up()
        } else {
            Health {
                status: HealthStatus::Down,
                details: JsonMap::new(),
            }
        };
        health = health
            .with("total", room.total)
            .with("free", room.free)
            .with("threshold", self.threshold)
            .with("exists", found.is_some());
        if health.status < HealthStatus::Up {
            health = health.with("path", path.display().to_string());
            if let Some(files) = room.free_files {
                health = health.with("freeFiles", files);
            }
        }
        health
    }
}

fn has_files(room: &Room) -> bool {
    room.free_files
        .is_none_or(|files| files >= kayenta_limits::RESERVED_FILES)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_system_that_reports_no_size_is_up_and_a_missing_one_is_down() {
        let of = |path: &str| DiskSpace::new(vec![PathBuf::from(path)], 10 << 20);
        assert_eq!(of("/proc").check().await.status, HealthStatus::Up);
        assert_eq!(of("/nowhere").check().await.status, HealthStatus::Down);
    }
}
