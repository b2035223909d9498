use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use axum::{Json, Router, routing::get};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use http::header::AUTHORIZATION;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use kayenta_access::SigningKeys;
use kayenta_api::ApiOptions;
use kayenta_http::{HttpSettings, Transport};
use kayenta_settings::{
    AccessRule, AuthenticationSettings, BasicUser, BearerToken, JwtSettings, Role,
};
use serde_json::{Value, json};

use crate::fixture::{Service, config, options, service_with};

fn secured(authentication: AuthenticationSettings) -> Service {
    secured_with_keys(authentication).0
}

/// The service, and the keys it checks tokens with.
fn secured_with_keys(authentication: AuthenticationSettings) -> (Service, Option<SigningKeys>) {
    let transport = Transport::new(&HttpSettings::default()).unwrap();
    let jwt = authentication.jwt.as_ref();
    let signing_keys = jwt.map(|jwt| SigningKeys::new(&jwt.jwks_url, &transport).unwrap());
    let service = service_with(
        ApiOptions {
            authentication: Some(authentication),
            signing_keys: signing_keys.clone(),
            ..options()
        },
        Vec::new(),
    );
    (service, signing_keys)
}

fn token(name: &str, token: &str, role: Role) -> BearerToken {
    BearerToken {
        name: name.to_owned(),
        token: token.into(),
        role,
    }
}

async fn get_with(service: &Service, path: &str, authorization: &str) -> u16 {
    service
        .call("GET", path, &[(AUTHORIZATION.as_str(), authorization)])
        .await
        .status
        .as_u16()
}

async fn post_with(service: &Service, authorization: &str) -> u16 {
    let request = http::Request::post("/canaryConfig")
        .header(AUTHORIZATION, authorization)
        .header("content-type", "application/json")
        .body(config("x").to_string().into())
        .unwrap();
    service.send(request).await.status.as_u16()
}

#[tokio::test]
async fn callers_without_credentials_get_401_and_probes_200() {
    let service = secured(AuthenticationSettings {
        tokens: vec![token("ci", "s3cret", Role::Read)],
        ..AuthenticationSettings::default()
    });
    let answer = service.get("/judges").await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Bearer realm=\"kayenta\"")
    );
    assert_eq!(answer.json()["error"], "Unauthorized");
    for path in ["/health", "/health/liveness", "/health/readiness"] {
        assert_eq!(service.get(path).await.status, 200, "{path}");
    }
    for path in ["/env", "/nope", "/v3/api-docs", "/healthy"] {
        assert_eq!(service.get(path).await.status, 401, "{path}");
    }
    let preflight = service
        .call(
            "OPTIONS",
            "/canaryConfig",
            &[
                ("origin", "http://ui"),
                ("access-control-request-method", "POST"),
            ],
        )
        .await;
    assert_eq!(preflight.status, 200);
}

#[tokio::test]
async fn tokens_carry_roles() {
    let service = secured(AuthenticationSettings {
        tokens: vec![
            token("reader", "r3ad", Role::Read),
            token("writer", "wr1te", Role::Write),
        ],
        ..AuthenticationSettings::default()
    });
    assert_eq!(get_with(&service, "/judges", "Bearer r3ad").await, 200);
    assert_eq!(get_with(&service, "/judges", "bearer wr1te").await, 200);
    assert_eq!(get_with(&service, "/judges", "Bearer other").await, 401);
    assert_eq!(get_with(&service, "/judges", "r3ad").await, 401);
    assert_eq!(post_with(&service, "Bearer r3ad").await, 403);
    assert_eq!(post_with(&service, "Bearer wr1te").await, 200);
    // Judging stored pairs writes nothing.
    let answer = service
        .call(
            "POST",
            "/judges/judge",
            &[(AUTHORIZATION.as_str(), "Bearer r3ad")],
        )
        .await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn users_log_in_with_their_passwords() {
    let service = secured(AuthenticationSettings {
        users: vec![BasicUser {
            username: "ann".to_owned(),
            password: "pass:word".into(),
            role: Role::Write,
        }],
        ..AuthenticationSettings::default()
    });
    let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
    assert_eq!(
        get_with(&service, "/judges", &basic("ann:pass:word")).await,
        200
    );
    assert_eq!(post_with(&service, &basic("ann:pass:word")).await, 200);
    for wrong in ["ann:pass", "bob:pass:word", "ann", ":"] {
        assert_eq!(get_with(&service, "/judges", &basic(wrong)).await, 401);
    }
    assert_eq!(get_with(&service, "/judges", "Basic §").await, 401);
}

#[tokio::test]
async fn rules_change_what_a_path_needs() {
    let rule = |methods: &[&str], path: &str, role| AccessRule {
        methods: methods.iter().map(|&m| m.to_owned()).collect(),
        path: path.to_owned(),
        role,
    };
    let service = secured(AuthenticationSettings {
        tokens: vec![token("reader", "r3ad", Role::Read)],
        rules: vec![
            rule(&["GET"], "/env*", Some(Role::Write)),
            rule(&[], "/judges", None),
            rule(&["POST"], "/canaryConfig", Some(Role::Read)),
        ],
        ..AuthenticationSettings::default()
    });
    assert_eq!(service.get("/judges").await.status, 200);
    assert_eq!(get_with(&service, "/env", "Bearer r3ad").await, 403);
    assert_eq!(
        get_with(&service, "/env/server.port", "Bearer r3ad").await,
        403
    );
    assert_eq!(
        get_with(&service, "/%65nv/server.port", "Bearer r3ad").await,
        403
    );
    assert_eq!(post_with(&service, "Bearer r3ad").await, 200);
}

#[tokio::test]
async fn a_rule_covers_what_is_below_its_path_and_opens_nothing_there() {
    let rule = |methods: &[&str], path: &str, role| AccessRule {
        methods: methods.iter().map(|&m| m.to_owned()).collect(),
        path: path.to_owned(),
        role,
    };
    let service = secured(AuthenticationSettings {
        tokens: vec![
            token("reader", "r3ad", Role::Read),
            token("writer", "wr1te", Role::Write),
        ],
        rules: vec![
            rule(&["GET"], "/env", Some(Role::Write)),
            rule(&[], "/metrics", None),
            rule(&[], "/canaryConfig", Some(Role::Read)),
        ],
        ..AuthenticationSettings::default()
    });
    let headers = |token| [("authorization", token)];
    for method in ["GET", "HEAD"] {
        for path in ["/env", "/env/server.port"] {
            for (token, status) in [("Bearer r3ad", 403), ("Bearer wr1te", 200)] {
                let answer = service.call(method, path, &headers(token)).await;
                assert_eq!(answer.status, status, "{method} {path}");
            }
        }
    }
    for (path, status) in [("/%65nv/server.port", 403), ("/environment", 404)] {
        assert_eq!(get_with(&service, path, "Bearer r3ad").await, status);
    }
    assert_eq!(service.get("/metrics").await.status, 200);
    let meter = "/metrics/http.server.requests";
    assert_eq!(service.get(meter).await.status, 401);
    // What is below asks for what is usual there.
    let path = "/canaryConfig/some-id";
    let removed = service.call("DELETE", path, &headers("Bearer r3ad")).await;
    assert_eq!(removed.status, 403);
}

#[test]
fn no_secret_is_printed() {
    let options = AuthenticationSettings {
        tokens: vec![token("ci", "s3cret", Role::Read)],
        users: vec![BasicUser {
            username: "ann".to_owned(),
            password: "s3cret".into(),
            role: Role::Read,
        }],
        ..AuthenticationSettings::default()
    };
    assert!(!format!("{options:?}").contains("s3cret"));
}

/// An identity provider with one P-256 key, `one`, which it also publishes as `odd` for another
/// algorithm.
struct Provider {
    private_key: Vec<u8>,
    public_point: Vec<u8>,
    jwks_url: String,
}

impl Provider {
    async fn start() -> Self {
        let rng = SystemRandom::new();
        let private_key =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).unwrap();
        let private_key = private_key.as_ref().to_vec();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &private_key).unwrap();
        // 4, x, y: an uncompressed point.
        let public_point = pair.public_key().as_ref().to_vec();
        let key = |kid: &str, algorithm: &str| {
            json!({
                "kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "alg": algorithm,
                "x": BASE64_URL_SAFE_NO_PAD.encode(&public_point[1..33]),
                "y": BASE64_URL_SAFE_NO_PAD.encode(&public_point[33..]),
            })
        };
        let keys = json!({"keys": [key("one", "ES256"), key("odd", "ES384")]});
        let app = Router::new().route("/jwks", get(move || async move { Json(keys) }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            private_key,
            public_point,
            jwks_url: format!("http://{address}/jwks"),
        }
    }

    fn sign(&self, kid: &str, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(kid.to_owned());
        let key = EncodingKey::from_ec_der(&self.private_key);
        format!("Bearer {}", encode(&header, claims, &key).unwrap())
    }
}

#[expect(clippy::disallowed_methods, reason = "tokens expire by the real clock")]
fn seconds_from_now(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap() + seconds
}

#[tokio::test]
async fn tokens_of_an_identity_provider_are_checked() {
    let provider = Provider::start().await;
    let mut jwt = JwtSettings::new(&provider.jwks_url);
    jwt.issuer = Some("https://issuer".to_owned());
    jwt.audiences = vec!["kayenta".to_owned()];
    jwt.roles_claim = "realm_access.roles".to_owned();
    jwt.read_roles = vec!["viewer".to_owned()];
    jwt.write_roles = vec!["editor".to_owned()];
    jwt.leeway = Duration::ZERO;
    let service = secured(AuthenticationSettings {
        jwt: Some(jwt),
        ..AuthenticationSettings::default()
    });
    let claims = |role: &str| {
        json!({
            "iss": "https://issuer", "aud": "kayenta", "sub": "ann",
            "exp": seconds_from_now(300), "realm_access": {"roles": [role]},
        })
    };
    let get = async |token: String| get_with(&service, "/judges", &token).await;
    assert_eq!(get(provider.sign("one", &claims("viewer"))).await, 200);
    assert_eq!(get(provider.sign("one", &claims("editor"))).await, 200);
    assert_eq!(get(provider.sign("one", &claims("stranger"))).await, 403);
    assert_eq!(
        post_with(&service, &provider.sign("one", &claims("viewer"))).await,
        403
    );
    assert_eq!(
        post_with(&service, &provider.sign("one", &claims("editor"))).await,
        200
    );
    for (claim, value) in [
        ("exp", json!(seconds_from_now(-10))),
        ("nbf", json!(seconds_from_now(100))),
        ("iss", json!("https://other")),
        ("aud", json!("other")),
        ("exp", Value::Null),
    ] {
        let mut wrong = claims("editor");
        wrong[claim] = value;
        assert_eq!(get(provider.sign("one", &wrong)).await, 401, "{claim}");
    }
    assert_eq!(get(provider.sign("two", &claims("viewer"))).await, 401);

    // A symmetric signature made with the public key must not pass for the provider's.
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("one".to_owned());
    let forged = encode(
        &header,
        &claims("editor"),
        &EncodingKey::from_secret(&provider.public_point),
    )
    .unwrap();
    assert_eq!(get(format!("Bearer {forged}")).await, 401);

    // A key is for the algorithm it is published for, and what is critical must be understood.
    assert_eq!(get(provider.sign("odd", &claims("viewer"))).await, 401);
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some("one".to_owned());
    header.crit = Some(vec!["b64".to_owned()]);
    let key = EncodingKey::from_ec_der(&provider.private_key);
    let critical = encode(&header, &claims("viewer"), &key).unwrap();
    assert_eq!(get(format!("Bearer {critical}")).await, 401);

    let valid = provider.sign("one", &claims("viewer"));
    let (front, _) = valid.rsplit_once('.').unwrap();
    assert_eq!(get(format!("{front}.AAAA")).await, 401);
}

#[tokio::test]
async fn a_provider_out_of_reach_is_401_and_not_a_failure() {
    let provider = Provider::start().await;
    let service = secured(AuthenticationSettings {
        jwt: Some(JwtSettings::new("http://127.0.0.1:1/jwks")),
        ..AuthenticationSettings::default()
    });
    let token = provider.sign("one", &json!({"exp": seconds_from_now(300)}));
    assert_eq!(get_with(&service, "/judges", &token).await, 401);
}

#[tokio::test]
async fn two_hundred_tokens_with_unknown_keys_cost_one_fetch() {
    let provider = Provider::start().await;
    let (service, keys) = secured_with_keys(AuthenticationSettings {
        jwt: Some(JwtSettings::new(&provider.jwks_url)),
        ..AuthenticationSettings::default()
    });
    let claims = json!({"sub": "ann", "exp": seconds_from_now(300)});
    for number in 0..200 {
        let token = provider.sign(&format!("junk-{number}"), &claims);
        assert_eq!(get_with(&service, "/judges", &token).await, 401);
    }
    let token = provider.sign("one", &claims);
    assert_eq!(get_with(&service, "/judges", &token).await, 200);
    assert_eq!(keys.unwrap().fetches(), 1);
}

/// Not one after the other, each as long as a fetch may take.
#[tokio::test]
async fn callers_wait_together_for_a_provider_that_hangs() {
    let provider = Provider::start().await;
    // Accepts and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", silent.local_addr().unwrap());
    let (service, keys) = secured_with_keys(AuthenticationSettings {
        jwt: Some(JwtSettings::new(&url)),
        ..AuthenticationSettings::default()
    });
    let token = provider.sign("one", &json!({"exp": seconds_from_now(300)}));
    let began = std::time::Instant::now();
    let callers = (0..8).map(|_| get_with(&service, "/judges", &token));
    let statuses = futures::future::join_all(callers).await;
    assert!(statuses.iter().all(|status| *status == 401));
    let waited = began.elapsed();
    assert!(waited < Duration::from_secs(9), "{waited:?}");
    // While it rests, nobody waits at all.
    let began = std::time::Instant::now();
    assert_eq!(get_with(&service, "/judges", &token).await, 401);
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(keys.unwrap().fetches(), 1);
}
