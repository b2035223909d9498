//! The bucket: which requests each operation takes.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, RANGE},
};
use kayenta_aws::{AwsEnvironment, CredentialLink};
use kayenta_http::HttpSettings;
use kayenta_storage::{
    Bucket, BucketEntry, BucketObject, BucketState, ObjectKind, PartialObject, PutCondition,
    StorageError, range_header, size_of_whole,
};
use tokio::sync::OnceCell;
use tracing::warn;

use crate::{
    answer::{self, unquoted},
    failure::{Failures, Reason, reason},
    requests::{Ask, Requests, answered, last_modified},
    settings::{Encryption, S3Account},
};

/// What the reference writes and any reader accepts.
const CONTENT_TYPE_WRITTEN: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// What a read attempts, as messages have it.
const READ: &str = "read an object";

/// Keys on a page: as many as the service gives at most.
const PAGE: &str = "1000";

/// The bucket of an account.
#[derive(Debug)]
pub struct S3Bucket {
    pub(crate) requests: Requests,
    /// What decides whether the server decides conditions.
    probe: String,
    encryption: Vec<(HeaderName, HeaderValue)>,
    decides_conditions: OnceCell<bool>,
}

impl S3Bucket {
    pub(crate) fn new(
        account: &S3Account,
        folder: &str,
        http: &HttpSettings,
        environment: AwsEnvironment,
    ) -> Result<Self, StorageError> {
        Ok(Self {
            requests: Requests::new(account, http, environment)?,
            probe: format!("{folder}locks/conditions"),
            encryption: match &account.encryption {
                Some(encryption) => encryption_headers(account, encryption)?,
                None => Vec::new(),
            },
            decides_conditions: OnceCell::new(),
        })
    }

    /// The place the account's credentials were found in, which finds them when no request has.
    ///
    /// # Errors
    /// Why there are none.
    pub async fn credential_link(&self) -> Result<Option<CredentialLink>, StorageError> {
        let attempted = "find its credentials";
        let target = self.requests.target(attempted).await?;
        if target.signer.credential_link().is_none() {
            let (mut parts, ()) = http::Request::get(target.place.url.as_str())
                .body(())
                .map_err(|error| self.failures().invalid(attempted, &error.to_string()))?
                .into_parts();
            target
                .signer
                .sign(&mut parts)
                .await
                .map_err(|error| self.failures().unsigned(attempted, &error))?;
        }
        Ok(target.signer.credential_link())
    }

    pub(crate) fn failures(&self) -> &Failures {
        &self.requests.failures
    }

    pub(crate) fn explain(&self, attempted: &str, answer: &Response<Bytes>) -> StorageError {
        self.failures().explain(attempted, answer)
    }

    /// The object, or the part of it that the headers ask for.
    async fn read(
        &self,
        name: &str,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) -> Result<Option<BucketObject>, StorageError> {
        let ask = Ask {
            headers,
            ..Ask::new(Method::GET, Some(name))
        };
        let answer = self.requests.send(READ, ask).await?;
        let whole = match answer.status() {
            StatusCode::OK => None,
            StatusCode::PARTIAL_CONTENT => {
                let range = answer.headers().get(CONTENT_RANGE);
                range.and_then(|range| size_of_whole(range.to_str().ok()?))
            }
            // Of an empty object there are no parts.
            StatusCode::RANGE_NOT_SATISFIABLE => return self.get(name).await,
            StatusCode::NOT_FOUND if reason(&answer) == Reason::NoObject => return Ok(None),
            _ if reason(&answer) == Reason::Condition => {
                return Err(self.failures().conflict(name));
            }
            _ => return Err(self.explain(READ, &answer)),
        };
        let headers = answer.headers();
        Ok(Some(BucketObject {
            entry: BucketEntry {
                name: name.to_owned(),
                updated: last_modified(headers),
                version: etag(&answer),
                size: whole.unwrap_or(answer.body().len() as u64),
            },
            answered: answered(headers),
            bytes: answer.into_body(),
        }))
    }

    /// What an object is written with.
    pub(crate) fn headers_of_writes(&self) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = vec![(CONTENT_TYPE, CONTENT_TYPE_WRITTEN)];
        headers.extend(self.encryption.iter().cloned());
        headers
    }

    /// What a listing shows of the object, `None` when there is none of that name.
    pub(crate) async fn look_at(&self, name: &str) -> Result<Option<BucketEntry>, StorageError> {
        let attempted = "look at an object";
        let answer = self
            .requests
            .send(attempted, Ask::new(Method::HEAD, Some(name)))
            .await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(self.explain(attempted, &answer)),
        }
        let headers = answer.headers();
        let size = headers
            .get(CONTENT_LENGTH)
            .and_then(|size| size.to_str().ok()?.parse().ok());
        Ok(Some(BucketEntry {
            name: name.to_owned(),
            updated: last_modified(headers),
            version: etag(&answer),
            size: size.unwrap_or_default(),
        }))
    }

    /// One put, which meets whatever is there.
    async fn put_once(
        &self,
        attempted: &str,
        name: &str,
        bytes: Bytes,
        condition: PutCondition<'_>,
    ) -> Result<Response<Bytes>, StorageError> {
        let mut headers = self.headers_of_writes();
        match condition {
            PutCondition::None => {}
            PutCondition::Absent => headers.push((IF_NONE_MATCH, HeaderValue::from_static("*"))),
            PutCondition::Version(version) => {
                headers.push((IF_MATCH, self.quoted(attempted, version)?));
            }
        }
        let ask = Ask {
            headers,
            body: bytes,
            ..Ask::new(Method::PUT, Some(name))
        };
        self.requests.send(attempted, ask).await
    }

    fn quoted(&self, attempted: &str, version: &str) -> Result<HeaderValue, StorageError> {
        HeaderValue::try_from(format!("\"{version}\""))
            .map_err(|_| self.failures().invalid(attempted, "the version is no ETag"))
    }

    /// Whether the condition holds now, for servers that do not decide it.
    async fn holds(&self, name: &str, condition: PutCondition<'_>) -> Result<bool, StorageError> {
        Ok(match condition {
            PutCondition::None => true,
            PutCondition::Absent => self.version(name).await?.is_none(),
            PutCondition::Version(expected) => {
                self.version(name).await?.as_deref() == Some(expected)
            }
        })
    }

    /// Puts an object that must not exist, twice if need be: the second must be refused.
    async fn try_conditions(&self) -> Result<bool, StorageError> {
        let attempted = "find out whether writes can be conditional";
        for _ in 0..2 {
            let answer = self
                .put_once(attempted, &self.probe, Bytes::new(), PutCondition::Absent)
                .await?;
            match reason(&answer) {
                _ if answer.status().is_success() => {}
                Reason::Condition => return Ok(true),
                Reason::NotImplemented => break,
                _ => return Err(self.explain(attempted, &answer)),
            }
        }
        warn!(
            account = self.account(),
            "the S3 server does not support conditional writes (If-None-Match): names and ids of \
             canary configs are unique within one replica only"
        );
        Ok(false)
    }
}

fn encryption_headers(
    account: &S3Account,
    encryption: &Encryption,
) -> Result<Vec<(HeaderName, HeaderValue)>, StorageError> {
    let value = |text: &str, what: &str| {
        HeaderValue::from_str(text).map_err(|_| account.unusable(format!("{what} is not usable")))
    };
    if !matches!(
        encryption.algorithm.as_str(),
        "AES256" | "aws:kms" | "aws:kms:dsse"
    ) {
        return Err(account.unusable("sse must be AES256, aws:kms or aws:kms:dsse"));
    }
    let mut headers = vec![(
        HeaderName::from_static("x-amz-server-side-encryption"),
        value(&encryption.algorithm, "sse")?,
    )];
    if let Some(key) = &encryption.kms_key_id {
        if encryption.algorithm == "AES256" {
            return Err(account.unusable("sseKmsKeyId goes with sse aws:kms or aws:kms:dsse only"));
        }
        headers.push((
            HeaderName::from_static("x-amz-server-side-encryption-aws-kms-key-id"),
            value(key, "sseKmsKeyId")?,
        ));
    }
    Ok(headers)
}

pub(crate) fn etag(answer: &Response<Bytes>) -> String {
    answer
        .headers()
        .get(ETAG)
        .and_then(|etag| etag.to_str().ok())
        .map(unquoted)
        .unwrap_or_default()
}

#[async_trait]
impl Bucket for S3Bucket {
    fn platform(&self) -> &'static str {
        "aws"
    }

    fn account(&self) -> &str {
        self.requests.failures.account()
    }

    fn nothing_found(&self, kind: ObjectKind, path: &str) -> StorageError {
        Failures::nothing_found(kind, path)
    }

    fn no_bucket(&self) -> StorageError {
        self.failures().no_bucket("look at its bucket")
    }

    async fn look(&self) -> Result<BucketState, StorageError> {
        let attempted = "look at its bucket";
        let ask = Ask::new(Method::HEAD, None);
        let answer = self.requests.send(attempted, ask).await?;
        match answer.status() {
            StatusCode::OK => Ok(BucketState::There),
            StatusCode::NOT_FOUND => Ok(BucketState::Missing),
            StatusCode::FORBIDDEN => Ok(BucketState::Refused(self.explain(attempted, &answer))),
            _ => Err(self.explain(attempted, &answer)),
        }
    }

    async fn create(&self) -> Result<(), StorageError> {
        let attempted = "create its bucket";
        let target = self.requests.target(attempted).await?;
        let body = target.place.constraint.as_ref().map(|region| {
            format!(
                "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                 <LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
            )
        });
        let ask = Ask {
            body: body.unwrap_or_default().into(),
            ..Ask::new(Method::PUT, None)
        };
        let answer = self.requests.send(attempted, ask).await?;
        if answer.status().is_success() {
            return Ok(());
        }
        if reason(&answer) == Reason::BucketExists
            && matches!(self.look().await?, BucketState::There)
        {
            // Another replica was quicker.
            return Ok(());
        }
        Err(self.explain(attempted, &answer))
    }

    async fn try_listing(&self, prefix: &str) -> Result<(), StorageError> {
        let attempted = "list objects";
        let query = [("prefix", prefix), ("max-keys", "1")];
        let ask = Ask {
            query: &query,
            ..Ask::new(Method::GET, None)
        };
        let answer = self.requests.send(attempted, ask).await?;
        match answer.status() {
            StatusCode::OK => Ok(()),
            _ => Err(self.explain(attempted, &answer)),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<BucketEntry>, StorageError> {
        let attempted = "list objects";
        let mut entries = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let mut query = vec![("prefix", prefix)];
            if let Some(marker) = &marker {
                query.push(("marker", marker));
            }
            query.extend([("max-keys", PAGE), ("encoding-type", "url")]);
            let ask = Ask {
                query: &query,
                ..Ask::new(Method::GET, None)
            };
            let answer = self.requests.send(attempted, ask).await?;
            if answer.status() != StatusCode::OK {
                return Err(self.explain(attempted, &answer));
            }
            let page = answer::page(answer.body())
                .map_err(|why| self.failures().unreadable(attempted, &why))?;
            entries.extend(page.entries);
            match page.marker {
                None => return Ok(entries),
                Some(next) if marker.as_ref() >= Some(&next) => {
                    let why = "its pages go round in circles";
                    return Err(self.failures().unreadable(attempted, why));
                }
                next => marker = next,
            }
        }
    }

    async fn get(&self, name: &str) -> Result<Option<BucketObject>, StorageError> {
        self.read(name, Vec::new()).await
    }

    async fn get_part(
        &self,
        name: &str,
        part: Range<u64>,
        version: Option<&str>,
    ) -> Result<Option<BucketObject>, StorageError> {
        let range = HeaderValue::try_from(range_header(&part))
            .map_err(|_| self.failures().invalid(READ, "the part is no range"))?;
        let mut headers = vec![(RANGE, range)];
        if let Some(version) = version {
            headers.push((IF_MATCH, self.quoted(READ, version)?));
        }
        self.read(name, headers).await
    }

    async fn version(&self, name: &str) -> Result<Option<String>, StorageError> {
        Ok(self.look_at(name).await?.map(|entry| entry.version))
    }

    async fn put(
        &self,
        name: &str,
        bytes: Bytes,
        condition: PutCondition<'_>,
    ) -> Result<BucketEntry, StorageError> {
        let attempted = "write an object";
        let mut condition = condition;
        if condition != PutCondition::None && !self.decides_conditions().await? {
            if !self.holds(name, condition).await? {
                return Err(self.failures().conflict(name));
            }
            condition = PutCondition::None;
        }
        let size = bytes.len() as u64;
        let answer = self.put_once(attempted, name, bytes, condition).await?;
        if answer.status().is_success() {
            return Ok(BucketEntry {
                name: name.to_owned(),
                updated: answered(answer.headers()),
                version: etag(&answer),
                size,
            });
        }
        match reason(&answer) {
            Reason::Condition => Err(self.failures().conflict(name)),
            Reason::NoObject if matches!(condition, PutCondition::Version(_)) => {
                Err(self.failures().conflict(name))
            }
            _ => Err(self.explain(attempted, &answer)),
        }
    }

    async fn begin_parts(&self, name: &str) -> Result<String, StorageError> {
        self.begin_upload(name).await
    }

    async fn put_part(&self, object: &PartialObject, part: Bytes) -> Result<String, StorageError> {
        self.upload_part(object, part).await
    }

    async fn complete_parts(
        &self,
        object: &PartialObject,
        last: Bytes,
    ) -> Result<BucketEntry, StorageError> {
        self.complete_upload(object, last).await
    }

    async fn remove_parts(&self, object: &PartialObject) -> Result<(), StorageError> {
        self.abort_upload(object).await
    }

    async fn remove(&self, name: &str) -> Result<(), StorageError> {
        let attempted = "delete an object";
        let answer = self
            .requests
            .send(attempted, Ask::new(Method::DELETE, Some(name)))
            .await?;
        match reason(&answer) {
            _ if answer.status().is_success() => Ok(()),
            Reason::NoObject => Ok(()),
            _ => Err(self.explain(attempted, &answer)),
        }
    }

    /// Looks first, because many servers do not decide the condition of a removal and none says
    /// whether the object was there.
    async fn remove_version(&self, name: &str, version: &str) -> Result<bool, StorageError> {
        let attempted = "delete an object";
        match self.version(name).await? {
            None => return Ok(false),
            Some(present) if present != version => return Err(self.failures().conflict(name)),
            Some(_) => {}
        }
        let ask = Ask {
            headers: vec![(IF_MATCH, self.quoted(attempted, version)?)],
            ..Ask::new(Method::DELETE, Some(name))
        };
        let answer = self.requests.send(attempted, ask).await?;
        match reason(&answer) {
            _ if answer.status().is_success() => Ok(true),
            Reason::NoObject => Ok(false),
            Reason::Condition => Err(self.failures().conflict(name)),
            Reason::NotImplemented => self.remove(name).await.map(|()| true),
            _ => Err(self.explain(attempted, &answer)),
        }
    }

    async fn decides_conditions(&self) -> Result<bool, StorageError> {
        self.decides_conditions
            .get_or_try_init(|| self.try_conditions())
            .await
            .copied()
    }
}
