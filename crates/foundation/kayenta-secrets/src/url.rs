//! URLs that may carry secrets.

use std::{fmt, str::FromStr};

use url::Url;

use crate::masking::mask_urls;

/// A URL, or the template of one, that may carry secrets: `Display` and `Debug` mask them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// The whole text, for calling it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for SecretUrl {
    fn from(url: T) -> Self {
        Self(url.into())
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask_urls(&self.0))
    }
}

/// An `http` or `https` URL that paths are appended to. It is checked once, when it is parsed, and
/// stays a secret from there on: `Display` and `Debug` mask its user information and the values of
/// parameters named like secrets.
///
/// ```
/// use kayenta_secrets::BaseUrl;
///
/// let base: BaseUrl = "http://user:s3cret@prometheus:9090/prefix/".parse()?;
/// assert_eq!(base.join("/api/v1/query").expose(), "http://user:s3cret@prometheus:9090/prefix/api/v1/query");
/// assert_eq!(base.to_string(), "http://user:******@prometheus:9090/prefix/");
/// # Ok::<(), kayenta_secrets::InvalidBaseUrl>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    url: Url,
}

/// Why a text is not a base URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBaseUrl {
    /// There is no colon, so no scheme.
    #[error("Expected URL scheme 'http' or 'https' but no colon was found")]
    NoScheme,
    /// The scheme is another one.
    #[error("Expected URL scheme 'http' or 'https' but was '{0}'")]
    OtherScheme(String),
    /// The rest is not a URL.
    #[error(transparent)]
    Malformed(#[from] url::ParseError),
    /// There is no host to connect to.
    #[error("it has no host")]
    NoHost,
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        let (scheme, _) = text.split_once(':').ok_or(InvalidBaseUrl::NoScheme)?;
        if !matches!(scheme.to_lowercase().as_str(), "http" | "https") {
            return Err(InvalidBaseUrl::OtherScheme(scheme.to_owned()));
        }
        let url = Url::parse(text.strip_suffix('/').unwrap_or(text))?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(InvalidBaseUrl::NoHost);
        }
        Ok(Self {
            text: text.to_owned(),
            url,
        })
    }
}

impl BaseUrl {
    /// The URL with `path` (already encoded, with its leading slash) appended. One slash at the end of
    /// the base does not count; a path in the base stays.
    #[must_use]
    pub fn join(&self, path: &str) -> SecretUrl {
        let base = self.expose();
        SecretUrl(format!("{}{path}", base.strip_suffix('/').unwrap_or(base)))
    }

    /// The text as written, secrets included.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The URL in parts, secrets included, without the one slash at its end.
    #[must_use]
    pub fn expose_url(&self) -> &Url {
        &self.url
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask_urls(&self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_urls_with_a_host_are_base_urls() {
        for (text, reason) in [
            ("", InvalidBaseUrl::NoScheme),
            ("/relative", InvalidBaseUrl::NoScheme),
            (
                "prometheus:9090",
                InvalidBaseUrl::OtherScheme("prometheus".to_owned()),
            ),
            ("ftp://h/", InvalidBaseUrl::OtherScheme("ftp".to_owned())),
            (
                "http://",
                InvalidBaseUrl::Malformed(url::ParseError::EmptyHost),
            ),
        ] {
            assert_eq!(text.parse::<BaseUrl>(), Err(reason), "{text}");
        }
        assert!("HTTPS://h".parse::<BaseUrl>().is_ok());
    }

    #[test]
    fn one_slash_at_the_end_does_not_count_when_a_path_is_appended() {
        for (base, joined) in [
            ("http://h", "http://h/a?b"),
            ("http://h/", "http://h/a?b"),
            ("http://h/p//", "http://h/p//a?b"),
        ] {
            let base: BaseUrl = base.parse().unwrap();
            assert_eq!(base.join("/a?b").expose(), joined);
        }
    }

    #[test]
    fn printing_masks_the_secrets() {
        let base: BaseUrl = "http://u:pass@h/?token=tok".parse().unwrap();
        for shown in [
            format!("{base}"),
            format!("{base:?}"),
            format!("{}", base.join("/x")),
        ] {
            assert!(
                !shown.contains("pass") && !shown.contains("tok=tok"),
                "{shown}"
            );
            assert!(
                shown.starts_with("http://u:******@h/?token=******"),
                "{shown}"
            );
        }
    }
}
