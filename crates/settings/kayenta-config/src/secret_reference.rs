//! References to secrets in other systems: `encrypted:<engine>!<p>:<v>…` and `encryptedFile:…`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use kayenta_accounts::google::default_credentials;
use kayenta_aws::AwsEnvironment;
use kayenta_http::{HttpSettings, Proxies};
use kayenta_properties::{Group, Properties, SecretReference, SecretReferences, convert};
use kayenta_secret_engines::{FetchSettings, SecretEngines};
use url::Url;

const DIRECTORY: &str = "kayenta.secrets.directory";
const DEFAULT_DIRECTORY: &str = "/var/run/secrets/kayenta";

/// The references of Spinnaker's secret engines.
pub(crate) fn references(engines: &Arc<SecretEngines>) -> SecretReferences {
    let engines = Arc::clone(engines);
    SecretReferences {
        prefix: "encrypted",
        directory: DIRECTORY,
        default_directory: DEFAULT_DIRECTORY,
        resolve: Arc::new(move |text, properties| resolve(text, &engines, properties)),
    }
}

/// What a reference leads to, or why that cannot be had; `None` when the text is no reference. Whether a
/// property gets the content or the path of a file depends on its name alone, as in the reference.
fn resolve(
    text: &str,
    engines: &Arc<SecretEngines>,
    properties: &Properties,
) -> Option<Result<SecretReference, String>> {
    let body = text
        .strip_prefix("encrypted:")
        .or_else(|| text.strip_prefix("encryptedFile:"))?;
    let mut parts = body.split('!');
    let engine = parts.next().unwrap_or_default();
    let parameters: Vec<_> = parts.filter_map(|part| part.split_once(':')).collect();
    if parameters.is_empty() {
        return None;
    }
    let parameter = |wanted: &str| {
        let found = parameters.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| *value).ok_or_else(|| {
            format!("Secret parameter is missing ({wanted}=...) for engine {engine}")
        })
    };
    Some(match engine {
        "noop" => parameter("v").map(|value| SecretReference::Text(value.to_owned())),
        // C-SECRETS-01: the reference has no such engine; Spinnaker's operator replaces these references.
        "k8s" => parameter("n").and_then(|secret| mounted(secret, parameter("k")?)),
        _ => match engines.source(engine, &parameters, || engine_settings(properties)) {
            Some(source) => source.map(SecretReference::Elsewhere),
            None => Err(format!("Secret Engine does not exist: {engine}")),
        },
    })
}

/// How the engines reach other systems. The settings are read as they are written: a secret cannot say how
/// secrets are fetched. The reference knows those of `secrets.s3` (C-SECRETS-03).
fn engine_settings(properties: &Properties) -> FetchSettings {
    let plain = |name: &str| properties.plain(name);
    let mut settings = FetchSettings {
        http: HttpSettings {
            user_agent: concat!("kayenta/", env!("CARGO_PKG_VERSION")).to_owned(),
            proxies: proxies(properties),
            ..HttpSettings::default()
        },
        s3_endpoint: plain("secrets.s3.endpointUrl"),
        secrets_manager_endpoint: plain("kayenta.secrets.secretsManagerEndpoint"),
        gcs_endpoint: plain("kayenta.secrets.gcsEndpoint"),
        google_secret_manager_endpoint: plain("kayenta.secrets.googleSecretManagerEndpoint"),
        ..FetchSettings::default()
    };
    if let Some(in_path) = plain("secrets.s3.pathStyleAccessEnabled") {
        settings.s3_path_style = convert::boolean(&in_path).unwrap_or(true);
    }
    if let Some(interval) = plain("kayenta.secrets.refreshInterval") {
        settings.refresh_interval =
            convert::duration(&interval).unwrap_or(settings.refresh_interval);
    }
    if let Some(environment) = properties.environment() {
        let variables = environment
            .variables()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let home = environment.locate(environment.home_dir());
        settings.aws = AwsEnvironment::new(variables, Some(home));
        settings.google_credentials = default_credentials(environment);
        settings.google_metadata_host = environment.var("GCE_METADATA_HOST").map(str::to_owned);
    }
    settings
}

/// The proxies of the JVM's properties, which `sections::outbound` checks.
fn proxies(properties: &Properties) -> Proxies {
    let proxy = |scheme: &str, default: u16| {
        let host = properties.plain(&format!("{scheme}.proxyHost"))?;
        let port = properties.plain(&format!("{scheme}.proxyPort"));
        let port = port.and_then(|port| port.trim().parse().ok());
        Url::parse(&format!("http://{host}:{}", port.unwrap_or(default))).ok()
    };
    let direct = properties.plain("http.nonProxyHosts");
    let direct = direct.as_deref().unwrap_or(DIRECT_HOSTS);
    Proxies {
        http: proxy("http", 80),
        https: proxy("https", 443),
        direct_hosts: direct
            .split('|')
            .map(|host| host.trim().to_owned())
            .collect(),
    }
}

/// Hosts that are reached without a proxy where `http.nonProxyHosts` does not say so.
pub(crate) const DIRECT_HOSTS: &str = "localhost|127.*|[::1]";

/// Reads the settings of references, so that each is known and a mistake in one is reported; references
/// look for them themselves, wherever they stand.
pub(crate) fn read_settings(top: &Group<'_>) {
    let secrets = top.group("kayenta.secrets");
    let _ = secrets.text_or("directory", DEFAULT_DIRECTORY);
    let default = FetchSettings::default().refresh_interval;
    let _ = secrets.duration("refreshInterval", default);
    for endpoint in [
        "secretsManagerEndpoint",
        "gcsEndpoint",
        "googleSecretManagerEndpoint",
    ] {
        let _ = secrets.base_url(endpoint);
    }
    let s3 = top.group("secrets.s3");
    let _ = s3.base_url("endpointUrl");
    let _ = s3.boolean_if_set("pathStyleAccessEnabled");
    s3.accept(&["enabled"]);
}

/// The file a key of a Kubernetes Secret is mounted as.
fn mounted(secret: &str, key: &str) -> Result<SecretReference, String> {
    let is_plain = |name: &str| {
        let path = Path::new(name);
        path.file_name().is_some_and(|last| last == name)
    };
    if !is_plain(secret) || !is_plain(key) {
        return Err("the name and the key of a Secret are names, not paths".to_owned());
    }
    Ok(SecretReference::File(PathBuf::from(secret).join(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str) -> Option<Result<SecretReference, String>> {
        super::resolve(text, &Arc::default(), &Properties::default())
    }

    #[test]
    fn only_texts_of_the_form_are_references() {
        assert_eq!(
            resolve("encrypted:noop!v:he:llo"),
            Some(Ok(SecretReference::Text("he:llo".to_owned())))
        );
        assert_eq!(
            resolve("encrypted:nosuch!k:v"),
            Some(Err("Secret Engine does not exist: nosuch".to_owned()))
        );
        assert_eq!(
            resolve("encrypted:s3!b:x!f:y"),
            Some(Err("Storage region parameter is missing (r=...)".to_owned()))
        );
        let Some(Ok(SecretReference::Elsewhere(source))) = resolve("encryptedFile:gcs!b:x!f:y!k:z")
        else {
            panic!("gcs is an engine");
        };
        assert_eq!(source.name(), "gs://x/y key z");
        assert!(matches!(resolve("encrypted:k8s!n:x"), Some(Err(_))));
        assert_eq!(resolve("encrypted:"), None);
        assert_eq!(resolve("plain"), None);
    }

    #[test]
    fn mounted_secrets_are_files_below_their_directory_and_nowhere_else() {
        for text in [
            "encrypted:k8s!n:spin-secrets!k:dd",
            "encryptedFile:k8s!n:spin-secrets!k:dd",
        ] {
            let file = SecretReference::File("spin-secrets/dd".into());
            assert_eq!(resolve(text), Some(Ok(file)));
        }
        for (name, key) in [
            ("..", "passwd"),
            ("/etc", "passwd"),
            ("a/b", "c"),
            ("a", ".."),
            ("a", ""),
        ] {
            assert!(matches!(
                resolve(&format!("encrypted:k8s!n:{name}!k:{key}")),
                Some(Err(_))
            ));
        }
    }
}
