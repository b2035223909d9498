//! The requests of a ConfigBin, and what its answers mean.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use kayenta_http::{Transport, URL_PART};
use kayenta_storage::{StorageError, StorageErrorKind};
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;

use crate::account::ConfigBinAccount;

/// Ids on a page, as the reference asks for.
const PAGE: usize = 1000;

/// Largest answer read.
const MOST_BYTES: usize = 128 << 20;

/// Sends the requests of one account.
#[derive(Debug)]
pub(crate) struct Requests {
    pub(crate) account: ConfigBinAccount,
    transport: Transport,
}

/// The server's status and words, kept as the source.
#[derive(Debug, thiserror::Error)]
#[error("{status}: {body}")]
struct Said {
    status: StatusCode,
    body: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    name_versions: Vec<NameVersion>,
    next_page_id: Option<String>,
    #[serde(default)]
    has_next: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NameVersion {
    config_name: String,
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, URL_PART).to_string()
}

impl Requests {
    pub(crate) fn new(account: ConfigBinAccount, transport: Transport) -> Self {
        Self { account, transport }
    }

    pub(crate) fn failure(
        &self,
        kind: StorageErrorKind,
        attempted: &str,
        why: impl std::fmt::Display,
    ) -> StorageError {
        StorageError::new(
            kind,
            format!(
                "ConfigBin account '{}' cannot {attempted}: {why}",
                self.account.name
            ),
        )
    }

    fn folder(&self) -> String {
        let account = &self.account;
        format!(
            "{}/{}",
            encoded(&account.owner_app),
            encoded(&account.config_type)
        )
    }

    /// One request; 404 is `None`, every other failure an error. `attempted` reads on from "cannot".
    async fn send(
        &self,
        attempted: &str,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Option<Bytes>, StorageError> {
        let base_url = &self.account.base_url;
        if let Some(flaw) = base_url.flaw() {
            let why = format!("{flaw} (endpoint.baseUrl is '{base_url}')");
            return Err(self.failure(StorageErrorKind::Invalid, attempted, why));
        }
        let url = base_url.join(path);
        let mut request = Request::builder().method(method).uri(url.expose());
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json; charset=UTF-8");
        }
        let request = request
            .body(body.unwrap_or_default())
            .map_err(|error| self.failure(StorageErrorKind::Invalid, attempted, error))?;
        let answer = self
            .transport
            .exchange(request, MOST_BYTES)
            .await
            .map_err(|error| self.failure(StorageErrorKind::Unavailable, attempted, error))?;
        match answer.status() {
            status if status.is_success() => Ok(Some(answer.into_body())),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.explain(attempted, &answer)),
        }
    }

    fn explain(&self, attempted: &str, answer: &Response<Bytes>) -> StorageError {
        let status = answer.status();
        let (kind, why) = match status.as_u16() {
            401 | 403 => (
                StorageErrorKind::Denied,
                "it refuses this service (credentials go into endpoint.baseUrl: http://user:password@host); ",
            ),
            408 | 429 | 500..=599 => (StorageErrorKind::Unavailable, ""),
            400..=499 => (StorageErrorKind::Invalid, ""),
            _ => (StorageErrorKind::Other, ""),
        };
        let body: String = String::from_utf8_lossy(answer.body())
            .chars()
            .take(1000)
            .collect();
        self.failure(kind, attempted, format_args!("{why}it answers {status}"))
            .caused_by(Said { status, body })
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Option<Bytes>, StorageError> {
        let path = format!("/{}/{}", self.folder(), encoded(id));
        self.send("read a config", Method::GET, &path, None).await
    }

    pub(crate) async fn put(&self, id: &str, bytes: Bytes) -> Result<(), StorageError> {
        let attempted = "write a config";
        let path = format!(
            "/{}/{}?overwrite=true&user=kayenta&comment=spinnaker",
            self.folder(),
            encoded(id)
        );
        match self
            .send(attempted, Method::POST, &path, Some(bytes))
            .await?
        {
            Some(_) => Ok(()),
            None => Err(self.unknown_folder(attempted)),
        }
    }

    /// Whether it was there.
    pub(crate) async fn delete(&self, id: &str) -> Result<bool, StorageError> {
        let path = format!(
            "/{}/{}?user=kayenta&comment=spinnaker",
            self.folder(),
            encoded(id)
        );
        let gone = self.send("delete a config", Method::DELETE, &path, None);
        Ok(gone.await?.is_some())
    }

    fn unknown_folder(&self, attempted: &str) -> StorageError {
        let account = &self.account;
        self.failure(
            StorageErrorKind::Other,
            attempted,
            format_args!(
                "it answers 404; check endpoint.baseUrl, ownerApp '{}' and configType '{}'",
                account.owner_app, account.config_type
            ),
        )
    }

    /// A page of ids and where the next one begins.
    pub(crate) async fn page(
        &self,
        size: usize,
        next: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), StorageError> {
        let attempted = "list configs";
        let mut path = format!(
            "/browse/{}?pageSize={size}&showDeleted=false",
            self.folder()
        );
        if let Some(next) = next {
            path.push_str("&nextPageId=");
            path.push_str(&encoded(next));
        }
        let body = self
            .send(attempted, Method::GET, &path, None)
            .await?
            .ok_or_else(|| self.unknown_folder(attempted))?;
        // C-CONFIGBIN-03: the reference takes an answer it cannot read for no configs.
        let page: Page = serde_json::from_slice(&body).map_err(|error| {
            let why = format_args!("the answer is not ConfigBin's ({error})");
            self.failure(StorageErrorKind::Other, attempted, why)
        })?;
        let names = page.name_versions.into_iter().map(|name| name.config_name);
        let next = page
            .next_page_id
            .filter(|next| page.has_next && !next.is_empty());
        Ok((names.collect(), next))
    }

    /// Every id, all pages.
    pub(crate) async fn ids(&self) -> Result<Vec<String>, StorageError> {
        let mut ids = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let (more, after) = self.page(PAGE, next.as_deref()).await?;
            ids.extend(more);
            match after {
                None => return Ok(ids),
                after if after == next => {
                    let why = "its pages go round in circles";
                    return Err(self.failure(StorageErrorKind::Other, "list configs", why));
                }
                after => next = after,
            }
        }
    }
}
