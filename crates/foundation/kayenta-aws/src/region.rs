//! The region of an account that names none, as the AWS SDK for Java finds it.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use kayenta_errors::with_causes;

use crate::{configured::configured_region, connections::AwsConnections, error::AwsError, profile};

/// Where a machine asks about itself.
const METADATA: &str = "http://169.254.169.254";

/// Finds regions.
#[derive(Clone, Debug)]
pub struct RegionChain(AwsConnections);

impl RegionChain {
    /// A chain over these connections.
    #[must_use]
    pub fn new(connections: AwsConnections) -> Self {
        Self(connections)
    }

    /// The region of the environment, else of the profile (`profile`, else the default one), else of
    /// the machine.
    ///
    /// # Errors
    /// When there is none, with every place it was looked for in.
    pub async fn region(&self, profile: Option<&str>) -> Result<String, AwsError> {
        let environment = &self.0.environment;
        let name = profile.map_or_else(|| profile::default_name(environment), str::to_owned);
        let of_profile = match configured_region(profile, environment).await {
            Ok(Some((region, _))) => return Ok(region),
            Ok(None) => "names none".to_owned(),
            Err(error) => error.message,
        };
        let of_machine = match self.of_machine().await {
            Ok(region) => return Ok(region),
            Err(error) => error,
        };
        Err(AwsError {
            message: format!(
                "no region: set region of the account or AWS_REGION (profile '{name}': \
                 {of_profile}; instance metadata: {})",
                of_machine.message
            ),
            transient: of_machine.transient,
        })
    }

    async fn of_machine(&self) -> Result<String, AwsError> {
        let environment = &self.0.environment;
        if environment.variable("AWS_EC2_METADATA_DISABLED") == Some("true") {
            return Err(AwsError::new("switched off by AWS_EC2_METADATA_DISABLED"));
        }
        let service = environment
            .variable("AWS_EC2_METADATA_SERVICE_ENDPOINT")
            .unwrap_or(METADATA)
            .trim_end_matches('/');
        let token = self
            .ask(
                Method::PUT,
                &format!("{service}/latest/api/token"),
                ("x-aws-ec2-metadata-token-ttl-seconds", "60"),
            )
            .await?;
        self.ask(
            Method::GET,
            &format!("{service}/latest/meta-data/placement/region"),
            ("x-aws-ec2-metadata-token", &token),
        )
        .await
    }

    async fn ask(
        &self,
        method: Method,
        url: &str,
        (name, value): (&str, &str),
    ) -> Result<String, AwsError> {
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header(name, value)
            .body(Bytes::new())
            .map_err(|error| AwsError::new(error.to_string()))?;
        let answer = self
            .0
            .context
            .http_send_as_string(request)
            .await
            .map_err(|error| AwsError {
                message: with_causes(error.to_string(), &error),
                transient: error.is_retryable(),
            })?;
        let status = answer.status();
        let text = answer.into_body().trim().to_owned();
        if status != StatusCode::OK || text.is_empty() {
            return Err(AwsError::new(format!("{url} answers {status}")));
        }
        Ok(text)
    }
}
