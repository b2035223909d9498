//! What is configured on this machine, found without asking any service.

use kayenta_errors::with_causes;

use crate::{
    chain::{CredentialLink, CredentialSource},
    environment::AwsEnvironment,
    error::AwsError,
    profile,
};

/// The link of a source that credentials will come from if what is configured works: the first one for
/// which there are settings, and the instance's metadata where there are none.
///
/// # Errors
/// When the profile cannot be used, or nothing is configured and the metadata are switched off.
pub async fn configured_link(
    source: &CredentialSource,
    environment: &AwsEnvironment,
) -> Result<CredentialLink, AwsError> {
    let set = |names: &[&str]| {
        names
            .iter()
            .all(|name| environment.variable(name).is_some())
    };
    let of_profile = async |name: String, required: bool| {
        let found = profile::has_credentials(environment, &name, required).await;
        found
            .map(|found| found.then_some(CredentialLink::Profile(name)))
            .map_err(|error| AwsError::new(with_causes(error.to_string(), &error)))
    };
    match source {
        CredentialSource::Keys { .. } => return Ok(CredentialLink::Keys),
        CredentialSource::Profile(name) => {
            return Ok(of_profile(name.clone(), true)
                .await?
                .unwrap_or_else(|| CredentialLink::Profile(name.clone())));
        }
        CredentialSource::Chain => {}
    }
    if set(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) {
        return Ok(CredentialLink::Environment);
    }
    if set(&["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"]) {
        return Ok(CredentialLink::WebIdentity);
    }
    if let Some(link) = of_profile(profile::default_name(environment), false).await? {
        return Ok(link);
    }
    let container = ["RELATIVE", "FULL"]
        .iter()
        .any(|which| set(&[&format!("AWS_CONTAINER_CREDENTIALS_{which}_URI")]));
    if container {
        return Ok(CredentialLink::Container);
    }
    if environment.variable("AWS_EC2_METADATA_DISABLED") == Some("true") {
        return Err(AwsError::new(
            "no AWS credentials are configured, and AWS_EC2_METADATA_DISABLED is true: set \
             explicitCredentials or profileName of the account, or AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY",
        ));
    }
    Ok(CredentialLink::InstanceMetadata)
}

/// The region of the environment, else of the profile (`profile`, else the default one), and where it
/// was found; `None` leaves the instance's metadata.
///
/// # Errors
/// When a file of profiles cannot be read.
pub async fn configured_region(
    profile: Option<&str>,
    environment: &AwsEnvironment,
) -> Result<Option<(String, String)>, AwsError> {
    if let Some(region) = environment.variable("AWS_REGION") {
        return Ok(Some((region.to_owned(), "AWS_REGION".to_owned())));
    }
    let name = profile.map_or_else(|| profile::default_name(environment), str::to_owned);
    let region = profile::region(environment, &name)
        .await
        .map_err(|error| AwsError::new(with_causes(error.to_string(), &error)))?;
    Ok(region.map(|region| (region, format!("profile '{name}'"))))
}
