//! Where Amazon's services are.

use http::Uri;

/// The URL of a service in a region, without a slash at its end.
#[must_use]
pub fn service_url(service: &str, region: &str) -> String {
    format!("https://{}", host(service, region))
}

/// The URL of a bucket of S3, without a slash at its end.
///
/// # Errors
/// When the bucket or the region cannot be the name of one.
pub fn bucket_url(bucket: &str, region: &str) -> Result<String, String> {
    let host = host("s3", region);
    // Certificates cover one label before `s3`.
    let url = if bucket.contains('.') {
        format!("https://{host}/{bucket}")
    } else {
        format!("https://{bucket}.{host}")
    };
    let is_label = |name: &str, more: &[char]| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !name.is_empty() && name.chars().all(|c| plain(c) || more.contains(&c))
    };
    // Old buckets may have capitals, which the name of a host has not.
    let in_path = bucket.contains('.').then(|| bucket.to_ascii_lowercase());
    let valid = is_label(in_path.as_deref().unwrap_or(bucket), &['.', '_'])
        && is_label(region, &[])
        && url.parse::<Uri>().is_ok();
    valid.then_some(url).ok_or_else(|| {
        format!("'{bucket}' is no name of a bucket, or '{region}' no name of a region")
    })
}

fn host(service: &str, region: &str) -> String {
    let suffix = match region.split('-').next() {
        Some("cn") => "amazonaws.com.cn",
        _ => "amazonaws.com",
    };
    format!("{service}.{region}.{suffix}")
}
