//! Query templates: `${name}` filled in from the scope, as Apache Commons Text's
//! `StringSubstitutor` does it with undefined variables an error.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    fmt,
};

use crate::{
    description::StoreDescription, error::FetchError, scope::StoreScope, store::MetricQuery,
};

/// Expands the template of a query: its inline template, or the config's named one; `None` when it
/// has neither.
///
/// Bindings, later ones win: each template field of `store` that the scope has a non-empty value for, then the
/// query's own value of the same name (`resourceType` is the only one), then every extended scope
/// parameter, then `injected`.
///
/// # Errors
/// The reference's texts, [`Invalid`](crate::FetchErrorKind::Invalid): a deprecated `customFilter`, a
/// template that does not exist, an attribute the store's scope lacks, a variable without a value.
pub fn expand(
    query: &MetricQuery<'_>,
    store: &'static StoreDescription,
    injected: &[(&str, String)],
) -> Result<Option<String>, FetchError> {
    let config = query.query_config()?;
    if config.custom_filter().is_some() {
        return Err(FetchError::invalid(
            "CanaryMetricSetQueryConfig.customFilter is deprecated, use \
             CanaryMetricSetQueryConfig.customInlineTemplate instead.",
        ));
    }
    let present = |text: Option<&'_ str>| text.is_some_and(|text| !text.is_empty());
    let template = if present(config.inline_template()) {
        config.inline_template().unwrap_or_default()
    } else if let Some(name) = config.filter_template().filter(|name| !name.is_empty()) {
        let templates = query
            .config
            .templates
            .as_ref()
            .filter(|templates| !templates.is_empty())
            .ok_or_else(|| {
                FetchError::invalid(format!(
                    "Custom filter template '{name}' was referenced, but no templates were defined."
                ))
            })?;
        templates.get(name).ok_or_else(|| {
            FetchError::invalid(format!("Custom filter template '{name}' was not found."))
        })?
    } else {
        return Ok(None);
    };
    let template = unescape(template);

    let scope = StoreScope::new(store, query.scope);
    let mut bindings: HashMap<&str, String> = HashMap::new();
    for &attribute in store.template_fields {
        if let Some(value) = scope.property(attribute)?.filter(|v| !v.is_empty()) {
            bindings.insert(attribute, value.into_owned());
        }
        let own = (attribute == "resourceType").then(|| config.resource_type());
        if let Some(value) = own.flatten().filter(|value| !value.is_empty()) {
            bindings.insert(attribute, value.to_owned());
        }
    }
    for (key, value) in query.scope.extended_scope_params.iter().flatten() {
        bindings.insert(key, value.clone());
    }
    for (key, value) in injected {
        bindings.insert(key, value.clone());
    }

    substitute(&template, &|name| bindings.get(name).map(String::as_str))
        .map(Some)
        .map_err(|cause| {
            FetchError::invalid(format!(
                "Problem evaluating custom filter template: {}",
                beginning(&template)
            ))
            .caused_by(Unfilled {
                cause,
                known: bindings.keys().map(|&name| name.to_owned()).collect(),
            })
        })
}

/// Longest part of a template that an error repeats, in bytes.
const LONGEST_REPEATED: usize = 2_000;

/// The template, or its beginning.
fn beginning(template: &str) -> Cow<'_, str> {
    if template.len() <= LONGEST_REPEATED {
        return template.into();
    }
    let shown = &template[..template.floor_char_boundary(LONGEST_REPEATED)];
    format!("{shown}… ({} bytes in all)", template.len()).into()
}

/// A template that cannot be filled in, with the variables that could have been used.
#[derive(Debug)]
struct Unfilled {
    cause: SubstitutionError,
    known: BTreeSet<String>,
}

impl fmt::Display for Unfilled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cause)?;
        if let SubstitutionError::Undefined { .. } = self.cause {
            let known: Vec<&str> = self.known.iter().map(String::as_str).collect();
            let known = match known.as_slice() {
                [] => "no variable has a value here".to_owned(),
                names => format!("variables with a value are {}", names.join(", ")),
            };
            write!(
                f,
                "; {known} (extendedScopeParams of the scope sets others)"
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for Unfilled {}

/// Undoes the escaping a config carries inside an execution: every `$\{` is `${` again.
#[must_use]
pub fn unescape(template: &str) -> String {
    template.replace("$\\{", "${")
}

/// Why a template cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubstitutionError {
    /// No value and no default.
    #[error("cannot resolve variable '{name}'")]
    Undefined {
        /// The variable, exactly as written.
        name: String,
    },
    /// A value that contains itself.
    #[error("variable '{name}' refers to itself")]
    Cycle {
        /// The variable.
        name: String,
    },
    /// Values that grow each other beyond what any query is.
    #[error("the expanded text is larger than {LONGEST_TEXT} bytes")]
    TooLong,
}

/// Most bytes a template may expand to; values are expanded too, so a few short ones could double
/// each other without end.
const LONGEST_TEXT: usize = 1 << 20;

/// Fills in `text`: `${name}` and `${name:-default}`, values expanded in turn, `$${name}` for a literal
/// `${name}`. Names are taken verbatim and end at the first `}`.
///
/// # Errors
/// See [`SubstitutionError`].
pub fn substitute<'v>(
    text: &str,
    value_of: &dyn Fn(&str) -> Option<&'v str>,
) -> Result<String, SubstitutionError> {
    fill(text, value_of, &mut Vec::new())
}

fn fill<'v>(
    text: &str,
    value_of: &dyn Fn(&str) -> Option<&'v str>,
    within: &mut Vec<String>,
) -> Result<String, SubstitutionError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        out.push_str(&rest[..start]);
        let Some(end) = rest[start..].find('}').map(|end| start + end) else {
            // Without a closing brace the rest is literal.
            rest = &rest[start..];
            break;
        };
        if out.ends_with('$') {
            // `$${…}`: one `$` goes, nothing is looked up; what is inside is scanned on.
            out.pop();
            out.push_str("${");
            rest = &rest[start + 2..];
            continue;
        }
        let expression = &rest[start + 2..end];
        rest = &rest[end + 1..];
        let (name, default) = split_default(expression);
        if within.iter().any(|outer| outer == name) {
            return Err(SubstitutionError::Cycle {
                name: name.to_owned(),
            });
        }
        let value = value_of(name)
            .or(default)
            .ok_or_else(|| SubstitutionError::Undefined {
                name: name.to_owned(),
            })?;
        within.push(name.to_owned());
        let filled = fill(value, value_of, within)?;
        within.pop();
        if out.len() + filled.len() > LONGEST_TEXT {
            return Err(SubstitutionError::TooLong);
        }
        out.push_str(&filled);
    }
    out.push_str(rest);
    Ok(out)
}

/// Name and default, separated at the first `:-`; one after a nested `${` does not count.
fn split_default(expression: &str) -> (&str, Option<&str>) {
    let nested = expression.find("${").unwrap_or(expression.len());
    match expression.find(":-") {
        Some(at) if at < nested => (&expression[..at], Some(&expression[at + 2..])),
        _ => (expression, None),
    }
}

#[cfg(test)]
mod tests {
    use kayenta_model::{CanaryConfig, CanaryScope, MetricConfig};
    use serde_json::{Value, json};

    use super::*;
    use crate::description::ScopeField;

    static STORE: StoreDescription = StoreDescription {
        scope_fields: &[
            ScopeField::parameter("project"),
            ScopeField::parameter("resourceType"),
        ],
        template_fields: &["project", "resourceType", "scope", "location"],
        ..StoreDescription::new("prometheus", "PrometheusCanaryScope")
    };
    static LACKING: StoreDescription = StoreDescription {
        template_fields: &["serviceType"],
        ..StoreDescription::new("datadog", "DatadogCanaryScope")
    };

    fn filled(template: &str) -> Result<String, SubstitutionError> {
        substitute(template, &|name| match name {
            "scope" => Some("S"),
            "p1" => Some("v1"),
            "rec" => Some("x${p1}y"),
            "loop" => Some("${loop}"),
            "a" => Some("${b}"),
            "b" => Some("${a}"),
            "empty" => Some(""),
            "dollar" => Some("x$"),
            "big" => Some("${p1}${p1}"),
            _ => None,
        })
    }

    #[test]
    fn substitution_follows_string_substitutor() {
        for (template, wanted) in [
            ("a ${scope} b", "a S b"),
            ("${scope}${p1}", "Sv1"),
            ("${unknown:-dflt}", "dflt"),
            ("${unknown:-}", ""),
            ("${scope:-d}", "S"),
            ("${unknown:-${p1}}", "${p1}"),
            ("$${scope}", "${scope}"),
            ("$$${scope}", "$${scope}"),
            ("$${${scope}}", "${S}"),
            ("${rec}", "xv1y"),
            ("${big}", "v1v1"),
            ("-${empty}-", "--"),
            ("${scope", "${scope"),
            ("$scope", "$scope"),
            ("{{scope}}", "{{scope}}"),
            ("}${scope}$", "}S$"),
            // The escape is looked for in what has been written so far.
            ("${dollar}${scope}", "x${scope}"),
            ("$${scope", "$${scope"),
        ] {
            assert_eq!(filled(template).as_deref(), Ok(wanted), "{template}");
        }
    }

    #[test]
    fn variables_without_a_value_are_errors() {
        for (template, name) in [
            ("${unknown}", "unknown"),
            ("${}", ""),
            ("${ scope }", " scope "),
            ("${SCOPE}", "SCOPE"),
            ("${a${b}}", "a${b"),
            ("${a${b:-x}}", "a${b:-x"),
        ] {
            assert_eq!(
                filled(template),
                Err(SubstitutionError::Undefined {
                    name: name.to_owned()
                }),
                "{template}"
            );
        }
        for template in ["${loop}", "${a}"] {
            assert!(matches!(
                filled(template),
                Err(SubstitutionError::Cycle { .. })
            ));
        }
    }

    #[test]
    fn values_that_double_each_other_are_stopped() {
        let values: Vec<(String, String)> = (0..64)
            .map(|i| (format!("v{i}"), format!("${{v{}}}${{v{}}}", i + 1, i + 1)))
            .chain([("v64".to_owned(), "x".repeat(1 << 16))])
            .collect();
        let lookup = |name: &str| {
            let index: usize = name.strip_prefix('v')?.parse().ok()?;
            values.get(index).map(|(_, value)| value.as_str())
        };
        assert_eq!(
            substitute("${v0}", &lookup),
            Err(SubstitutionError::TooLong)
        );
    }

    fn expanded(templates: Value, query: Value, scope: Value) -> Result<Option<String>, String> {
        let config: CanaryConfig = serde_json::from_value(json!({"templates": templates})).unwrap();
        let metric: MetricConfig = serde_json::from_value(json!({"query": query})).unwrap();
        let scope: CanaryScope = serde_json::from_value(scope).unwrap();
        let query = MetricQuery {
            config: &config,
            metric: &metric,
            scope: &scope,
        };
        expand(&query, &STORE, &[]).map_err(|error| error.to_string())
    }

    #[test]
    fn bindings_come_from_scope_query_and_parameters_in_this_order() {
        let template = "${scope} ${resourceType} ${location}";
        let query = json!({
            "type": "prometheus", "customInlineTemplate": template, "resourceType": "q"
        });
        let scope = json!({
            "scope": "s", "location": "l", "extendedScopeParams": {"resourceType": "e"}
        });
        assert_eq!(
            expanded(json!({}), query.clone(), scope).unwrap().unwrap(),
            "s e l"
        );
        let scope = json!({"scope": "s", "location": "l"});
        assert_eq!(
            expanded(json!({}), query.clone(), scope).unwrap().unwrap(),
            "s q l"
        );
        // An empty location is no value, an empty parameter is one.
        let scope = json!({"scope": "s", "location": ""});
        assert_eq!(
            expanded(json!({}), query.clone(), scope).unwrap_err(),
            format!("Problem evaluating custom filter template: {template}")
        );
        let scope = json!({"scope": "s", "extendedScopeParams": {"location": ""}});
        assert_eq!(expanded(json!({}), query, scope).unwrap().unwrap(), "s q ");
    }

    #[test]
    fn templates_are_found_unescaped_and_preferred_inline() {
        let parameters = json!({"extendedScopeParams": {"p1": "v1", "p2": "v2"}});
        let text = "test template ${p1} ${p2} $\\{p1} $\\{p2}";
        let wanted = Ok(Some("test template v1 v2 v1 v2".to_owned()));
        let inline = json!({"type": "prometheus", "customInlineTemplate": text});
        assert_eq!(expanded(json!({}), inline, parameters.clone()), wanted);
        let named = json!({"type": "prometheus", "customFilterTemplate": "t"});
        assert_eq!(
            expanded(json!({"t": text}), named.clone(), parameters.clone()),
            wanted
        );
        let both = json!({
            "type": "prometheus", "customInlineTemplate": "${p1}", "customFilterTemplate": "t"
        });
        assert_eq!(
            expanded(json!({"t": text}), both, parameters.clone()),
            Ok(Some("v1".to_owned()))
        );
        assert_eq!(
            expanded(json!({}), json!({"type": "prometheus"}), parameters.clone()),
            Ok(None)
        );
        assert_eq!(
            expanded(json!({}), named.clone(), parameters.clone()).unwrap_err(),
            "Custom filter template 't' was referenced, but no templates were defined."
        );
        assert_eq!(
            expanded(json!({"u": ""}), named, parameters.clone()).unwrap_err(),
            "Custom filter template 't' was not found."
        );
        let deprecated = json!({"type": "prometheus", "customFilter": ""});
        assert_eq!(
            expanded(json!({}), deprecated, parameters).unwrap_err(),
            "CanaryMetricSetQueryConfig.customFilter is deprecated, use \
             CanaryMetricSetQueryConfig.customInlineTemplate instead."
        );
    }

    #[test]
    fn an_undefined_variable_is_named_with_those_that_have_a_value() {
        use std::error::Error as _;
        let config = CanaryConfig::default();
        let metric: MetricConfig = serde_json::from_value(
            json!({"query": {"type": "prometheus", "template": "x${project}"}}),
        )
        .unwrap();
        let scope: CanaryScope = serde_json::from_value(
            json!({"scope": "s", "location": "l", "extendedScopeParams": {"env": "e"}}),
        )
        .unwrap();
        let query = MetricQuery {
            config: &config,
            metric: &metric,
            scope: &scope,
        };
        let error = expand(&query, &STORE, &[]).unwrap_err();
        assert_eq!(
            error.source().unwrap().to_string(),
            "cannot resolve variable 'project'; variables with a value are env, location, scope \
             (extendedScopeParams of the scope sets others)"
        );
    }

    #[test]
    fn an_attribute_the_scope_lacks_is_an_error() {
        let config = CanaryConfig::default();
        let metric: MetricConfig = serde_json::from_value(
            json!({"query": {"type": "datadog", "customInlineTemplate": "x"}}),
        )
        .unwrap();
        let scope = CanaryScope::default();
        let query = MetricQuery {
            config: &config,
            metric: &metric,
            scope: &scope,
        };
        assert_eq!(
            expand(&query, &LACKING, &[]).unwrap_err().to_string(),
            "Unable to find property 'serviceType'."
        );
    }
}
