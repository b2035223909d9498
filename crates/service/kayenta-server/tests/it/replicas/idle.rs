//! What replicas ask of Redis while there is nothing to do.

use std::{collections::BTreeMap, time::Duration};

use kayenta_testkit::{RedisServer, eventually};

use super::fleet::Surroundings;

const WATCHED: Duration = Duration::from_secs(22);
const REPLICAS: usize = 2;

/// Calls since the last reset, by command. Those made by scripts count, too.
pub(super) async fn calls(redis: &RedisServer) -> BTreeMap<String, u64> {
    let text = redis.cli(&["INFO", "commandstats"]).await.unwrap();
    let lines = text.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
    });
    lines
        .filter(|(name, _)| !["info", "config|resetstat"].contains(&name.as_str()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and Azurite"]
async fn idle_replicas_wait_in_blocking_reads() {
    let shared = Surroundings::start().await;
    let _services = shared.replicas(REPLICAS, "").await;
    let blocked = format!("blocked_clients:{REPLICAS}");
    eventually("all replicas block", Duration::from_secs(20), async || {
        let clients = shared.redis.cli(&["INFO", "clients"]).await.unwrap();
        clients.contains(&blocked).then_some(()).ok_or(clients)
    })
    .await;
    shared.redis.cli(&["CONFIG", "RESETSTAT"]).await.unwrap();
    // What must not happen has no moment to wait for.
    tokio::time::sleep(WATCHED).await;
    let calls = calls(&shared.redis).await;
    let scripts = ["evalsha", "eval"];
    // A read blocks for ten seconds; what scripts call within Redis is no round trip.
    let reads = calls.get("xreadgroup").copied().unwrap_or_default();
    let rounds: u64 = scripts.iter().filter_map(|name| calls.get(*name)).sum();
    println!(
        "{REPLICAS} idle replicas in {} s: {reads} blocking reads, {rounds} scripts, in all {calls:?}",
        WATCHED.as_secs()
    );
    let periods = WATCHED.as_secs() / 10 + 1;
    assert!(reads <= periods * REPLICAS as u64, "{calls:?}");
    assert!(rounds <= 4 * periods * REPLICAS as u64, "{calls:?}");
    // The connections do block.
    let clients = shared.redis.cli(&["INFO", "clients"]).await.unwrap();
    assert!(clients.contains(&blocked), "{clients}");
}
