//! Stack-language queries, text for text as the reference writes them.

use kayenta_metrics::{FetchError, MetricQuery, scope, scope::StoreScope, template};
use kayenta_model::{QueryConfig, query::AtlasQuery};

use crate::{DESCRIPTION, backends::Wanted};

/// The settings of an Atlas metric.
///
/// # Errors
/// When the metric belongs to another store.
pub(crate) fn settings<'a>(query: &MetricQuery<'a>) -> Result<&'a AtlasQuery, FetchError> {
    match query.query_config()? {
        QueryConfig::Atlas(settings) => Ok(settings),
        _ => Err(scope::wrong_store(&DESCRIPTION, query.scope)),
    }
}

/// The metric's template filled in, which only later releases of the reference have, or its query narrowed
/// to the scope.
///
/// # Errors
/// When the scope's `type` is none of `asg`, `cluster` and `query`.
pub(crate) fn text(query: &MetricQuery<'_>, settings: &AtlasQuery) -> Result<String, FetchError> {
    if let Some(whole) = template::expand(query, &DESCRIPTION, &[])? {
        return Ok(whole);
    }
    let scope = query.scope.scope.as_deref().unwrap_or("null");
    let narrowed = match StoreScope::new(&DESCRIPTION, query.scope).added("type") {
        Some(kind @ ("asg" | "cluster")) => {
            format!(":list,(,nf.{kind},{scope},:eq,:cq,),:each")
        }
        Some("query") => format!(":list,(,{scope},:cq,),:each"),
        Some(other) if !other.is_empty() => {
            return Err(FetchError::invalid(format!(
                "Scope type '{other}' is unknown: scope={scope}"
            )));
        }
        _ => {
            return Err(FetchError::invalid(
                "Atlas canary scope requires 'type' to be asg, cluster, or query.",
            ));
        }
    };
    let q = settings
        .q
        .as_deref()
        .filter(|q| !q.is_empty())
        .ok_or_else(|| {
            let name = query.metric.name();
            FetchError::invalid(format!("Metric '{name}' has no q, the Atlas query."))
        })?;
    Ok(format!("{q},{narrowed}"))
}

/// The cluster a scope asks for.
pub(crate) fn wanted<'a>(query: &MetricQuery<'a>) -> Wanted<'a> {
    let scope = StoreScope::new(&DESCRIPTION, query.scope);
    let added = |name| scope.added(name).filter(|text| !text.is_empty());
    Wanted {
        location: query.scope.location.as_deref(),
        account_id: added("accountId"),
        dataset: added("dataset"),
        deployment: added("deployment"),
        environment: added("environment"),
    }
}

/// The failure of a scope no cluster belongs to.
pub(crate) fn nowhere(wanted: &Wanted<'_>) -> FetchError {
    let text = |value: Option<&str>| value.unwrap_or("null").to_owned();
    FetchError::invalid(format!(
        "Unable to find an appropriate Atlas cluster for location={} accountId={} dataset={} \
         deployment={} environment={}",
        text(wanted.location),
        text(wanted.account_id),
        text(wanted.dataset),
        text(wanted.deployment),
        text(wanted.environment),
    ))
}

#[cfg(test)]
mod tests {
    use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
    use serde_json::{Value, json};

    use super::*;

    fn built(q: Value, kind: &str) -> Result<String, String> {
        let metric: MetricConfig =
            serde_json::from_value(json!({"name": "m", "query": {"type": "atlas", "q": q}}))
                .unwrap();
        let mut scope = json!({"scope": "web-main"});
        if kind != "default" {
            scope["extendedScopeParams"] = json!({"type": kind});
        }
        let scope: CanaryScope = serde_json::from_value(scope).unwrap();
        let query = MetricQuery {
            config: &CanaryConfig::default(),
            metric: &metric,
            scope: &scope,
        };
        super::settings(&query)
            .and_then(|settings| text(&query, settings))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn queries_are_narrowed_by_the_type_of_the_scope() {
        let q = || json!("name,x,:eq");
        let eq = |key: &str| Ok(format!("name,x,:eq,:list,(,{key},web-main,:eq,:cq,),:each"));
        assert_eq!(built(q(), "asg"), eq("nf.asg"));
        assert_eq!(built(q(), "cluster"), eq("nf.cluster"));
        assert_eq!(built(q(), "default"), eq("nf.cluster"));
        assert_eq!(
            built(q(), "query"),
            Ok("name,x,:eq,:list,(,web-main,:cq,),:each".to_owned())
        );
        let error = |text: &str| Err(text.to_owned());
        assert_eq!(
            built(q(), "planet"),
            error("Scope type 'planet' is unknown: scope=web-main")
        );
        assert_eq!(
            built(q(), ""),
            error("Atlas canary scope requires 'type' to be asg, cluster, or query.")
        );
        assert_eq!(
            built(Value::Null, "asg"),
            error("Metric 'm' has no q, the Atlas query.")
        );
    }
}
