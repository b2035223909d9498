//! What a blob that is written in blocks is called until it is complete.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// Random bytes at the beginning of the ids of an upload's blocks: with the number of the block, its ids are 16 bytes long, as
/// those that the SDK chooses for a big blob. The service refuses a block whose id is not as long as those of the blocks
/// that somebody has left under the name.
const RANDOM_BYTES: usize = 9;

/// What an upload is called: the beginning of the ids of its blocks, which no other writer of the blob shares, and the
/// version of the blob that it replaces, which is empty when there is none.
#[expect(
    clippy::disallowed_methods,
    reason = "unique among the blocks under a name, and seen by nobody"
)]
pub(crate) fn new_upload(replaced: Option<&str>) -> String {
    let random = uuid::Uuid::new_v4();
    let beginning = BASE64_URL_SAFE_NO_PAD.encode(&random.as_bytes()[..RANDOM_BYTES]);
    format!("{beginning}/{}", replaced.unwrap_or_default())
}

/// The id of a block of the upload, the same at each try.
pub(crate) fn block_id(upload: &str, number: usize) -> String {
    let beginning = upload
        .split_once('/')
        .map_or(upload, |(beginning, _)| beginning);
    format!("{beginning}{number:04x}")
}

/// The version of the blob that the upload replaces, empty when there is none.
pub(crate) fn replaced_version(upload: &str) -> &str {
    upload.split_once('/').map_or("", |(_, version)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_blocks_are_equally_long_repeatable_and_shared_with_no_other_upload() {
        let (one, other) = (new_upload(Some("0x8D/1")), new_upload(None));
        for number in [0, 1, 0xffff] {
            let id = block_id(&one, number);
            assert_eq!(id.len(), 16);
            assert_eq!(block_id(&one, number), id);
            assert_ne!(block_id(&other, number), id);
        }
        assert_ne!(block_id(&one, 1), block_id(&one, 0));
        assert_eq!(replaced_version(&one), "0x8D/1");
        assert_eq!(replaced_version(&other), "");
    }
}
