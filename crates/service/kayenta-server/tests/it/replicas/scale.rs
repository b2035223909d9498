//! How many canaries a second one, two and three replicas finish.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use serde_json::json;

use super::fleet::{Surroundings, callers, one_canary};

const CANARIES: usize = 90;
/// Requests under way at a time.
const CLIENTS: usize = 16;
/// As a Prometheus across a network may take.
const ANSWER: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis and Azurite"]
async fn every_canary_succeeds_with_three_two_and_one_replicas() {
    let shared = Surroundings::start().await;
    shared.prometheus.delay_answers(ANSWER);
    // Few workers each: what is measured is the sharing, on however many cores there are.
    let mut services = shared.replicas(3, "kayenta.engine.workers: 4\n").await;
    while !services.is_empty() {
        let callers = callers(&services);
        let (path, body) = one_canary("canary");
        let began = Instant::now();
        let ids: Vec<String> = stream::iter(0..CANARIES)
            .map(|number| {
                let (caller, body) = (&callers[number % callers.len()], &body);
                async move { caller.start(path, body).await.unwrap() }
            })
            .buffer_unordered(CLIENTS)
            .collect()
            .await;
        let accepted = began.elapsed();
        for (number, id) in ids.iter().enumerate() {
            let caller = &callers[number % callers.len()];
            let answer = caller
                .complete(&format!("{path}/{id}"), Duration::from_secs(60))
                .await;
            assert_eq!(answer["status"], json!("succeeded"), "{answer}");
        }
        let ended = began.elapsed();
        println!(
            "{} replica(s) of 4 workers: {CANARIES} canaries of 3 metrics accepted in {accepted:.1?}, ended in \
             {ended:.1?}: {:.1} a second",
            services.len(),
            CANARIES as f64 / ended.as_secs_f64()
        );
        let mut last = services.pop().unwrap();
        assert!(last.terminate().await.unwrap().success());
    }
}
