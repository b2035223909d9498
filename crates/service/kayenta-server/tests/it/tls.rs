//! HTTPS: PEM and PKCS#12, renewal while it runs, client certificates.

use std::{fs, path::Path, time::Duration};

use kayenta_testkit::{
    PrometheusServer, RedisServer, Service, ServiceBuilder,
    azurite::{ACCOUNT_KEY, ACCOUNT_NAME, Azurite, AzuriteOptions},
    certificates::write_self_signed,
    eventually,
    redis_server::RedisOptions,
    until,
};
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use tempfile::TempDir;

use crate::{
    requests::{Caller, Window, canary, canary_score, config, metric},
    samples::BINARY,
};

/// A certificate authority of the test's own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    fn issue(&self, purpose: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        (params.signed_by(&key, &self.0).unwrap(), key)
    }

    /// Writes a server's certificate and key.
    fn write_server(&self, folder: &Path) {
        let (certificate, key) = self.issue(ExtendedKeyUsagePurpose::ServerAuth);
        fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
        fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
    }

    /// A client that trusts only this authority.
    fn client(&self, identity: Option<&(rcgen::Certificate, KeyPair)>) -> reqwest::Client {
        let root = reqwest::Certificate::from_pem(self.pem().as_bytes()).unwrap();
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([root])
            .timeout(Duration::from_secs(5))
            .pool_max_idle_per_host(0);
        if let Some((certificate, key)) = identity {
            let pem = key.serialize_pem() + &certificate.pem();
            builder = builder.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap());
        }
        builder.build().unwrap()
    }
}

fn start(ssl: &str) -> Service {
    let yaml =
        format!("server:\n  port: 8090\n  ssl:\n{ssl}kayenta.server.tls-reload-interval: 100ms\n");
    ServiceBuilder::new(BINARY).config(yaml).spawn().unwrap()
}

fn pem_settings(folder: &TempDir) -> String {
    let file = |name: &str| folder.path().join(name).display().to_string();
    format!(
        "    certificate: {}\n    certificate-private-key: {}\n",
        file("server.pem"),
        file("server.key")
    )
}

fn url(service: &Service) -> String {
    service.base_url().replace("http:", "https:") + "/judges"
}

/// Asks until the answer is 200.
async fn answered(service: &Service, client: &reqwest::Client) {
    eventually(
        "it answers 200",
        Duration::from_secs(10),
        async || match client.get(url(service)).send().await {
            Ok(answer) if answer.status() == 200 => Ok(()),
            other => Err((other, service.log())),
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_taken_over_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    old.write_server(folder.path());
    let service = start(&pem_settings(&folder));
    answered(&service, &old.client(None)).await;
    assert!(new.client(None).get(url(&service)).send().await.is_err());

    fs::write(folder.path().join("server.pem"), "half written").unwrap();
    let failure = "the old one stays in use";
    service.logged(failure, Duration::from_secs(5)).await;
    answered(&service, &old.client(None)).await;

    new.write_server(folder.path());
    answered(&service, &new.client(None)).await;
    assert!(old.client(None).get(url(&service)).send().await.is_err());
}

/// As in Spring Boot: the management port follows the main one unless configured otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn the_management_port_speaks_tls_as_the_main_one_or_as_configured() {
    let folder = tempfile::tempdir().unwrap();
    let (main, other) = (Authority::new("main"), Authority::new("other"));
    main.write_server(folder.path());
    let theirs = tempfile::tempdir().unwrap();
    other.write_server(theirs.path());
    let own = pem_settings(&theirs);
    for (reported, authority) in [
        (String::new(), Some(&main)),
        (format!("  ssl:\n{own}"), Some(&other)),
        ("  ssl.enabled: false\n".to_owned(), None),
    ] {
        let port = kayenta_testkit::free_port().unwrap();
        let ssl = format!(
            "{}management.server:\n  port: {port}\n{reported}",
            pem_settings(&folder)
        );
        let service = start(&ssl);
        answered(&service, &main.client(None)).await;
        let (scheme, client) = match authority {
            Some(authority) => ("https", authority.client(None)),
            None => ("http", reqwest::Client::new()),
        };
        let health = client
            .get(format!("{scheme}://127.0.0.1:{port}/health"))
            .send()
            .await
            .unwrap();
        assert_eq!(health.status(), 200, "{reported:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_certificates_are_asked_for_when_configured() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, stranger) = (Authority::new("ours"), Authority::new("stranger"));
    authority.write_server(folder.path());
    let trusted = folder.path().join("clients.pem");
    fs::write(&trusted, authority.pem()).unwrap();
    let ssl = pem_settings(&folder)
        + &format!(
            "    client-auth: need\n    trust-certificate: {}\n",
            trusted.display()
        );
    let service = start(&ssl);
    let known = authority.issue(ExtendedKeyUsagePurpose::ClientAuth);
    answered(&service, &authority.client(Some(&known))).await;
    assert!(
        authority
            .client(None)
            .get(url(&service))
            .send()
            .await
            .is_err()
    );
    let unknown = stranger.issue(ExtendedKeyUsagePurpose::ClientAuth);
    assert!(
        authority
            .client(Some(&unknown))
            .get(url(&service))
            .send()
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pkcs12_key_store_serves_as_it_does_in_java() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours");
    let (certificate, key) = authority.issue(ExtendedKeyUsagePurpose::ServerAuth);
    let chain = PrivateKeyChain::new(
        "1",
        PrivateKey::from_der(&key.serialize_der()).unwrap(),
        [
            Certificate::from_der(certificate.der()).unwrap(),
            Certificate::from_der(authority.0.der()).unwrap(),
        ],
    );
    let mut store = KeyStore::new();
    store.add_entry("kayenta", KeyStoreEntry::PrivateKeyChain(chain));
    let path = folder.path().join("server.p12");
    fs::write(&path, store.writer("changeit").write().unwrap()).unwrap();

    let ssl = |alias: &str, password: &str| {
        format!(
            "    key-store: {}\n    key-store-type: PKCS12\n    key-store-password: {password}\n    \
             key-alias: {alias}\n",
            path.display()
        )
    };
    let service = start(&ssl("kayenta", "changeit"));
    answered(&service, &authority.client(None)).await;

    for (wrong, reported) in [
        (ssl("nobody", "changeit"), "has no key named nobody"),
        (
            ssl("kayenta", "wrong"),
            "cannot be opened with the configured password",
        ),
    ] {
        let mut service = start(&wrong);
        let status = service.wait(Duration::from_secs(10)).await.unwrap();
        assert_eq!(status.code(), Some(1));
        let log = service.log();
        assert!(
            log.contains("APPLICATION FAILED TO START") && log.contains(reported),
            "{log}"
        );
        assert!(!log.contains("changeit"), "a password is shown");
    }
}

/// Prometheus, Azurite and Redis with certificates that are their own authorities, as `openssl req -x509` makes them.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Prometheus, Node.js and Redis"]
async fn a_canary_runs_on_stores_whose_self_signed_certificates_are_in_the_trust_store() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = write_self_signed(folder.path(), &["127.0.0.1"]).unwrap();
    let prometheus = PrometheusServer::start_with_tls(folder.path())
        .await
        .unwrap();
    prometheus
        .wait_for("prometheus_build_info", 1, 1.0, Duration::from_secs(30))
        .await
        .unwrap();
    let azurite = Azurite::start_with(AzuriteOptions {
        certificate: Some((
            folder.path().join("server.pem"),
            folder.path().join("server.key"),
        )),
        ..AzuriteOptions::default()
    })
    .await
    .unwrap();
    let redis = RedisServer::start_with(RedisOptions {
        tls: true,
        self_signed: true,
        ..RedisOptions::default()
    })
    .await
    .unwrap();
    let plain_redis = RedisServer::start().await.unwrap();
    let trusted = folder.path().join("trusted.pem");
    fs::write(
        &trusted,
        format!("{certificate}{}", redis.authority_pem().unwrap()),
    )
    .unwrap();
    let yaml = |trust: &str| {
        format!(
            "kayenta:\n\
             \x20 prometheus: {{enabled: true, accounts: [{{name: p, endpoint.baseUrl: '{}'}}]}}\n\
             \x20 blobs.enabled: true\n  azure:\n    enabled: true\n    accounts:\n      - name: a\n        \
             storageAccountName: {ACCOUNT_NAME}\n        accountAccessKey: {ACCOUNT_KEY}\n        \
             blobEndpoint: '{}'\n        container: kayenta\n        rootFolder: kayenta\n        \
             supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]\n\
             redis.connection: {}\nmanagement.endpoint.health.show-details: always\n{trust}",
            prometheus.base_url(),
            azurite.endpoint(),
            redis.url(),
        )
    };
    let trust = format!(
        "ok-http-client: {{trust-store: '{}', trust-store-type: PEM}}\n",
        trusted.display()
    );
    let service = (ServiceBuilder::new(BINARY).config(yaml(&trust)))
        .start()
        .await
        .unwrap();
    let caller = Caller::new(service.base_url());
    let metrics = [metric("build", "Build", "prometheus_build_info")];
    let start = (chrono::Utc::now() - chrono::TimeDelta::minutes(1)).to_rfc3339();
    let window = Window {
        start: &start,
        end: &chrono::Utc::now().to_rfc3339(),
        step_seconds: 1,
    };
    let body = canary(
        &config("build", &metrics, serde_json::json!({"Build": 100})),
        "a",
        "b",
        window,
    );
    let id = caller.start("/canary", &body).await.unwrap();
    let answer = caller
        .complete(&format!("/canary/{id}"), Duration::from_secs(60))
        .await;
    assert_eq!(*canary_score(&answer), 100.0, "{answer}");

    // Without the trust store each of them is refused with the same words.
    let without = (ServiceBuilder::new(BINARY).config(yaml("")))
        .spawn()
        .unwrap();
    let at = format!("localhost:{}", redis.port());
    until("the cause is logged", Duration::from_secs(30), async || {
        without.log().lines().any(|line| {
            line.contains(&at) && line.contains("the certificate of the server is not accepted")
        })
    })
    .await;
    let without = (ServiceBuilder::new(BINARY)
        .config(yaml("").replace(&redis.url(), &plain_redis.url())))
    .spawn()
    .unwrap();
    let started = "Started Kayenta";
    without.logged(started, Duration::from_secs(30)).await;
    let caller = Caller::new(without.base_url());
    until(
        "health names the cause",
        Duration::from_secs(30),
        async || {
            let health = caller.health_with_causes().await.to_string();
            health.contains("the certificate of the server is not accepted")
        },
    )
    .await;
}
