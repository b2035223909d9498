//! Where a bucket is: its URL, and the region requests are signed for.

use kayenta_aws::bucket_url;
use url::Url;

use crate::settings::S3Account;

/// Where buckets are when nothing else is said.
pub(crate) const DEFAULT_REGION: &str = "us-east-1";

/// A bucket's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The bucket resource, which ends in a slash; keys are appended as they are encoded.
    pub(crate) url: String,
    /// The region requests are signed for.
    pub(crate) region: String,
    /// The region a missing bucket is created in; `None` leaves it to the server. Buckets of
    /// `us-east-1` must not name it (C-S3-02).
    pub(crate) constraint: Option<String>,
}

impl Place {
    /// The bucket at the account's endpoint, `None` when it has none.
    pub(crate) fn of_endpoint(account: &S3Account) -> Result<Option<Self>, String> {
        let Some(endpoint) = &account.endpoint else {
            return Ok(None);
        };
        let mut url = Url::parse(endpoint.expose())
            .ok()
            .filter(|url| {
                matches!(url.scheme(), "http" | "https")
                    && url.has_host()
                    && url.query().is_none()
                    && url.fragment().is_none()
                    && url.username().is_empty()
            })
            .ok_or("endpoint is not the URL of an S3 server")?;
        let of_host = url.host_str().and_then(region_of_host);
        let region = of_host
            .or_else(|| account.region.clone())
            .unwrap_or_else(|| DEFAULT_REGION.to_owned());
        url.path_segments_mut()
            .map_err(|()| "endpoint is not the URL of an S3 server")?
            .pop_if_empty()
            .extend([account.bucket.as_str(), ""]);
        Ok(Some(Self {
            url: url.into(),
            constraint: constraint(account.region.as_deref().unwrap_or(DEFAULT_REGION)),
            region,
        }))
    }

    /// The bucket at Amazon.
    pub(crate) fn at_amazon(bucket: &str, region: &str) -> Result<Self, String> {
        let url = format!("{}/", bucket_url(bucket, region)?);
        Ok(Self {
            url,
            constraint: constraint(region),
            region: region.to_owned(),
        })
    }
}

fn constraint(region: &str) -> Option<String> {
    (region != DEFAULT_REGION).then(|| region.to_owned())
}

/// The region in the name of one of Amazon's own hosts.
fn region_of_host(host: &str) -> Option<String> {
    let rest = host
        .strip_suffix(".amazonaws.com")
        .or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    // s3.<region>, s3-<region>, s3.dualstack.<region>, s3-fips.<region>, <vpce>.s3.<region>.vpce
    let rest = rest.strip_suffix(".vpce").unwrap_or(rest);
    let last = rest.rsplit('.').next().unwrap_or(rest);
    let region = last.strip_prefix("s3-").unwrap_or(last);
    Some(match region {
        "s3" | "s3-external-1" | "external-1" => DEFAULT_REGION.to_owned(),
        region => region.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use kayenta_aws::CredentialSource;

    use super::*;

    fn account(endpoint: Option<&str>, region: Option<&str>) -> S3Account {
        S3Account {
            name: "a".to_owned(),
            bucket: "bucket".to_owned(),
            root_folder: "kayenta".to_owned(),
            region: region.map(str::to_owned),
            endpoint: endpoint.map(Into::into),
            credentials: CredentialSource::Chain,
            proxy: None,
            encryption: None,
        }
    }

    #[test]
    fn an_endpoint_has_the_bucket_in_its_path_and_its_host_may_name_the_region() {
        for (endpoint, region, url, signed, constraint) in [
            (
                "http://minio:9000",
                None,
                "http://minio:9000/bucket/",
                "us-east-1",
                None,
            ),
            (
                "http://minio:9000/base/",
                Some("eu-west-1"),
                "http://minio:9000/base/bucket/",
                "eu-west-1",
                Some("eu-west-1"),
            ),
            (
                "https://s3.eu-central-1.amazonaws.com",
                None,
                "https://s3.eu-central-1.amazonaws.com/bucket/",
                "eu-central-1",
                None,
            ),
            (
                "https://s3.amazonaws.com",
                Some("eu-west-1"),
                "https://s3.amazonaws.com/bucket/",
                "us-east-1",
                Some("eu-west-1"),
            ),
            (
                "https://vpce-1-2.s3.us-west-2.vpce.amazonaws.com",
                Some("us-west-2"),
                "https://vpce-1-2.s3.us-west-2.vpce.amazonaws.com/bucket/",
                "us-west-2",
                Some("us-west-2"),
            ),
            (
                "http://127.0.0.1:9000",
                Some("us-east-1"),
                "http://127.0.0.1:9000/bucket/",
                "us-east-1",
                None,
            ),
        ] {
            let place = Place::of_endpoint(&account(Some(endpoint), region));
            let expected = Place {
                url: url.to_owned(),
                region: signed.to_owned(),
                constraint: constraint.map(str::to_owned),
            };
            assert_eq!(place, Ok(Some(expected)), "{endpoint}");
        }
        assert_eq!(Place::of_endpoint(&account(None, None)), Ok(None));
        for odd in ["minio:9000", "ftp://h", "http://u:p@h", "http://h?x=1"] {
            Place::of_endpoint(&account(Some(odd), None)).unwrap_err();
        }
    }

    #[test]
    fn amazon_has_the_bucket_in_the_host() {
        for (bucket, region, url) in [
            ("b", "us-east-1", "https://b.s3.us-east-1.amazonaws.com/"),
            (
                "b",
                "cn-north-1",
                "https://b.s3.cn-north-1.amazonaws.com.cn/",
            ),
            (
                "a.b",
                "eu-west-1",
                "https://s3.eu-west-1.amazonaws.com/a.b/",
            ),
        ] {
            assert_eq!(Place::at_amazon(bucket, region).unwrap().url, url);
        }
        for (bucket, region) in [("B", "eu-west-1"), ("a/b", "eu-west-1"), ("b", "eu west")] {
            Place::at_amazon(bucket, region).unwrap_err();
        }
    }
}
