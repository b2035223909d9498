//! `kayenta.security.*`.

use std::time::Duration;

use kayenta_properties::{Binder, Diagnostic, Group, convert::Choices};
use kayenta_secrets::{BaseUrl, Secret, SecretUrl};

use kayenta_settings::{
    AccessRule, AuthenticationSettings, BasicUser, BearerToken, JwtSettings, Role, SecuritySettings,
};

pub(super) const ROLES: &Choices<Role> = &[("read", Role::Read), ("write", Role::Write)];

/// What a rule asks for.
#[derive(Clone, Copy)]
struct Needs(Option<Role>);

const NEEDS: &Choices<Needs> = &[
    ("public", Needs(None)),
    ("read", Needs(Some(Role::Read))),
    ("write", Needs(Some(Role::Write))),
];

pub(super) fn security(binder: &Binder<'_>) -> SecuritySettings {
    let group = binder.group("kayenta.security");
    let headers = group.strict_switch("enabled", true);
    let tokens = group.elements("tokens", "token", token);
    let users = group.elements("users", "username", user);
    let jwt = jwt(&group.group("jwt"));
    let rules = group.elements("rules", "path", rule);
    let asked = ["tokens", "users", "jwt", "rules"]
        .into_iter()
        .find(|part| group.group(part).is_present());
    let any = !tokens.is_empty() || !users.is_empty() || jwt.is_some();
    if let Some(part) = asked {
        let wrong = |message: &str| {
            Diagnostic::error(message)
                .property(group.full(part))
                .at(group.group(part).begin())
        };
        if !headers {
            group.report(
                wrong("kayenta.security.enabled is false, yet callers are to show who they are")
                    .remedy("Remove kayenta.security.enabled, or the tokens, users, jwt and rules"),
            );
        } else if !any && !group.group("jwt").is_given("jwksUrl") {
            group.report(
                wrong("kayenta.security names no token, no user and no jwt.jwksUrl: no caller could authenticate")
                    .remedy("Add a token, a user, or jwt.jwksUrl"),
            );
        }
    }
    SecuritySettings {
        headers,
        authentication: any.then_some(AuthenticationSettings {
            tokens,
            users,
            jwt,
            rules,
        }),
    }
}

fn token(group: &Group<'_>) -> Option<BearerToken> {
    let name = group.text_or("name", "token");
    let token = required_secret(group, "token");
    let role = group.choice_or("role", ROLES, Role::Read);
    Some(BearerToken {
        name,
        token: token?,
        role,
    })
}

fn user(group: &Group<'_>) -> Option<BasicUser> {
    let username = group.strict_text("username");
    let password = required_secret(group, "password");
    let role = group.choice_or("role", ROLES, Role::Read);
    if username.is_none() {
        group.missing("username", "a name without a colon");
    }
    Some(BasicUser {
        username: username?,
        password: password?,
        role,
    })
}

/// A secret that opens the door: one that still is a placeholder would open it to whoever reads the
/// file.
fn required_secret(group: &Group<'_>, name: &str) -> Option<Secret> {
    let secret = group.secret(name);
    match group.get(name) {
        Some(value) if !value.text.is_empty() => {
            if let Some(placeholder) = value.unresolved.first() {
                group.report(
                    value
                        .wrong(format!("Could not resolve placeholder '{placeholder}'"))
                        .expected("a secret"),
                );
                return None;
            }
        }
        _ => group.missing(name, "a secret"),
    }
    secret
}

/// What `jwksUrl` has to be.
const KEYS: &str =
    "the URL of the identity provider's keys, such as https://login.example.com/keys";

fn jwt(group: &Group<'_>) -> Option<JwtSettings> {
    let url = group.parsed(
        "jwksUrl",
        |text| {
            let url: Result<BaseUrl, _> = text.parse();
            url.map_err(|reason| format!("Invalid URL: {reason}"))
        },
        KEYS,
    );
    let settings = JwtSettings {
        jwks_url: url
            .as_ref()
            .map_or_else(SecretUrl::default, |url| url.expose().into()),
        issuer: group.strict_text("issuer"),
        audiences: group.list_or_empty("audience"),
        roles_claim: group.text_or("rolesClaim", "roles"),
        read_roles: group.list_or_empty("readRoles"),
        write_roles: group.list_or("writeRoles", &["kayenta-write"]),
        refresh: group.duration("refreshInterval", Duration::from_secs(600)),
        leeway: group.duration("leeway", Duration::from_secs(60)),
    };
    if url.is_none() {
        if group.is_present()
            && group
                .get("jwksUrl")
                .is_none_or(|value| value.text.is_empty())
        {
            group.missing("jwksUrl", KEYS);
        }
        return None;
    }
    for (name, unset) in [
        ("issuer", settings.issuer.is_none()),
        ("audience", settings.audiences.is_empty()),
    ] {
        if unset {
            group.report(
                Diagnostic::warning(
                    "not set: tokens that the provider issued for others are accepted",
                )
                .property(group.full(name))
                .at(group.at(name)),
            );
        }
    }
    Some(settings)
}

fn rule(group: &Group<'_>) -> Option<AccessRule> {
    let methods = group
        .list_or_empty("methods")
        .iter()
        .map(|method| method.to_uppercase())
        .collect();
    let path = group.strict_text("path");
    let needs: Option<Needs> = group.choice("role", NEEDS);
    match &path {
        None => group.missing("path", "a path such as /canaryConfig*"),
        Some(path) if !path.starts_with('/') => group.report(
            Diagnostic::error("a path begins with /")
                .property(group.full("path"))
                .found(path.clone())
                .at(group.at("path")),
        ),
        Some(_) => {}
    }
    if group.get("role").is_none() {
        group.missing("role", "public, read or write");
    }
    Some(AccessRule {
        methods,
        path: path?,
        role: needs?.0,
    })
}
