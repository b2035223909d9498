//! The keys that an identity provider signs tokens with.

use std::{
    fmt,
    sync::{
        Arc, Once,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use jsonwebtoken::jwk::JwkSet;
use kayenta_http::{HttpClient, HttpError, HttpSetupError, Transport};
use kayenta_secrets::{BaseUrl, InvalidBaseUrl, SecretUrl};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use url::{Position, Url};

/// How long one attempt may take, and how long a token waits for it.
const LONGEST_FETCH: Duration = Duration::from_secs(5);
/// Between two attempts, however many unknown key ids come in; doubled with each that fails.
const SHORTEST_PAUSE: Duration = Duration::from_secs(10);
/// How often the pause is doubled at most.
const MOST_DOUBLINGS: u32 = 5;
/// No provider needs more for its keys.
const LONGEST_KEY_SET: usize = 1 << 20;

/// A JWKS URL that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeysError {
    /// It is no URL of a server.
    #[error("kayenta.security.jwt.jwksUrl is no http or https URL")]
    Url(#[source] InvalidBaseUrl),
    /// It cannot be called.
    #[error("kayenta.security.jwt.jwksUrl cannot be called")]
    Setup(#[from] HttpSetupError),
}

/// The keys that an identity provider publishes, fetched by one task for all who ask. Cloning shares
/// them.
///
/// A caller whose key is known never waits. One whose key is unknown waits for one attempt, together
/// with all others; after it unknown keys are refused at once until the next attempt is due.
#[derive(Clone, Debug)]
pub struct SigningKeys(Arc<Handle>);

/// Ends the task with the last clone.
#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    ended: CancellationToken,
    started: Once,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

struct Shared {
    client: HttpClient,
    path: String,
    known: watch::Sender<Known>,
    wanted: Notify,
    fetches: AtomicUsize,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// What the last attempts brought.
#[derive(Clone, Debug, Default)]
struct Known {
    set: Option<Arc<JwkSet>>,
    attempted: Option<Instant>,
    /// Attempts in a row that failed.
    failures: u32,
}

impl Known {
    fn pause(&self) -> Duration {
        SHORTEST_PAUSE * 2_u32.pow(self.failures.min(MOST_DOUBLINGS))
    }

    /// Whether it is too early for another attempt.
    fn rests(&self) -> bool {
        self.attempted.is_some_and(|at| at.elapsed() < self.pause())
    }
}

impl SigningKeys {
    /// Keys published at the URL; nothing is fetched before they are needed.
    ///
    /// # Errors
    /// When the URL cannot be used.
    pub fn new(jwks_url: &SecretUrl, transport: &Transport) -> Result<Self, SigningKeysError> {
        let whole: BaseUrl = jwks_url.expose().parse().map_err(SigningKeysError::Url)?;
        // A base URL has no slash at its end; this one may need it.
        let (base, path) = match Url::parse(jwks_url.expose()) {
            Ok(url) => (
                url[..Position::BeforePath]
                    .parse()
                    .map_err(SigningKeysError::Url)?,
                url[Position::BeforePath..Position::AfterQuery].to_owned(),
            ),
            Err(_) => (whole, String::new()),
        };
        let client = HttpClient::builder("the identity provider", base)
            .secrets_of_url(jwks_url.expose())
            .max_answer_bytes(LONGEST_KEY_SET)
            .build(transport)?;
        Ok(Self(Arc::new(Handle {
            shared: Arc::new(Shared {
                client,
                path,
                known: watch::Sender::new(Known::default()),
                wanted: Notify::new(),
                fetches: AtomicUsize::new(0),
            }),
            ended: CancellationToken::new(),
            started: Once::new(),
        })))
    }

    /// How often the keys were asked for.
    #[must_use]
    pub fn fetches(&self) -> usize {
        self.0.shared.fetches.load(Ordering::Relaxed)
    }

    /// The keys there are, with that of the id among them unless it is unknown; `None` while there are
    /// none. They are fetched anew every `refresh`.
    pub(super) async fn knowing(
        &self,
        kid: Option<&str>,
        refresh: Duration,
    ) -> Option<Arc<JwkSet>> {
        let Handle {
            shared,
            ended,
            started,
        } = &*self.0;
        started.call_once(|| {
            tokio::spawn(Arc::clone(shared).keep_fresh(refresh, ended.clone()));
        });
        let mut attempts = shared.known.subscribe();
        let known = attempts.borrow_and_update().clone();
        let knows = |set: &Arc<JwkSet>| kid.is_none_or(|kid| set.find(kid).is_some());
        if known.set.as_ref().is_some_and(knows) || known.rests() {
            return known.set;
        }
        shared.wanted.notify_one();
        let _ = timeout(LONGEST_FETCH, attempts.changed()).await;
        attempts.borrow().set.clone()
    }
}

impl Shared {
    /// Fetches the keys, again when they are old, and sooner when someone wants a key that is not there.
    async fn keep_fresh(self: Arc<Self>, refresh: Duration, ended: CancellationToken) {
        let refreshing = async {
            loop {
                self.attempt().await;
                loop {
                    let known = self.known.borrow().clone();
                    let again = if known.failures > 0 {
                        known.pause()
                    } else {
                        refresh.max(SHORTEST_PAUSE)
                    };
                    tokio::select! {
                        () = tokio::time::sleep(again) => break,
                        () = self.wanted.notified() => {
                            // Wished for before the last attempt ended, or too early.
                            if !self.known.borrow().rests() {
                                break;
                            }
                        }
                    }
                }
            }
        };
        ended.run_until_cancelled(refreshing).await;
    }

    async fn attempt(&self) {
        let fetched = self.fetch().await;
        if let Err(error) = &fetched {
            tracing::warn!(%error, "could not fetch the identity provider's keys");
        }
        self.known.send_modify(|known| {
            known.attempted = Some(Instant::now());
            match fetched {
                Ok(set) => {
                    known.set = Some(Arc::new(set));
                    known.failures = 0;
                }
                // Those there are go on serving.
                Err(_) => known.failures = known.failures.saturating_add(1),
            }
        });
    }

    async fn fetch(&self) -> Result<JwkSet, HttpError> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        let call = self.client.get(&self.path).timeout(LONGEST_FETCH);
        call.send().await?.json()
    }
}
