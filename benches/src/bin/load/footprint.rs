//! What a stack takes: memory and open files of the service, keys and memory of Redis, files or objects.

use std::{error::Error, fs, os::unix::fs::MetadataExt, path::Path};

use kayenta_testkit::{ObjectServer, RemoteStore, redis_server::RedisServer};

use crate::{
    process::memory_mib,
    stack::{Stack, Surroundings},
    trend::Figure,
};

const MIB: f64 = 1024.0 * 1024.0;

/// Files below a folder.
#[derive(Clone, Copy, Default)]
pub(crate) struct Files {
    /// Files and folders.
    pub(crate) inodes: u64,
    /// What is in the files.
    pub(crate) content: u64,
    /// What the file system has allotted.
    pub(crate) on_disk: u64,
}

/// Counts what is below a folder. What is removed meanwhile is left out.
pub(crate) fn files(folder: &Path) -> Files {
    let mut found = Files::default();
    let Ok(entries) = fs::read_dir(folder) else {
        return found;
    };
    for entry in entries.flatten() {
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        found.inodes += 1;
        found.on_disk += metadata.blocks() * 512;
        if metadata.is_dir() {
            let below = files(&entry.path());
            found.inodes += below.inodes;
            found.content += below.content;
            found.on_disk += below.on_disk;
        } else {
            found.content += metadata.len();
        }
    }
    found
}

/// Objects of a bucket.
#[derive(Clone, Copy, Default)]
pub(crate) struct Objects {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

/// Lists the bucket of a server that checks no signatures (gofakes3); `None` for other stores.
pub(crate) async fn objects(
    server: &ObjectServer,
    prefix: &str,
) -> Result<Option<Objects>, Box<dyn Error>> {
    if server.store() != RemoteStore::S3 {
        return Ok(None);
    }
    let http = reqwest::Client::new();
    let mut found = Objects::default();
    let mut after = String::new();
    loop {
        let url = format!("{}/kayenta", server.endpoint());
        let query = [
            ("list-type", "2"),
            ("prefix", prefix),
            ("start-after", &after),
        ];
        let answer = http.get(url).query(&query).send().await?;
        let text = answer.error_for_status()?.text().await?;
        for size in text.split("<Size>").skip(1) {
            let digits = size.split('<').next().unwrap_or_default();
            found.bytes += digits.parse::<u64>()?;
            found.count += 1;
        }
        let last = text
            .rsplit("<Key>")
            .next()
            .and_then(|key| key.split('<').next());
        match last {
            Some(key) if text.contains("<IsTruncated>true") => after = key.to_owned(),
            _ => return Ok(Some(found)),
        }
    }
}

/// Memory of Redis in bytes.
pub(crate) async fn redis_bytes(redis: &RedisServer) -> Result<f64, Box<dyn Error>> {
    let text = redis.cli(&["info", "memory"]).await?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    Ok(line.ok_or("Redis reports no used_memory")?.trim().parse()?)
}

/// Keys of Redis.
pub(crate) async fn redis_keys(redis: &RedisServer) -> Result<f64, Box<dyn Error>> {
    Ok(redis.cli(&["dbsize"]).await?.trim().parse()?)
}

/// Open files of a process.
fn open_files(id: u32) -> Result<f64, Box<dyn Error>> {
    Ok(fs::read_dir(format!("/proc/{id}/fd"))?.count() as f64)
}

/// Everything that must not grow.
pub(crate) async fn figures(stack: &Stack) -> Result<Vec<Figure>, Box<dyn Error>> {
    let id = stack.service.id().ok_or("the service has ended")?;
    let figure = |name, value, unit, floor| Figure {
        name,
        value,
        unit,
        floor,
    };
    let mut figures = vec![
        figure("resident memory", memory_mib(id, "VmRSS")?, " MiB", 8.0),
        figure("open files", open_files(id)?, "", 32.0),
    ];
    let Surroundings {
        redis,
        objects: server,
        ..
    } = &stack.surroundings;
    if let Some(redis) = redis {
        figures.push(figure("keys of Redis", redis_keys(redis).await?, "", 100.0));
        let memory = redis_bytes(redis).await? / MIB;
        figures.push(figure("memory of Redis", memory, " MiB", 1.0));
    }
    match server {
        Some(server) => {
            if let Some(objects) = objects(server, "").await? {
                figures.push(figure("objects", objects.count as f64, "", 200.0));
                let bytes = objects.bytes as f64 / MIB;
                figures.push(figure("bytes of objects", bytes, " MiB", 1.0));
            }
        }
        None => {
            let files = files(stack.service.data_dir());
            let size = files.on_disk as f64 / MIB;
            figures.push(figure("data directory", size, " MiB", 2.0));
            figures.push(figure("inodes of it", files.inodes as f64, "", 50.0));
        }
    }
    Ok(figures)
}
