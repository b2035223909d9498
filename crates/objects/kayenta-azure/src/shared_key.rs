//! The account key as a pipeline policy: signs each request as it is sent.
//!
//! The scheme is Azure's "Shared Key" for version 2015-02-21 and later of the blob service.

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;
use azure_core::http::{
    Context, Method, Request,
    headers::{AUTHORIZATION, HeaderName, Headers, MS_DATE},
    policies::{Policy, PolicyResult},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use kayenta_secrets::Secret;
use secrecy::ExposeSecret;
use sha2::Sha256;
use url::Url;

/// The headers of the string to sign, in its order, between the verb and the `x-ms-` headers. `Date`
/// stays empty because `x-ms-date` is sent.
const SIGNED_HEADERS: [&str; 11] = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

/// Signs requests with the key of a storage account. Belongs after the retry policy, so that each
/// attempt carries its own date.
pub struct SharedKeyPolicy {
    account: String,
    key: Secret,
}

impl SharedKeyPolicy {
    /// Signs for `account` with its key, in base64.
    #[must_use]
    pub fn new(account: String, key: Secret) -> Self {
        Self { account, key }
    }

    fn authorization(&self, string_to_sign: &str) -> azure_core::Result<String> {
        let key = self.key.current();
        let key = BASE64_STANDARD.decode(key.expose_secret()).map_err(|_| {
            azure_core::Error::with_message(
                azure_core::error::ErrorKind::Credential,
                "the storage key is not a valid base64 encoded string",
            )
        })?;
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of every length");
        mac.update(string_to_sign.as_bytes());
        let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        Ok(format!("SharedKey {}:{signature}", self.account))
    }
}

impl fmt::Debug for SharedKeyPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedKeyPolicy")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Policy for SharedKeyPolicy {
    #[expect(
        clippy::disallowed_methods,
        reason = "Azure compares the date it signs with its own clock"
    )]
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        request.insert_header(MS_DATE, http_date(Utc::now()));
        let string_to_sign = string_to_sign(
            &self.account,
            request.method(),
            request.url(),
            request.headers(),
            request.body().len().unwrap_or(0),
        );
        request.insert_header(AUTHORIZATION, self.authorization(&string_to_sign)?);
        match next {
            [following, rest @ ..] => following.send(context, request, rest).await,
            [] => Err(azure_core::Error::with_message(
                azure_core::error::ErrorKind::Other,
                "no transport after the signature",
            )),
        }
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn string_to_sign(
    account: &str,
    method: Method,
    url: &Url,
    headers: &Headers,
    body_length: u64,
) -> String {
    let mut text = format!("{method}\n");
    for name in SIGNED_HEADERS {
        let value = headers.get_optional_str(&HeaderName::from_static(name));
        match (name, value) {
            // The transport adds the length of the body itself; none is written for none.
            ("content-length", value) => {
                let length = value.map_or_else(|| body_length.to_string(), str::to_owned);
                if length != "0" {
                    text.push_str(&length);
                }
            }
            (_, value) => text.push_str(value.unwrap_or_default()),
        }
        text.push('\n');
    }
    let own: BTreeMap<&str, &str> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| name.starts_with("x-ms-"))
        .collect();
    for (name, value) in own {
        text.push_str(&format!("{name}:{}\n", value.trim()));
    }
    text.push_str(&format!("/{account}{}", url.path()));
    let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in url.query_pairs() {
        parameters
            .entry(name.to_lowercase())
            .or_default()
            .push(value.into_owned());
    }
    for (name, mut values) in parameters {
        values.sort_unstable();
        text.push_str(&format!("\n{name}:{}", values.join(",")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of a signed listing in Microsoft's description of the scheme.
    #[test]
    fn string_to_sign_has_the_documented_form() {
        let url = Url::parse(
            "https://myaccount.blob.core.windows.net/mycontainer\
             ?restype=container&comp=metadata&timeout=20",
        )
        .unwrap();
        let mut headers = Headers::new();
        headers.insert("x-ms-version", "2015-02-21");
        headers.insert("x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT");
        headers.insert("accept", "application/xml");
        assert_eq!(
            string_to_sign("myaccount", Method::Get, &url, &headers, 0),
            "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\n\
             x-ms-version:2015-02-21\n/myaccount/mycontainer\ncomp:metadata\nrestype:container\n\
             timeout:20"
        );
    }

    #[test]
    fn writes_sign_length_type_and_condition_and_repeat_the_account_of_the_path() {
        let url = Url::parse(
            "http://127.0.0.1:10000/devstoreaccount1/c/a%2Fb%20%C3%BC.json?X=2&x=1&sp=a%2Bb",
        )
        .unwrap();
        let mut headers = Headers::new();
        headers.insert("if-none-match", "*");
        headers.insert("content-type", "application/json");
        headers.insert("x-ms-blob-type", "BlockBlob");
        let signed = string_to_sign("devstoreaccount1", Method::Put, &url, &headers, 12);
        assert_eq!(
            signed,
            "PUT\n\n\n12\n\napplication/json\n\n\n\n*\n\n\nx-ms-blob-type:BlockBlob\n\
             /devstoreaccount1/devstoreaccount1/c/a%2Fb%20%C3%BC.json\nsp:a+b\nx:1,2"
        );
    }

    #[test]
    fn dates_are_in_http_s_own_form_and_keys_are_not_printed() {
        let at = DateTime::from_timestamp(784_111_777, 0).unwrap();
        assert_eq!(http_date(at), "Sun, 06 Nov 1994 08:49:37 GMT");
        let policy = SharedKeyPolicy::new("acct".to_owned(), BASE64_STANDARD.encode("hush").into());
        assert_eq!(
            format!("{policy:?}"),
            "SharedKeyPolicy { account: \"acct\", .. }"
        );
    }

    /// RFC 4231, test case 2.
    #[test]
    fn signatures_are_hmac_sha256_in_base64() {
        let policy = SharedKeyPolicy::new("acct".to_owned(), BASE64_STANDARD.encode("Jefe").into());
        assert_eq!(
            policy
                .authorization("what do ya want for nothing?")
                .unwrap(),
            "SharedKey acct:W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="
        );
    }

    #[test]
    fn a_key_in_a_file_signs_as_it_is_now() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, BASE64_STANDARD.encode("Jefe")).unwrap();
        let files = kayenta_secrets::SecretFiles::default();
        let policy = SharedKeyPolicy::new("acct".to_owned(), files.open(&path).unwrap());
        let signed = || policy.authorization("text").unwrap();
        let first = signed();
        assert_eq!(signed(), first);
        std::fs::write(&path, BASE64_STANDARD.encode("another")).unwrap();
        files.refresh();
        assert_ne!(signed(), first);
        std::fs::write(&path, "no base64!").unwrap();
        files.refresh();
        let error = policy.authorization("text").unwrap_err().to_string();
        assert!(
            error.contains("base64") && !error.contains("no base64!"),
            "{error}"
        );
    }
}
