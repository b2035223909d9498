//! Servers with certificates of many kinds, and what the client says of them.

use std::sync::Arc;

use kayenta_http::{HttpClient, HttpSettings, Transport};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// A certificate as `openssl req -x509` makes it: self-signed, and an authority.
struct SelfSigned {
    pem: String,
    acceptor: TlsAcceptor,
}

impl SelfSigned {
    fn new(names: &[&str], years: (i32, i32), is_ca: IsCa) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.is_ca = is_ca;
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
        Self {
            pem: certificate.pem(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }
    }

    /// An authority that is valid now.
    fn authority(names: &[&str]) -> Self {
        Self::new(
            names,
            (2020, 2120),
            IsCa::Ca(BasicConstraints::Unconstrained),
        )
    }

    /// Answers `{}` to every request; the port.
    async fn serve(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = self.acceptor.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let mut read = [0; 4096];
                    let _ = stream.read(&mut read).await;
                    let answer =
                        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                    let _ = stream.write_all(answer).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        port
    }
}

/// What a client that trusts these certificates gets from a URL.
async fn asked(url: &str, trusted: &[&str]) -> Result<Vec<u8>, String> {
    let settings = HttpSettings {
        extra_ca_pem: trusted.iter().map(|pem| pem.as_bytes().to_vec()).collect(),
        ..HttpSettings::default()
    };
    let transport = Transport::new(&settings).unwrap();
    let client = HttpClient::builder("the server", url.parse().unwrap())
        .build(&transport)
        .unwrap();
    match client.get("/").send().await {
        Ok(answer) => Ok(answer.body().to_vec()),
        Err(error) => Err(error.message),
    }
}

#[tokio::test]
async fn a_servers_own_certificate_in_the_trust_store_is_accepted_even_if_it_is_an_authority() {
    for server in [
        SelfSigned::authority(&["127.0.0.1"]),
        SelfSigned::new(&["127.0.0.1"], (2020, 2120), IsCa::NoCa),
    ] {
        let url = format!("https://127.0.0.1:{}", server.serve().await);
        assert_eq!(asked(&url, &[&server.pem]).await.unwrap(), b"{}");
    }
}

#[tokio::test]
async fn host_name_and_dates_are_checked_all_the_same() {
    let other_host = SelfSigned::authority(&["prometheus.example.com"]);
    let url = format!("https://127.0.0.1:{}", other_host.serve().await);
    let error = asked(&url, &[&other_host.pem]).await.unwrap_err();
    assert!(
        error.contains("it is not for the host 127.0.0.1 but for prometheus.example.com"),
        "{error}"
    );

    let ca = IsCa::Ca(BasicConstraints::Unconstrained);
    for (years, words) in [
        ((2001, 2002), "it has expired"),
        ((2100, 2101), "not valid yet"),
    ] {
        let server = SelfSigned::new(&["127.0.0.1"], years, ca);
        let url = format!("https://127.0.0.1:{}", server.serve().await);
        let error = asked(&url, &[&server.pem]).await.unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn another_certificate_of_the_same_name_is_not_accepted() {
    let trusted = SelfSigned::authority(&["127.0.0.1"]);
    let server = SelfSigned::authority(&["127.0.0.1"]);
    let url = format!("https://127.0.0.1:{}", server.serve().await);
    for trusted in [vec![], vec![trusted.pem.as_str()]] {
        let error = asked(&url, &trusted).await.unwrap_err();
        assert!(
            error.contains("the certificate of the server is not accepted"),
            "{error}"
        );
        assert!(
            !error.contains("CaUsedAsEndEntity") && !error.contains("UnknownIssuer"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_server_without_tls_is_recognised() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let error = asked(&format!("https://127.0.0.1:{port}"), &[])
        .await
        .unwrap_err();
    assert!(error.contains("does not speak TLS"), "{error}");
}
