//! The bucket: which requests each operation takes.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{
    HeaderValue, Method, Response, StatusCode,
    header::{CONTENT_RANGE, DATE, LAST_MODIFIED, RANGE},
};
use kayenta_http::{Transport, header};
use kayenta_json::JsonError;
use kayenta_storage::{
    Bucket, BucketEntry, BucketObject, BucketState, ObjectKind, PartialObject, PutCondition,
    StorageError, range_header, size_of_whole,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use crate::{
    failure::Failures,
    requests::{Ask, Requests},
    settings::GcsAccount,
};

/// What is needed of an object.
const OBJECT_FIELDS: &str = "name,generation,updated,size";

/// What is needed of a page.
const PAGE_FIELDS: &str = "items(name,generation,updated,size),nextPageToken";

/// The bucket of an account.
#[derive(Debug)]
pub struct GcsBucket {
    pub(crate) requests: Requests,
    name: String,
    project: String,
    location: Option<String>,
}

/// An object as the service describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Resource {
    name: String,
    generation: String,
    updated: DateTime<Utc>,
    /// A number as text.
    #[serde(default)]
    size: String,
}

impl From<Resource> for BucketEntry {
    fn from(resource: Resource) -> Self {
        Self {
            name: resource.name,
            updated: resource.updated,
            version: resource.generation,
            size: resource.size.parse().unwrap_or_default(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    items: Vec<Resource>,
    next_page_token: Option<String>,
}

impl GcsBucket {
    pub(crate) fn new(account: &GcsAccount, transport: &Transport) -> Result<Self, StorageError> {
        Ok(Self {
            requests: Requests::new(account, transport)?,
            name: account.bucket.clone(),
            project: account.project.clone(),
            location: account.bucket_location.clone(),
        })
    }

    pub(crate) fn failures(&self) -> &Failures {
        &self.requests.failures
    }

    pub(crate) fn explain(&self, attempted: &str, answer: &Response<Bytes>) -> StorageError {
        self.failures().explain(attempted, answer)
    }

    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        attempted: &str,
        answer: &Response<Bytes>,
    ) -> Result<T, StorageError> {
        serde_json::from_slice(answer.body()).map_err(|error| {
            self.failures()
                .unreadable(attempted, &JsonError::from(error).to_string())
        })
    }

    /// The object, or a part of it.
    async fn read_object(
        &self,
        name: &str,
        range: Option<String>,
        version: Option<&str>,
    ) -> Result<Option<BucketObject>, StorageError> {
        let attempted = "read an object";
        let condition = version.map(|version| ("ifGenerationMatch", version));
        let range = range.map(HeaderValue::try_from).transpose();
        let range =
            range.map_err(|_| self.failures().invalid(attempted, "the part is no range"))?;
        let ask = Ask {
            query: [("alt", "media")].into_iter().chain(condition).collect(),
            headers: range.map(|range| (RANGE, range)).into_iter().collect(),
            ..Ask::new(Method::GET, self.requests.object_path(name))
        };
        let answer = self.requests.send(attempted, ask).await?;
        let whole = match answer.status() {
            StatusCode::OK => None,
            StatusCode::PARTIAL_CONTENT => {
                let range = answer.headers().get(CONTENT_RANGE);
                range.and_then(|range| size_of_whole(range.to_str().ok()?))
            }
            // Of an empty object there are no parts.
            StatusCode::RANGE_NOT_SATISFIABLE => return self.get(name).await,
            StatusCode::PRECONDITION_FAILED => return Err(self.failures().conflict(name)),
            // Of a missing bucket, too; a listing shows which.
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(self.explain(attempted, &answer)),
        };
        let headers = answer.headers();
        let version = headers
            .get("x-goog-generation")
            .and_then(|version| version.to_str().ok())
            .ok_or_else(|| {
                self.failures()
                    .unreadable(attempted, "it has no generation")
            })?;
        Ok(Some(BucketObject {
            entry: BucketEntry {
                name: name.to_owned(),
                updated: header::time(headers, &LAST_MODIFIED).unwrap_or_default(),
                version: version.to_owned(),
                size: whole.unwrap_or(answer.body().len() as u64),
            },
            // Without a date no lock looks left over.
            answered: header::time(headers, &DATE).unwrap_or_default(),
            bytes: answer.into_body(),
        }))
    }

    /// What a listing shows of the object, `None` when there is none of that name.
    pub(crate) async fn look_at(&self, name: &str) -> Result<Option<BucketEntry>, StorageError> {
        let attempted = "look at an object";
        let ask = Ask {
            query: vec![("fields", OBJECT_FIELDS)],
            ..Ask::new(Method::GET, self.requests.object_path(name))
        };
        let answer = self.requests.send(attempted, ask).await?;
        match answer.status() {
            StatusCode::OK => {
                let resource: Resource = self.read(attempted, &answer)?;
                Ok(Some(resource.into()))
            }
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.explain(attempted, &answer)),
        }
    }

    /// Removes an object on a condition; whether it was there.
    async fn remove_if(&self, name: &str, version: Option<&str>) -> Result<bool, StorageError> {
        let attempted = "delete an object";
        let ask = Ask {
            query: version
                .map(|version| ("ifGenerationMatch", version))
                .into_iter()
                .collect(),
            ..Ask::new(Method::DELETE, self.requests.object_path(name))
        };
        let answer = self.requests.send(attempted, ask).await?;
        match answer.status() {
            StatusCode::OK | StatusCode::NO_CONTENT => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            StatusCode::PRECONDITION_FAILED => Err(self.failures().conflict(name)),
            _ => Err(self.explain(attempted, &answer)),
        }
    }
}

#[async_trait]
impl Bucket for GcsBucket {
    fn platform(&self) -> &'static str {
        "google"
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
        let ask = Ask {
            query: vec![("fields", "name")],
            ..Ask::new(Method::GET, self.requests.bucket_path())
        };
        let answer = self.requests.send(attempted, ask).await?;
        match answer.status() {
            StatusCode::OK => Ok(BucketState::There),
            StatusCode::NOT_FOUND => Ok(BucketState::Missing),
            StatusCode::FORBIDDEN => {
                let refused = self.explain(attempted, &answer);
                match refused.is_transient() {
                    true => Err(refused),
                    false => Ok(BucketState::Refused(refused)),
                }
            }
            _ => Err(self.explain(attempted, &answer)),
        }
    }

    async fn create(&self) -> Result<(), StorageError> {
        let attempted = "create its bucket";
        let mut bucket = json!({"name": self.name, "versioning": {"enabled": true}});
        if let Some(location) = &self.location {
            bucket["location"] = json!(location);
        }
        let ask = Ask {
            query: vec![("project", &self.project)],
            body: Some(bucket.to_string().into()),
            ..Ask::new(Method::POST, "/storage/v1/b".to_owned())
        };
        let answer = self.requests.send(attempted, ask).await?;
        match answer.status() {
            StatusCode::OK => Ok(()),
            // Another replica was quicker, or it is somebody else's.
            StatusCode::CONFLICT if matches!(self.look().await?, BucketState::There) => Ok(()),
            _ => Err(self.explain(attempted, &answer)),
        }
    }

    async fn try_listing(&self, prefix: &str) -> Result<(), StorageError> {
        let attempted = "list objects";
        let ask = Ask {
            query: vec![
                ("prefix", prefix),
                ("maxResults", "1"),
                ("fields", PAGE_FIELDS),
            ],
            ..Ask::new(Method::GET, self.requests.objects_path())
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
        let mut token: Option<String> = None;
        loop {
            let mut query = vec![("prefix", prefix), ("fields", PAGE_FIELDS)];
            if let Some(token) = &token {
                query.push(("pageToken", token));
            }
            let ask = Ask {
                query,
                ..Ask::new(Method::GET, self.requests.objects_path())
            };
            let answer = self.requests.send(attempted, ask).await?;
            match answer.status() {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => return Err(self.failures().no_bucket(attempted)),
                _ => return Err(self.explain(attempted, &answer)),
            }
            let page: Page = self.read(attempted, &answer)?;
            entries.extend(page.items.into_iter().map(BucketEntry::from));
            match page.next_page_token.filter(|next| !next.is_empty()) {
                None => return Ok(entries),
                next if next == token => {
                    let why = "its pages go round in circles";
                    return Err(self.failures().unreadable(attempted, why));
                }
                next => token = next,
            }
        }
    }

    async fn get(&self, name: &str) -> Result<Option<BucketObject>, StorageError> {
        self.read_object(name, None, None).await
    }

    async fn get_part(
        &self,
        name: &str,
        part: Range<u64>,
        version: Option<&str>,
    ) -> Result<Option<BucketObject>, StorageError> {
        self.read_object(name, Some(range_header(&part)), version)
            .await
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
        let mut query = vec![
            ("uploadType", "media"),
            ("name", name),
            ("fields", OBJECT_FIELDS),
        ];
        match condition {
            PutCondition::None => {}
            PutCondition::Absent => query.push(("ifGenerationMatch", "0")),
            PutCondition::Version(version) => query.push(("ifGenerationMatch", version)),
        }
        let ask = Ask {
            query,
            body: Some(bytes),
            ..Ask::new(Method::POST, self.requests.upload_path())
        };
        let answer = self.requests.send(attempted, ask).await?;
        match answer.status() {
            StatusCode::OK => {
                let resource: Resource = self.read(attempted, &answer)?;
                Ok(resource.into())
            }
            StatusCode::PRECONDITION_FAILED => Err(self.failures().conflict(name)),
            StatusCode::NOT_FOUND => Err(self.failures().no_bucket(attempted)),
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
        self.remove_upload(object).await
    }

    async fn remove(&self, name: &str) -> Result<(), StorageError> {
        self.remove_if(name, None).await.map(|_| ())
    }

    async fn remove_version(&self, name: &str, version: &str) -> Result<bool, StorageError> {
        self.remove_if(name, Some(version)).await
    }
}
