//! Names nobody reads, and what was probably meant.

use std::collections::HashSet;

use super::Binder;
use crate::{
    diagnostic::Diagnostic,
    origin::Origin,
    raw::name::{Element, Name},
};

/// Likeness from which a known name is suggested for an unknown one, 0 to 1.
const ALIKE: f64 = 0.72;
/// Outside `kayenta.`, where much is accepted without being known, a slip is at most this many edits.
const SLIP: usize = 2;

impl Binder<'_> {
    /// Warns of names under `kayenta.` that mean nothing, and of slips elsewhere. Variables are left
    /// out: Kubernetes sets many of its own. So are names some placeholder refers to.
    pub(crate) fn warn_unknown(&self) {
        let referred = self.referred();
        let mut told = HashSet::new();
        for source in &self.properties().sources {
            if source.is_variables() {
                continue;
            }
            for entry in &source.entries {
                if entry.origin == Origin::Default || referred.contains(&entry.name.uniform()) {
                    continue;
                }
                let pattern = entry.name.pattern();
                if self.is_known(&pattern) || !told.insert((pattern.clone(), entry.origin.clone()))
                {
                    continue;
                }
                let ours = pattern.starts_with("kayenta.") || pattern == "kayenta";
                let nearest = self.nearest(&pattern, ours);
                if !ours && nearest.is_none() {
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
            || self.accepted.borrow().iter().any(|accepted| {
                pattern
                    .strip_prefix(accepted.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            })
    }

    fn nearest(&self, pattern: &str, ours: bool) -> Option<String> {
        let known = self.known.borrow();
        if !ours {
            return known
                .iter()
                .filter(|(candidate, _)| {
                    candidate.len().abs_diff(pattern.len()) <= SLIP
                        && !candidate.starts_with("kayenta.")
                        && strsim::osa_distance(candidate, pattern) <= SLIP
                })
                .min_by_key(|(candidate, _)| strsim::osa_distance(candidate, pattern))
                .map(|(_, name)| name.clone());
        }
        known
            .iter()
            .filter(|(candidate, _)| candidate.starts_with("kayenta."))
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
        for source in &self.properties().sources {
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
