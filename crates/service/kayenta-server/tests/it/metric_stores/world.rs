//! A service with every store enabled, and its fake back end.

use std::path::PathBuf;

use kayenta_testkit::{
    FakeMetricStores, Service,
    fake_metric_stores::write_google_key,
    replay::{Departures, Replay, RequestDeparture, StoreRequests, Transcript},
};
use tempfile::TempDir;

use crate::samples::{serving, testdata};

/// Where the recording side had the back end, plain and with TLS.
const RECORDED: (&str, &str) = ("http://localhost:9191", "localhost:9192");

/// One running service with its back end.
pub(super) struct World {
    pub(super) stores: FakeMetricStores,
    pub(super) service: Service,
    folder: TempDir,
}

impl World {
    pub(super) async fn start() -> Self {
        Self::start_with("").await
    }

    /// One with more settings than the recording had.
    pub(super) async fn start_with(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stores = FakeMetricStores::start(folder.path()).await.unwrap();
        let token_uri = format!("{}/token", stores.base_url());
        let google_key = write_google_key(folder.path(), &token_uri).unwrap();
        let authority = folder.path().join("authority.pem");
        let config = std::fs::read_to_string(recorded("kayenta.yml"))
            .unwrap()
            .replace("{{stores}}", &stores.base_url())
            .replace("{{google-key}}", google_key.to_str().unwrap())
            .replace("{{authority}}", authority.to_str().unwrap())
            + more;
        let service = serving(config).await;
        Self {
            stores,
            service,
            folder,
        }
    }

    /// The key of the Google account.
    pub(super) fn google_key(&self) -> String {
        let file = self.folder.path().join("google-service-account.json");
        let file: serde_json::Value =
            serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        file["private_key"].as_str().unwrap().to_owned()
    }

    /// Replays one transcript and compares what the back end was sent meanwhile.
    pub(super) async fn passes(self, scenario: &str) {
        self.replays(scenario, "", scenario).await;
    }

    /// Replays what the reference makes of the odd answers of one store. Every step of which its
    /// answer is not one to be copied is a departure (`docs/compatibility.md`).
    pub(super) async fn improves_on_defects(self, store: &str) {
        let departures = format!("defects-{}", store.replace(' ', "-"));
        self.replays("upstream-defects", &format!("{store}: "), &departures)
            .await;
    }

    async fn replays(self, scenario: &str, prefix: &str, on_purpose: &str) {
        let transcript = Transcript::read(&recorded(&format!("{scenario}.json"))).unwrap();
        let transcripts = [transcript.only(prefix)];
        assert!(
            !transcripts[0].steps.is_empty(),
            "no step begins with {prefix}"
        );
        let departing = Departures::read(&departures(on_purpose)).unwrap();
        let strangers: Vec<_> = departing
            .strangers(&transcripts)
            .map(|d| (&d.id, &d.step))
            .collect();
        assert!(strangers.is_empty(), "departures of no step: {strangers:?}");
        let tls_host = self.stores.tls_base_url().replace("https://", "");
        let replay = Replay::new(self.service.base_url())
            .unwrap()
            .departing(departing.and(Departures::of_fuller_errors(&transcripts)))
            .substituting(self.stores.base_url(), RECORDED.0)
            .substituting(tls_host, RECORDED.1);
        let answers = replay.run(&transcripts[0]).await;
        println!("{answers}");
        let mut passed = answers.failed.is_empty();
        let file = recorded(&format!("requests-{scenario}.json"));
        if file.exists() {
            let on_purpose = departures(&format!("requests-{on_purpose}"));
            let on_purpose = match on_purpose.exists() {
                true => RequestDeparture::read(&on_purpose).unwrap(),
                false => Vec::new(),
            };
            let requests = StoreRequests::read(&file).unwrap().only(prefix);
            let requests = requests.compare(&self.stores.seen(), &on_purpose);
            println!("{requests}");
            passed &= requests.complaints.is_empty();
        }
        assert!(passed, "the service's log:\n{}", self.service.log());
    }
}

pub(super) fn recorded(file: &str) -> PathBuf {
    testdata("metric-stores").join(file)
}

fn departures(name: &str) -> PathBuf {
    testdata("departures/metric-stores").join(format!("{name}.json"))
}
