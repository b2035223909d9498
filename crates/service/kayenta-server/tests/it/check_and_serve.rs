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
const FILES: u32 = 24;

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
        Just("no: {yaml"),
    ]
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
            let file = folder.path().join("kayenta.yml");
            std::fs::write(&file, &text).unwrap();
            let checked = Command::new(BINARY)
                .args(["check-config", "--quiet"])
                .arg(&file)
                .env_clear()
                .env("HOME", folder.path())
                .current_dir(folder.path())
                .output()
                .unwrap();
            let (started, log) = runtime.block_on(async {
                let mut service = ServiceBuilder::new(BINARY).config(&text).spawn().unwrap();
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
                "{text}\ncheck-config: {}\nserve: {log}",
                String::from_utf8_lossy(&checked.stderr)
            );
            Ok(())
        })
        .unwrap();
}
