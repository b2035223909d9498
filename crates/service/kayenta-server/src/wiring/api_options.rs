//! Settings as the HTTP layer wants them.

use kayenta_api::{
    AccessRule, ApiOptions, BasicUser, CorsOptions, JwtOptions, Role, SecurityOptions, StaticToken,
};
use kayenta_config::{
    Settings,
    settings::{
        self, CorsSettings, HealthGroupSettings, ManagementPort, ManagementSettings,
        SecuritySettings,
    },
};
use kayenta_management::{Exposure, HealthGroup, ManagementOptions, Show, StatusOrder};

use super::kinds::Accounts;

/// Settings as the HTTP layer wants them.
pub(crate) fn api_options(settings: &Settings, accounts: &Accounts) -> ApiOptions {
    ApiOptions {
        context_path: settings.server.context_path.clone(),
        cors: match &settings.server.cors {
            CorsSettings::AnyOrigin => CorsOptions::AnyOrigin,
            CorsSettings::Origins(origins) => CorsOptions::Origins(origins.clone()),
            CorsSettings::Disabled => CorsOptions::Disabled,
        },
        max_body_bytes: usize::try_from(settings.server.max_body_bytes).unwrap_or(usize::MAX),
        body_timeout: settings.server.body_timeout,
        scape_enabled: settings.standalone_canary_analysis,
        fetch_stores: accounts.enabled.iter().cloned().collect(),
        fetch_defaults: settings.test_defaults.clone(),
        validate_metric_names: settings.validate_metric_names,
        spectator_enabled: settings.spectator.enabled,
        swagger_enabled: settings.swagger.enabled,
        swagger_title: settings.swagger.title.clone(),
        swagger_description: settings.swagger.description.clone(),
        swagger_contact: settings.swagger.contact.clone(),
        swagger_patterns: settings.swagger.patterns.clone(),
        management: management(&settings.management),
        security: security(&settings.security),
        ..ApiOptions::default()
    }
}

fn management(settings: &ManagementSettings) -> ManagementOptions {
    let mut exposure = Exposure {
        include: settings.exposure.include.clone(),
        exclude: settings.exposure.exclude.clone(),
    };
    let switched_off = settings
        .endpoints_enabled
        .iter()
        .filter(|(_, enabled)| !**enabled);
    exposure
        .exclude
        .extend(switched_off.map(|(id, _)| id.clone()));
    if !settings.enabled_by_default {
        let switched_on = |id: &String| settings.endpoints_enabled.get(id).copied() == Some(true);
        exposure.include = if exposure.include.iter().any(|id| id == "*") {
            settings
                .endpoints_enabled
                .keys()
                .filter(|id| switched_on(id))
                .cloned()
                .collect()
        } else {
            exposure.include.into_iter().filter(switched_on).collect()
        };
    }
    let health = &settings.health;
    let mut extra_sanitized_keys = settings.additional_keys_to_sanitize.clone();
    // Built-in rules stay even where the operator's list replaces them: a secret more is hidden.
    extra_sanitized_keys.extend(settings.keys_to_sanitize.clone().unwrap_or_default());
    ManagementOptions {
        base_path: if settings.base_path.is_empty() {
            "/".to_owned()
        } else {
            settings.base_path.clone()
        },
        separate_port: settings.port != ManagementPort::Main,
        exposure,
        show_details: show(health.show_details),
        show_components: Some(show(health.show_components)),
        groups: health
            .groups
            .iter()
            .map(|(name, g)| (name.clone(), group(g)))
            .collect(),
        probes_listed: health.probes_listed,
        status_order: health
            .status_order
            .as_deref()
            .map(StatusOrder::named)
            .unwrap_or_default(),
        status_mapping: health.status_mapping.clone(),
        extra_sanitized_keys,
        ..ManagementOptions::default()
    }
}

fn show(show: settings::Show) -> Show {
    match show {
        settings::Show::Never => Show::Never,
        settings::Show::Always => Show::Always,
    }
}

fn group(settings: &HealthGroupSettings) -> HealthGroup {
    HealthGroup {
        include: settings.include.clone(),
        exclude: settings.exclude.clone(),
        show_details: settings.show_details.map(show),
        show_components: settings.show_components.map(show),
        status_order: settings.status_order.as_deref().map(StatusOrder::named),
        status_mapping: settings.status_mapping.clone(),
    }
}

fn role(role: settings::Role) -> Role {
    match role {
        settings::Role::Read => Role::Read,
        settings::Role::Write => Role::Write,
    }
}

fn security(settings: &SecuritySettings) -> SecurityOptions {
    let Some(authentication) = &settings.authentication else {
        return SecurityOptions::default();
    };
    SecurityOptions {
        enabled: true,
        tokens: authentication
            .tokens
            .iter()
            .map(|token| StaticToken {
                name: token.name.clone(),
                token: token.token.clone(),
                role: role(token.role),
            })
            .collect(),
        users: authentication
            .users
            .iter()
            .map(|user| BasicUser {
                username: user.username.clone(),
                password: user.password.clone(),
                role: role(user.role),
            })
            .collect(),
        jwt: authentication.jwt.as_ref().map(|jwt| JwtOptions {
            jwks_url: jwt.jwks_url.clone(),
            issuer: jwt.issuer.clone(),
            audiences: jwt.audiences.clone(),
            roles_claim: jwt.roles_claim.clone(),
            read_roles: jwt.read_roles.clone(),
            write_roles: jwt.write_roles.clone(),
            refresh: jwt.refresh,
            leeway: jwt.leeway,
        }),
        rules: authentication
            .rules
            .iter()
            .map(|rule| AccessRule {
                methods: rule.methods.clone(),
                path: rule.path.clone(),
                role: rule.role.map(role),
            })
            .collect(),
    }
}
