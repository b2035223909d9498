//! `POST /fetch/<store>/query`: what a store needs for a query to be tried out by hand. The API reads the
//! parameters that a store describes, and describes them in its document.

use indexmap::IndexMap;
use kayenta_model::{CanaryScope, Instant, QueryConfig, time::InstantError};

/// The fetch route of a metric store.
#[derive(Debug)]
pub struct FetchRoute {
    /// One line about it (`Run a Graphite query`).
    pub summary: &'static str,
    /// More about it, if there is more to say.
    pub description: Option<&'static str>,
    /// Its operation id, unique in the API document (`queryGraphite`).
    pub operation_id: &'static str,
    /// The name of the controller in the Java service, a tag of the request's meters.
    pub controller: &'static str,
    /// Its parameters, besides those for the accounts.
    pub parameters: &'static [FetchParameter],
    /// What its body contains, and how parameters and body become a query.
    pub input: FetchInput,
}

/// A query and its scope, or what is wrong with the request, in words for the caller.
pub type BuiltQuery = Result<(QueryConfig, CanaryScope), String>;

/// Template bindings and extended scope parameters by name.
pub type FetchBindings = IndexMap<String, String>;

/// What the body of a fetch contains, and how a fetch becomes a query and a scope. Each function fails with
/// what is wrong with the request, in words for the caller.
#[derive(Clone, Copy, Debug)]
pub enum FetchInput {
    /// Parameters, in the URL or as a form.
    Parameters(fn(&FetchArguments) -> BuiltQuery),
    /// A JSON object of further template bindings.
    Bindings(fn(&FetchArguments, FetchBindings) -> BuiltQuery),
    /// A metric with its query, extended scope parameters, and a config that the metric may belong to.
    Metric(fn(&FetchArguments, Option<FetchBindings>) -> Result<CanaryScope, String>),
}

/// A parameter of a fetch route.
#[derive(Clone, Copy, Debug)]
pub struct FetchParameter {
    /// Its name.
    pub name: &'static str,
    /// Another name under which it is read, too.
    pub alias: Option<&'static str>,
    /// What it is.
    pub description: &'static str,
    /// What its value stands for.
    pub kind: ParameterKind,
    /// Whether it has to be there.
    pub required: bool,
    /// A value as an example.
    pub example: Option<ParameterExample>,
}

/// What the value of a parameter stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// A text.
    Text,
    /// Texts, separated by commas or given one by one.
    List,
    /// A whole number.
    Integer,
    /// `true` or `false`; `false` when absent.
    Flag,
}

/// A value of a parameter.
#[derive(Clone, Copy, Debug)]
pub enum ParameterExample {
    /// Of a text.
    Text(&'static str),
    /// Of a list.
    List(&'static [&'static str]),
    /// Of a whole number.
    Integer(i64),
}

impl FetchParameter {
    /// Name of the metric set.
    pub const METRIC_SET_NAME: Self =
        Self::required("metricSetName", "Name of the metric set.").such_as("cpu");
    /// Start of the window, without which nothing is fetched.
    pub const START: Self = Self::required("start", "Start of the window in ISO-8601.");
    /// End of the window, without which nothing is fetched.
    pub const END: Self = Self::required("end", "End of the window in ISO-8601.");
    /// The step.
    pub const STEP: Self = Self {
        kind: ParameterKind::Integer,
        example: Some(ParameterExample::Integer(60)),
        ..Self::required("step", "Step between data points, in seconds.")
    };
    /// Whether the query is returned instead of sent.
    pub const DRY_RUN: Self = Self {
        kind: ParameterKind::Flag,
        ..Self::optional("dryRun", "Return the query without sending it.")
    };

    /// A text that has to be there.
    #[must_use]
    pub const fn required(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            alias: None,
            description,
            kind: ParameterKind::Text,
            required: true,
            example: None,
        }
    }

    /// A text that may be absent.
    #[must_use]
    pub const fn optional(name: &'static str, description: &'static str) -> Self {
        Self {
            required: false,
            ..Self::required(name, description)
        }
    }

    /// Texts that may be absent.
    #[must_use]
    pub const fn list(name: &'static str, description: &'static str) -> Self {
        Self {
            kind: ParameterKind::List,
            ..Self::optional(name, description)
        }
    }

    /// The same with a text as an example.
    #[must_use]
    pub const fn such_as(self, example: &'static str) -> Self {
        Self {
            example: Some(ParameterExample::Text(example)),
            ..self
        }
    }

    /// The same with a number as an example.
    #[must_use]
    pub const fn such_as_number(self, example: i64) -> Self {
        Self {
            example: Some(ParameterExample::Integer(example)),
            ..self
        }
    }
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchArgument {
    /// Of a text.
    Text(String),
    /// Of a list.
    List(Vec<String>),
    /// Of a whole number.
    Integer(i64),
    /// Of a flag.
    Flag(bool),
}

/// The parameters of one fetch, read as their descriptions say.
#[derive(Clone, Debug, Default)]
pub struct FetchArguments {
    values: IndexMap<&'static str, FetchArgument>,
    /// The store's `test-controller-defaults`.
    defaults: IndexMap<String, String>,
}

impl FetchArguments {
    /// Parameters that are present, and the values that [`Self::or_default`] falls back to.
    #[must_use]
    pub fn new(
        values: IndexMap<&'static str, FetchArgument>,
        defaults: IndexMap<String, String>,
    ) -> Self {
        Self { values, defaults }
    }

    /// The text of a parameter, as given.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        match self.values.get(name)? {
            FetchArgument::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// The text of a parameter, unless it is empty.
    #[must_use]
    pub fn text_if_any(&self, name: &str) -> Option<String> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// The texts of a parameter.
    #[must_use]
    pub fn list(&self, name: &str) -> Option<Vec<String>> {
        match self.values.get(name)? {
            FetchArgument::List(list) => Some(list.clone()),
            _ => None,
        }
    }

    /// The number of a parameter.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.values.get(name)? {
            FetchArgument::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    /// Whether a flag is set.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.values.get(name) == Some(&FetchArgument::Flag(true))
    }

    /// The text of a parameter or, when it is absent or empty, the store's configured default.
    #[must_use]
    pub fn or_default(&self, name: &str) -> Option<String> {
        self.or_default_of(name, name)
    }

    fn or_default_of(&self, name: &str, default: &str) -> Option<String> {
        self.text_if_any(name)
            .or_else(|| self.defaults.get(default).cloned())
            .filter(|text| !text.is_empty())
    }

    /// A time that the store has no default for.
    ///
    /// # Errors
    /// When it is none (C-API-06; the reference answers 500 with the same text).
    pub fn time(&self, name: &str) -> Result<Option<Instant>, String> {
        self.text(name).map(|text| time(&text)).transpose()
    }

    /// A time or, when it is absent or empty, the store's default called `default`.
    ///
    /// # Errors
    /// When it is none.
    pub fn time_or_default(&self, name: &str, default: &str) -> Result<Option<Instant>, String> {
        self.or_default_of(name, default)
            .map(|text| time(&text))
            .transpose()
    }

    /// Start and end, or their defaults.
    ///
    /// # Errors
    /// When one is absent, or no time.
    pub fn window(&self) -> Result<(Option<Instant>, Option<Instant>), String> {
        let needed = |name: &str, message: &str| match self.time_or_default(name, name)? {
            Some(time) => Ok(Some(time)),
            None => Err(message.to_owned()),
        };
        Ok((
            needed("start", "Start time is required.")?,
            needed("end", "End time is required.")?,
        ))
    }
}

/// Reads an ISO-8601 instant as `Instant.parse` does.
fn time(text: &str) -> Result<Instant, String> {
    text.parse()
        .map_err(|error: InstantError| error.to_string())
}

/// Bindings of which the absent ones are left out; `None` if all are absent.
#[must_use]
pub fn bindings<const N: usize>(
    entries: [(&str, Option<String>); N],
) -> Option<IndexMap<String, String>> {
    let map: IndexMap<String, String> = entries
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
    (!map.is_empty()).then_some(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_or_empty_parameter_takes_the_configured_default() {
        let defaults = IndexMap::from([("scope".to_owned(), "web".to_owned())]);
        let with = |text: Option<&str>| {
            let text = text.map(|text| ("scope", FetchArgument::Text(text.to_owned())));
            FetchArguments::new(text.into_iter().collect(), defaults.clone()).or_default("scope")
        };
        assert_eq!(with(None).as_deref(), Some("web"));
        assert_eq!(with(Some("")).as_deref(), Some("web"));
        assert_eq!(with(Some("db")).as_deref(), Some("db"));
    }

    #[test]
    fn a_window_without_a_start_is_refused() {
        let end = FetchArgument::Text("2024-01-01T00:00:00Z".to_owned());
        let arguments = FetchArguments::new([("end", end)].into(), IndexMap::new());
        assert_eq!(arguments.window().unwrap_err(), "Start time is required.");
    }
}
