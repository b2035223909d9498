//! `check-config` and `serve` agree on every file.

use std::{path::Path, process::Command, time::Duration};

use kayenta_testkit::ServiceBuilder;
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, prop_oneof},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use rcgen::{CertificateParams, KeyPair};

use crate::samples::BINARY;

/// Files to try; each starts a service.
const FILES: u32 = 48;

/// Key and trust stores that are right, and files that are not, in a folder.
fn files(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let other = KeyPair::generate().unwrap();
    for (name, text) in [
        ("cert.pem", certificate.pem()),
        ("key.pem", key.serialize_pem()),
        ("other-key.pem", other.serialize_pem()),
        ("empty.pem", String::new()),
        ("file", "no folder".to_owned()),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let chain = PrivateKeyChain::new(
        "id",
        PrivateKey::from_der(&key.serialize_der()).unwrap(),
        vec![Certificate::from_der(certificate.der()).unwrap()],
    );
    let mut store = KeyStore::new();
    store.add_entry("kayenta", KeyStoreEntry::PrivateKeyChain(chain));
    let bytes = store.writer("changeit").write().unwrap();
    std::fs::write(folder.join("store.p12"), bytes).unwrap();
}

/// One setting each, right or wrong; `$F` is the folder.
fn setting() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("server.ssl: {certificate: $F/cert.pem, certificate-private-key: $F/key.pem}"),
        Just("server.ssl: {certificate: $F/cert.pem, certificate-private-key: $F/other-key.pem}"),
        Just("server.ssl: {certificate: $F/cert.pem, certificate-private-key: $F/nope.pem}"),
        Just("server.ssl: {certificate: $F/empty.pem, certificate-private-key: $F/key.pem}"),
        Just("server.ssl: {key-store: $F/store.p12, key-store-password: changeit}"),
        Just("server.ssl: {key-store: $F/store.p12, key-store-password: wrong}"),
        Just(
            "server.ssl: {key-store: $F/store.p12, key-store-password: changeit, key-alias: none}"
        ),
        Just("server.ssl: {key-store: $F/nope.p12, key-store-password: changeit}"),
        Just(
            "management.server: {port: 0, ssl: {certificate: $F/cert.pem, certificate-private-key: $F/nope.pem}}"
        ),
        Just("ok-http-client: {trust-store: $F/store.p12, trust-store-password: changeit}"),
        Just("ok-http-client: {trust-store: $F/store.p12, trust-store-password: wrong}"),
        Just("ok-http-client: {trust-store: $F/cert.pem, trust-store-type: PEM}"),
        Just("ok-http-client: {trust-store: $F/empty.pem, trust-store-type: PEM}"),
        Just("ok-http-client: {key-store: $F/nope.p12}"),
        Just("ok-http-client: {key-store: $F/cert.pem, key-store-type: PEM}"),
        Just("logging.file.name: $F/logs/kayenta.log"),
        Just("logging.file.name: $F/file/kayenta.log"),
        Just("kayenta.disk: {enabled: true, accounts: [{name: d, path: $F/objects}]}"),
        Just("kayenta.disk: {enabled: true, accounts: [{name: d, path: $F/file/objects}]}"),
        Just("redis.connection: rediss://127.0.0.1:1"),
        Just("redis.connection: mysql://127.0.0.1:1"),
        Just("kayenta.security.tokens: [{name: t, token: a-token, role: write}]"),
        Just("kayenta.security.users: [{username: u}]"),
        Just("kayenta.remote-judge: {enabled: true, endpoint.base-url: no-url}"),
        Just(
            "kayenta.prometheus: {enabled: true, accounts: [{name: p, endpoint.baseUrl: no-url}]}"
        ),
        Just("kayenta.prometheus: {enabled: true, accounts: [{name: p}]}"),
        Just(
            "kayenta.prometheus: {enabled: true, accounts: [{name: p, endpoint.baseUrl: 'http://h', password: w}]}"
        ),
        Just(
            "kayenta.prometheus: {enabled: true, accounts: [{name: p, endpoint.baseUrl: 'http://h', usernamePasswordFile: $F/nope}]}"
        ),
        Just(
            "kayenta.prometheus: {enabled: true, accounts: [{name: p, endpoint.baseUrl: 'http://h', tls: {trustStore: $F/nope.p12}}]}"
        ),
        Just(
            "kayenta.prometheus: {enabled: true, accounts: [{name: p, endpoint.baseUrl: 'http://h', tls: {trustStore: $F/cert.pem, trustStoreType: PEM}}]}"
        ),
        Just(
            "kayenta.prometheus: {enabled: true, accounts: [{name: p, endpoint.baseUrl: 'http://h', authentication: {type: bearer, tokenFile: $F/nope}}]}"
        ),
        Just(
            "kayenta.prometheus: {enabled: true, accounts: [{name: p, endpoint.baseUrl: 'http://h', authentication: {type: nonsense}}]}"
        ),
        Just("kayenta.datadog: {enabled: true, accounts: [{name: d, apiKey: a}]}"),
        Just(
            "kayenta.datadog: {enabled: true, accounts: [{name: d, apiKey: a, applicationKey: b}, {name: d, apiKey: a, applicationKey: b}]}"
        ),
        Just("kayenta.newrelic: {enabled: true, accounts: [{name: n}]}"),
        Just("kayenta.signalfx: {enabled: true, accounts: [{name: s}]}"),
        Just("kayenta.wavefront: {enabled: true, accounts: [{name: w, apiToken: t}]}"),
        Just(
            "kayenta.influxdb: {enabled: true, accounts: [{name: i, endpoint.baseUrl: 'http://h'}]}"
        ),
        Just("kayenta.atlas: {enabled: true, accounts: [{name: a, backendsJsonBaseUrl: no-url}]}"),
        Just(
            "kayenta.google: {enabled: true, accounts: [{name: g, project: p, jsonPath: $F/nope.json, bucket: b, rootFolder: r, supportedTypes: [METRICS_STORE, OBJECT_STORE]}]}"
        ),
        Just(
            "kayenta.google: {enabled: true, accounts: [{name: g, project: p, jsonPath: $F/empty.pem, bucket: b, rootFolder: r, supportedTypes: [METRICS_STORE, OBJECT_STORE]}]}"
        ),
        Just(
            "kayenta.aws: {enabled: true, accounts: [{name: a, bucket: b, rootFolder: r, endpoint: 'ftp://h', supportedTypes: [OBJECT_STORE]}]}"
        ),
        Just(
            "kayenta.aws: {enabled: true, accounts: [{name: a, bucket: b, rootFolder: r, endpoint: 'http://127.0.0.1:1', explicitCredentials: {accessKey: k}, supportedTypes: [OBJECT_STORE]}]}"
        ),
        Just(
            "kayenta.azure: {enabled: true, accounts: [{name: z, storageAccountName: s, accountAccessKey: 'no base64!', container: c, rootFolder: r, supportedTypes: [OBJECT_STORE]}]}"
        ),
        Just(
            "kayenta.configbin: {enabled: true, accounts: [{name: c, endpoint.baseUrl: no-url, supportedTypes: [CONFIGURATION_STORE]}]}"
        ),
        Just(
            "kayenta.configbin: {enabled: true, accounts: [{name: c, supportedTypes: [CONFIGURATION_STORE]}]}"
        ),
        Just("kayenta.security.jwt: {jwksUrl: no-url}"),
        Just("no: {yaml"),
    ]
}

/// Runs `check-config` and `serve` with a file, and asserts that both accept or both refuse it. Says whether they accept
/// it, and what `check-config` said.
fn agree(
    runtime: &tokio::runtime::Runtime,
    folder: &Path,
    text: &str,
    data_dir: Option<&Path>,
) -> (bool, String) {
    let file = folder.join("kayenta.yml");
    let of_data = data_dir.map(|path| format!("kayenta.embedded.dataDir: {}\n", path.display()));
    std::fs::write(&file, text.to_owned() + &of_data.unwrap_or_default()).unwrap();
    let checked = Command::new(BINARY)
        .args(["check-config", "--quiet"])
        .arg(&file)
        .env_clear()
        .env("HOME", folder)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    let (started, log) = runtime.block_on(async {
        let mut service = ServiceBuilder::new(BINARY).config(text);
        if let Some(data_dir) = data_dir {
            service = service.data_dir(data_dir);
        }
        let mut service = service.spawn().unwrap();
        loop {
            if service.log().contains("Started Kayenta") {
                return (true, service.log());
            }
            if service.wait(Duration::from_millis(100)).await.is_ok() {
                return (false, service.log());
            }
        }
    });
    assert_eq!(
        checked.status.success(),
        started,
        "{text}\ncheck-config: {said}\nserve: {log}"
    );
    (started, said)
}

#[test]
fn a_work_file_that_a_start_cannot_read_is_refused_by_both() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let work = data.join("work.redb");
    // What a service leaves behind is accepted, however it ended.
    let (accepted, said) = agree(&runtime, folder.path(), "", Some(&data));
    assert!(accepted, "{said}");
    let (accepted, said) = agree(&runtime, folder.path(), "", Some(&data));
    assert!(accepted, "{said}");
    let whole = std::fs::read(&work).unwrap();
    for (what, content) in [
        ("another kind of file", b"no database".repeat(1000)),
        ("half of a file", whole[..whole.len() / 2].to_vec()),
        ("its head alone", whole[..200].to_vec()),
        ("nothing", Vec::new()),
    ] {
        std::fs::write(&work, &content).unwrap();
        let (accepted, said) = agree(&runtime, folder.path(), "", Some(&data));
        assert!(
            accepted || said.contains("work.redb"),
            "{what}: {accepted} {said}"
        );
        assert!(!accepted || content.is_empty(), "{what}");
    }
    std::fs::remove_file(&work).unwrap();
    std::fs::create_dir(&work).unwrap();
    let (accepted, said) = agree(&runtime, folder.path(), "", Some(&data));
    assert!(!accepted && said.contains("work.redb"), "{said}");
}

#[test]
fn a_file_that_check_config_accepts_starts_and_one_that_it_refuses_does_not() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    files(folder.path());
    let config = Config {
        cases: FILES,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    runner
        .run(&vec(setting(), 1..3), |settings| {
            let text = settings.join("\n") + "\n";
            let text = text.replace("$F", folder.path().to_str().unwrap());
            agree(&runtime, folder.path(), &text, None);
            Ok(())
        })
        .unwrap();
}
