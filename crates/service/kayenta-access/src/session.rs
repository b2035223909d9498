//! Sessions of browsers: who signed in, until when, signed.

use aws_lc_rs::{hmac, pbkdf2, rand};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use kayenta_secrets::Secret;
use kayenta_settings::{AuthenticationSettings, Role};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::caller::Caller;

/// The cookie of a session. It belongs to the pages alone; the API does not read it.
pub const SESSION_COOKIE: &str = "kayenta-session";

/// What is signed with a key has one purpose.
const PURPOSE: &[u8] = b"kayenta session 1\0";
/// Rounds of PBKDF2-HMAC-SHA256 (OWASP, 2023): a user who has a session of their own must not find the passwords of others
/// by trying.
const ROUNDS: std::num::NonZeroU32 = std::num::NonZeroU32::new(600_000).unwrap();

/// A session to hand to a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The value of the cookie.
    pub value: String,
    /// Seconds for which it is valid.
    pub seconds: i64,
}

/// What a session says.
#[derive(Deserialize, Serialize)]
struct Claims {
    name: String,
    write: bool,
    /// Seconds since 1970.
    until: i64,
}

/// Signs and reads sessions. The key is made when the first session is: of `kayenta.ui.sessionKey`, else of the tokens and
/// passwords that are configured, so that every replica has the same key and a changed password ends the sessions; at random
/// where there are neither. It is made again when one of them has changed in its file.
pub(crate) struct Sessions {
    material: Vec<Secret>,
    /// The key in use, and what it was made of.
    key: Mutex<Option<(Vec<SecretString>, hmac::Key)>>,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl Sessions {
    pub(crate) fn new(settings: &AuthenticationSettings, key: Option<&Secret>) -> Self {
        let material = match key {
            Some(key) => vec![key.clone()],
            None => {
                let tokens = settings.tokens.iter().map(|known| known.token.clone());
                let passwords = settings.users.iter().map(|known| known.password.clone());
                tokens.chain(passwords).collect()
            }
        };
        Self {
            material,
            key: Mutex::default(),
        }
    }

    async fn key(&self) -> Option<hmac::Key> {
        let material: Vec<SecretString> = self.material.iter().map(Secret::current).collect();
        let mut key = self.key.lock().await;
        if let Some((of, key)) = &*key
            && of
                .iter()
                .map(ExposeSecret::expose_secret)
                .eq(material.iter().map(ExposeSecret::expose_secret))
        {
            return Some(key.clone());
        }
        let of = material.clone();
        let made = kayenta_limits::compute_short(move || derived(&material))
            .await
            .inspect_err(|error| tracing::error!(%error, "the key of sessions cannot be made"))
            .ok()?;
        *key = Some((of, made.clone()));
        Some(made)
    }

    pub(crate) async fn issue(&self, caller: &Caller, now: i64, seconds: i64) -> Option<Session> {
        let claims = Claims {
            name: caller.name.clone(),
            write: caller.role? == Role::Write,
            until: now + seconds,
        };
        let claims = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).ok()?);
        let tag = hmac::sign(&self.key().await?, &signed(&claims));
        let tag = BASE64_URL_SAFE_NO_PAD.encode(tag.as_ref());
        Some(Session {
            value: format!("{claims}.{tag}"),
            seconds,
        })
    }

    /// Who the session stands for, if it is genuine and has not ended.
    pub(crate) async fn read(&self, value: &str, now: i64) -> Option<Caller> {
        let (claims, tag) = value.split_once('.')?;
        let tag = BASE64_URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.key().await?, &signed(claims), &tag).ok()?;
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
        let claims: Claims = serde_json::from_slice(&claims).ok()?;
        (now < claims.until).then_some(Caller {
            name: claims.name,
            role: Some(if claims.write {
                Role::Write
            } else {
                Role::Read
            }),
            until: Some(claims.until),
        })
    }
}

fn signed(claims: &str) -> Vec<u8> {
    [PURPOSE, claims.as_bytes()].concat()
}

fn derived(material: &[SecretString]) -> hmac::Key {
    let mut key = [0; 32];
    if material.is_empty() {
        rand::fill(&mut key).expect("the system has randomness");
    } else {
        // Each with its length, so that no two lists read the same.
        let mut text = Vec::new();
        for secret in material {
            let secret = secret.expose_secret().as_bytes();
            text.extend_from_slice(&(secret.len() as u64).to_be_bytes());
            text.extend_from_slice(secret);
        }
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, PURPOSE, &text, &mut key);
    }
    hmac::Key::new(hmac::HMAC_SHA256, &key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(key: &str) -> Sessions {
        Sessions::new(&AuthenticationSettings::default(), Some(&key.into()))
    }

    fn anna() -> Caller {
        Caller {
            name: "anna".to_owned(),
            role: Some(Role::Read),
            until: None,
        }
    }

    #[tokio::test]
    async fn a_session_is_valid_until_its_end_and_with_its_key_alone() {
        let ours = sessions("one key");
        let session = ours.issue(&anna(), 1_000, 60).await.unwrap();
        let read = ours.read(&session.value, 1_059).await.unwrap();
        assert_eq!((read.name.as_str(), read.role), ("anna", Some(Role::Read)));
        assert!(ours.read(&session.value, 1_060).await.is_none(), "ended");
        let theirs = sessions("another key");
        assert!(theirs.read(&session.value, 1_000).await.is_none());
        let (_, tag) = session.value.split_once('.').unwrap();
        let raised = BASE64_URL_SAFE_NO_PAD.encode(r#"{"name":"anna","write":true,"until":9000}"#);
        for forged in [
            &format!("{raised}.{tag}"),
            &format!("{raised}."),
            "",
            ".",
            "x.y",
        ] {
            assert!(ours.read(forged, 1_000).await.is_none(), "{forged}");
        }
    }

    #[tokio::test]
    async fn replicas_with_the_same_passwords_share_sessions_and_a_changed_one_ends_them() {
        let with = |password: &str| {
            let user = kayenta_settings::BasicUser {
                username: "anna".to_owned(),
                password: password.into(),
                role: Role::Read,
            };
            let settings = AuthenticationSettings {
                users: vec![user],
                ..AuthenticationSettings::default()
            };
            Sessions::new(&settings, None)
        };
        let session = with("first").issue(&anna(), 0, 60).await.unwrap();
        assert!(with("first").read(&session.value, 1).await.is_some());
        assert!(with("second").read(&session.value, 1).await.is_none());
    }

    #[tokio::test]
    async fn a_session_key_that_changes_in_its_file_ends_the_sessions_of_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "first").unwrap();
        let files = kayenta_secrets::SecretFiles::default();
        let key = files.open(&path).unwrap();
        let sessions = Sessions::new(&AuthenticationSettings::default(), Some(&key));
        let session = sessions.issue(&anna(), 0, 60).await.unwrap();
        assert!(sessions.read(&session.value, 1).await.is_some());
        std::fs::write(&path, "second").unwrap();
        files.refresh();
        assert!(sessions.read(&session.value, 1).await.is_none());
        let session = sessions.issue(&anna(), 0, 60).await.unwrap();
        assert!(sessions.read(&session.value, 1).await.is_some());
    }
}
