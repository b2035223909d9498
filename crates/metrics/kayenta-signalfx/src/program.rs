//! SignalFlow programs, text for text as the reference writes them. Nothing is escaped.

use kayenta_metrics::{
    FetchError, FetchErrorKind, MetricQuery, scope, scope::StoreScope, template,
};
use kayenta_model::{
    QueryConfig,
    query::{SignalFxPair, SignalFxQuery},
};

use crate::DESCRIPTION;

/// The keys an account puts scope and location under when the request names none.
#[derive(Clone, Debug, Default)]
pub(crate) struct DefaultKeys {
    pub(crate) scope: Option<String>,
    pub(crate) location: Option<String>,
}

/// The settings of a SignalFx metric.
///
/// # Errors
/// When the metric belongs to another store.
pub(crate) fn settings<'a>(query: &MetricQuery<'a>) -> Result<&'a SignalFxQuery, FetchError> {
    match query.query_config()? {
        QueryConfig::SignalFx(settings) => Ok(settings),
        _ => Err(scope::wrong_store(&DESCRIPTION, query.scope)),
    }
}

/// The program. A failure is called as the reference calls it and has its reason as cause: the
/// reference hides it (C-SIGNALFX-04).
///
/// # Errors
/// When the metric is another store's, a template cannot be expanded, or there is no scope key.
pub(crate) fn text(
    query: &MetricQuery<'_>,
    settings: &SignalFxQuery,
    defaults: &DefaultKeys,
) -> Result<String, FetchError> {
    build(query, settings, defaults).map_err(|cause| {
        let class = "RuntimeException";
        FetchError::new(
            FetchErrorKind::Refused { class },
            "Failed to generate SignalFx SignalFlow program",
        )
        .caused_by(cause)
    })
}

fn build(
    query: &MetricQuery<'_>,
    settings: &SignalFxQuery,
    defaults: &DefaultKeys,
) -> Result<String, FetchError> {
    if let Some(whole) = template::expand(query, &DESCRIPTION, &[])? {
        return Ok(whole);
    }
    let metric = present(settings.metric_name.as_deref()).ok_or_else(|| {
        FetchError::invalid("The metric has neither a metricName nor a template.")
    })?;
    let aggregation = present(settings.aggregation_method.as_deref()).unwrap_or("mean");

    let scope = StoreScope::new(&DESCRIPTION, query.scope);
    let key = |added: &str, default: &Option<String>| {
        present(scope.added(added))
            .or(present(default.as_deref()))
            .map(str::to_owned)
    };
    let scope_key = key("scopeKey", &defaults.scope).ok_or_else(|| {
        FetchError::invalid(
            "The SignalFx account must define a default scope key or it must be supplied in the \
             extendedScopeParams in the `_scope_key` key",
        )
    })?;
    let location_key = key("locationKey", &defaults.location);
    let further: Vec<_> = query
        .scope
        .extended_scope_params
        .iter()
        .flatten()
        .filter(|(key, _)| !key.starts_with('_'))
        .collect();

    let plain =
        |key: &str, value: Option<&str>| format!("filter('{key}', '{}')", value.unwrap_or("null"));
    let mut filters: Vec<_> = settings.query_pairs.iter().flatten().map(pair).collect();
    filters.push(plain(&scope_key, query.scope.scope.as_deref()));
    if let Some(key) = &location_key {
        filters.push(plain(key, query.scope.location.as_deref()));
    }
    filters.extend(further.iter().map(|(key, value)| plain(key, Some(value))));

    let by: Vec<_> = further
        .iter()
        .map(|(key, _)| key.as_str())
        .chain(location_key.as_deref())
        .chain([scope_key.as_str()])
        .map(|key| format!("'{key}'"))
        .collect();
    Ok(format!(
        "data('{metric}', filter={}).{aggregation}(by=[{}]).publish()",
        filters.join(" and "),
        by.join(", ")
    ))
}

fn present(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// One filter: several values where the text has commas, negated where the key begins with `!`.
fn pair(pair: &SignalFxPair) -> String {
    let key = pair.key.as_deref().unwrap_or_default();
    let value = pair.value.as_deref().unwrap_or_default();
    let (negated, key) = match key.strip_prefix('!') {
        Some(key) => (true, key),
        None => (false, key),
    };
    let values = if value.contains(',') {
        let values: Vec<_> = value
            .trim_end_matches(',')
            .split(',')
            .map(|value| format!("'{}'", value.trim()))
            .collect();
        values.join(",")
    } else {
        format!("'{value}'")
    };
    let filter = format!("filter('{key}', {values})");
    if negated {
        format!("(not {filter})")
    } else {
        filter
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
    use serde_json::{Value, json};

    use super::*;

    fn built(settings: Value, scope: Value, defaults: &DefaultKeys) -> Result<String, FetchError> {
        let mut query = settings;
        query["type"] = "signalfx".into();
        let metric: MetricConfig = serde_json::from_value(json!({"query": query})).unwrap();
        let scope: CanaryScope = serde_json::from_value(scope).unwrap();
        let config: CanaryConfig = serde_json::from_value(
            json!({"templates": {"named": "data('y', filter=filter('v', '${scope}')).publish()"}}),
        )
        .unwrap();
        let query = MetricQuery {
            config: &config,
            metric: &metric,
            scope: &scope,
        };
        super::settings(&query).and_then(|settings| text(&query, settings, defaults))
    }

    fn pairs(pairs: &[(&str, &str)]) -> Value {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value}))
            .collect();
        json!({"metricName": "request.count", "aggregationMethod": "mean", "queryPairs": pairs})
    }

    /// The cases of the reference's own test.
    #[test]
    fn pinned_programs_come_out_letter_for_letter() {
        let three = [
            ("app", "cms"),
            ("response_code", "400"),
            ("uri", "/v2/auth/iam-principal"),
        ];
        let version = json!({"_scope_key": "version"});
        let filters = "filter('app', 'cms') and filter('response_code', '400') and \
                       filter('uri', '/v2/auth/iam-principal')";
        for (query_pairs, parameters, wanted) in [
            (
                three.as_slice(),
                json!({"_scope_key": "version", "env": "production"}),
                format!(
                    "{filters} and filter('version', '1.0.0') and filter('env', 'production')).mean(by=['env', 'version'])"
                ),
            ),
            (
                &three,
                json!({"_scope_key": "version", "_location_key": "region", "env": "production"}),
                format!(
                    "{filters} and filter('version', '1.0.0') and filter('region', 'us-west-2') and filter('env', 'production')).mean(by=['env', 'region', 'version'])"
                ),
            ),
            (
                &three,
                json!({"_scope_key": "version", "env": "production", "region": "us-west-2"}),
                format!(
                    "{filters} and filter('version', '1.0.0') and filter('env', 'production') and filter('region', 'us-west-2')).mean(by=['env', 'region', 'version'])"
                ),
            ),
            (
                &[],
                version.clone(),
                "filter('version', '1.0.0')).mean(by=['version'])".to_owned(),
            ),
            (
                &[("!app", "cms")],
                version.clone(),
                "(not filter('app', 'cms')) and filter('version', '1.0.0')).mean(by=['version'])"
                    .to_owned(),
            ),
            (
                &[("app", "cms,api")],
                version.clone(),
                "filter('app', 'cms','api') and filter('version', '1.0.0')).mean(by=['version'])"
                    .to_owned(),
            ),
            (
                &[("!app", "cms, api")],
                version,
                "(not filter('app', 'cms','api')) and filter('version', '1.0.0')).mean(by=['version'])"
                    .to_owned(),
            ),
        ] {
            let scope =
                json!({"scope": "1.0.0", "location": "us-west-2", "extendedScopeParams": parameters});
            assert_eq!(
                built(pairs(query_pairs), scope, &DefaultKeys::default()).unwrap(),
                format!("data('request.count', filter={wanted}.publish()")
            );
        }
    }

    #[test]
    fn keys_may_be_the_account_s() {
        let defaults = DefaultKeys {
            scope: Some("server_group".to_owned()),
            location: Some("region".to_owned()),
        };
        let settings = json!({"metricName": "m"});
        let scope = json!({"scope": "my_microservice-control-v1", "location": "eu"});
        assert_eq!(
            built(settings.clone(), scope, &defaults).unwrap(),
            "data('m', filter=filter('server_group', 'my_microservice-control-v1') and \
             filter('region', 'eu')).mean(by=['region', 'server_group']).publish()"
        );
        let scope = json!({"scope": "s", "extendedScopeParams": {"_scope_key": "mine"}});
        assert_eq!(
            built(settings, scope, &defaults).unwrap(),
            "data('m', filter=filter('mine', 's') and filter('region', 'null'))\
             .mean(by=['region', 'mine']).publish()"
        );
    }

    #[test]
    fn templates_are_whole_programs() {
        let scope = json!({"scope": "s", "location": "l", "extendedScopeParams": {"e": "p"}});
        let inline = json!({"customInlineTemplate": "data('x', '${scope}$\\{location}${e}')"});
        let none = DefaultKeys::default();
        assert_eq!(
            built(inline, scope.clone(), &none).unwrap(),
            "data('x', 'slp')"
        );
        let named = json!({"customFilterTemplate": "named"});
        assert_eq!(
            built(named, scope, &none).unwrap(),
            "data('y', filter=filter('v', 's')).publish()"
        );
    }

    #[test]
    fn c_signalfx_04_the_cause_of_a_program_that_cannot_be_built_is_kept() {
        for (settings, cause) in [
            (
                json!({"metricName": "m"}),
                "The SignalFx account must define a default scope key or it must be supplied in the \
                 extendedScopeParams in the `_scope_key` key",
            ),
            (
                json!({"customInlineTemplate": "data('${nowhere}')"}),
                "Problem evaluating custom filter template: data('${nowhere}')",
            ),
            (
                json!({}),
                "The metric has neither a metricName nor a template.",
            ),
        ] {
            let error =
                built(settings, json!({"scope": "s"}), &DefaultKeys::default()).unwrap_err();
            assert_eq!(
                error.to_string(),
                "Failed to generate SignalFx SignalFlow program"
            );
            let class = "RuntimeException";
            assert_eq!(error.kind, FetchErrorKind::Refused { class });
            assert_eq!(error.source().unwrap().to_string(), cause);
        }
    }
}
