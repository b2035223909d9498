//! One source of properties: a flat list of names and values that can be asked under any spelling.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    name::{Element, Name},
    scalar::Scalar,
};
use crate::origin::Origin;

/// One value of a source.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The name as written.
    pub(crate) written: String,
    pub(crate) name: Name,
    pub(crate) value: Scalar,
    pub(crate) origin: Origin,
    /// [`Name::uniform`] of the name, kept because every look-up compares it.
    pub(crate) uniform: String,
}

/// A flat list of names and values. It is never made a tree, so that a name may have a value and
/// children at once (`shop.port` and `shop.port[80].tcp` of a Kubernetes service).
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// As `/env` names it.
    pub(crate) name: String,
    pub(crate) entries: Vec<Entry>,
    variables: bool,
    by_uniform: HashMap<String, Vec<usize>>,
    by_written: HashMap<String, usize>,
    /// Of variables that may be settings: name without underscores, in lower case.
    by_squashed: HashMap<String, usize>,
    /// Positions of the variables that Kubernetes sets for services.
    links: BTreeSet<usize>,
}

impl Source {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            entries: Vec::new(),
            variables: false,
            by_uniform: HashMap::new(),
            by_written: HashMap::new(),
            by_squashed: HashMap::new(),
            links: BTreeSet::new(),
        }
    }

    /// The environment variables.
    pub(crate) fn variables(variables: &BTreeMap<String, String>) -> Self {
        let mut source = Self {
            variables: true,
            ..Self::new("systemEnvironment")
        };
        for (name, value) in variables {
            let at = source.entries.len();
            let dotted = name.contains('.');
            let parsed = if dotted {
                Name::parse(name)
            } else {
                Name::default()
            };
            let uniform = parsed.uniform();
            if dotted {
                source
                    .by_uniform
                    .entry(uniform.clone())
                    .or_default()
                    .push(at);
            } else if is_service_link(name, value, variables) {
                source.links.insert(at);
            } else {
                source
                    .by_squashed
                    .entry(name.replace('_', "").to_lowercase())
                    .or_insert(at);
            }
            source.by_written.insert(name.clone(), at);
            source.entries.push(Entry {
                written: name.clone(),
                name: parsed,
                uniform,
                value: Scalar::text(value),
                origin: Origin::Variable(name.clone()),
            });
        }
        source
    }

    pub(crate) fn push(&mut self, written: impl Into<String>, value: Scalar, origin: Origin) {
        let written = written.into();
        let name = Name::parse(&written);
        let uniform = name.uniform();
        let at = self.entries.len();
        self.by_uniform.entry(uniform.clone()).or_default().push(at);
        self.by_written.insert(written.clone(), at);
        self.entries.push(Entry {
            written,
            name,
            value,
            origin,
            uniform,
        });
    }

    pub(crate) fn is_variables(&self) -> bool {
        self.variables
    }

    /// The entry of this very spelling; of a variable also with `.` and `-` as `_`, and the same in
    /// upper case.
    pub(crate) fn exact(&self, text: &str) -> Option<&Entry> {
        let at = |text: &str| self.by_written.get(text).map(|at| &self.entries[*at]);
        at(text).or_else(|| {
            if !self.variables {
                return None;
            }
            let dots = text.replace('.', "_");
            let both = dots.replace('-', "_");
            at(&dots)
                .or_else(|| at(&both))
                .or_else(|| at(&text.to_uppercase()))
                .or_else(|| at(&dots.to_uppercase()))
                .or_else(|| at(&both.to_uppercase()))
        })
    }

    /// The entry of this name in any spelling. Among several the kebab-case one wins, else the last.
    pub(crate) fn find(&self, name: &Name) -> Option<&Entry> {
        if let Some(candidates) = self.by_uniform.get(&name.uniform()) {
            let kebab = name.kebab();
            let chosen = candidates
                .iter()
                .rev()
                .find(|at| self.entries[**at].written == kebab)
                .or(candidates.last())?;
            return Some(&self.entries[*chosen]);
        }
        if self.variables {
            return self
                .by_squashed
                .get(&name.squashed())
                .map(|at| &self.entries[*at]);
        }
        None
    }

    /// Every index some entry has right below the name.
    pub(crate) fn indices(&self, name: &Name) -> BTreeSet<usize> {
        let depth = name.elements().len();
        let mut indices = BTreeSet::new();
        for below in self.below(name) {
            match below {
                Below::Named(entry) => {
                    if let Some(Element::Index(index)) = entry.name.elements().get(depth) {
                        indices.insert(*index);
                    }
                }
                Below::Variable(_, rest) => {
                    if let Some(index) = rest.split('_').next().and_then(|n| n.parse().ok()) {
                        indices.insert(index);
                    }
                }
            }
        }
        indices
    }

    /// Everything below the name: the rest of each name (in its own spelling), and the entry.
    pub(crate) fn children(&self, name: &Name) -> Vec<(String, &Entry)> {
        let depth = name.elements().len();
        self.below(name)
            .map(|below| match below {
                Below::Named(entry) => {
                    let mut rest = String::new();
                    for element in &entry.name.elements()[depth..] {
                        match element {
                            Element::Key(key) if rest.is_empty() => rest.push_str(key),
                            Element::Key(key) => {
                                rest.push('.');
                                rest.push_str(key);
                            }
                            Element::Index(index) => rest.push_str(&format!("[{index}]")),
                        }
                    }
                    (rest, entry)
                }
                Below::Variable(entry, rest) => (rest.to_lowercase().replace('_', "."), entry),
            })
            .collect()
    }

    /// Whether anything is at or below the name.
    pub(crate) fn touches(&self, name: &Name) -> bool {
        self.find(name).is_some() || self.below(name).next().is_some()
    }

    fn below<'s>(&'s self, name: &Name) -> impl Iterator<Item = Below<'s>> {
        let uniform = name.uniform();
        let squashed = if self.variables {
            name.squashed()
        } else {
            String::new()
        };
        let all = uniform.is_empty();
        self.entries
            .iter()
            .enumerate()
            .filter_map(move |(at, entry)| {
                if entry.name.elements().is_empty() {
                    let rest = rest_of_variable(&entry.written, &squashed)?;
                    return (!self.links.contains(&at)).then_some(Below::Variable(entry, rest));
                }
                let rest = entry.uniform.strip_prefix(&uniform)?;
                (all || rest.starts_with(['.', '['])).then_some(Below::Named(entry))
            })
    }
}

enum Below<'s> {
    Named(&'s Entry),
    /// And what is left of the variable's name.
    Variable(&'s Entry, &'s str),
}

/// What is left of a variable's name after words that spell the squashed name.
fn rest_of_variable<'v>(variable: &'v str, squashed: &str) -> Option<&'v str> {
    let mut wanted = squashed;
    let mut rest = variable;
    while !wanted.is_empty() {
        let (word, after) = rest.split_once('_')?;
        wanted = wanted.strip_prefix(word.to_lowercase().as_str())?;
        rest = after;
    }
    (!rest.is_empty()).then_some(rest)
}

/// Whether a variable is one of those Kubernetes sets for a service (`SHOP_PORT=tcp://…`): it then
/// never is a setting, whatever the service is called.
fn is_service_link(name: &str, value: &str, all: &BTreeMap<String, String>) -> bool {
    let is_address = |value: &str| {
        ["tcp://", "udp://", "sctp://"]
            .iter()
            .any(|p| value.starts_with(p))
    };
    if name.ends_with("_PORT") && is_address(value) {
        return true;
    }
    let service_of = |marker: &str| {
        name.find(marker).is_some_and(|at| {
            let service = &name[..at];
            all.contains_key(&format!("{service}_SERVICE_HOST"))
                && all.contains_key(&format!("{service}_SERVICE_PORT"))
        })
    };
    if service_of("_SERVICE_HOST") || service_of("_SERVICE_PORT") {
        return true;
    }
    name.split_once("_PORT_").is_some_and(|(_, rest)| {
        rest.starts_with(|c: char| c.is_ascii_digit()) && service_of("_PORT_")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Source {
        Source::variables(
            &pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    fn found(source: &Source, name: &str) -> Option<String> {
        source
            .find(&Name::parse(name))
            .map(|entry| entry.value.text.clone())
    }

    #[test]
    fn variables_are_found_with_and_without_underscores_between_words() {
        let source = variables(&[
            ("SHOP_WEEKLY_STOCK_REPORT_ENABLED", "a"),
            ("SHOP_METRICS_RETRY_BACKOFFPERIODMULTIPLIERMS", "b"),
            ("shop_till_enabled", "c"),
            ("redis.connection", "d"),
            ("SHOP_WAREHOUSE_ACCOUNTS_0_NAME", "e"),
            ("SHOP_WAREHOUSE_ACCOUNTS_1_ENDPOINT_BASE_URL", "f"),
            ("LOGGING_LEVEL_COM_EXAMPLE_SHOP", "g"),
        ]);
        for (name, value) in [
            ("shop.weeklyStockReport.enabled", "a"),
            ("shop.metrics.retry.backoffPeriodMultiplierMs", "b"),
            ("shop.till.enabled", "c"),
            ("redis.connection", "d"),
            ("shop.warehouse.accounts[0].name", "e"),
            ("shop.warehouse.accounts[1].endpoint.baseUrl", "f"),
        ] {
            assert_eq!(found(&source, name).as_deref(), Some(value), "{name}");
        }
        let accounts = Name::parse("shop.warehouse.accounts");
        assert_eq!(source.indices(&accounts), BTreeSet::from([0, 1]));
        assert_eq!(
            source.children(&Name::parse("logging.level"))[0].0,
            "com.example.shop"
        );
    }

    #[test]
    fn variables_of_kubernetes_services_are_no_settings() {
        let source = variables(&[
            ("SERVER_PORT", "tcp://10.0.0.1:80"),
            ("SERVER_SERVICE_HOST", "10.0.0.1"),
            ("SERVER_SERVICE_PORT", "80"),
            ("SERVER_PORT_80_TCP_PORT", "80"),
            ("MANAGEMENT_SERVER_PORT", "8081"),
        ]);
        assert_eq!(found(&source, "server.port"), None);
        assert!(source.children(&Name::parse("server.port")).is_empty());
        assert_eq!(
            found(&source, "management.server.port").as_deref(),
            Some("8081")
        );
    }

    #[test]
    fn kebab_case_wins_and_else_the_last() {
        for (spellings, winner) in [
            (["a.supportedTypes", "a.supported-types"], 1),
            (["a.supported-types", "a.supportedTypes"], 0),
            (["a.SUPPORTEDTYPES", "a.supported_types"], 1),
        ] {
            let mut source = Source::new("s");
            for (at, spelling) in spellings.iter().enumerate() {
                source.push(*spelling, Scalar::text(at.to_string()), Origin::Default);
            }
            assert_eq!(
                found(&source, "a.supportedTypes").unwrap(),
                winner.to_string()
            );
        }
    }
}
