//! How much memory the system allows the process.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The memory that the system allows this process: the limit of its control group and of those around
/// it, else the memory of the machine. `None` where neither can be read.
#[must_use]
pub fn memory_limit() -> Option<u64> {
    let group = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(&group)
        .into_iter()
        .filter_map(|file| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok());
    let machine = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| machine_memory(&text));
    limits.chain(machine).min()
}

/// Where the limits of a process in these control groups are: version 2, then version 1.
fn limit_files(group: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in group.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (root, file) = if controllers.is_empty() {
            ("/sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|name| name == "memory") {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            continue;
        };
        // Inside a container the path may be one of the host: then only the root is there.
        let path = Path::new(path.trim_start_matches('/'));
        files.extend(
            path.ancestors()
                .map(|path| Path::new(root).join(path).join(file)),
        );
    }
    files
}

fn machine_memory(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_the_group_and_of_those_around_it_are_looked_at() {
        let files = limit_files("0::/kubepods/pod1\n");
        let shown: Vec<_> = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        assert_eq!(
            shown,
            [
                "/sys/fs/cgroup/kubepods/pod1/memory.max",
                "/sys/fs/cgroup/kubepods/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        let files = limit_files("3:cpu,cpuacct:/x\n5:memory:/docker\n");
        assert_eq!(files.len(), 2);
        assert!(files[0].ends_with("memory/docker/memory.limit_in_bytes"));
        assert_eq!(
            machine_memory("MemFree: 1 kB\nMemTotal:  2048 kB\n"),
            Some(2 << 20)
        );
    }
}
