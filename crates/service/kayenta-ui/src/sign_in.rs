//! The pages for signing in and out.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use kayenta_access::{SESSION_COOKIE, Shown, cookie};
use kayenta_report::Markup;

use crate::{
    query::PageQuery,
    state::PageState,
    visitor::{Action, Visitor, is_https, set_cookie, to},
};

/// Seconds for which a browser keeps the cookie of a session that has ended, so that the page for signing in says so.
const REMEMBERED: i64 = 24 * 3600;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInTemplate<'a> {
    token: &'a str,
    next: &'a str,
    /// The name that was entered.
    username: &'a str,
    users: bool,
    tokens: bool,
    mistake: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_out.html")]
struct SignOutTemplate<'a> {
    token: &'a str,
    name: Option<&'a str>,
    action: String,
}

pub(crate) async fn show(
    State(pages): State<Arc<PageState>>,
    headers: HeaderMap,
    visitor: Visitor,
    query: PageQuery,
) -> Response {
    let had_session = cookie(&headers, SESSION_COOKIE).is_some_and(|session| !session.is_empty());
    let ended = (had_session && visitor.name.is_none())
        .then(|| "Your session has ended. Sign in again to go on.".to_owned());
    let next = query.get("next").unwrap_or_default();
    form(&pages, &visitor, next, "", ended)
}

fn form(
    pages: &PageState,
    visitor: &Visitor,
    next: &str,
    username: &str,
    mistake: Option<String>,
) -> Response {
    let Some(guard) = &pages.guard else {
        return to(&pages.root);
    };
    let (users, tokens) = guard.ways_in();
    let body = Markup::of(&SignInTemplate {
        token: &visitor.token,
        next,
        username,
        users,
        tokens,
        mistake,
    });
    pages.entrance("Sign in", &body)
}

/// Hands out a session for valid credentials.
pub(crate) async fn sign_in(
    State(pages): State<Arc<PageState>>,
    headers: HeaderMap,
    Action {
        visitor,
        form: sent,
    }: Action,
) -> Response {
    let Some(guard) = &pages.guard else {
        return to(&pages.root);
    };
    let next = sent.get("next").unwrap_or_default();
    let username = sent.get("username").unwrap_or_default();
    let shown = match (sent.text("token"), sent.text("username")) {
        (Some(token), _) => Shown::Token(token),
        (None, Some(user)) => Shown::User(user, sent.get("password").unwrap_or_default()),
        (None, None) => {
            let mistake = "Enter a name and a password, or a token.".to_owned();
            return (
                StatusCode::BAD_REQUEST,
                form(&pages, &visitor, next, username, Some(mistake)),
            )
                .into_response();
        }
    };
    let session = match guard.sign_in(shown).await {
        Ok(session) => session,
        Err(error) => {
            let mistake = match (error.status(), &shown) {
                (StatusCode::UNAUTHORIZED, Shown::User(..)) => {
                    "This name and this password do not match.".to_owned()
                }
                (StatusCode::UNAUTHORIZED, Shown::Token(_)) => {
                    "This token is not valid.".to_owned()
                }
                _ => error.message().to_owned(),
            };
            let page = form(&pages, &visitor, next, username, Some(mistake));
            return (error.status(), page).into_response();
        }
    };
    let secure = is_https(&headers);
    let kept = set_cookie(
        &pages,
        SESSION_COOKIE,
        &session.value,
        Some(session.seconds.saturating_add(REMEMBERED)),
        secure,
    );
    let mut response = to(&address(&pages.root, next));
    response.headers_mut().append(header::SET_COOKIE, kept);
    response
}

/// Where to go after signing in: a page of this service, whatever the link to the form said.
fn address(root: &str, next: &str) -> String {
    let rest = next.strip_prefix("/ui").filter(|rest| {
        let ends = rest.is_empty() || rest.starts_with(['/', '?']);
        ends && rest.chars().all(|c| c.is_ascii_graphic() && c != '\\')
    });
    format!("{root}{}", rest.unwrap_or_default())
}

pub(crate) async fn ask_to_sign_out(
    State(pages): State<Arc<PageState>>,
    visitor: Visitor,
) -> Response {
    let body = Markup::of(&SignOutTemplate {
        token: &visitor.token,
        name: visitor.name.as_deref(),
        action: format!("{}/sign-out", pages.root),
    });
    pages.page("Signed in", &[pages.to_list()], &body, false)
}

/// Ends the session of this browser.
pub(crate) async fn sign_out(
    State(pages): State<Arc<PageState>>,
    headers: HeaderMap,
    _: Action,
) -> Response {
    let gone = set_cookie(&pages, SESSION_COOKIE, "", Some(0), is_https(&headers));
    let mut response = to(&format!("{}/sign-in", pages.root));
    response.headers_mut().append(header::SET_COOKIE, gone);
    response
}

#[cfg(test)]
mod tests {
    #[test]
    fn signing_in_leads_to_pages_of_this_service_alone() {
        for (next, address) in [
            ("/ui/runs/1?metric=a%20b", "/kayenta/ui/runs/1?metric=a%20b"),
            ("/ui?search=x", "/kayenta/ui?search=x"),
            ("", "/kayenta/ui"),
            ("https://elsewhere.example/ui", "/kayenta/ui"),
            ("//elsewhere.example/ui", "/kayenta/ui"),
            ("/uielsewhere", "/kayenta/ui"),
            ("/ui\\@elsewhere.example", "/kayenta/ui"),
            ("/ui/\r\nset-cookie: a=b", "/kayenta/ui"),
        ] {
            assert_eq!(super::address("/kayenta/ui", next), address, "{next}");
        }
    }
}
