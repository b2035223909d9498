//! Objects that are written in parts: the service's multipart uploads.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use kayenta_storage::{BucketEntry, PartialObject, StorageError};

use crate::{
    answer,
    bucket::{S3Bucket, etag},
    failure::{Reason, reason},
    requests::{Ask, answered},
};

/// What each step attempts, as messages have it.
const WRITE: &str = "write an object in parts";

impl S3Bucket {
    /// Begins an upload; its id. One whose answer is lost stays without parts until a lifecycle rule removes it.
    pub(crate) async fn begin_upload(&self, name: &str) -> Result<String, StorageError> {
        let ask = Ask {
            query: &[("uploads", "")],
            headers: self.headers_of_writes(),
            ..Ask::new(Method::POST, Some(name))
        };
        let answer = self.requests.send(WRITE, ask).await?;
        if !answer.status().is_success() {
            return Err(self.explain(WRITE, &answer));
        }
        answer::begun_upload(answer.body()).map_err(|why| self.failures().unreadable(WRITE, &why))
    }

    /// Adds a part; its ETag.
    pub(crate) async fn upload_part(
        &self,
        object: &PartialObject,
        part: Bytes,
    ) -> Result<String, StorageError> {
        let answer = self.send_part(object, part).await?;
        self.etag_of_part(&answer)
    }

    /// Sends the part after those that are there. Sent again it takes the place of the first one.
    async fn send_part(
        &self,
        object: &PartialObject,
        part: Bytes,
    ) -> Result<Response<Bytes>, StorageError> {
        let number = (object.parts.len() + 1).to_string();
        let ask = Ask {
            query: &[("partNumber", &number), ("uploadId", &object.upload)],
            body: part,
            ..Ask::new(Method::PUT, Some(&object.name))
        };
        match self.requests.send(WRITE, ask).await {
            // A server that does not know the upload may say so before it has the whole part, and the connection breaks.
            Err(error) if error.is_transient() => self.gone(object).await.ok_or(error),
            sent => sent,
        }
    }

    /// The service's answer that the upload does not exist, if that is its answer.
    async fn gone(&self, object: &PartialObject) -> Option<Response<Bytes>> {
        let ask = Ask {
            query: &[("max-parts", "1"), ("uploadId", &object.upload)],
            ..Ask::new(Method::GET, Some(&object.name))
        };
        let answer = self.requests.send(WRITE, ask).await.ok()?;
        (reason(&answer) == Reason::NoUpload).then_some(answer)
    }

    fn etag_of_part(&self, answer: &Response<Bytes>) -> Result<String, StorageError> {
        if !answer.status().is_success() {
            return Err(self.explain(WRITE, answer));
        }
        let etag = etag(answer);
        match etag.is_empty() {
            true => Err(self.failures().unreadable(WRITE, "the part has no ETag")),
            false => Ok(etag),
        }
    }

    /// Adds the last part and puts the object together.
    pub(crate) async fn complete_upload(
        &self,
        object: &PartialObject,
        last: Bytes,
    ) -> Result<BucketEntry, StorageError> {
        let size = object.size + last.len() as u64;
        let answer = self.send_part(object, last).await?;
        if reason(&answer) == Reason::NoUpload {
            return self.completed_earlier(object, size, &answer).await;
        }
        let part = self.etag_of_part(&answer)?;
        let ask = Ask {
            query: &[("uploadId", &object.upload)],
            body: answer::completion(object.parts.iter().chain([&part])).into(),
            ..Ask::new(Method::POST, Some(&object.name))
        };
        let mut answer = self.requests.send(WRITE, ask).await?;
        if answer.status().is_success() {
            let read = answer::completed_upload(answer.body())
                .map_err(|why| self.failures().unreadable(WRITE, &why))?;
            match read {
                Some(version) => return self.completed(object, size, version, &answer).await,
                // The service failed after it had sent the status.
                None => *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
            }
        }
        match reason(&answer) {
            Reason::NoUpload => self.completed_earlier(object, size, &answer).await,
            _ => Err(self.explain(WRITE, &answer)),
        }
    }

    /// What a listing says of an object that was just put together: its time may be that at which the upload began, and the
    /// ETag of some servers is another one than that of the answer.
    async fn completed(
        &self,
        object: &PartialObject,
        size: u64,
        version: String,
        answer: &Response<Bytes>,
    ) -> Result<BucketEntry, StorageError> {
        let there = self.look_at(&object.name).await?;
        Ok(there
            .filter(|there| there.size == size)
            .unwrap_or_else(|| BucketEntry {
                // Another writer was quicker than the look.
                name: object.name.clone(),
                updated: answered(answer.headers()),
                version,
                size,
            }))
    }

    /// What a listing says of an object that an earlier try put together, whose upload does not exist any more.
    async fn completed_earlier(
        &self,
        object: &PartialObject,
        size: u64,
        answer: &Response<Bytes>,
    ) -> Result<BucketEntry, StorageError> {
        match self.look_at(&object.name).await? {
            Some(there) if there.size == size => Ok(there),
            _ => Err(self.explain(WRITE, answer)),
        }
    }

    /// Removes an upload with its parts.
    pub(crate) async fn abort_upload(&self, object: &PartialObject) -> Result<(), StorageError> {
        let attempted = "remove the parts of an object";
        let ask = Ask {
            query: &[("uploadId", &object.upload)],
            ..Ask::new(Method::DELETE, Some(&object.name))
        };
        let answer = self.requests.send(attempted, ask).await?;
        match reason(&answer) {
            _ if answer.status().is_success() => Ok(()),
            Reason::NoUpload | Reason::NoObject | Reason::NoBucket => Ok(()),
            _ => Err(self.explain(attempted, &answer)),
        }
    }
}
