//! Names that nothing reads, and what was probably meant.

use std::collections::HashSet;

use super::Binder;
use crate::{
    diagnostic::Diagnostic,
    origin::Origin,
    properties::name::{Element, Name},
};

/// Likeness from which a known name is suggested for an unknown one, 0 to 1.
const ALIKE: f64 = 0.72;
/// Outside the application's own names a slip is at most this many edits of one step.
const SLIP: usize = 2;

impl Binder<'_> {
    /// Warns of names under `own` (the application's, such as `myapp`) that nothing read, and elsewhere
    /// of those that look like a slip of a name that was read: many frameworks' names are accepted
    /// without being known. Variables are left out: Kubernetes sets many of its own. So are names some
    /// placeholder refers to. Call it after everything was read.
    pub fn warn_unknown(&self, own: &str) {
        let referred = self.referred();
        let mut reported = HashSet::new();
        for source in &self.properties.sources {
            if source.is_variables() {
                continue;
            }
            for entry in &source.entries {
                if entry.origin == Origin::Default || referred.contains(&entry.name.uniform()) {
                    continue;
                }
                let pattern = entry.name.pattern();
                if self.is_known(&pattern)
                    || !reported.insert((pattern.clone(), entry.origin.clone()))
                {
                    continue;
                }
                let is_own = is_below(&pattern, own);
                let nearest = self.nearest(&pattern, own);
                if !is_own && nearest.is_none() {
                    continue;
                }
                let mut warning =
                    Diagnostic::warning(format!("unknown property {}", entry.written))
                        .property(entry.name.kebab())
                        .at(entry.origin.clone());
                if let Some(nearest) = nearest {
                    warning =
                        warning.remedy(format!("did you mean {}?", indexed(&nearest, &entry.name)));
                }
                self.report(warning);
            }
        }
    }

    fn is_known(&self, pattern: &str) -> bool {
        self.known.borrow().contains_key(pattern)
            || self
                .accepted
                .borrow()
                .iter()
                .any(|accepted| is_below(pattern, accepted))
    }

    /// A suggestion from another section would switch on, or configure, something else: so only one step of
    /// the name may differ, and that step must be alike.
    fn nearest(&self, pattern: &str, own: &str) -> Option<String> {
        let is_own = is_below(pattern, own);
        // A slip in the very name of the application leaves out everything below it.
        let first = pattern.split(['.', '[']).next().unwrap_or(pattern);
        let means_own = !is_own && strsim::osa_distance(first, own) <= SLIP;
        let known = self.known.borrow();
        known
            .iter()
            .filter(|(candidate, _)| is_below(candidate, own) == (is_own || means_own))
            .filter_map(|(candidate, name)| {
                let (meant, written) = only_difference(candidate, pattern)?;
                let slip = is_own || strsim::osa_distance(meant, written) <= SLIP;
                slip.then(|| (strsim::normalized_damerau_levenshtein(meant, written), name))
            })
            .filter(|(likeness, _)| *likeness >= ALIKE)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, known)| known.name.clone())
    }

    /// Names in placeholders of any value.
    fn referred(&self) -> HashSet<String> {
        let mut referred = HashSet::new();
        for source in &self.properties.sources {
            for entry in &source.entries {
                for inside in entry.value.text.split("${").skip(1) {
                    let end = inside.find(['}', ':', '$']).unwrap_or(inside.len());
                    referred.insert(Name::parse(&inside[..end]).uniform());
                }
            }
        }
        referred
    }
}

/// Whether a pattern is the name or below it.
fn is_below(pattern: &str, name: &str) -> bool {
    pattern
        .strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The one step in which two patterns of equal length differ.
fn only_difference<'p>(a: &'p str, b: &'p str) -> Option<(&'p str, &'p str)> {
    if a.split('.').count() != b.split('.').count() {
        return None;
    }
    let mut differing = a.split('.').zip(b.split('.')).filter(|(a, b)| a != b);
    let first = differing.next()?;
    differing.next().is_none().then_some(first)
}

/// The suggested name with the indices of the unknown one.
fn indexed(suggestion: &str, unknown: &Name) -> String {
    let mut indices = unknown
        .elements()
        .iter()
        .filter_map(|element| match element {
            Element::Index(index) => Some(*index),
            Element::Key(_) => None,
        });
    let mut name = Name::default();
    for element in Name::parse(suggestion).elements() {
        name = match element {
            Element::Key(key) => name.key(key),
            Element::Index(_) => name.index(indices.next().unwrap_or(0)),
        };
    }
    name.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, Loader};

    /// The warnings about these properties, where the names in `known` are read.
    fn warnings(known: &[&str], given: &[&str]) -> Vec<String> {
        let environment = given
            .iter()
            .fold(Environment::empty("/nonexistent"), |environment, name| {
                environment.argument(format!("--{name}=x"))
            });
        let gathered = Loader::new().load(&environment);
        let binder = Binder::new(&gathered.properties, &environment);
        for name in known {
            let _ = binder.top().get(name);
        }
        binder.warn_unknown("shop");
        let (diagnostics, _) = binder.finish();
        diagnostics.iter().map(ToString::to_string).collect()
    }

    const KNOWN: [&str; 8] = [
        "shop.azure.enabled",
        "shop.azure.accounts[0].accountAccessKey",
        "shop.azure.accounts[0].container",
        "shop.aws.enabled",
        "shop.aws.accounts[0].bucket",
        "shop.aws.accounts[0].explicitCredentials.accessKey",
        "cache.port",
        "cache.connection",
    ];

    #[test]
    fn a_slip_in_one_step_is_recognised() {
        for (given, meant) in [
            ("shop.azrue.enabled", "shop.azure.enabled"),
            ("shop.azure.enable", "shop.azure.enabled"),
            ("shop.aws.accounts[1].buckt", "shop.aws.accounts[1].bucket"),
            (
                "shop.azure.account[0].container",
                "shop.azure.accounts[0].container",
            ),
            ("cache.prot", "cache.port"),
            ("cache.conection", "cache.connection"),
        ] {
            let warnings = warnings(&KNOWN, &[given]);
            assert!(
                warnings[0].ends_with(&format!("did you mean {meant}?")),
                "{warnings:?}"
            );
        }
    }

    #[test]
    fn nothing_of_another_section_is_suggested() {
        for given in [
            "shop.clickhouse.enabled",
            "shop.clickhouse.accounts[0].container",
            "shop.gcs.enabled",
            "shop.aws.accounts[0].accessKeyId",
            "shop.aws.accounts[0].accountAccessKey",
            "shop.azure.accounts[0].bucket",
        ] {
            let warnings = warnings(&KNOWN, &[given]);
            assert_eq!(warnings.len(), 1, "{warnings:?}");
            assert!(!warnings[0].contains("did you mean"), "{warnings:?}");
        }
        assert!(warnings(&KNOWN, &["cache.host", "port"]).is_empty());
    }
}
