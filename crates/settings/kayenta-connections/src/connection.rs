//! Headers, TLS, proxy and time limits of one account.

use std::time::Duration;

use kayenta_http::{Credentials, HttpSetupError, Now, Proxies, Transport};
use kayenta_properties::{Diagnostic, Group};
use kayenta_secrets::Secret;
use secrecy::SecretString;
use url::Url;

use crate::authentication::Authentication;

/// How the server of one account is reached. What is not set is as for all accounts.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// `headers`: sent with every request; every value counts as a secret.
    pub headers: Vec<(String, Secret)>,
    /// `tls.caFile`: certificate authorities trusted besides the others, PEM.
    pub authorities: Option<Vec<u8>>,
    /// `tls.certificateFile` and `tls.keyFile`: the client's certificate and key, PEM.
    pub identity: Option<SecretString>,
    /// `proxy`, for `http` and `https`.
    pub proxy: Option<Url>,
    /// `connectTimeout`.
    pub connect_timeout: Option<Duration>,
    /// `readTimeout`: longest silence of the server.
    pub read_timeout: Option<Duration>,
    /// `timeout`: longest time of one request in all.
    pub timeout: Option<Duration>,
    /// `authentication`.
    pub authentication: Authentication,
}

impl Connection {
    /// Reads the settings of one account; `None` for a mistake, which is reported.
    #[must_use]
    pub fn read(group: &Group<'_>) -> Option<Self> {
        let headers = headers(group);
        let tls = group.group("tls");
        let authorities = pem(&tls, "caFile");
        let certificate = pem(&tls, "certificateFile");
        let key = pem(&tls, "keyFile");
        let proxy = proxy(group);
        let connect_timeout = group.duration_if_set("connectTimeout");
        let read_timeout = group.duration_if_set("readTimeout");
        let timeout = group.duration_if_set("timeout");
        let authentication = Authentication::read(&group.group("authentication"));
        let identity = match (certificate, key) {
            (Found::Text(certificate), Found::Text(key)) => {
                Found::Text(format!("{certificate}\n{key}"))
            }
            (Found::Nothing, Found::Nothing) => Found::Nothing,
            (Found::Text(_), Found::Nothing) => {
                tls.missing("keyFile", "the key of certificateFile, in PEM");
                Found::Mistake
            }
            (Found::Nothing, Found::Text(_)) => {
                tls.missing("certificateFile", "the certificate of keyFile, in PEM");
                Found::Mistake
            }
            (Found::Mistake, _) | (_, Found::Mistake) => Found::Mistake,
        };
        Some(Self {
            headers,
            authorities: authorities.known()?.map(String::into_bytes),
            identity: identity.known()?.map(SecretString::from),
            proxy: proxy.known()?,
            connect_timeout,
            read_timeout,
            timeout,
            authentication: authentication?,
        })
    }

    /// The connections to the server: the shared ones, or others where the account has settings of its
    /// own.
    ///
    /// # Errors
    /// When a certificate cannot be used.
    pub fn transport(&self, shared: &Transport) -> Result<Transport, HttpSetupError> {
        let own = self.authorities.is_some()
            || self.identity.is_some()
            || self.proxy.is_some()
            || self.connect_timeout.is_some()
            || self.read_timeout.is_some()
            || self.timeout.is_some();
        if !own {
            return Ok(shared.clone());
        }
        let mut settings = shared.settings().clone();
        settings.extra_ca_pem.extend(self.authorities.clone());
        if let Some(identity) = &self.identity {
            let pem = secrecy::ExposeSecret::expose_secret(identity).as_bytes();
            settings.identity_pem = Some(pem.to_vec());
        }
        if let Some(proxy) = &self.proxy {
            settings.proxies = Proxies {
                http: Some(proxy.clone()),
                https: Some(proxy.clone()),
                direct_hosts: Vec::new(),
            };
        }
        let set = |limit: &mut Duration, own: Option<Duration>| {
            *limit = own.unwrap_or(*limit);
        };
        set(&mut settings.connect_timeout, self.connect_timeout);
        set(&mut settings.read_timeout, self.read_timeout);
        set(&mut settings.total_timeout, self.timeout);
        Transport::new(&settings)
    }

    /// What proves who is asking, fetched through `transport` where it has to be fetched.
    ///
    /// # Errors
    /// When a part of it cannot be used.
    pub fn credentials(
        &self,
        transport: &Transport,
        now: Now,
    ) -> Result<Credentials, HttpSetupError> {
        let authorizer = self.authentication.authorizer(transport, now)?;
        Ok(match &self.authentication {
            Authentication::None => Credentials::None,
            Authentication::Basic { username, password } => Credentials::Basic {
                username: username.clone(),
                password: password.clone(),
            },
            Authentication::Bearer(token) => Credentials::Bearer(token.clone()),
            _ => authorizer.map_or(Credentials::None, Credentials::PerRequest),
        })
    }
}

/// A setting that may be missing or wrong.
pub(crate) enum Found<T> {
    /// It is not set.
    Nothing,
    /// It is wrong, which was reported.
    Mistake,
    /// What it says.
    Text(T),
}

impl<T> Found<T> {
    /// `None` for a mistake.
    pub(crate) fn known(self) -> Option<Option<T>> {
        match self {
            Self::Nothing => Some(None),
            Self::Mistake => None,
            Self::Text(text) => Some(Some(text)),
        }
    }
}

/// The content of a file of PEM.
fn pem(group: &Group<'_>, property: &str) -> Found<String> {
    let Some(path) = group.path(property) else {
        return Found::Nothing;
    };
    match group.environment().read(&path) {
        Ok(text) => Found::Text(text),
        Err(error) => {
            group.report(
                Diagnostic::error(format!("the file cannot be read: {error}"))
                    .property(group.full(property))
                    .found(path.display().to_string())
                    .at(group.at(property))
                    .expected("a file in PEM format"),
            );
            Found::Mistake
        }
    }
}

fn proxy(group: &Group<'_>) -> Found<Url> {
    let set = group
        .get("proxy")
        .is_some_and(|value| !value.text.is_empty());
    let parse = |text: &str| match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        Ok(_) => Err("the URL of a proxy begins with http:// or https://".to_owned()),
        Err(error) => Err(format!("Invalid URL: {error}")),
    };
    match group.parsed(
        "proxy",
        parse,
        "a URL such as http://proxy.example.com:3128",
    ) {
        Some(url) => Found::Text(url),
        None if set => Found::Mistake,
        None => Found::Nothing,
    }
}

/// `headers`; an invalid name or value is reported, without showing the value.
#[must_use]
pub fn headers(group: &Group<'_>) -> Vec<(String, Secret)> {
    let mut headers = Vec::new();
    for (name, value) in group.map("headers") {
        if value.text.is_empty() {
            continue;
        }
        let is_name = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if !name.bytes().all(is_name) {
            group.report(value.wrong(format!("'{name}' is not a header name")));
        }
        if value.text.contains(|c: char| c.is_control() && c != '\t') {
            let message = format!(
                "the value of header '{name}' has characters no header may have, such as a line end"
            );
            group.report(value.wrong(message));
        }
        headers.extend(group.secret_of(&value).map(|secret| (name, secret)));
    }
    headers
}
