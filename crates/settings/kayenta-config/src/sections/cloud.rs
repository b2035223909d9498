//! Accounts of AWS and Google Cloud.

use std::path::PathBuf;

use kayenta_accounts::supported_types;
use kayenta_model::AccountType;
use kayenta_properties::{Diagnostic, Environment, Group};

use crate::settings::{AwsAccount, AwsCredentials, AwsProxy, GoogleAccount};

pub(super) fn aws(group: &Group<'_>) -> Option<AwsAccount> {
    let name = group.text("name");
    let supported_types = supported_types(group, &[]);
    let bucket = group.text("bucket");
    let root_folder = root_folder(group);
    let endpoint = group.base_url("endpoint");
    let profile_name = group.text("profileName");
    let region = region(group);
    let credentials = credentials(group);
    let proxy = proxy(group);
    let objects = supported_types.contains(&AccountType::ObjectStore);
    let label = "AWS/S3";
    if !usable(
        group,
        label,
        name.as_deref(),
        objects,
        &bucket,
        &root_folder,
    ) {
        return None;
    }
    if region.is_none() && endpoint.is_none() && profile_name.is_none() {
        let mut lacking = group.lacking("region", "a region such as eu-central-1");
        lacking.message = "Unable to find a region via the region provider chain".to_owned();
        lacking.remedy = Some(
            "Set region or endpoint of the account, or the environment variable AWS_REGION"
                .to_owned(),
        );
        group.report(lacking);
    }
    Some(AwsAccount {
        name: name?,
        bucket,
        root_folder: root_folder?,
        region,
        endpoint,
        profile_name,
        credentials,
        proxy,
        supported_types,
    })
}

fn region(group: &Group<'_>) -> Option<String> {
    group.text("region").or_else(|| {
        ["AWS_REGION", "AWS_DEFAULT_REGION"]
            .iter()
            .find_map(|variable| group.environment().var(variable))
            .map(str::to_owned)
    })
}

fn credentials(group: &Group<'_>) -> Option<AwsCredentials> {
    let explicit = group.group("explicitCredentials");
    let access_key = explicit.secret("accessKey");
    let secret_key = explicit.secret("secretKey");
    let session_token = explicit.secret("sessionToken");
    if !explicit.is_present() {
        return None;
    }
    for (property, text, key) in [
        ("accessKey", "Access key cannot be null.", &access_key),
        ("secretKey", "Secret key cannot be null.", &secret_key),
    ] {
        if key.is_none() {
            let mut lacking = explicit.lacking(property, "a key");
            lacking.message = text.to_owned();
            explicit.report(lacking);
        }
    }
    Some(AwsCredentials {
        access_key: access_key?,
        secret_key: secret_key?,
        session_token,
    })
}

fn proxy(group: &Group<'_>) -> Option<AwsProxy> {
    let host = group.text("proxyHost");
    let protocol = group.text("proxyProtocol");
    let port = match &protocol {
        Some(_) => group.integer_if_set("proxyPort", 1_u16, u16::MAX),
        // Without a protocol the reference does not even look at the port.
        None => {
            let _ = group.get("proxyPort");
            None
        }
    };
    Some(AwsProxy {
        protocol: protocol?.to_uppercase(),
        host: host?,
        port: port?,
    })
}

pub(super) fn google(group: &Group<'_>) -> Option<GoogleAccount> {
    let name = group.text("name");
    let project = group.text("project");
    let supported_types = supported_types(group, &[]);
    let json_path = group.path("jsonPath");
    let bucket = group.text("bucket");
    let root_folder = root_folder(group);
    let bucket_location = group.text("bucketLocation");
    let endpoint = group.base_url("endpoint");
    let monitoring_endpoint = group.base_url("monitoringEndpoint");
    let objects = supported_types.contains(&AccountType::ObjectStore);
    let label = "Google/GCS";
    if !usable(
        group,
        label,
        name.as_deref(),
        objects,
        &bucket,
        &root_folder,
    ) {
        return None;
    }
    let skip = |property: &str, message: String| {
        group.leave_out::<()>(
            name.as_deref(),
            Diagnostic::warning(message)
                .property(group.full(property))
                .at(group.at(property)),
        );
    };
    if project.is_none() {
        skip("project", "a project is required".to_owned());
        return None;
    }
    let environment = group.environment();
    let json_path = json_path.map(|path| environment.locate(path));
    if let Some(path) = &json_path
        && let Err(error) = std::fs::File::open(path)
    {
        skip("jsonPath", format!("{}: {error}", path.display()));
        return None;
    }
    Some(GoogleAccount {
        name: name?,
        project: project?,
        json_path,
        default_credentials: default_credentials(environment),
        metadata_host: environment.var("GCE_METADATA_HOST").map(str::to_owned),
        bucket,
        bucket_location,
        root_folder: root_folder?,
        endpoint,
        monitoring_endpoint,
        supported_types,
    })
}

/// The file of Google's application default credentials, where its own libraries look for it.
fn default_credentials(environment: &Environment) -> Option<PathBuf> {
    if let Some(named) = environment.var("GOOGLE_APPLICATION_CREDENTIALS") {
        return Some(environment.locate(named));
    }
    let of_gcloud = environment
        .home_dir()
        .join(".config/gcloud/application_default_credentials.json");
    Some(environment.locate(of_gcloud)).filter(|path| path.is_file())
}

/// `rootFolder`: `kayenta` unless set, `None` when set to nothing.
fn root_folder(group: &Group<'_>) -> Option<String> {
    match group.get("rootFolder") {
        Some(value) if value.text.is_empty() => None,
        Some(_) => group.text("rootFolder"),
        None => Some(group.text_or("rootFolder", "kayenta")),
    }
}

/// Whether an account has a name and, as an object store, a bucket and a folder; if not it is left
/// out.
fn usable(
    group: &Group<'_>,
    label: &str,
    name: Option<&str>,
    objects: bool,
    bucket: &Option<String>,
    root_folder: &Option<String>,
) -> bool {
    let problem = match name {
        None => Some(("name", "a name is required".to_owned())),
        Some(name) if objects && bucket.is_none() => Some((
            "bucket",
            format!("{label} account {name} is required to specify a bucket."),
        )),
        Some(name) if root_folder.is_none() => Some((
            "rootFolder",
            format!("{label} account {name} is required to specify a rootFolder."),
        )),
        Some(_) => None,
    };
    if let Some((property, message)) = problem {
        group.leave_out::<()>(
            name,
            Diagnostic::warning(message)
                .property(group.full(property))
                .at(group.at(property)),
        );
        return false;
    }
    true
}
