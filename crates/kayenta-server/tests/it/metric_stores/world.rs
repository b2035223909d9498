//! A service with every store on, and the fake back end behind it.

use std::path::PathBuf;

use kayenta_testkit::{
    FakeMetricStores, Service, ServiceBuilder,
    fake_metric_stores::write_google_key,
    replay::{Departures, Replay, RequestDeparture, StoreRequests, Transcript},
};
use tempfile::TempDir;

use crate::samples::{BINARY, testdata};

/// Where the recording side had the back end, plain and with TLS.
const RECORDED: (&str, &str) = ("http://localhost:9191", "localhost:9192");

/// One running service with its back end.
pub(super) struct World {
    pub(super) stores: FakeMetricStores,
    pub(super) service: Service,
    _folder: TempDir,
}

impl World {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stores = FakeMetricStores::start(folder.path()).await.unwrap();
        let token_uri = format!("{}/token", stores.base_url());
        let google_key = write_google_key(folder.path(), &token_uri).unwrap();
        let authority = folder.path().join("authority.pem");
        let config = std::fs::read_to_string(recorded("kayenta.yml"))
            .unwrap()
            .replace("{{stores}}", &stores.base_url())
            .replace("{{google-key}}", google_key.to_str().unwrap())
            .replace("{{authority}}", authority.to_str().unwrap());
        let service = ServiceBuilder::new(BINARY)
            .config(config)
            .start()
            .await
            .unwrap();
        Self {
            stores,
            service,
            _folder: folder,
        }
    }

    /// Replays one transcript and compares what the back end was sent meanwhile.
    pub(super) async fn passes(self, scenario: &str) {
        let transcript = Transcript::read(&recorded(&format!("{scenario}.json"))).unwrap();
        let answers = departures(scenario);
        let departing = Departures::read(&answers).unwrap();
        let transcripts = [transcript];
        let strangers: Vec<_> = departing
            .strangers(&transcripts)
            .map(|d| (&d.id, &d.step))
            .collect();
        assert!(strangers.is_empty(), "departures of no step: {strangers:?}");
        let tls_host = self.stores.tls_base_url().replace("https://", "");
        let replay = Replay::new(self.service.base_url())
            .unwrap()
            .departing(departing)
            .substituting(self.stores.base_url(), RECORDED.0)
            .substituting(tls_host, RECORDED.1);
        let answers = replay.run(&transcripts[0]).await;
        println!("{answers}");
        let mut passed = answers.failed.is_empty();
        let file = recorded(&format!("requests-{scenario}.json"));
        if file.exists() {
            let on_purpose = departures(&format!("requests-{scenario}"));
            let on_purpose = match on_purpose.exists() {
                true => RequestDeparture::read(&on_purpose).unwrap(),
                false => Vec::new(),
            };
            let requests = StoreRequests::read(&file).unwrap();
            let requests = requests.compare(&self.stores.seen(), &on_purpose);
            println!("{requests}");
            passed &= requests.complaints.is_empty();
        }
        assert!(passed, "the service's log:\n{}", self.service.log());
    }
}

fn recorded(file: &str) -> PathBuf {
    testdata("metric-stores").join(file)
}

fn departures(name: &str) -> PathBuf {
    testdata("departures/metric-stores").join(format!("{name}.json"))
}
