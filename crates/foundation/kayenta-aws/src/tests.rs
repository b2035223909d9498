//! Credentials and regions from made-up machines.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Method, Request, Response};
use reqsign_core::{Context, Error, HttpSend, Result};

use crate::{
    AwsConnections, AwsEnvironment, AwsError, AwsSigner, CredentialLink, CredentialSource,
    RegionChain, connections::Files,
};

type Answer = fn(&Request<Bytes>) -> Option<String>;

/// Every service a machine could ask; what has no answer is not there.
#[derive(Clone, Debug)]
struct Services {
    answer: Answer,
    seen: Arc<Mutex<Vec<Request<Bytes>>>>,
}

impl HttpSend for Services {
    async fn http_send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let answer = (self.answer)(&request);
        let host = request.uri().host().unwrap().to_owned();
        self.seen.lock().unwrap().push(request);
        match answer {
            Some(body) => Ok(Response::new(Bytes::from(body))),
            None => Err(Error::unexpected(format!("{host} is not there")).set_retryable(true)),
        }
    }
}

struct Machine {
    connections: AwsConnections,
    services: Services,
}

impl Machine {
    fn new(home: &Path, variables: &[(&str, &str)], answer: Answer) -> Self {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment = AwsEnvironment::new(variables, Some(home.to_owned()));
        let services = Services {
            answer,
            seen: Arc::default(),
        };
        let context = Context::new()
            .with_http_send(services.clone())
            .with_file_read(Files)
            .with_env(environment.clone());
        Self {
            connections: AwsConnections {
                context,
                environment: Arc::new(environment),
            },
            services,
        }
    }

    /// Signs a request; the key it was signed with and where that came from.
    async fn sign(
        &self,
        source: CredentialSource,
    ) -> std::result::Result<(String, CredentialLink), AwsError> {
        let signer = AwsSigner::new(&self.connections, source, "s3", "eu-west-1");
        assert_eq!(signer.credential_link(), None);
        let request = Request::get("https://bucket.example/key").body(());
        let (mut parts, ()) = request.unwrap().into_parts();
        signer.sign(&mut parts).await?;
        let authorization = parts.headers["authorization"].to_str().unwrap();
        let (_, rest) = authorization.split_once("Credential=").unwrap();
        let (key, rest) = rest.split_once('/').unwrap();
        assert!(rest.contains("/eu-west-1/s3/aws4_request"), "{rest}");
        assert!(!format!("{signer:?}").contains(key));
        Ok((key.to_owned(), signer.credential_link().unwrap()))
    }

    fn seen(&self) -> Vec<String> {
        let seen = self.services.seen.lock().unwrap();
        seen.iter()
            .map(|request| format!("{} {}", request.method(), request.uri()))
            .collect()
    }
}

fn nowhere(_: &Request<Bytes>) -> Option<String> {
    None
}

fn sts_answer(action: &str, key: &str) -> String {
    format!(
        "<{action}Response><{action}Result><Credentials><AccessKeyId>{key}</AccessKeyId>\
         <SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>\
         <Expiration>2126-01-01T00:00:00Z</Expiration></Credentials></{action}Result>\
         </{action}Response>"
    )
}

/// Every service there is.
fn everything(request: &Request<Bytes>) -> Option<String> {
    let keys = |key: &str| {
        format!(
            "{{\"Code\":\"Success\",\"AccessKeyId\":\"{key}\",\"SecretAccessKey\":\"s\",\
             \"Token\":\"t\",\"Expiration\":\"2126-01-01T00:00:00Z\"}}"
        )
    };
    let query = request.uri().query().unwrap_or_default();
    let form = String::from_utf8_lossy(request.body());
    Some(match (request.uri().host()?, request.uri().path()) {
        (host, _) if host.starts_with("sts.") && query.contains("Action=AssumeRole&") => {
            sts_answer("AssumeRole", "AKIDASSUMEDROLE01")
        }
        (host, _) if host.starts_with("sts.") && form.contains("AssumeRoleWithWebIdentity") => {
            sts_answer("AssumeRoleWithWebIdentity", "AKIDWEBIDENTITY01")
        }
        ("container", _) => keys("of-container"),
        (_, "/latest/api/token") => "imds-token".to_owned(),
        (_, "/latest/meta-data/placement/region") => "ap-south-1".to_owned(),
        (_, "/latest/meta-data/iam/security-credentials/") => "role".to_owned(),
        (_, "/latest/meta-data/iam/security-credentials/role") => keys("of-machine"),
        _ => return None,
    })
}

/// A home with profiles.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".aws");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(
        folder.join("credentials"),
        "[default]\naws_access_key_id = of-default\naws_secret_access_key = a\\b\"c/+=\n\
         [ops]\naws_access_key_id=of-ops\naws_secret_access_key=s\naws_session_token=t\n",
    )
    .unwrap();
    std::fs::write(
        folder.join("config"),
        "[default]\nregion = eu-north-1\n\
         [profile ops]\nregion = us-gov-west-1\n\
         [profile deploy]\nrole_arn = arn:aws:iam::123456789012:role/deploy\n\
         source_profile = ops\nregion = eu-central-1\nexternal_id = ext-1\n\
         [profile circle]\nrole_arn = arn:aws:iam::123456789012:role/a\nsource_profile = circle2\n\
         [profile circle2]\nrole_arn = arn:aws:iam::123456789012:role/b\nsource_profile = circle\n\
         [profile machine]\nrole_arn = arn:aws:iam::123456789012:role/m\n\
         credential_source = Ec2InstanceMetadata\n\
         [profile process]\ncredential_process = /bin/keys\n",
    )
    .unwrap();
    home
}

#[tokio::test]
async fn the_first_link_of_the_chain_that_has_keys_is_used() {
    let (empty, full) = (tempfile::tempdir().unwrap(), home());
    let token = full.path().join("token");
    std::fs::write(&token, "jwt\n").unwrap();
    let web_identity = [
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("AWS_REGION", "eu-west-1"),
    ];
    let container = [(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "http://container/keys",
    )];
    let keys = [("AWS_ACCESS_KEY_ID", "of-env"), ("AWS_SECRET_KEY", "s")];
    let all: Vec<_> = [&web_identity[..], &container, &keys].concat();
    let without_keys: Vec<_> = [&web_identity[..], &container].concat();
    for (home, variables, key, link) in [
        (full.path(), &all[..], "of-env", CredentialLink::Environment),
        (
            full.path(),
            &without_keys,
            "AKIDWEBIDENTITY01",
            CredentialLink::WebIdentity,
        ),
        (
            full.path(),
            &container,
            "of-default",
            CredentialLink::Profile("default".to_owned()),
        ),
        (
            full.path(),
            &[("AWS_PROFILE", "ops")],
            "of-ops",
            CredentialLink::Profile("ops".to_owned()),
        ),
        (
            empty.path(),
            &container,
            "of-container",
            CredentialLink::Container,
        ),
        (
            empty.path(),
            &[],
            "of-machine",
            CredentialLink::InstanceMetadata,
        ),
    ] {
        let machine = Machine::new(home, variables, everything);
        let signed = machine.sign(CredentialSource::Chain).await.unwrap();
        assert_eq!(signed, (key.to_owned(), link));
    }
    let explicit = CredentialSource::Keys {
        access_key: "of-account".into(),
        secret_key: "s".into(),
        session_token: None,
    };
    let machine = Machine::new(full.path(), &all, nowhere);
    let signed = machine.sign(explicit).await.unwrap();
    assert_eq!(signed, ("of-account".to_owned(), CredentialLink::Keys));
    assert!(machine.seen().is_empty());
}

#[tokio::test]
async fn a_profile_may_assume_a_role_with_the_keys_of_another() {
    let home = home();
    let machine = Machine::new(home.path(), &[], everything);
    let profile = |name: &str| CredentialSource::Profile(name.to_owned());
    let signed = machine.sign(profile("deploy")).await.unwrap();
    let link = CredentialLink::Profile("deploy".to_owned());
    assert_eq!(signed, ("AKIDASSUMEDROLE01".to_owned(), link));
    {
        let seen = machine.services.seen.lock().unwrap();
        let asked = &seen[0];
        assert_eq!(asked.method(), Method::GET);
        assert_eq!(asked.uri().host(), Some("sts.eu-central-1.amazonaws.com"));
        let query = asked.uri().query().unwrap();
        assert!(query.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fdeploy"));
        assert!(query.contains("ExternalId=ext-1") && query.contains("RoleSessionName=kayenta"));
        let authorization = asked.headers()["authorization"].to_str().unwrap();
        assert!(
            authorization.contains("Credential=of-ops/"),
            "{authorization}"
        );
        assert_eq!(asked.headers()["x-amz-security-token"], "t");
    }
    let signed = machine.sign(profile("machine")).await.unwrap();
    assert_eq!(signed.0, "AKIDASSUMEDROLE01");
    for (name, words) in [
        ("circle", "through more than 5 other profiles"),
        ("process", "credential_process, which is not supported"),
        ("absent", "there is no profile 'absent' in "),
    ] {
        let error = machine.sign(profile(name)).await.unwrap_err();
        assert!(error.message.contains(words), "{error}");
        assert!(!error.transient);
    }
}

#[tokio::test]
async fn that_there_are_no_credentials_is_reported_link_by_link() {
    let empty = tempfile::tempdir().unwrap();
    let machine = Machine::new(empty.path(), &[], nowhere);
    let error = machine.sign(CredentialSource::Chain).await.unwrap_err();
    for words in [
        "environment variables: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set",
        "web identity token: AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN are not set",
        "profile 'default': there is none",
        "container credentials: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "instance metadata: failed to connect to IMDS: 169.254.169.254 is not there",
    ] {
        assert!(error.message.contains(words), "{error}");
    }
    assert!(error.transient);
    let off = [("AWS_EC2_METADATA_DISABLED", "true")];
    let machine = Machine::new(empty.path(), &off, nowhere);
    let error = machine.sign(CredentialSource::Chain).await.unwrap_err();
    assert!(!error.transient, "{error}");
}

#[tokio::test]
async fn a_region_comes_from_the_environment_the_profile_or_the_machine() {
    let (empty, full) = (tempfile::tempdir().unwrap(), home());
    let region =
        |home: &Path, variables: &[(&str, &str)], answer, profile: Option<&'static str>| {
            let machine = Machine::new(home, variables, answer);
            async move { RegionChain::new(machine.connections).region(profile).await }
        };
    let set = [("AWS_REGION", "eu-west-3")];
    let of_env = region(full.path(), &set, nowhere, Some("ops")).await;
    assert_eq!(of_env.unwrap(), "eu-west-3");
    let of_profile = region(full.path(), &[], nowhere, Some("ops")).await;
    assert_eq!(of_profile.unwrap(), "us-gov-west-1");
    let of_default = region(full.path(), &[], nowhere, None).await;
    assert_eq!(of_default.unwrap(), "eu-north-1");
    let of_machine = region(empty.path(), &[], everything, None).await;
    assert_eq!(of_machine.unwrap(), "ap-south-1");
    let none = region(empty.path(), &[], nowhere, None).await.unwrap_err();
    assert!(
        none.message
            .starts_with("no region: set region of the account or AWS_REGION")
    );
    assert!(none.transient);
}

/// A file in which keys are rotated is read again when the service refuses the old ones.
#[tokio::test]
async fn refused_credentials_are_found_anew() {
    let home = home();
    let machine = Machine::new(home.path(), &[], nowhere);
    let signer = AwsSigner::new(
        &machine.connections,
        CredentialSource::Chain,
        "s3",
        "eu-west-1",
    );
    let sign = || async {
        let request = Request::get("https://bucket.example/key").body(());
        let (mut parts, ()) = request.unwrap().into_parts();
        signer.sign(&mut parts).await.unwrap();
        parts.headers["authorization"].to_str().unwrap().to_owned()
    };
    assert!(sign().await.contains("Credential=of-default/"));
    let rotated = "[default]\naws_access_key_id = rotated\naws_secret_access_key = s\n";
    std::fs::write(home.path().join(".aws/credentials"), rotated).unwrap();
    assert!(sign().await.contains("Credential=of-default/"));
    signer.forget().await;
    assert!(sign().await.contains("Credential=rotated/"));
}

#[tokio::test]
async fn keys_of_the_settings_that_are_in_files_are_read_again_when_they_are_refused() {
    let home = home();
    let machine = Machine::new(home.path(), &[], nowhere);
    let path = home.path().join("access-key");
    std::fs::write(&path, "first").unwrap();
    let files = kayenta_secrets::SecretFiles::default();
    let source = CredentialSource::Keys {
        access_key: files.open(&path).unwrap(),
        secret_key: "s".into(),
        session_token: None,
    };
    let signer = AwsSigner::new(&machine.connections, source, "s3", "eu-west-1");
    let sign = || async {
        let request = Request::get("https://bucket.example/key").body(());
        let (mut parts, ()) = request.unwrap().into_parts();
        signer.sign(&mut parts).await.unwrap();
        parts.headers["authorization"].to_str().unwrap().to_owned()
    };
    assert!(sign().await.contains("Credential=first/"));
    std::fs::write(&path, "second").unwrap();
    assert!(sign().await.contains("Credential=first/"));
    signer.forget().await;
    assert!(sign().await.contains("Credential=second/"));
}
