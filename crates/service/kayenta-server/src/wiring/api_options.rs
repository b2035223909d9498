//! Settings as the HTTP layer wants them.

use kayenta_access::{SigningKeys, SigningKeysError};
use kayenta_api::ApiOptions;
use kayenta_config::Settings;
use kayenta_http::Transport;
use kayenta_management::{ManagementOptions, StatusOrder};
use kayenta_settings::{ManagementPort, ManagementSettings};

use super::kinds::{Accounts, Kind};

/// Settings as the HTTP layer wants them.
///
/// # Errors
/// When the keys of the identity provider cannot be asked for.
pub(crate) fn api_options(
    settings: &Settings,
    accounts: &Accounts,
    transport: &Transport,
) -> Result<ApiOptions, SigningKeysError> {
    let authentication = settings.security.authentication.clone();
    let jwt = authentication
        .as_ref()
        .and_then(|settings| settings.jwt.as_ref());
    let signing_keys = jwt
        .map(|jwt| SigningKeys::new(&jwt.jwks_url, transport))
        .transpose()?;
    Ok(ApiOptions {
        context_path: settings.server.context_path.clone(),
        cors: settings.server.cors.clone(),
        max_body_bytes: usize::try_from(settings.server.max_body_bytes).unwrap_or(usize::MAX),
        body_timeout: settings.server.body_timeout,
        scape_enabled: settings.standalone_canary_analysis,
        metric_stores: Kind::metric_stores()
            .filter(|store| accounts.is_enabled(store.service_type))
            .collect(),
        fetch_defaults: settings.test_defaults.clone(),
        configuration_schema: include_str!("../../../../../api-spec/schemas/kayenta.json"),
        validate_metric_names: settings.validate_metric_names,
        spectator_enabled: settings.spectator.enabled,
        swagger_enabled: settings.swagger.enabled,
        swagger_title: settings.swagger.title.clone(),
        swagger_description: settings.swagger.description.clone(),
        swagger_contact: settings.swagger.contact.clone(),
        swagger_patterns: settings.swagger.patterns.clone(),
        management: management(&settings.management),
        authentication,
        signing_keys,
        analysis_pages: analysis_pages(settings),
        browser: settings.pages.browser.clone(),
        ..ApiOptions::default()
    })
}

/// Where the pages of analyses are for browsers, if that is known.
fn analysis_pages(settings: &Settings) -> Option<String> {
    let public = settings.pages.public_url.as_deref();
    let public = public.filter(|_| settings.pages.enabled)?;
    Some(format!("{public}{}/analyses", kayenta_ui::HOME))
}

fn management(settings: &ManagementSettings) -> ManagementOptions {
    let mut exposure = settings.exposure.clone();
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
        show_details: health.show_details,
        show_components: Some(health.show_components),
        groups: health.groups.clone(),
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
