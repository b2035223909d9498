//! Profiles of the files `~/.aws/config` and `~/.aws/credentials`: keys, regions, and roles that
//! are assumed with the keys of another profile.

use std::path::{Path, PathBuf};

use ini::{Ini, ParseOption};
use reqsign_aws_v4::{
    AssumeRoleCredentialProvider, AssumeRoleWithWebIdentityCredentialProvider, Credential,
    ECSCredentialProvider, EnvCredentialProvider, IMDSv2CredentialProvider, RequestSigner,
    StaticCredentialProvider,
};
use reqsign_core::{
    BoxedFuture, Context, Env, Error, ProvideCredential, ProvideCredentialDyn, Result, Signer,
};

use crate::environment::AwsEnvironment;

/// Profiles that assume a role with the credentials of another one, at most so many in a row.
const MOST_ROLES: usize = 5;

/// Where a role is assumed when its profile names no region.
const STS_REGION: &str = "us-east-1";

/// How the session of an assumed role is called when its profile does not name it.
const SESSION_NAME: &str = "kayenta";

/// The settings of one profile; those of the credentials file come first.
#[derive(Debug)]
struct Profile {
    name: String,
    /// Properties, of the credentials file and of the config file.
    sections: Vec<ini::Properties>,
}

impl Profile {
    fn get(&self, property: &str) -> Option<&str> {
        self.sections
            .iter()
            .find_map(|section| section.get(property))
            .map(str::trim)
            .filter(|value| !value.is_empty())
    }

    fn text(&self, property: &str) -> Option<String> {
        self.get(property).map(str::to_owned)
    }
}

/// The profile used when none is named.
pub(crate) fn default_name(environment: &AwsEnvironment) -> String {
    environment
        .variable("AWS_PROFILE")
        .unwrap_or("default")
        .to_owned()
}

/// Both files, by their variables or in the home directory.
fn files(environment: &AwsEnvironment) -> [Option<PathBuf>; 2] {
    let home = environment.home_dir();
    [
        ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
        ("AWS_CONFIG_FILE", ".aws/config"),
    ]
    .map(|(variable, usual)| {
        let home = home.as_deref();
        match environment.variable(variable) {
            Some(path) => match (path.strip_prefix("~/"), home) {
                (Some(rest), Some(home)) => Some(home.join(rest)),
                _ => Some(PathBuf::from(path)),
            },
            None => home.map(|home| home.join(usual)),
        }
    })
}

async fn parsed(path: &Path) -> Result<Option<Ini>> {
    let text = match tokio::fs::read_to_string(path).await {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let path = path.display();
            return Err(Error::config_invalid(format!(
                "{path} cannot be read: {error}"
            )));
        }
    };
    // Backslashes and quotes are part of a value.
    let options = ParseOption {
        enabled_quote: false,
        enabled_escape: false,
        ..ParseOption::default()
    };
    // What is wrong is not repeated: it may be a line with a key.
    Ini::load_from_str_opt(&text, options)
        .map(Some)
        .map_err(|error| {
            Error::config_invalid(format!(
                "{} is no file of profiles: line {}",
                path.display(),
                error.line
            ))
        })
}

/// The profile of this name, `None` when neither file has it.
async fn read(environment: &AwsEnvironment, name: &str) -> Result<Option<Profile>> {
    let [credentials, config] = files(environment);
    let mut sections = Vec::new();
    for (path, is_config) in [(credentials, false), (config, true)] {
        let Some(path) = path else { continue };
        let Some(file) = parsed(&path).await? else {
            continue;
        };
        let titles = match (is_config, name) {
            (true, "default") => vec!["default".to_owned(), "profile default".to_owned()],
            (true, _) => vec![format!("profile {name}")],
            // The SDK for Java accepts the config file's titles in the credentials file.
            (false, _) => vec![name.to_owned(), format!("profile {name}")],
        };
        sections.extend(
            titles
                .iter()
                .filter_map(|title| file.section(Some(title.as_str())))
                .cloned(),
        );
    }
    let found = !sections.is_empty();
    Ok(found.then(|| Profile {
        name: name.to_owned(),
        sections,
    }))
}

/// The region a profile names.
pub(crate) async fn region(environment: &AwsEnvironment, name: &str) -> Result<Option<String>> {
    Ok(read(environment, name)
        .await?
        .and_then(|profile| profile.text("region")))
}

/// Whether a profile has keys or a role to assume.
pub(crate) async fn has_credentials(
    environment: &AwsEnvironment,
    name: &str,
    required: bool,
) -> Result<bool> {
    match read(environment, name).await? {
        Some(profile) => Ok(profile.get("role_arn").is_some()
            || (profile.get("aws_access_key_id").is_some()
                && profile.get("aws_secret_access_key").is_some())),
        None if required => Err(missing(environment, name)),
        None => Ok(false),
    }
}

/// Credentials of a profile: its keys, or those of the role it assumes.
#[derive(Debug)]
pub(crate) struct ProfileProvider {
    pub(crate) environment: AwsEnvironment,
    pub(crate) name: String,
    /// Whether a profile that does not exist is a failure.
    pub(crate) required: bool,
}

impl ProvideCredential for ProfileProvider {
    type Credential = Credential;

    async fn provide_credential(&self, context: &Context) -> Result<Option<Credential>> {
        match read(&self.environment, &self.name).await? {
            Some(profile) => self.of(context, profile, MOST_ROLES).await,
            None if self.required => Err(missing(&self.environment, &self.name)),
            None => Ok(None),
        }
    }
}

fn missing(environment: &AwsEnvironment, name: &str) -> Error {
    let looked: Vec<String> = files(environment)
        .iter()
        .flatten()
        .map(|path| path.display().to_string())
        .collect();
    Error::config_invalid(format!(
        "there is no profile '{name}' in {}",
        looked.join(" or ")
    ))
}

impl ProfileProvider {
    /// Boxed, because a profile may lead to another one.
    fn of<'a>(
        &'a self,
        context: &'a Context,
        profile: Profile,
        roles_left: usize,
    ) -> BoxedFuture<'a, Result<Option<Credential>>> {
        Box::pin(async move {
            if let Some(role) = profile.text("role_arn") {
                let provider = self.role(context, &profile, role, roles_left).await?;
                return provider.provide_credential_dyn(context).await;
            }
            let keys = (
                profile.text("aws_access_key_id"),
                profile.text("aws_secret_access_key"),
            );
            if let (Some(access_key_id), Some(secret_access_key)) = keys {
                return Ok(Some(Credential {
                    access_key_id,
                    secret_access_key,
                    session_token: profile.text("aws_session_token"),
                    expires_in: None,
                }));
            }
            for unsupported in ["credential_process", "sso_session", "sso_start_url"] {
                if profile.get(unsupported).is_some() {
                    return Err(Error::config_invalid(format!(
                        "profile '{}' uses {unsupported}, which is not supported: give it keys, a \
                         role_arn with a source_profile, or use a web identity",
                        profile.name
                    )));
                }
            }
            match self.required {
                true => Err(Error::config_invalid(format!(
                    "profile '{}' has neither keys nor a role",
                    profile.name
                ))),
                false => Ok(None),
            }
        })
    }

    /// What assumes the role of a profile.
    async fn role(
        &self,
        context: &Context,
        profile: &Profile,
        role: String,
        roles_left: usize,
    ) -> Result<Box<dyn ProvideCredentialDyn<Credential = Credential>>> {
        let region = profile
            .text("region")
            .or_else(|| self.environment.variable("AWS_REGION").map(str::to_owned))
            .unwrap_or_else(|| STS_REGION.to_owned());
        let session = profile
            .text("role_session_name")
            .unwrap_or_else(|| SESSION_NAME.to_owned());
        if let Some(file) = profile.text("web_identity_token_file") {
            return Ok(Box::new(
                AssumeRoleWithWebIdentityCredentialProvider::with_config(role, file.into())
                    .with_role_session_name(session)
                    .with_region(region)
                    .with_regional_sts_endpoint(),
            ));
        }
        let source = self.source(context, profile, roles_left).await?;
        let keys = match source {
            Some(credential) => credential,
            None => {
                return Err(Error::config_invalid(format!(
                    "profile '{}' assumes a role, but its source has no credentials",
                    profile.name
                )));
            }
        };
        let mut keys_of_source =
            StaticCredentialProvider::new(&keys.access_key_id, &keys.secret_access_key);
        if let Some(token) = &keys.session_token {
            keys_of_source = keys_of_source.with_session_token(token);
        }
        let signer = Signer::new(
            context.clone(),
            keys_of_source,
            RequestSigner::new("sts", &region),
        );
        let mut provider = AssumeRoleCredentialProvider::new(role, signer)
            .with_role_session_name(session)
            .with_region(region)
            .with_regional_sts_endpoint();
        if let Some(id) = profile.text("external_id") {
            provider = provider.with_external_id(id);
        }
        if let Some(seconds) = profile.get("duration_seconds").and_then(|s| s.parse().ok()) {
            provider = provider.with_duration_seconds(seconds);
        }
        Ok(Box::new(provider))
    }

    /// The credentials a role is assumed with.
    async fn source(
        &self,
        context: &Context,
        profile: &Profile,
        roles_left: usize,
    ) -> Result<Option<Credential>> {
        if let Some(other) = profile.get("source_profile") {
            let source = read(&self.environment, other)
                .await?
                .ok_or_else(|| missing(&self.environment, other))?;
            // A profile with keys may name itself.
            if other == profile.name {
                return Ok(own_keys(&source));
            }
            let Some(roles_left) = roles_left.checked_sub(1) else {
                return Err(Error::config_invalid(format!(
                    "profile '{}' assumes its role through more than {MOST_ROLES} other profiles",
                    self.name
                )));
            };
            return self.of(context, source, roles_left).await;
        }
        match profile.get("credential_source") {
            Some("Environment") => {
                EnvCredentialProvider::new()
                    .provide_credential(context)
                    .await
            }
            Some("EcsContainer") => {
                ECSCredentialProvider::new()
                    .provide_credential(context)
                    .await
            }
            Some("Ec2InstanceMetadata") => {
                IMDSv2CredentialProvider::new()
                    .provide_credential(context)
                    .await
            }
            Some(other) => Err(Error::config_invalid(format!(
                "profile '{}' has the unknown credential_source '{other}'",
                profile.name
            ))),
            None => Err(Error::config_invalid(format!(
                "profile '{}' has a role_arn but neither source_profile, credential_source nor \
                 web_identity_token_file",
                profile.name
            ))),
        }
    }
}

fn own_keys(profile: &Profile) -> Option<Credential> {
    Some(Credential {
        access_key_id: profile.text("aws_access_key_id")?,
        secret_access_key: profile.text("aws_secret_access_key")?,
        session_token: profile.text("aws_session_token"),
        expires_in: None,
    })
}
