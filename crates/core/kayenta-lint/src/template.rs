//! Templates and the variables in them.

use std::collections::BTreeSet;

use kayenta_model::{CanaryConfig, QueryConfig};

/// The template of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Template<'a> {
    /// Written in the metric, or found among the config's templates.
    Text(&'a str),
    /// Named, but not among the config's templates.
    Missing(&'a str),
    /// The query has none.
    None,
}

pub(crate) fn template_of<'a>(config: &'a CanaryConfig, query: &'a QueryConfig) -> Template<'a> {
    match (query.inline_template(), query.filter_template()) {
        (Some(inline), _) if !inline.is_empty() => Template::Text(inline),
        (_, Some(name)) => {
            let templates = config.templates.as_ref();
            match templates.and_then(|templates| templates.get(name)) {
                Some(text) => Template::Text(text),
                None => Template::Missing(name),
            }
        }
        _ => Template::None,
    }
}

/// The plain names in `${…}` of a template, without those that have a default (`${name:-default}`) or
/// are meant literally (`$${name}`).
pub(crate) fn variables(template: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let mut from = 0;
    while let Some(at) = template[from..].find("${").map(|at| from + at) {
        from = at + 2;
        let Some(length) = template[from..].find('}') else {
            break;
        };
        let name = &template[from..from + length];
        let literal = template[..at].ends_with('$');
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !literal && !name.is_empty() && name.chars().all(plain) {
            found.insert(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_without_default_are_variables() {
        let text = "a{x=\"${one}\", y=\"$${two}\", z=\"${three:-3}\", w=\"${four_4}\"} ${open";
        assert_eq!(
            variables(text).into_iter().collect::<Vec<_>>(),
            ["four_4", "one"]
        );
    }
}
