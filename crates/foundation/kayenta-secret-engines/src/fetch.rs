//! The requests: one for each document.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderName, HeaderValue};
use kayenta_aws::{AwsConnections, AwsSigner, CredentialSource, bucket_url, service_url};
use kayenta_errors::with_causes;
use kayenta_google::{GoogleCredentials, GoogleTokens};
use kayenta_http::{
    Answer, Authorizer, Credentials, HttpClient, HttpError, HttpErrorKind, HttpSettings, Transport,
    URL_PART,
};
use kayenta_secrets::BaseUrl;
use percent_encoding::{AsciiSet, utf8_percent_encode};
use secrecy::SecretSlice;
use serde_json::{Value, json};

use crate::{FetchSettings, document::Document};

/// Longest time for one request, credentials included.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Requests for one document, as long as another may succeed.
const ATTEMPTS: u32 = 3;
/// Time between them.
const PAUSE: Duration = Duration::from_secs(1);
/// Largest document.
const MOST_BYTES: usize = 4 << 20;
/// What is written as `%XX` in whole keys, whose slashes stay.
const ENCODED_KEY: &AsciiSet = &URL_PART.remove(b'/');

const READ_OBJECTS: &str = "https://www.googleapis.com/auth/devstorage.read_only";
const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Why there is no document.
struct Failure {
    message: String,
    /// The status and the words of the server.
    answer: Option<(u16, String)>,
    transient: bool,
}

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            answer: None,
            transient: false,
        }
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        let answer = match &error.kind {
            HttpErrorKind::Status { status, reason, .. } => Some((
                *status,
                format!("{reason} {}", error.said.as_deref().unwrap_or_default()),
            )),
            _ => None,
        };
        Self {
            message: with_causes(error.to_string(), &error),
            answer,
            transient: error.is_transient(),
        }
    }
}

/// The content of a document. Blocks the thread, which may be one of a runtime, and so works on one of its
/// own: a configuration is read before anything else runs, and afterwards on threads that may block.
pub(crate) fn fetch(
    document: &Document,
    settings: &FetchSettings,
) -> Result<SecretSlice<u8>, String> {
    let failed = |why: &str| format!("{document} cannot be fetched: {why}");
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(error.to_string()))?;
        runtime.block_on(patiently(document, settings))
    };
    let outcome = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("secrets".to_owned());
        match thread.spawn_scoped(scope, run) {
            Ok(running) => running
                .join()
                .unwrap_or_else(|_| Err(Failure::new("the request ended unexpectedly"))),
            Err(error) => Err(Failure::new(error.to_string())),
        }
    });
    outcome.map_err(|failure| {
        let advice = failure
            .answer
            .as_ref()
            .and_then(|(status, words)| document.advice(*status, words));
        match advice {
            Some(advice) => failed(&format!("{}; {advice}", failure.message)),
            None => failed(&failure.message),
        }
    })
}

async fn patiently(
    document: &Document,
    settings: &FetchSettings,
) -> Result<SecretSlice<u8>, Failure> {
    let mut attempt = 1;
    loop {
        let once = tokio::time::timeout(TIMEOUT, once(document, settings));
        let failure = match once.await {
            Ok(Ok(content)) => return Ok(content.into()),
            Ok(Err(failure)) => failure,
            Err(_) => Failure {
                transient: true,
                ..Failure::new(format!("no answer within {} s", TIMEOUT.as_secs()))
            },
        };
        if !failure.transient || attempt == ATTEMPTS {
            return Err(failure);
        }
        attempt += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

async fn once(document: &Document, settings: &FetchSettings) -> Result<Vec<u8>, Failure> {
    let http = HttpSettings {
        max_answer_bytes: MOST_BYTES,
        ..settings.http.clone()
    };
    let transport = Transport::new(&http).map_err(|error| Failure::new(error.to_string()))?;
    let aws = |service: &'static str, region: &str| {
        let connections = AwsConnections::new(&http, settings.aws.clone())
            .map_err(|error| Failure::new(error.to_string()))?;
        let source = CredentialSource::Chain;
        let signer = AwsSigner::new(&connections, source, service, region);
        Ok::<_, Failure>(Some(Arc::new(signer) as Arc<dyn Authorizer>))
    };
    match document {
        Document::S3 {
            region,
            bucket,
            file,
        } => {
            let base = s3_base(settings, bucket, region).map_err(Failure::new)?;
            let client = client("S3", &base, aws("s3", region)?, &transport)?;
            let path = format!("/{}", utf8_percent_encode(file, ENCODED_KEY));
            Ok(get(&client, &path).await?.body().to_vec())
        }
        Document::Gcs { bucket, file } => {
            let base = settings
                .gcs_endpoint
                .as_deref()
                .unwrap_or("https://storage.googleapis.com");
            let path = format!(
                "/storage/v1/b/{}/o/{}?alt=media",
                utf8_percent_encode(bucket, URL_PART),
                utf8_percent_encode(file, URL_PART)
            );
            // A token must not go where anybody can read it, and emulators know none.
            let mut refused = None;
            if base.starts_with("https:") {
                match google(READ_OBJECTS, settings, &transport) {
                    Ok(tokens) => {
                        let client = client("Cloud Storage", base, Some(tokens), &transport)?;
                        match get(&client, &path).await {
                            Ok(answer) => return Ok(answer.body().to_vec()),
                            Err(failure) if failure.transient => return Err(failure),
                            Err(failure) => refused = Some(failure),
                        }
                    }
                    Err(failure) => refused = Some(failure),
                }
            }
            // As the reference does: the bucket may be public.
            let client = client("Cloud Storage", base, None, &transport)?;
            match get(&client, &path).await {
                Ok(answer) => Ok(answer.body().to_vec()),
                Err(failure) => Err(refused.unwrap_or(failure)),
            }
        }
        Document::SecretsManager { region, secret } => {
            let base = match &settings.secrets_manager_endpoint {
                Some(endpoint) => endpoint.clone(),
                None => service_url("secretsmanager", region),
            };
            let signer = aws("secretsmanager", region)?;
            let client = client("Secrets Manager", &base, signer, &transport)?;
            let answer = client
                .post("/")
                .header(
                    HeaderName::from_static("x-amz-target"),
                    HeaderValue::from_static("secretsmanager.GetSecretValue"),
                )
                .body(
                    "application/x-amz-json-1.1",
                    json!({"SecretId": secret}).to_string(),
                )
                .confidential()
                .send()
                .await?;
            let mut value: Value = answer.json()?;
            match (value["SecretString"].take(), value["SecretBinary"].take()) {
                (Value::String(text), _) => Ok(text.into_bytes()),
                (_, Value::String(encoded)) => decoded(&encoded),
                _ => Err(Failure::new("the answer has no secret")),
            }
        }
        Document::GoogleSecretManager {
            project,
            secret,
            version,
        } => {
            let base = settings
                .google_secret_manager_endpoint
                .as_deref()
                .unwrap_or("https://secretmanager.googleapis.com");
            let tokens = google(CLOUD_PLATFORM, settings, &transport)?;
            let client = client("Secret Manager", base, Some(tokens), &transport)?;
            let [project, secret, version] =
                [project, secret, version].map(|part| utf8_percent_encode(part, URL_PART));
            let path = format!("/v1/projects/{project}/secrets/{secret}/versions/{version}:access");
            let value: Value = get(&client, &path).await?.json()?;
            match value["payload"]["data"].as_str() {
                Some(encoded) => decoded(encoded),
                None => Err(Failure::new("the answer has no secret")),
            }
        }
    }
}

/// The bucket, which is a part of the host's name at Amazon.
fn s3_base(settings: &FetchSettings, bucket: &str, region: &str) -> Result<String, String> {
    let Some(endpoint) = settings.s3_endpoint.as_deref() else {
        return bucket_url(bucket, region);
    };
    let endpoint = endpoint.trim_end_matches('/');
    Ok(match endpoint.split_once("://") {
        Some((scheme, host)) if !settings.s3_path_style => format!("{scheme}://{bucket}.{host}"),
        _ => format!("{endpoint}/{bucket}"),
    })
}

fn client(
    peer: &'static str,
    base: &str,
    authorizer: Option<Arc<dyn Authorizer>>,
    transport: &Transport,
) -> Result<HttpClient, Failure> {
    let base: BaseUrl = base
        .parse()
        .map_err(|error| Failure::new(format!("the endpoint of {peer} is not a URL: {error}")))?;
    HttpClient::builder(peer, base)
        .credentials(authorizer.map_or(Credentials::None, Credentials::PerRequest))
        .error_text(words)
        .within_host()
        .max_answer_bytes(MOST_BYTES)
        .build(transport)
        .map_err(|error| Failure::new(error.to_string()))
}

async fn get(client: &HttpClient, path: &str) -> Result<Answer, Failure> {
    Ok(client.get(path).confidential().send().await?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a token is asked for and used at once; it is signed with this machine's time"
)]
fn google(
    scope: &'static str,
    settings: &FetchSettings,
    transport: &Transport,
) -> Result<Arc<dyn Authorizer>, Failure> {
    let credentials = GoogleCredentials::find(
        settings.google_credentials.as_deref(),
        settings.google_metadata_host.as_deref(),
    )
    .map_err(|error| Failure::new(with_causes(error.to_string(), &error)))?;
    GoogleTokens::new(credentials, scope, transport, Arc::new(chrono::Utc::now))
        .map(|tokens| Arc::new(tokens) as Arc<dyn Authorizer>)
        .map_err(|error| Failure::new(error.to_string()))
}

fn decoded(encoded: &str) -> Result<Vec<u8>, Failure> {
    BASE64_STANDARD
        .decode(encoded)
        .map_err(|_| Failure::new("the secret of the answer is not base64"))
}

/// The words of an error answer: JSON of Google or of AWS, or XML of S3.
fn words(body: &[u8]) -> Option<String> {
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let kind = text(&value["__type"]).unwrap_or_default();
        let message = text(&value["error"]["message"])
            .or_else(|| text(&value["Message"]))
            .or_else(|| text(&value["message"]))
            .unwrap_or_default();
        let kind = kind.rsplit('#').next().unwrap_or_default();
        return Some(format!("{kind} {message}").trim().to_owned());
    }
    let body = String::from_utf8_lossy(body);
    let element = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        Some(rest.split_once("</")?.0.to_owned())
    };
    Some(format!(
        "{}: {}",
        element("Code")?,
        element("Message").unwrap_or_default()
    ))
}
