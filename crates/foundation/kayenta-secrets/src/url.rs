//! URLs that may carry secrets.

use std::{fmt, str::FromStr};

use url::Url;

use crate::masking::{MASK, mask_urls};

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
    flaw: Option<InvalidBaseUrl>,
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
            flaw: None,
        })
    }
}

/// What stands for the URL of a text that is none: a name that no resolver knows (RFC 6761).
const NOWHERE: &str = "http://not-a-url.invalid";

impl BaseUrl {
    /// The text as a base URL even if it is none: what is to be called through it then fails with
    /// [`flaw`](Self::flaw). `None` if not even a stand-in can be made of it.
    #[must_use]
    pub fn or_flawed(text: &str) -> Option<Self> {
        match text.parse() {
            Ok(url) => Some(url),
            Err(flaw) => Some(Self {
                text: text.to_owned(),
                url: Url::parse(NOWHERE).ok()?,
                flaw: Some(flaw),
            }),
        }
    }

    /// Why nothing can be called through it, if the text is no base URL.
    #[must_use]
    pub fn flaw(&self) -> Option<&InvalidBaseUrl> {
        self.flaw.as_ref()
    }

    /// The URL with `path` (already encoded, with its leading slash) appended. One slash at the end of
    /// the base does not count; a path in the base stays.
    #[must_use]
    pub fn join(&self, path: &str) -> SecretUrl {
        let base = match self.flaw {
            None => self.expose(),
            Some(_) => NOWHERE,
        };
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
        let shown = mask_urls(&self.text);
        match shown.rsplit_once('@') {
            // Whatever stands before it may be a password, where no rule for URLs finds it.
            Some((_, rest)) if self.flaw.is_some() => write!(f, "{MASK}@{rest}"),
            _ => f.write_str(&shown),
        }
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
    fn a_text_that_is_no_url_keeps_its_text_and_leads_nowhere() {
        let base = BaseUrl::or_flawed("${HOST_OF_PROMETHEUS}").unwrap();
        assert_eq!(base.flaw(), Some(&InvalidBaseUrl::NoScheme));
        assert_eq!(base.to_string(), "${HOST_OF_PROMETHEUS}");
        assert_eq!(base.join("/a").expose(), "http://not-a-url.invalid/a");
        assert_eq!(BaseUrl::or_flawed("http://h").unwrap().flaw(), None);
        let secret = BaseUrl::or_flawed("user:s3cret@h:80").unwrap();
        assert_eq!(format!("{secret} {secret:?}"), "******@h:80 ******@h:80");
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
