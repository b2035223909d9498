//! Uploads in parts against a server that keeps them as Google documents it, which the emulator does not: bytes that it has
//! already are ignored, those of a part may be kept only in part, and an upload that was removed is gone.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{Method, StatusCode};
use kayenta_storage::{
    Bucket, ObjectKind, ObjectStore, PartialObject, StorageErrorKind, UPLOAD_PART,
};
use kayenta_testkit::{NotedRequest, NotingServer, object_store_suite};
use url::Url;

use crate::support::{account, open, retrying_at_once};

/// What the server keeps of a part is a multiple of this.
const GRAIN: usize = 256 << 10;

/// The uploads and objects of one bucket.
#[derive(Debug, Default)]
struct Google {
    /// Most bytes that it keeps of a part, where it does not keep the whole part.
    keeps: Option<usize>,
    /// Whether the first of two tries of each step is lost on its way back.
    loses_answers: bool,
    /// Whether it forgets an upload as soon as that is complete.
    forgets: bool,
    tried: HashMap<String, u32>,
    begun: u32,
    /// Name and bytes by the id of the upload.
    uploads: BTreeMap<String, (String, String)>,
    completed: BTreeMap<String, String>,
    /// Content and generation by name.
    objects: BTreeMap<String, (String, u32)>,
}

impl Google {
    fn resource(&self, name: &str) -> Option<String> {
        let (content, generation) = self.objects.get(name)?;
        let (size, updated) = (content.len(), chrono::Utc::now().to_rfc3339());
        Some(format!(
            "{{\"name\":\"{name}\",\"generation\":\"{generation}\",\"updated\":\"{updated}\",\
             \"size\":\"{size}\"}}"
        ))
    }

    fn found(resource: Option<String>) -> Response {
        match resource {
            Some(resource) => resource.into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }

    fn begin(&mut self, name: &str) -> Response {
        self.begun += 1;
        let id = format!("id+{}", self.begun);
        self.uploads
            .insert(id.clone(), (name.to_owned(), String::new()));
        // Elsewhere nobody listens.
        let location = format!(
            "https://127.0.0.1:1/upload/storage/v1/b/other/o?upload_id={}",
            id.replace('+', "%2B")
        );
        ([("location", location)], "").into_response()
    }

    /// The answer to who has not sent everything yet.
    fn kept(kept: &str) -> Response {
        let status = StatusCode::PERMANENT_REDIRECT;
        match kept.len() {
            0 => status.into_response(),
            bytes => (status, [("range", format!("bytes=0-{}", bytes - 1))]).into_response(),
        }
    }

    fn take(&mut self, id: &str, range: &str, body: &str) -> Response {
        if let Some(name) = self.completed.get(id) {
            return Self::found(self.resource(name));
        }
        let Some((name, kept)) = self.uploads.get_mut(id) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let (bytes, total) = range
            .strip_prefix("bytes ")
            .unwrap()
            .split_once('/')
            .unwrap();
        if bytes == "*" {
            return Self::kept(kept);
        }
        let (from, last) = bytes.split_once('-').unwrap();
        let (from, last): (usize, usize) = (from.parse().unwrap(), last.parse().unwrap());
        assert_eq!(body.len(), last + 1 - from);
        let Some(known) = kept
            .len()
            .checked_sub(from)
            .filter(|known| *known <= body.len())
        else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let new = &body[known..];
        if total == "*" {
            assert_eq!(body.len() % GRAIN, 0, "Google refuses such a part");
            let most = self.keeps.unwrap_or(usize::MAX).min(new.len());
            kept.push_str(&new[..most]);
            return Self::kept(kept);
        }
        kept.push_str(new);
        assert_eq!(kept.len().to_string(), total);
        let (name, content) = (name.clone(), std::mem::take(kept));
        let generation = self.begun;
        self.uploads.remove(id);
        self.objects.insert(name.clone(), (content, generation));
        if !self.forgets {
            self.completed.insert(id.to_owned(), name.clone());
        }
        Self::found(self.resource(&name))
    }

    fn object(&mut self, method: &Method, name: &str, whole: bool) -> Response {
        if *method == Method::DELETE {
            return match self.objects.remove(name) {
                Some(_) => StatusCode::NO_CONTENT.into_response(),
                None => StatusCode::NOT_FOUND.into_response(),
            };
        }
        match self.objects.get(name) {
            Some((content, generation)) if whole => {
                let headers = [
                    ("x-goog-generation", generation.to_string()),
                    ("last-modified", chrono::Utc::now().to_rfc2822()),
                ];
                (headers, content.clone()).into_response()
            }
            _ => Self::found(self.resource(name)),
        }
    }

    fn answer(&mut self, request: &NotedRequest) -> Response {
        let url = Url::parse(&format!("http://google{}", request.target)).unwrap();
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let asks = |name: &str| query.get(name).map(String::as_str);
        if !url.path().starts_with("/upload/") {
            let object = url.path().split_once("/o/").map(|(_, name)| {
                percent_encoding::percent_decode_str(name)
                    .decode_utf8()
                    .unwrap()
                    .into_owned()
            });
            if let Some(name) = object {
                return self.object(&request.method, &name, asks("alt") == Some("media"));
            }
            let Some(prefix) = asks("prefix") else {
                return "{}".into_response();
            };
            let items: Vec<String> = self
                .objects
                .keys()
                .filter(|name| name.starts_with(prefix))
                .filter_map(|name| self.resource(name))
                .collect();
            return format!("{{\"items\":[{}]}}", items.join(",")).into_response();
        }
        assert_eq!(asks("uploadType"), Some("resumable"));
        let name = asks("name").unwrap();
        let Some(id) = asks("upload_id") else {
            assert_eq!(request.method, Method::POST);
            assert_eq!(request.body, "{\"contentType\":\"application/json\"}");
            return self.begin(name);
        };
        match request.method {
            Method::DELETE => {
                assert_eq!(request.headers["content-length"], "0");
                match self.uploads.remove(id) {
                    Some(_) => StatusCode::from_u16(499).unwrap().into_response(),
                    None => StatusCode::NOT_FOUND.into_response(),
                }
            }
            _ => {
                let range = request.headers["content-range"].to_str().unwrap();
                self.take(id, range, &request.body)
            }
        }
    }

    /// Answers, but loses every first one of two answers to the same step of an upload.
    fn answer_or_not(&mut self, request: &NotedRequest) -> Response {
        let answer = self.answer(request);
        if !self.loses_answers || !request.target.starts_with("/upload/") {
            return answer;
        }
        let range = request.headers.get("content-range");
        let step = format!("{} {} {range:?}", request.method, request.target);
        let tries = self.tried.entry(step).or_default();
        *tries += 1;
        if tries.is_multiple_of(2) {
            return answer;
        }
        broken()
    }
}

/// An answer in which the connection breaks.
fn broken() -> Response {
    let body = async { Err::<Bytes, _>(std::io::Error::other("the answer is lost")) };
    Response::new(Body::from_stream(futures::stream::once(body)))
}

/// Its URL. No request is kept, as a noting server does.
async fn serve(google: Google) -> (String, Arc<Mutex<Google>>) {
    let google = Arc::new(Mutex::new(google));
    let shared = Arc::clone(&google);
    let answer = move |request: axum::extract::Request| {
        let shared = Arc::clone(&shared);
        async move {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let request = NotedRequest {
                method: parts.method,
                target: parts.uri.to_string(),
                headers: parts.headers,
                body: String::from_utf8(body.into()).unwrap(),
            };
            shared.lock().unwrap().answer_or_not(&request)
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    (base_url, google)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_from_what_the_service_has_and_its_steps_are_repeated_without_harm() {
    for (keeps, loses_answers, forgets) in [
        (None, false, true),
        (None, true, true),
        (None, true, false),
        (Some(3 << 20), false, false),
        (Some(GRAIN * 7), true, false),
    ] {
        let (base_url, google) = serve(Google {
            keeps,
            loses_answers,
            forgets,
            ..Google::default()
        })
        .await;
        let store = retrying_at_once(&account(&base_url));
        object_store_suite::written_in_parts(&*store).await;
        let google = google.lock().unwrap();
        assert!(google.begun >= 6, "{} uploads", google.begun);
        assert_eq!(loses_answers, google.tried.values().any(|tries| *tries > 1));
        // Of an upload that is given up nothing stays but, where its beginning was lost, its id.
        assert_eq!(loses_answers, !google.uploads.is_empty());
        assert!(google.uploads.values().all(|(_, kept)| kept.is_empty()));
    }
}

#[tokio::test]
async fn an_upload_that_was_removed_takes_nothing_more() {
    let (base_url, _google) = serve(Google::default()).await;
    let store = open(&account(&base_url));
    let bucket = store.bucket();
    let name = "kayenta/metrics/removed/metric_sets.json";
    let part = Bytes::from(vec![b' '; UPLOAD_PART]);
    let mut object = PartialObject {
        name: name.to_owned(),
        upload: bucket.begin_parts(name).await.unwrap(),
        parts: Vec::new(),
        size: 0,
    };
    let put = bucket.put_part(&object, part.clone()).await.unwrap();
    assert_eq!(put, UPLOAD_PART.to_string());
    object.parts.push(put);
    object.size = UPLOAD_PART as u64;
    // The second time there is nothing to remove.
    for _ in 0..2 {
        bucket.remove_parts(&object).await.unwrap();
    }
    let more = bucket.put_part(&object, part).await.unwrap_err();
    let end = bucket.complete_parts(&object, Bytes::from_static(b"x"));
    for error in [more, end.await.unwrap_err()] {
        assert_eq!(error.kind, StorageErrorKind::Unavailable, "{error}");
        assert!(error.message.contains("the upload is gone"), "{error}");
    }
    assert_eq!(bucket.version(name).await.unwrap(), None);
}

/// Such a server does not read the part, so that the connection can break before its answer is read.
#[tokio::test]
async fn after_a_broken_connection_the_upload_is_asked_for_whether_it_is_complete() {
    let resource = "{\"name\":\"n\",\"generation\":\"7\",\
                    \"updated\":\"2026-11-29T10:17:09.967Z\",\"size\":\"10\"}";
    for (answer, generation) in [
        (200, Some("7")),
        (404, Some("7")),
        // What it broke with stays the failure.
        (308, None),
        (503, None),
    ] {
        let server = NotingServer::answering(move |request: &NotedRequest| {
            match request.headers.get("content-range") {
                Some(range) if range == "bytes */10" => {
                    (StatusCode::from_u16(answer).unwrap(), resource).into_response()
                }
                Some(_) => broken(),
                None => ([("location", "/o?upload_id=7")], resource).into_response(),
            }
        })
        .await;
        let store = open(&account(server.base_url()));
        let mut upload = store.upload(ObjectKind::MetricSetList, "k").unwrap();
        let finished = upload.finish(Bytes::from_static(b"0123456789")).await;
        match generation {
            Some(generation) => assert_eq!(finished.unwrap().version, generation),
            None => {
                let error = finished.unwrap_err();
                assert_eq!(error.kind, StorageErrorKind::Unavailable, "{error}");
                assert!(error.message.contains("connection broke"), "{error}");
            }
        }
    }
}

/// A server that says it has less than it had, or an object that it does not complete, ends in an error rather than in a loop.
#[tokio::test]
async fn an_upload_that_does_not_get_on_is_an_error() {
    for (status, range, kind, words) in [
        (
            308,
            None,
            StorageErrorKind::Unavailable,
            "no more than before",
        ),
        (
            308,
            Some("bytes=0-9"),
            StorageErrorKind::Other,
            "does not complete it",
        ),
        (
            400,
            None,
            StorageErrorKind::Invalid,
            "cannot write an object in parts: 400",
        ),
    ] {
        let server = NotingServer::answering(move |request: &NotedRequest| {
            let status = match request.method {
                Method::PUT => StatusCode::from_u16(status).unwrap(),
                _ => StatusCode::OK,
            };
            let location = ("location", "/o?upload_id=7");
            match range {
                Some(range) => (status, [location, ("range", range)], "").into_response(),
                None => (status, [location], "").into_response(),
            }
        })
        .await;
        let store = open(&account(server.base_url()));
        let mut upload = store.upload(ObjectKind::MetricSetList, "k").unwrap();
        let error = upload.finish(Bytes::from_static(b"0123456789")).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(words), "{error}");
    }
}
