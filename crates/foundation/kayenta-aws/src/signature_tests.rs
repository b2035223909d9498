//! Signatures of whole requests, compared with a second implementation of the rules, which is compared
//! with signatures that botocore made.

use hmac::{Hmac, KeyInit, Mac};
use http::{Request, request::Parts};
use kayenta_http::{Authorizer, HttpSettings};
use sha2::{Digest, Sha256};

use crate::{AwsConnections, AwsEnvironment, AwsSigner, CredentialSource};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash(content: &str) -> String {
    hex(&Sha256::digest(content))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The signature of a request to `aps` in eu-west-1. `query` is canonical, `headers` are sorted.
fn signature(
    (method, path, query): (&str, &str, &str),
    headers: &[(&str, &str)],
    content_hash: &str,
    time: &str,
) -> String {
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let canonical = format!(
        "{method}\n{path}\n{query}\n{lines}\n{}\n{content_hash}",
        names.join(";")
    );
    let (day, _) = time.split_once('T').unwrap();
    let scope = format!("{day}/eu-west-1/aps/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hash(&canonical));
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in [day, "eu-west-1", "aps", "aws4_request"] {
        key = hmac(&key, part);
    }
    hex(&hmac(&key, &text))
}

const HOST: &str = "aps-workspaces.eu-west-1.amazonaws.com";
const PATH: &str = "/workspaces/ws-1/api/v1/query_range";
const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn the_second_implementation_signs_as_botocore_does() {
    let time = "20261129T100000Z";
    let post = [
        ("content-type", FORM),
        ("host", HOST),
        ("x-amz-date", time),
        ("x-amz-security-token", "tok"),
    ];
    let body = "query=up&start=0&end=60&step=60";
    assert_eq!(
        signature(("POST", PATH, ""), &post, &hash(body), time),
        "2f5bb46ced8914760b4e3bbb7598a23870f2aa1736833589a5e678383dcfdf21"
    );
    let query = "end=60&query=sum%28up%29&start=0&step=60";
    assert_eq!(
        signature(("GET", PATH, query), &post[1..], &hash(""), time),
        "9afaf9e179b49d8f16e3013616e9af646a23df321a8fa569d7605207b167830f"
    );
}

/// Signs a request, and returns it with the signature that the second implementation gives it.
async fn signed(mut request: Parts, query: &str, body: &str) -> (Parts, String) {
    let connections =
        AwsConnections::new(&HttpSettings::default(), AwsEnvironment::new([], None)).unwrap();
    let source = CredentialSource::Keys {
        access_key: "AKIDEXAMPLE".into(),
        secret_key: SECRET.into(),
        session_token: Some("tok".into()),
    };
    let signer = AwsSigner::new(&connections, source, "aps", "eu-west-1");
    let secrets = signer
        .authorize(&mut request, body.as_bytes())
        .await
        .unwrap();
    assert_eq!(secrets.len(), 1, "the session's token is a secret");
    let text = |name: &str| request.headers[name].to_str().unwrap().to_owned();
    let authorization = text("authorization");
    let (_, names) = authorization.split_once("SignedHeaders=").unwrap();
    let (names, _) = names.split_once(',').unwrap();
    let headers: Vec<(&str, String)> = names
        .split(';')
        .map(|name| {
            let value = match name {
                "host" => HOST.to_owned(),
                name => text(name),
            };
            (name, value)
        })
        .collect();
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let line = (request.method.as_str(), request.uri.path(), query);
    let wanted = signature(line, &headers, &hash(body), &text("x-amz-date"));
    assert!(
        authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"),
        "{authorization}"
    );
    assert!(names.contains("x-amz-security-token"), "{names}");
    let (_, made) = authorization.split_once("Signature=").unwrap();
    assert_eq!(made, wanted);
    let uri = request.uri.to_string();
    (request, uri)
}

#[tokio::test]
async fn a_query_in_the_url_is_signed_with_blanks_as_servers_read_them() {
    let uri = format!("https://{HOST}{PATH}?query=sum%28up%29+%2B+1&start=0&end=60&step=60");
    let (parts, ()) = Request::get(uri).body(()).unwrap().into_parts();
    let canonical = "end=60&query=sum%28up%29%20%2B%201&start=0&step=60";
    let (_, uri) = signed(parts, canonical, "").await;
    assert!(
        uri.ends_with("?query=sum%28up%29%20%2B%201&start=0&end=60&step=60"),
        "{uri}"
    );
}

#[tokio::test]
async fn a_query_in_a_form_is_signed_with_its_content() {
    let request = Request::post(format!("https://{HOST}{PATH}")).header("content-type", FORM);
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let (request, _) = signed(parts, "", "query=up+%2B+1&start=0&end=60&step=60").await;
    assert!(request.headers["authorization"].is_sensitive());
}
