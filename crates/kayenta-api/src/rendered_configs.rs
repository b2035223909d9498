//! Answers of `GET /canaryConfig/{id}`, remembered by version.
//!
//! A stored config is read and written anew so that the answer has the wire's shape whoever stored it.
//! The answer depends on the stored bytes alone, and a store promises that equal versions are equal
//! bytes; so it is made once per version. The store itself is asked every time.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use bytes::Bytes;
use kayenta_model::CanaryConfig;
use kayenta_storage::{ConfigCatalogue, ObjectKind, StorageError, StorageErrorKind};

/// Answers remembered at most; when full all are forgotten.
const MOST: usize = 512;
/// Longer answers are made anew every time.
const LONGEST: usize = 64 << 10;

/// Remembered answers of one account.
#[derive(Debug, Default)]
pub(crate) struct RenderedConfigs {
    known: RwLock<HashMap<String, Rendered>>,
}

#[derive(Debug)]
struct Rendered {
    version: String,
    answer: Bytes,
}

impl RenderedConfigs {
    /// The config under the id as JSON.
    ///
    /// # Errors
    /// [`NotFound`](StorageErrorKind::NotFound) with the store's text,
    /// [`Corrupt`](StorageErrorKind::Corrupt) when it is no config.
    pub(crate) async fn get(
        &self,
        catalogue: &ConfigCatalogue,
        id: &str,
    ) -> Result<Bytes, StorageError> {
        let stored = catalogue
            .repository()
            .load_bytes(ObjectKind::CanaryConfig, id)
            .await?;
        let version = stored.summary.version;
        if let Some(known) = self
            .known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            && known.version == version
        {
            return Ok(known.answer.clone());
        }
        let answer: Bytes = serde_json::from_slice::<CanaryConfig>(&stored.bytes)
            .and_then(|config| serde_json::to_vec(&config))
            .map_err(|error| {
                let message = format!("Unable to deserialize object (key: {id})");
                StorageError::new(StorageErrorKind::Corrupt, message).caused_by(error)
            })?
            .into();
        if answer.len() <= LONGEST {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MOST {
                known.clear();
            }
            let rendered = Rendered {
                version,
                answer: answer.clone(),
            };
            known.insert(id.to_owned(), rendered);
        }
        Ok(answer)
    }
}
