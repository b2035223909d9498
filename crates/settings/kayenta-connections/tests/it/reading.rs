use std::time::Duration;

use kayenta_connections::Authentication;
use kayenta_http::Transport;

use crate::support::{environment, read, transport};

#[test]
fn nothing_set_is_the_shared_connection_without_proof() {
    let (connection, reports) = read(&environment(&[("name", "a")]));
    let connection = connection.unwrap();
    assert!(matches!(connection.authentication, Authentication::None));
    assert!(connection.headers.is_empty());
    assert_eq!(reports, Vec::<String>::new());
}

#[test]
fn every_kind_says_what_it_lacks() {
    for (kind, lacks) in [
        ("basic", &["username", "password"][..]),
        ("bearer", &["token"]),
        ("bearerFile", &["file"]),
        ("oauth2", &["tokenUrl", "clientId", "clientSecret"]),
        ("sigv4", &["region"]),
    ] {
        let (connection, reports) = read(&environment(&[("authentication.type", kind)]));
        assert!(connection.is_none(), "{kind}");
        for name in lacks {
            let full = format!("account.authentication.{name}");
            assert!(
                reports.iter().any(|text| text.contains(&full)),
                "{kind}: {reports:?}"
            );
        }
    }
    let wrong = [("authentication.type", "kerberos")];
    let (connection, reports) = read(&environment(&wrong));
    assert!(connection.is_none());
    assert!(reports[0].contains("sigv4"), "{reports:?}");
    let (connection, reports) = read(&environment(&[("authentication.token", "s3cret")]));
    assert!(connection.is_none());
    assert!(reports[0].contains("authentication.type"), "{reports:?}");
    assert!(!format!("{reports:?}").contains("s3cret"), "{reports:?}");
}

#[test]
fn no_secret_is_printed() {
    let settings = [
        ("headers.X-Scope-OrgID", "t0p"),
        ("authentication.type", "oauth2"),
        ("authentication.tokenUrl", "http://login/token"),
        ("authentication.clientId", "me"),
        ("authentication.clientSecret", "t0p"),
    ];
    let (connection, _) = read(&environment(&settings));
    assert!(!format!("{connection:?}").contains("t0p"), "{connection:?}");
}

#[test]
fn own_limits_proxy_and_certificates_replace_the_shared_ones() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, "no pem").unwrap();
    let path = file.display().to_string();
    let settings = [
        ("timeout", "7s"),
        ("readTimeout", "3s"),
        ("connectTimeout", "1s"),
        ("proxy", "http://proxy:3128"),
    ];
    let (connection, reports) = read(&environment(&settings));
    assert_eq!(reports, Vec::<String>::new());
    let own = connection.unwrap().transport(&transport()).unwrap();
    let limits = |transport: &Transport| {
        let settings = transport.settings();
        [
            settings.total_timeout,
            settings.read_timeout,
            settings.connect_timeout,
        ]
    };
    assert_eq!(limits(&own), [7, 3, 1].map(Duration::from_secs));
    let url = "https://host/".parse().unwrap();
    assert_eq!(
        own.settings().proxies.proxy_of(&url).unwrap().as_str(),
        "http://proxy:3128/"
    );

    let (connection, _) = read(&environment(&[("tls.caFile", &path)]));
    let error = connection.unwrap().transport(&transport()).unwrap_err();
    assert!(
        error.to_string().contains("is not a PEM certificate"),
        "{error}"
    );
    for (settings, words) in [
        (
            [("tls.caFile", "/nowhere/ca.pem")],
            "the file cannot be read",
        ),
        ([("tls.certificateFile", &*path)], "account.tls.keyFile"),
        ([("tls.keyFile", &*path)], "account.tls.certificateFile"),
        ([("proxy", "socks5://proxy")], "http:// or https://"),
    ] {
        let (connection, reports) = read(&environment(&settings));
        assert!(connection.is_none(), "{settings:?}");
        assert!(reports[0].contains(words), "{settings:?}: {reports:?}");
    }
}
