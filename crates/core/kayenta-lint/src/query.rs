//! Queries and the templates they name.

use kayenta_model::{CanaryConfig, MetricConfig, QueryConfig};

use crate::{
    ServiceOffer, nearest,
    problem::Problem,
    template::{Template, template_of},
};

/// The beginning of a Prometheus template that is a whole query.
const WHOLE_QUERY: &str = "PromQL:";

pub(crate) fn check(
    config: &CanaryConfig,
    metric: &MetricConfig,
    at: &str,
    offer: &ServiceOffer<'_>,
    problems: &mut Vec<Problem>,
) {
    let name = metric.name();
    let at = format!("{at}/query");
    let Some(query) = &metric.query else {
        problems.push(Problem::error(
            at,
            "query",
            format!("metric '{name}' has no query; set for example {{\"type\": \"prometheus\", \"customInlineTemplate\": \"PromQL:…\"}}"),
        ));
        return;
    };
    let store = query.service_type();
    if let Some(stores) = offer.stores
        && !stores.iter().any(|known| known == store)
    {
        let known = if stores.is_empty() {
            "none".to_owned()
        } else {
            stores.join(", ")
        };
        problems.push(Problem::error(
            format!("{at}/type"),
            "store",
            format!("the service has no metrics account of type {store}; it has accounts of type {known}"),
        ));
    }
    if query.custom_filter().is_some() {
        problems.push(Problem::error(
            format!("{at}/customFilter"),
            "custom-filter",
            "a query with customFilter fails; use customInlineTemplate or customFilterTemplate",
        ));
    }
    let inline = query.inline_template().filter(|text| !text.is_empty());
    if inline.is_some() && query.filter_template().is_some() {
        problems.push(Problem::warning(
            format!("{at}/customFilterTemplate"),
            "two-templates",
            "has no effect, as the inline template takes precedence",
        ));
    }
    let template = template_of(config, query);
    match template {
        Template::Missing(wanted) => {
            let known = config
                .templates
                .iter()
                .flatten()
                .map(|(name, _)| name.as_str());
            problems.push(
                Problem::error(
                    format!("{at}/customFilterTemplate"),
                    "template",
                    format!("metric '{name}' uses the template '{wanted}', which is not among the config's templates"),
                )
                .near(nearest(wanted, known)),
            );
        }
        Template::Text(text) => {
            let field = query
                .inline_template_field()
                .unwrap_or("customFilterTemplate");
            if let QueryConfig::Prometheus(query) = query {
                prometheus(name, text, query, &at, field, problems);
            }
        }
        Template::None => without_template(query, &at, problems),
    }
}

fn prometheus(
    metric: &str,
    text: &str,
    query: &kayenta_model::query::PrometheusQuery,
    at: &str,
    field: &str,
    problems: &mut Vec<Problem>,
) {
    let pointer = format!("{at}/{field}");
    let bindings = query.label_bindings.as_deref().unwrap_or_default();
    let metric_name = query.metric_name.as_deref().unwrap_or_default();
    if text.starts_with(WHOLE_QUERY) {
        for (name, set) in [
            ("metricName", !metric_name.is_empty()),
            ("labelBindings", !bindings.is_empty()),
            (
                "groupByFields",
                query.group_by_fields.iter().flatten().next().is_some(),
            ),
        ] {
            if set {
                problems.push(Problem::warning(
                    format!("{at}/{name}"),
                    "no-effect",
                    "has no effect, as a template that starts with 'PromQL:' is the whole query",
                ));
            }
        }
        return;
    }
    let start: String = text.trim_start().chars().take(WHOLE_QUERY.len()).collect();
    if start.eq_ignore_ascii_case(WHOLE_QUERY) {
        problems.push(Problem::error(
            pointer,
            "promql-prefix",
            "the prefix 'PromQL:' must be at the very beginning, in this spelling",
        ));
        return;
    }
    if is_expression(text) {
        let message = format!(
            "metric '{metric}' has a query without the prefix 'PromQL:', which is read as label matchers; begin it with \
             'PromQL:'"
        );
        problems.push(if metric_name.is_empty() {
            Problem::error(pointer, "promql-prefix", message)
        } else {
            Problem::warning(pointer, "promql-prefix", message)
        });
    } else if metric_name.is_empty() {
        problems.push(Problem::error(
            format!("{at}/metricName"),
            "metric-name-of-query",
            format!(
                "metric '{metric}' has label matchers but no metricName; set it, or begin the template with 'PromQL:'"
            ),
        ));
    }
}

/// Whether a text is no list of matchers: it has brackets outside of quotes and variables.
fn is_expression(text: &str) -> bool {
    let mut quote = None;
    let mut before = ' ';
    for c in text.chars() {
        match quote {
            Some(open) if c == open && before != '\\' => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            None if c == '(' => return true,
            // A variable, also in its escaped form.
            None if c == '{' && !matches!(before, '$' | '\\') => return true,
            None => {}
        }
        before = c;
    }
    false
}

/// What a query without a template needs.
fn without_template(query: &QueryConfig, at: &str, problems: &mut Vec<Problem>) {
    let empty = |text: &Option<String>| text.as_deref().unwrap_or_default().is_empty();
    let missing = match query {
        QueryConfig::Prometheus(query) if empty(&query.metric_name) => Some("metricName"),
        QueryConfig::Stackdriver(query) if empty(&query.metric_type) => Some("metricType"),
        QueryConfig::Datadog(query) if empty(&query.metric_name) => Some("metricName"),
        QueryConfig::NewRelic(query) if empty(&query.select) => Some("select"),
        QueryConfig::SignalFx(query) if empty(&query.metric_name) => Some("metricName"),
        QueryConfig::Graphite(query) if empty(&query.metric_name) => Some("metricName"),
        QueryConfig::Wavefront(query) if empty(&query.metric_name) => Some("metricName"),
        QueryConfig::InfluxDb(query) if empty(&query.metric_name) => Some("metricName"),
        QueryConfig::Atlas(query) if empty(&query.q) => Some("q"),
        _ => None,
    };
    if let Some(field) = missing {
        problems.push(Problem::warning(
            format!("{at}/{field}"),
            "empty-query",
            format!(
                "the query has neither a template nor {field}, so it asks for nothing; set customInlineTemplate or {field}"
            ),
        ));
    }
    if let QueryConfig::Prometheus(query) = query
        && !empty(&query.metric_name)
        && empty(&query.resource_type)
    {
        problems.push(Problem::warning(
            format!("{at}/customInlineTemplate"),
            "no-filter",
            "the query has no template, and works only if resourceType is set here or in extendedScopeParams; \
             better write a template that starts with 'PromQL:'",
        ));
    }
}
