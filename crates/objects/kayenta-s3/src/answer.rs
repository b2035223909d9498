//! The XML of the service.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use kayenta_storage::BucketEntry;
use serde::Deserialize;

/// One page of a listing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListBucketResult {
    #[serde(default)]
    is_truncated: bool,
    next_marker: Option<String>,
    encoding_type: Option<String>,
    #[serde(default)]
    contents: Vec<Contents>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Contents {
    key: String,
    last_modified: DateTime<Utc>,
    #[serde(rename = "ETag", default)]
    etag: String,
    #[serde(default)]
    size: u64,
}

/// A page, and where the next one begins.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) entries: Vec<BucketEntry>,
    pub(crate) marker: Option<String>,
}

/// What the service said about a failure.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ErrorAnswer {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) region: Option<String>,
}

fn from_xml<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    quick_xml::de::from_str(text).map_err(|error| error.to_string())
}

/// Reads a page of a listing.
pub(crate) fn page(body: &Bytes) -> Result<Page, String> {
    let result: ListBucketResult = from_xml(body)?;
    let encoded = result.encoding_type.as_deref() == Some("url");
    let decode = |key: String| -> String {
        if !encoded {
            return key;
        }
        let plus_is_blank = key.replace('+', " ");
        percent_encoding::percent_decode_str(&plus_is_blank)
            .decode_utf8_lossy()
            .into_owned()
    };
    let entries: Vec<BucketEntry> = result
        .contents
        .into_iter()
        .map(|object| BucketEntry {
            name: decode(object.key),
            updated: object.last_modified,
            version: unquoted(&object.etag),
            size: object.size,
        })
        .collect();
    let marker = match (result.is_truncated, result.next_marker) {
        (false, _) => None,
        (true, Some(marker)) => Some(decode(marker)),
        (true, None) => match entries.last() {
            Some(last) => Some(last.name.clone()),
            None => return Err("it says there is more, but not where".to_owned()),
        },
    };
    Ok(Page { entries, marker })
}

/// Reads what was said about a failure; nothing where nothing readable was said.
pub(crate) fn error(body: &[u8]) -> ErrorAnswer {
    from_xml(body).unwrap_or_default()
}

/// An ETag without the quotes that headers put around it.
pub(crate) fn unquoted(etag: &str) -> String {
    etag.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Page {
        page(&Bytes::from(text.to_owned())).unwrap()
    }

    #[test]
    fn keys_are_decoded_when_the_answer_says_they_are_encoded() {
        let contents = "<Contents><Key>a+b%2B%C3%A4//c</Key><LastModified>2026-11-29T10:13:33.250Z\
                        </LastModified><ETag>&quot;e&quot;</ETag><Size>1</Size></Contents>";
        let listed = read(&format!(
            "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>{contents}\
             </ListBucketResult>"
        ));
        assert_eq!(listed.entries[0].name, "a b+ä//c");
        assert_eq!(listed.entries[0].version, "e");
        assert_eq!(listed.entries[0].size, 1);
        assert_eq!(
            listed.entries[0].updated.timestamp_millis(),
            1_795_947_213_250
        );
        assert_eq!(listed.marker.as_deref(), Some("a b+ä//c"));
        let listed = read(&format!(
            "<ListBucketResult><NextMarker>ignored</NextMarker>{contents}</ListBucketResult>"
        ));
        assert_eq!(listed.entries[0].name, "a+b%2B%C3%A4//c");
        assert_eq!(listed.marker, None);
        assert!(read("<ListBucketResult/>").entries.is_empty());
    }

    #[test]
    fn a_page_that_cannot_be_continued_is_an_error() {
        let endless = "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
        page(&Bytes::from(endless)).unwrap_err();
        page(&Bytes::from("<html>hello")).unwrap_err();
    }
}
