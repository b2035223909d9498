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
/// Outside the application's own names a slip is at most this many edits.
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

    fn nearest(&self, pattern: &str, own: &str) -> Option<String> {
        let known = self.known.borrow();
        if !is_below(pattern, own) {
            return known
                .iter()
                .filter(|(candidate, _)| {
                    candidate.len().abs_diff(pattern.len()) <= SLIP
                        && !is_below(candidate, own)
                        && strsim::osa_distance(candidate, pattern) <= SLIP
                })
                .min_by_key(|(candidate, _)| strsim::osa_distance(candidate, pattern))
                .map(|(_, name)| name.clone());
        }
        known
            .iter()
            .filter(|(candidate, _)| is_below(candidate, own))
            .map(|(candidate, name)| {
                (
                    strsim::normalized_damerau_levenshtein(candidate, pattern),
                    name,
                )
            })
            .filter(|(likeness, _)| *likeness >= ALIKE)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, name)| name.clone())
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
