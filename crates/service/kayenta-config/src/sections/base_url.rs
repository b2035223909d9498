//! Base URLs, with the reference's words for those that are none.

use kayenta_properties::Group;
use url::Url;

use crate::settings::BaseUrl;

/// A base URL with scheme and host.
pub(super) fn read(group: &Group<'_>, name: &str) -> Option<BaseUrl> {
    group.parsed(
        name,
        |text| parse(text).map_err(|reason| format!("Invalid URL: {reason}")),
        "a URL such as http://prometheus:9090",
    )
}

fn parse(text: &str) -> Result<BaseUrl, String> {
    let Some((scheme, _)) = text.split_once(':') else {
        return Err("Expected URL scheme 'http' or 'https' but no colon was found".to_owned());
    };
    if !matches!(scheme.to_lowercase().as_str(), "http" | "https") {
        return Err(format!(
            "Expected URL scheme 'http' or 'https' but was '{scheme}'"
        ));
    }
    let used = text.strip_suffix('/').unwrap_or(text);
    let url = Url::parse(used).map_err(|error| error.to_string())?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err("it has no host".to_owned());
    }
    Ok(BaseUrl {
        text: text.to_owned(),
        url,
    })
}
