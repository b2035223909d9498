//! Objects that are written in parts: the service's resumable uploads.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_RANGE, LOCATION, RANGE},
};
use kayenta_storage::{BucketEntry, PartialObject, StorageError};
use url::form_urlencoded;

use crate::{
    bucket::{GcsBucket, Resource},
    requests::Ask,
};

/// What each step attempts, as messages have it.
const WRITE: &str = "write an object in parts";

/// The service's answer to the removal of an upload, which has no name.
const REMOVED: u16 = 499;

/// What the service says to a piece of an upload.
#[derive(Debug)]
enum Progress {
    /// It has so many bytes of the object.
    Has(u64),
    /// It has all of them.
    Complete(BucketEntry),
    /// The upload does not exist: it was completed or removed, or has expired.
    Gone(Response<Bytes>),
}

impl GcsBucket {
    /// Begins an upload; its id. One whose answer is lost expires after a week.
    pub(crate) async fn begin_upload(&self, name: &str) -> Result<String, StorageError> {
        let ask = Ask {
            query: vec![("uploadType", "resumable"), ("name", name)],
            body: Some(Bytes::from_static(
                b"{\"contentType\":\"application/json\"}",
            )),
            ..Ask::new(Method::POST, self.requests.upload_path())
        };
        let answer = self.requests.send(WRITE, ask).await?;
        match answer.status() {
            StatusCode::OK | StatusCode::CREATED => upload_id(answer.headers()).ok_or_else(|| {
                self.failures()
                    .unreadable(WRITE, "it has no upload_id in its Location")
            }),
            StatusCode::NOT_FOUND => Err(self.failures().no_bucket(WRITE)),
            _ => Err(self.explain(WRITE, &answer)),
        }
    }

    /// Adds a part; how many bytes there are with it.
    pub(crate) async fn upload_part(
        &self,
        object: &PartialObject,
        part: Bytes,
    ) -> Result<String, StorageError> {
        match self.send_piece(object, part, false).await? {
            Progress::Has(bytes) => Ok(bytes.to_string()),
            Progress::Complete(_) => {
                let why = "it takes a part for the whole object";
                Err(self.failures().unreadable(WRITE, why))
            }
            Progress::Gone(answer) => Err(self.failures().no_upload(WRITE, &answer)),
        }
    }

    /// Adds the last part, with which the object is complete.
    pub(crate) async fn complete_upload(
        &self,
        object: &PartialObject,
        last: Bytes,
    ) -> Result<BucketEntry, StorageError> {
        let size = object.size + last.len() as u64;
        let progress = match self.send_piece(object, last, true).await {
            // A server that has completed the upload may say so before it has the whole part, and the connection breaks.
            Err(error) if error.is_transient() => self.ask(object, size).await.ok_or(error)?,
            sent => sent?,
        };
        match progress {
            Progress::Complete(entry) => Ok(entry),
            Progress::Has(_) => {
                let why = "it has all bytes of the object, but does not complete it";
                Err(self.failures().unreadable(WRITE, why))
            }
            // An earlier try may have completed it.
            Progress::Gone(answer) => match self.look_at(&object.name).await? {
                Some(there) if there.size == size => Ok(there),
                _ => Err(self.failures().no_upload(WRITE, &answer)),
            },
        }
    }

    /// Whether the service has completed an upload of an object of this size.
    async fn ask(&self, object: &PartialObject, size: u64) -> Option<Progress> {
        let range = format!("bytes */{size}");
        let progress = self.send_range(object, &range, Bytes::new()).await;
        progress.ok().filter(|progress| match progress {
            Progress::Has(_) => false,
            Progress::Complete(entry) => entry.size == size,
            Progress::Gone(_) => true,
        })
    }

    /// Sends what comes after the parts that are there, until the service has all of it. What an earlier try has brought the
    /// service ignores.
    async fn send_piece(
        &self,
        object: &PartialObject,
        piece: Bytes,
        is_last: bool,
    ) -> Result<Progress, StorageError> {
        let end = object.size + piece.len() as u64;
        let total = match is_last {
            true => end.to_string(),
            false => "*".to_owned(),
        };
        let mut sent = 0;
        loop {
            let from = object.size + sent as u64;
            let range = format!("bytes {from}-{}/{total}", end.saturating_sub(1));
            let rest = piece.slice(sent..);
            match self.send_range(object, &range, rest).await? {
                // It may keep less than it was sent.
                Progress::Has(bytes) if from < bytes && bytes < end => {
                    sent = usize::try_from(bytes - object.size).unwrap_or(usize::MAX);
                }
                Progress::Has(bytes) if bytes < end => {
                    return Err(self.failures().stuck(WRITE, bytes, from));
                }
                progress => return Ok(progress),
            }
        }
    }

    async fn send_range(
        &self,
        object: &PartialObject,
        range: &str,
        bytes: Bytes,
    ) -> Result<Progress, StorageError> {
        let range = HeaderValue::try_from(range)
            .map_err(|_| self.failures().invalid(WRITE, "the part is no range"))?;
        let ask = Ask {
            headers: vec![(CONTENT_RANGE, range)],
            body: Some(bytes),
            ..self.of_upload(Method::PUT, object)
        };
        let answer = self.requests.send(WRITE, ask).await?;
        match answer.status() {
            StatusCode::PERMANENT_REDIRECT => Ok(Progress::Has(persisted(answer.headers()))),
            StatusCode::OK | StatusCode::CREATED => {
                let resource: Resource = self.read(WRITE, &answer)?;
                Ok(Progress::Complete(resource.into()))
            }
            status if is_gone(status) => Ok(Progress::Gone(answer)),
            _ => Err(self.explain(WRITE, &answer)),
        }
    }

    /// Removes an upload with its parts.
    pub(crate) async fn remove_upload(&self, object: &PartialObject) -> Result<(), StorageError> {
        let attempted = "remove the parts of an object";
        let ask = Ask {
            // The service requires a length.
            headers: vec![(CONTENT_LENGTH, HeaderValue::from_static("0"))],
            ..self.of_upload(Method::DELETE, object)
        };
        let answer = self.requests.send(attempted, ask).await?;
        match answer.status() {
            status if status.is_success() || is_gone(status) => Ok(()),
            _ => Err(self.explain(attempted, &answer)),
        }
    }

    /// A request for an upload at the account's own endpoint, whatever host the service names.
    fn of_upload<'a>(&self, method: Method, object: &'a PartialObject) -> Ask<'a> {
        Ask {
            query: vec![
                ("uploadType", "resumable"),
                ("name", &object.name),
                ("upload_id", &object.upload),
            ],
            ..Ask::new(method, self.requests.upload_path())
        }
    }
}

fn is_gone(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) || status.as_u16() == REMOVED
}

/// The id of an upload in the URL that the service answers with.
fn upload_id(headers: &HeaderMap) -> Option<String> {
    let (_, query) = headers.get(LOCATION)?.to_str().ok()?.split_once('?')?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, value)| name == "upload_id" && !value.is_empty())
        .map(|(_, value)| value.into_owned())
}

/// How many bytes the service has, by the `Range` of its answer (`bytes=0-99`); none without one.
fn persisted(headers: &HeaderMap) -> u64 {
    let last = |range: &HeaderValue| -> Option<u64> {
        range.to_str().ok()?.rsplit_once('-')?.1.trim().parse().ok()
    };
    headers.get(RANGE).and_then(last).map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_known_by_its_id_wherever_the_service_says_it_is() {
        let id = |location: &'static str| {
            upload_id(&HeaderMap::from_iter([(
                LOCATION,
                HeaderValue::from_static(location),
            )]))
        };
        let url = "https://elsewhere/upload/storage/v1/b/b/o?name=a%2Fb&upload_id=A-b%2B_c";
        assert_eq!(id(url).as_deref(), Some("A-b+_c"));
        assert_eq!(id("/o?upload_id=7").as_deref(), Some("7"));
        for none in ["/o?upload_id=", "/o?name=n", "/o"] {
            assert_eq!(id(none), None, "{none}");
        }
    }

    #[test]
    fn what_the_service_has_is_one_byte_more_than_the_last() {
        let has = |range: &'static str| {
            persisted(&HeaderMap::from_iter([(
                RANGE,
                HeaderValue::from_static(range),
            )]))
        };
        assert_eq!(has("bytes=0-262143"), 262_144);
        assert_eq!(has("0-42"), 43);
        assert_eq!(has("odd"), 0);
        assert_eq!(persisted(&HeaderMap::new()), 0);
    }
}
