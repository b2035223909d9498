//! What must never be shown: the secrets of every kind of account.

use kayenta_testkit::replay::{Replay, Transcript};
use serde_json::Value;

use super::world::{World, recorded};
use crate::requests::Caller;

const SCENARIOS: [&str; 8] = [
    "datadog",
    "graphite",
    "newrelic",
    "signalfx",
    "wavefront",
    "atlas",
    "influxdb",
    "stackdriver",
];

/// As `kayenta.yml` has them, and the token Google's answers hold.
const SECRETS: [&str; 8] = [
    "dd-api-key",
    "dd-application-key",
    "nr-query-key",
    "nr-query-key-2",
    "sfx-access-token",
    "sfx-access-token-2",
    "wf-api-token",
    "fake-access-token",
];

/// Fetches that work and fetches that fail, with everything logged; then whatever can be read is read.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_any_account_is_reported() {
    let world = World::start_with(
        "\nlogging.level.kayenta: TRACE\nretrofit.logLevel: FULL\nmanagement.endpoint.env.show-values: ALWAYS\n",
    )
    .await;
    let replay = Replay::new(world.service.base_url()).unwrap();
    let mut read = String::new();
    for scenario in SCENARIOS {
        let transcript = Transcript::read(&recorded(&format!("{scenario}.json"))).unwrap();
        for prefix in ["plain", "status ", "metadata "] {
            // The response instead of the recorded one is in the report.
            read += &replay.run(&transcript.only(prefix)).await.to_string();
        }
    }
    let caller = Caller::new(world.service.base_url());
    for path in [
        "/credentials",
        "/metricsServices",
        "/env",
        "/health",
        "/metrics",
    ] {
        let (_, answer): (_, Value) = caller.get(path).await.unwrap();
        read += &answer.to_string();
    }
    let log = world.service.log();
    assert!(log.contains("/datadog/api/v1/query"), "calls are logged");
    let google_key = world.google_key();
    let google_key = google_key.lines().nth(1).unwrap();
    for secret in SECRETS.into_iter().chain([google_key]) {
        assert!(!read.contains(secret), "an answer tells {secret}");
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "the log tells {secret}");
    }
}
