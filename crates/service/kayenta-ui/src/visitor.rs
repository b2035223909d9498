//! Who looks at the pages, and what proves that an action comes from one of them.
//!
//! [`admit`] stands before every page. It lets no request that changes something pass unless its `Origin` is this service and
//! it carries the token that the page put into its form. The token belongs to a cookie that other sites can neither read nor
//! send (`SameSite=Strict`). A handler of such a request gets its form from [`Action`]; a handler that draws a form gets the
//! token from [`Visitor`].

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::Body,
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header, request::Parts};
use kayenta_access::{Caller, SESSION_COOKIE, cookie, proxied_user};
use kayenta_settings::Role;
use kayenta_web::read_body;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{options::PagesOptions, state::PageState};

/// The cookie that action tokens belong to.
const VISIT_COOKIE: &str = "kayenta-visit";
/// The field of a form, and the header of a script's request, that carry the token.
const TOKEN_FIELD: &str = "action-token";
const TOKEN_HEADER: &str = "x-action-token";

/// Who looks at a page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visitor {
    /// Who it is, where the service or a proxy knows.
    pub(crate) name: Option<String>,
    /// Whether they may start and change things; where signing in is not required, every visitor may.
    pub(crate) may_act: bool,
    /// The address of the service as this browser knows it, for commands to copy.
    pub(crate) service: String,
    /// What a form that posts has to carry as `action-token`, and a script as the header `x-action-token`.
    pub(crate) token: String,
}

/// A form that came from one of the pages, with who sent it.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    pub(crate) visitor: Visitor,
    pub(crate) form: Form,
}

/// The fields of a form in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn read(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// Every field in its order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first field of the name, as it was sent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        fields.find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }

    /// The first field of the name without the blanks around it; `None` when nothing is left.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

impl FromRequestParts<Arc<PageState>> for Action {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        pages: &Arc<PageState>,
    ) -> Result<Self, Response> {
        parts.extensions.remove().ok_or_else(|| {
            // A route that answers GET with an action; `admit` lets no other request come here without one.
            pages.problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "This is an action",
                "Actions are sent by the forms of the pages.",
                "Go back to the page.",
            )
        })
    }
}

/// Finds out who the visitor is, and lets an action pass only when it comes from a page.
pub(crate) async fn admit(
    State(pages): State<Arc<PageState>>,
    mut request: Request,
    next: Next,
) -> Response {
    let known = cookie(request.headers(), VISIT_COOKIE).and_then(visit);
    let (visit, is_new) = match known {
        Some(visit) => (visit, false),
        None => (new_visit(), true),
    };
    let caller = request.extensions().get::<Caller>();
    let visitor = Visitor {
        name: caller
            .map(|caller| caller.name.clone())
            .or_else(|| proxied_user(pages.options.user_header.as_deref(), request.headers())),
        may_act: match &pages.guard {
            Some(_) => caller.is_some_and(|caller| caller.role == Some(Role::Write)),
            None => true,
        },
        service: address(&pages.options, request.headers(), request.uri()),
        token: token_of(&visit, request.headers()),
    };
    let secure = is_https(request.headers());
    if request.method().is_safe() {
        request.extensions_mut().insert(visitor);
    } else {
        request = match action(&pages, visitor, request).await {
            Ok(request) => request,
            Err(refusal) => return refusal,
        };
    }
    let mut response = next.run(request).await;
    if is_new {
        let cookie = set_cookie(&pages, VISIT_COOKIE, &visit, None, secure);
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The request without its body, with the form in its place.
async fn action(
    pages: &PageState,
    visitor: Visitor,
    request: Request,
) -> Result<Request, Response> {
    let refused = |why: &str, advice: &str| {
        pages.problem(StatusCode::FORBIDDEN, "This action is refused", why, advice)
    };
    if !comes_from_here(
        pages.options.public_url.as_deref(),
        request.headers(),
        request.uri(),
    ) {
        return Err(refused(
            "The request does not come from a page of this service: its Origin is another one than its Host.",
            "Open the page again and repeat the action. Behind a proxy that changes the host, set kayenta.ui.publicUrl to the \
             address that browsers use.",
        ));
    }
    let (parts, body) = request.into_parts();
    let mut carrier = Request::new(body);
    *carrier.headers_mut() = parts.headers.clone();
    let body = read_body(carrier, pages.options.forms)
        .await
        .map_err(|error| {
            let status = error.status();
            let advice = "Go back, and try it with less.";
            pages.problem(status, "The form cannot be read", error.message(), advice)
        })?;
    let form = Form::read(&body);
    let given = form
        .get(TOKEN_FIELD)
        .or_else(|| parts.headers.get(TOKEN_HEADER)?.to_str().ok())
        .unwrap_or_default();
    if !bool::from(given.as_bytes().ct_eq(visitor.token.as_bytes())) {
        return Err(refused(
            "The form was drawn for another visit: the browser's cookie of this service is gone, or somebody else signed in.",
            "Open the page again and repeat the action. The pages need cookies for actions.",
        ));
    }
    let mut request = Request::from_parts(parts, Body::empty());
    request.extensions_mut().insert(visitor.clone());
    request.extensions_mut().insert(Action { visitor, form });
    Ok(request)
}

/// The token of a visit; signing in or out in between makes it invalid.
fn token_of(visit: &str, headers: &HeaderMap) -> String {
    let session = cookie(headers, SESSION_COOKIE).unwrap_or_default();
    let digest = Sha256::digest(format!("kayenta action\0{visit}\0{session}").as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(digest)
}

/// A visit as this service draws them; anything else is no visit.
fn visit(text: &str) -> Option<String> {
    let is_one = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_one.then(|| text.to_owned())
}

fn new_visit() -> String {
    let mut random = [0; 16];
    aws_lc_rs::rand::fill(&mut random).expect("the system has randomness");
    format!("{:032x}", u128::from_be_bytes(random))
}

/// Whether the browser says that a page of this service sent the request.
fn comes_from_here(public_url: Option<&str>, headers: &HeaderMap, uri: &Uri) -> bool {
    let Some(origin) = text(headers, &header::ORIGIN) else {
        return false;
    };
    let Some((scheme, place)) = origin.split_once("://") else {
        return false;
    };
    let same = |host: &str| {
        let default = if scheme.eq_ignore_ascii_case("https") {
            ":443"
        } else {
            ":80"
        };
        let bare = |host: &str| host.strip_suffix(default).unwrap_or(host).to_owned();
        bare(host).eq_ignore_ascii_case(&bare(place))
    };
    let public = public_url.and_then(|url| {
        let (known, rest) = url.split_once("://")?;
        let host = rest.split('/').next()?;
        known.eq_ignore_ascii_case(scheme).then_some(host)
    });
    let hosts = hosts(headers, uri).into_iter().chain([public]);
    hosts.flatten().any(same)
}

/// The host that the request was sent to, as a proxy says and as it came here.
fn hosts<'r>(headers: &'r HeaderMap, uri: &'r Uri) -> [Option<&'r str>; 2] {
    let forwarded = headers.get("x-forwarded-host");
    let host = text(headers, &header::HOST).or(uri.authority().map(|authority| authority.as_str()));
    [forwarded.and_then(|host| host.to_str().ok()), host]
}

/// Where the service is: what an operator says, else where this request was sent.
fn address(options: &PagesOptions, headers: &HeaderMap, uri: &Uri) -> String {
    if let Some(public) = &options.public_url {
        return public.trim_end_matches('/').to_owned();
    }
    let scheme = if is_https(headers) { "https" } else { "http" };
    let host = hosts(headers, uri).into_iter().flatten().next();
    let host = host.unwrap_or("localhost:8090");
    format!(
        "{scheme}://{host}{}",
        options.context_path.trim_end_matches('/')
    )
}

/// Whether the browser reached the service by TLS, as far as the request says.
pub(crate) fn is_https(headers: &HeaderMap) -> bool {
    text(headers, &header::ORIGIN).is_some_and(|origin| origin.starts_with("https://"))
        || headers
            .get("x-forwarded-proto")
            .is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"))
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A cookie of the pages: no script reads it, no other site sends it. Without `seconds` it ends with the browser.
pub(crate) fn set_cookie(
    pages: &PageState,
    name: &str,
    value: &str,
    seconds: Option<i64>,
    secure: bool,
) -> HeaderValue {
    let mut cookie = format!(
        "{name}={value}; Path={}; HttpOnly; SameSite=Strict",
        pages.root
    );
    if let Some(seconds) = seconds {
        cookie.push_str(&format!("; Max-Age={seconds}"));
    }
    if secure {
        cookie.push_str("; Secure");
    }
    HeaderValue::try_from(cookie).unwrap_or(HeaderValue::from_static("kayenta-visit=; Max-Age=0"))
}

/// To another page after an action.
pub(crate) fn to(address: &str) -> Response {
    match HeaderValue::try_from(address) {
        Ok(address) => (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response(),
        Err(_) => StatusCode::SEE_OTHER.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    #[test]
    fn an_action_comes_from_the_origin_that_the_browser_called_or_from_the_public_one() {
        let check = |origin: &str, host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, origin.parse().unwrap());
            headers.insert(header::HOST, host.parse().unwrap());
            comes_from_here(
                Some("https://canary.example.com/kayenta"),
                &headers,
                &Uri::from_static("/ui"),
            )
        };
        for (origin, host) in [
            ("http://localhost:8090", "localhost:8090"),
            ("http://KAYENTA", "kayenta:80"),
            ("https://kayenta", "kayenta:443"),
            ("https://canary.example.com", "kayenta.internal:8090"),
        ] {
            assert!(check(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("null", "localhost:8090"),
            ("", "localhost:8090"),
            ("http://localhost", "localhost:8090"),
            ("https://elsewhere.example", "localhost:8090"),
            ("http://canary.example.com", "kayenta.internal:8090"),
            ("http://localhost:8090.elsewhere.example", "localhost:8090"),
        ] {
            assert!(!check(origin, host), "{origin} {host}");
        }
        assert!(!comes_from_here(
            None,
            &HeaderMap::new(),
            &Uri::from_static("/ui")
        ));
    }

    #[test]
    fn commands_to_copy_have_the_address_at_which_the_browser_found_the_service() {
        let at = |options: &PagesOptions, headers: &[(&'static str, &'static str)]| {
            let headers = headers.iter().map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            });
            address(options, &headers.collect(), &Uri::from_static("/ui/new"))
        };
        let mut options = PagesOptions::default();
        let host = ("host", "localhost:18090");
        assert_eq!(at(&options, &[host]), "http://localhost:18090");
        options.context_path = "/kayenta/".to_owned();
        let proxied = [
            host,
            ("x-forwarded-host", "canary.example.com"),
            ("x-forwarded-proto", "https"),
        ];
        assert_eq!(at(&options, &proxied), "https://canary.example.com/kayenta");
        options.public_url = Some("https://kayenta.example.com/".to_owned());
        assert_eq!(at(&options, &proxied), "https://kayenta.example.com");
    }

    #[test]
    fn a_token_belongs_to_one_visit_and_one_session() {
        let mut signed_in = HeaderMap::new();
        signed_in.insert(header::COOKIE, "kayenta-session=a.b".parse().unwrap());
        let out = HeaderMap::new();
        let tokens = [
            token_of("one", &out),
            token_of("two", &out),
            token_of("one", &signed_in),
        ];
        assert!(tokens[0] != tokens[1] && tokens[0] != tokens[2] && tokens[1] != tokens[2]);
        assert_eq!(visit(&new_visit()).map(|visit| visit.len()), Some(32));
        assert!(new_visit() != new_visit() && visit("x").is_none());
    }

    #[test]
    fn a_form_keeps_its_fields_as_they_were_sent() {
        let form = Form::read(b"a=1&a=2&blank=+&text=%3Cb%3E+x");
        assert_eq!((form.get("a"), form.get("blank")), (Some("1"), Some(" ")));
        assert_eq!(
            (form.text("blank"), form.text("text")),
            (None, Some("<b> x"))
        );
    }
}
