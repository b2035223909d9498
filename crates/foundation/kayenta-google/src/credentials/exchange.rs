//! Credentials exchanged for a token: one exchange for each kind.

use std::fmt;

use form_urlencoded::Serializer;
use jsonwebtoken::{Algorithm, Header};
use kayenta_http::{Call, Granted, HttpClient, HttpSetupError, Now, Transport};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    External, GoogleCredentials, IMPERSONATION_SCOPE, Kind, ServiceAccount, SubjectPlace,
    SubjectSource,
};
use crate::error::TokenError;

/// How long an assertion of a service account is good for, in seconds; Google allows an hour.
const ASSERTION_SECONDS: i64 = 3600;
/// Fields of a form that open doors, which an error of the token service may repeat.
const SECRET_FIELDS: [&str; 4] = [
    "assertion",
    "client_secret",
    "refresh_token",
    "subject_token",
];
/// Largest token file or answer, in bytes.
const MOST_TOKEN_BYTES: usize = 64 << 10;

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    expires_in: Option<i64>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

/// Exchanges credentials for tokens of one scope.
pub(crate) struct Exchange {
    credentials: GoogleCredentials,
    scope: &'static str,
    client: HttpClient,
    now: Now,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} for {}", self.credentials, self.scope)
    }
}

impl Exchange {
    pub(crate) fn new(
        credentials: GoogleCredentials,
        scope: &'static str,
        transport: &Transport,
        now: Now,
    ) -> Result<Self, HttpSetupError> {
        let base_url = match &credentials.kind {
            Kind::ServiceAccount(account) => account.token_uri.clone(),
            Kind::User(user) => user.token_uri.clone(),
            Kind::External(external) => external.token_uri.clone(),
            Kind::Metadata { url } => url.clone(),
        };
        let client = HttpClient::builder("Google's token service", base_url)
            .error_text(error_text)
            .build(transport)?;
        Ok(Self {
            credentials,
            scope,
            client,
            now,
        })
    }

    /// The credentials it exchanges.
    pub(crate) fn credentials(&self) -> &GoogleCredentials {
        &self.credentials
    }

    /// Asks for a new token.
    ///
    /// # Errors
    /// Those of the calls, or why there is nothing to exchange.
    pub(crate) async fn token(&self) -> Result<Granted, TokenError> {
        match &self.credentials.kind {
            Kind::ServiceAccount(account) => self.of_service_account(account).await,
            Kind::User(user) => {
                self.form(&[
                    ("grant_type", "refresh_token"),
                    ("client_id", &user.client_id),
                    ("client_secret", user.client_secret.expose_secret()),
                    ("refresh_token", user.refresh_token.expose_secret()),
                ])
                .await
            }
            Kind::External(external) => self.of_external_account(external).await,
            Kind::Metadata { .. } => {
                let call = self
                    .client
                    .get("/computeMetadata/v1/instance/service-accounts/default/token")
                    .query("scopes", self.scope)
                    .header_text("Metadata-Flavor", "Google")?;
                granted(call).await
            }
        }
    }

    async fn of_service_account(&self, account: &ServiceAccount) -> Result<Granted, TokenError> {
        let now = (self.now)().timestamp();
        let header = Header {
            kid: account.key_id.clone(),
            ..Header::new(Algorithm::RS256)
        };
        let claims = Claims {
            iss: &account.email,
            scope: self.scope,
            aud: account.token_uri.expose(),
            iat: now,
            exp: now.saturating_add(ASSERTION_SECONDS),
        };
        let assertion = jsonwebtoken::encode(&header, &claims, &account.key).map_err(|error| {
            let email = &account.email;
            TokenError::unusable_for(format!("The key of {email} cannot sign: {error}"), error)
        })?;
        self.form(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", &assertion),
        ])
        .await
    }

    async fn of_external_account(&self, external: &External) -> Result<Granted, TokenError> {
        let subject = self.subject_token(&external.source).await?;
        let scope = match external.impersonation_url {
            Some(_) => IMPERSONATION_SCOPE,
            None => self.scope,
        };
        let exchanged = self
            .form(&[
                (
                    "grant_type",
                    "urn:ietf:params:oauth:grant-type:token-exchange",
                ),
                ("audience", &external.audience),
                ("scope", scope),
                (
                    "requested_token_type",
                    "urn:ietf:params:oauth:token-type:access_token",
                ),
                ("subject_token", subject.expose_secret()),
                ("subject_token_type", &external.subject_token_type),
            ])
            .await?;
        let Some(url) = &external.impersonation_url else {
            return Ok(exchanged);
        };
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Impersonated {
            access_token: SecretString,
            expire_time: chrono::DateTime<chrono::Utc>,
        }
        let client = self.client.at(url.clone());
        let call = client
            .post("")
            .confidential()
            .credential(
                "authorization",
                &format!("Bearer {}", exchanged.token.expose_secret()).into(),
            )?
            .json(&json!({"scope": [self.scope]}))?;
        let answer: Impersonated = call.send().await?.json()?;
        Ok(Granted {
            token: answer.access_token,
            seconds: (answer.expire_time - (self.now)()).num_seconds(),
        })
    }

    /// The other provider's token, read where the credentials say.
    async fn subject_token(&self, source: &SubjectSource) -> Result<SecretString, TokenError> {
        let (place, text) = match &source.place {
            SubjectPlace::File(file) => {
                let text = tokio::fs::read_to_string(file).await.map_err(|error| {
                    let message = format!(
                        "The token in {file} cannot be read: {error}. Check credential_source.file."
                    );
                    TokenError::unusable_for(message, error)
                })?;
                (file.clone(), text)
            }
            SubjectPlace::Url(url, headers) => {
                let client = self.client.at(url.clone());
                let mut call = client.get("").confidential();
                for (name, value) in headers {
                    call = call
                        .header_text(name, value.expose_secret())?
                        .secret(value.clone());
                }
                let answer = call.send().await?;
                let text = String::from_utf8_lossy(answer.body()).into_owned();
                (url.to_string(), text)
            }
        };
        let unusable = |what: &str| {
            TokenError::unusable(format!("The token of {place} is not usable, {what}."))
        };
        if text.len() > MOST_TOKEN_BYTES {
            return Err(unusable("it is too large"));
        }
        if source.format.r#type.as_deref() != Some("json") {
            return Ok(text.trim().to_owned().into());
        }
        let field = source.format.subject_token_field_name.as_deref();
        let field = field.ok_or_else(|| unusable("subject_token_field_name is not set"))?;
        let value: Value = serde_json::from_str(&text).map_err(|_| unusable("it is not JSON"))?;
        match value[field].as_str() {
            Some(token) => Ok(token.to_owned().into()),
            None => Err(unusable(&format!("it has no field '{field}'"))),
        }
    }

    /// Posts a form to the token service.
    async fn form(&self, fields: &[(&str, &str)]) -> Result<Granted, TokenError> {
        let body = Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut call = self
            .client
            .post("")
            .body("application/x-www-form-urlencoded; charset=UTF-8", body);
        for (name, value) in fields {
            if SECRET_FIELDS.contains(name) {
                call = call.secret(*value);
            }
        }
        granted(call).await
    }
}

async fn granted(call: Call<'_>) -> Result<Granted, TokenError> {
    let answer = call.confidential().send().await?;
    // The mistake is reported, but nothing of the response: it may contain a token.
    let token: TokenAnswer = serde_json::from_slice(answer.body())
        .map_err(|_| answer.unexpected("it is not a token (JSON with an access_token)"))?;
    if token.access_token.expose_secret().is_empty() {
        return Err(answer.unexpected("its token is empty").into());
    }
    Ok(Granted {
        token: token.access_token,
        seconds: token.expires_in.unwrap_or(0),
    })
}

/// `invalid_grant: …` of an OAuth error, or the message of a Google one.
fn error_text(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match (text(&value["error"]), text(&value["error_description"])) {
        (Some(error), Some(description)) => Some(format!("{error}: {description}")),
        (error, description) => description
            .or(error)
            .or_else(|| text(&value["error"]["message"])),
    }
}
