//! The XML of the service.

use std::fmt::Write;

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

/// What the service calls an upload that it has begun.
#[derive(Debug, Deserialize)]
struct BegunUpload {
    #[serde(rename = "UploadId")]
    id: String,
}

/// The end of an upload, or the code of its failure.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CompletedUpload {
    #[serde(rename = "ETag")]
    etag: Option<String>,
    #[serde(rename = "Code")]
    code: Option<String>,
}

fn from_xml<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    // Blanks keep the connection open while the service puts an object together.
    quick_xml::de::from_str(text.trim_start()).map_err(|error| error.to_string())
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

/// Reads what the service calls an upload.
pub(crate) fn begun_upload(body: &[u8]) -> Result<String, String> {
    let BegunUpload { id } = from_xml(body)?;
    match id.is_empty() {
        true => Err("the upload has no id".to_owned()),
        false => Ok(id),
    }
}

/// Reads the ETag of an object that was put together, `None` when the answer says that this failed after all.
pub(crate) fn completed_upload(body: &[u8]) -> Result<Option<String>, String> {
    let completed: CompletedUpload = from_xml(body)?;
    match (completed.code, completed.etag) {
        (Some(_), _) => Ok(None),
        (None, Some(etag)) => Ok(Some(unquoted(&etag))),
        (None, None) => Err("the object has no ETag".to_owned()),
    }
}

/// Which parts an object is put together from: their ETags in their order.
pub(crate) fn completion<'e>(etags: impl Iterator<Item = &'e String>) -> String {
    let mut text =
        "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">".to_owned();
    for (number, etag) in (1..).zip(etags) {
        let etag = quick_xml::escape::escape(etag);
        let _ = write!(
            text,
            "<Part><PartNumber>{number}</PartNumber><ETag>\"{etag}\"</ETag></Part>"
        );
    }
    text.push_str("</CompleteMultipartUpload>");
    text
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
    fn the_end_of_an_upload_is_read_past_the_blanks_and_a_late_failure_is_none() {
        let done = b"  \n<?xml version=\"1.0\"?>\n  <CompleteMultipartUploadResult>\
                     <ETag>&quot;e-2&quot;</ETag></CompleteMultipartUploadResult>";
        assert_eq!(completed_upload(done).unwrap().as_deref(), Some("e-2"));
        let failed = b" <Error><Code>InternalError</Code></Error>";
        assert_eq!(completed_upload(failed).unwrap(), None);
        completed_upload(b"<Other/>").unwrap_err();
        completed_upload(b"").unwrap_err();
        let begun = b"<InitiateMultipartUploadResult><UploadId>7</UploadId></InitiateMultipartUploadResult>";
        assert_eq!(begun_upload(begun).unwrap(), "7");
        begun_upload(b"<InitiateMultipartUploadResult/>").unwrap_err();
    }

    #[test]
    fn parts_are_numbered_from_one_and_their_etags_quoted() {
        let etags = ["a".to_owned(), "<".to_owned()];
        let parts = completion(etags.iter());
        assert!(
            parts.contains(
                "<Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag></Part>\
                 <Part><PartNumber>2</PartNumber><ETag>\"&lt;\"</ETag></Part>"
            ),
            "{parts}"
        );
    }

    #[test]
    fn a_page_that_cannot_be_continued_is_an_error() {
        let endless = "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
        page(&Bytes::from(endless)).unwrap_err();
        page(&Bytes::from("<html>hello")).unwrap_err();
    }
}
