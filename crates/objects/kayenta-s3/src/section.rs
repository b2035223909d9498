//! `kayenta.aws`: accounts of AWS, as far as they keep objects.

use std::sync::Arc;

use async_trait::async_trait;
use kayenta_accounts::{
    AccountKind, AccountSettings, Registered, Section, Service, root_folder, supported_types,
};
use kayenta_aws::{AwsEnvironment, CredentialSource, configured_link, configured_region};
use kayenta_model::{AccountType, JsonMap};
use kayenta_properties::{Diagnostic, Environment, Group};
use kayenta_secrets::BaseUrl;
use kayenta_storage::{
    Departure, MissingBucket, ObjectAccount, ObjectStore, ObjectStoreDescription, OpenError,
    Opening, Place, Remark, StorageError,
};
use url::Url;

use crate::{
    s3_store,
    settings::{Encryption, S3Account},
};

/// Objects in S3.
pub static DESCRIPTION: ObjectStoreDescription = ObjectStoreDescription {
    kind: AccountKind {
        services: &[Service {
            name: "s3",
            account_type: AccountType::ObjectStore,
        }],
        registered: Registered::LateUnless("s3"),
        ..AccountKind::new("aws", "AWS")
    },
    read: |section| {
        accounts(section)
            .into_iter()
            .map(|account| account.map(|s3| s3.map(|s3| Arc::new(s3) as _)))
            .collect()
    },
    log_target: "kayenta_s3",
    java_loggers: &["com.netflix.kayenta.aws", "com.netflix.kayenta.s3"],
};

/// An account and the process environment its credentials and region may come from.
#[derive(Clone, Debug)]
pub struct S3Section {
    /// The account.
    pub account: S3Account,
    /// `AWS_…` and the home directory.
    pub environment: AwsEnvironment,
}

/// The accounts of `kayenta.aws.accounts`; `None` for one that keeps no objects.
#[must_use]
pub fn accounts(section: &Section<'_>) -> Vec<AccountSettings<Option<S3Section>>> {
    section.accounts(account)
}

fn account(group: &Group<'_>) -> Option<AccountSettings<Option<S3Section>>> {
    let name = group.text("name");
    let types = supported_types(group, &[]);
    let bucket = group.text("bucket");
    let root_folder = root_folder(group);
    let endpoint = endpoint(group);
    let region = group.text("region");
    let profile = group.text("profileName");
    let keys = keys(group);
    let proxy = proxy(group);
    let encryption = encryption(group);
    let leave_out = |property: &str, message: String| {
        group.leave_out(
            name.as_deref(),
            Diagnostic::warning(message)
                .property(group.full(property))
                .at(group.at(property)),
        )
    };
    let Some(known_name) = name.clone() else {
        return leave_out("name", "a name is required".to_owned());
    };
    let required =
        |what: &str| format!("AWS/S3 account {known_name} is required to specify a {what}.");
    let objects = types.contains(&AccountType::ObjectStore);
    if objects && bucket.is_none() {
        return leave_out("bucket", required("bucket"));
    }
    let Some(root_folder) = root_folder else {
        return leave_out("rootFolder", required("rootFolder"));
    };
    let store = bucket.filter(|_| objects).map(|bucket| S3Section {
        account: S3Account {
            name: known_name.clone(),
            bucket,
            root_folder,
            region,
            endpoint: endpoint.map(|endpoint| endpoint.expose().into()),
            credentials: match (keys, profile) {
                (Some(keys), _) => keys,
                (None, Some(profile)) => CredentialSource::Profile(profile),
                (None, None) => CredentialSource::Chain,
            },
            proxy,
            encryption,
        },
        environment: aws_environment(group.environment()),
    });
    Some(AccountSettings::new(known_name, types, store))
}

/// `endpoint`; without a scheme it means https, as to the AWS SDK of the Java service.
fn endpoint(group: &Group<'_>) -> Option<BaseUrl> {
    let of_host = |text: &str| format!("https://{text}").parse::<BaseUrl>();
    let is_host = group.get("endpoint").is_some_and(|value| {
        value.unresolved.is_empty() && !value.text.contains("://") && of_host(&value.text).is_ok()
    });
    if is_host {
        let read = |text: &str| of_host(text).map_err(|reason| reason.to_string());
        return group.parsed("endpoint", read, "the URL of an S3 server");
    }
    group.base_url_or_flawed("endpoint")
}

fn aws_environment(environment: &Environment) -> AwsEnvironment {
    let variables = environment
        .variables()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    AwsEnvironment::new(variables, Some(environment.locate(environment.home_dir())))
}

fn keys(group: &Group<'_>) -> Option<CredentialSource> {
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
    Some(CredentialSource::Keys {
        access_key: access_key?,
        secret_key: secret_key?,
        session_token,
    })
}

fn proxy(group: &Group<'_>) -> Option<Url> {
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
    let text = format!("{}://{}:{}", protocol?.to_lowercase(), host?, port?);
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Some(url),
        _ => {
            group.report(
                Diagnostic::error(format!("{text} is not the URL of a proxy"))
                    .property(group.full("proxyProtocol"))
                    .at(group.at("proxyProtocol"))
                    .expected("proxyProtocol HTTP or HTTPS and a host name in proxyHost"),
            );
            None
        }
    }
}

/// How the service encrypts what is written.
const ALGORITHMS: [&str; 3] = ["AES256", "aws:kms", "aws:kms:dsse"];

fn encryption(group: &Group<'_>) -> Option<Encryption> {
    let algorithm = group.parsed(
        "sse",
        |text| match ALGORITHMS.contains(&text) {
            true => Ok(text.to_owned()),
            false => Err(format!("'{text}' is no server-side encryption of S3")),
        },
        &ALGORITHMS.join(", "),
    );
    let kms_key_id = group.text("sseKmsKeyId");
    if kms_key_id.is_some() && algorithm.as_deref().is_none_or(|sse| sse == "AES256") {
        group.report(
            Diagnostic::warning("sseKmsKeyId is used with sse: aws:kms or aws:kms:dsse only")
                .property(group.full("sseKmsKeyId"))
                .at(group.at("sseKmsKeyId")),
        );
    }
    let algorithm = algorithm?;
    let kms_key_id = kms_key_id.filter(|_| algorithm != "AES256");
    Some(Encryption {
        algorithm,
        kms_key_id,
    })
}

impl S3Section {
    fn store(
        &self,
        opening: &Opening,
        missing: MissingBucket,
    ) -> Result<Arc<dyn ObjectStore>, StorageError> {
        let environment = self.environment.clone();
        let store = s3_store(&self.account, &opening.http, environment, missing)?;
        Ok(Arc::new(store))
    }

    /// The region, where it comes from, and what to do where there is none (C-S3-04).
    async fn region(&self) -> Remark {
        let account = &self.account;
        if let Some(region) = &account.region {
            return Remark::Note(format!("region {region} from the account's settings"));
        }
        if account.endpoint.is_some() {
            return Remark::Note("region us-east-1, as always with an endpoint".to_owned());
        }
        let profile = match &account.credentials {
            CredentialSource::Profile(name) => Some(name.as_str()),
            CredentialSource::Keys { .. } | CredentialSource::Chain => None,
        };
        match configured_region(profile, &self.environment).await {
            Ok(Some((region, origin))) => Remark::Note(format!("region {region} from {origin}")),
            Ok(None) => Remark::Warning(
                "no region is configured: outside EC2 nothing can be stored; set region or \
                 endpoint of the account, AWS_REGION, or the region of the profile"
                    .to_owned(),
            ),
            Err(error) => Remark::Warning(error.message),
        }
    }
}

#[async_trait]
impl ObjectAccount for S3Section {
    fn shown(&self) -> JsonMap {
        let account = &self.account;
        [
            ("bucket", Some(&account.bucket)),
            ("region", account.region.as_ref()),
            ("rootFolder", Some(&account.root_folder)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.as_str().into())))
        .collect()
    }

    fn place(&self) -> Place {
        Place::Network
    }

    async fn open(&self, opening: &Opening) -> Result<Arc<dyn ObjectStore>, OpenError> {
        self.store(opening, MissingBucket::Create)
            .map_err(OpenError::LeftOut)
    }

    fn open_for_reading(&self, opening: &Opening) -> Result<Arc<dyn ObjectStore>, StorageError> {
        self.store(opening, MissingBucket::Leave)
    }

    async fn remarks(&self) -> Vec<Remark> {
        let credentials = match configured_link(&self.account.credentials, &self.environment).await
        {
            Ok(link) => Remark::Note(format!("AWS credentials come from {link}")),
            Err(error) => Remark::Warning(error.message),
        };
        vec![credentials, self.region().await]
    }

    fn departures(&self) -> Vec<Departure> {
        let proxy = Departure {
            id: "C-S3-03",
            text: "reached through the proxy of its settings, which the Java service ignores",
        };
        self.account.proxy.iter().map(|_| proxy).collect()
    }
}
