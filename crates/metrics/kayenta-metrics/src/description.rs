//! What a metric store is, before any account of it is configured.

use kayenta_model::CanaryScope;

use crate::fetch_route::FetchRoute;

/// The facts about a metric store that others need. Each adapter exports one as a `static`; the seam
/// and everything above it read what they need there, and know no store by name.
#[derive(Debug)]
pub struct StoreDescription {
    /// The `type` of the queries it understands (`prometheus`).
    pub service_type: &'static str,
    /// How the reference calls the scope of its queries (`PrometheusCanaryScope`).
    pub scope_class: &'static str,
    /// Fields its scope has beside those every scope has.
    pub scope_fields: &'static [ScopeField],
    /// What a query template may refer to beside the extended scope parameters: fields of the scope.
    pub template_fields: &'static [&'static str],
    /// Whether a step of 0 is a request of its own. If not, such a scope is fetched with a step of a
    /// minute (C-ENG-10).
    pub accepts_step_zero: bool,
    /// Whether an analysis warns of series with fewer points than its windows have steps.
    pub warns_of_few_points: bool,
    /// How a query is tried out by hand (`POST /fetch/<service type>/query`); `None` if it cannot be.
    pub fetch_route: Option<&'static FetchRoute>,
    /// The crate whose log lines are the store's: the first part of their targets.
    pub log_target: &'static str,
    /// The loggers of the reference that stand for the crate (`com.netflix.kayenta.prometheus`).
    pub java_loggers: &'static [&'static str],
}

impl StoreDescription {
    /// A store of the usual kind, whose scope is the generic one.
    #[must_use]
    pub const fn new(service_type: &'static str, scope_class: &'static str) -> Self {
        Self {
            service_type,
            scope_class,
            scope_fields: &[],
            template_fields: &[],
            accepts_step_zero: false,
            warns_of_few_points: true,
            fetch_route: None,
            log_target: "",
            java_loggers: &[],
        }
    }
}

/// A field a store adds to the scope.
#[derive(Clone, Copy, Debug)]
pub struct ScopeField {
    /// Its name.
    pub name: &'static str,
    /// Where its value is from.
    pub value: ScopeValue,
}

/// Where the value of a field is from.
#[derive(Clone, Copy, Debug)]
pub enum ScopeValue {
    /// An extended scope parameter.
    Parameter {
        /// The key of the parameter.
        key: &'static str,
        /// The value without it.
        default: Option<&'static str>,
    },
    /// Another field of the scope.
    Derived(fn(&CanaryScope) -> Option<&'static str>),
}

impl ScopeField {
    /// A field that is the extended scope parameter of the same name.
    #[must_use]
    pub const fn parameter(name: &'static str) -> Self {
        Self::parameter_called(name, name)
    }

    /// A field that is an extended scope parameter of another name.
    #[must_use]
    pub const fn parameter_called(name: &'static str, key: &'static str) -> Self {
        Self {
            name,
            value: ScopeValue::Parameter { key, default: None },
        }
    }

    /// The same with a value where there is no such parameter.
    #[must_use]
    pub const fn or(self, default: &'static str) -> Self {
        match self.value {
            ScopeValue::Parameter { key, .. } => Self {
                name: self.name,
                value: ScopeValue::Parameter {
                    key,
                    default: Some(default),
                },
            },
            ScopeValue::Derived(_) => self,
        }
    }

    pub(crate) fn of<'s>(&self, scope: &'s CanaryScope) -> Option<&'s str> {
        match self.value {
            ScopeValue::Parameter { key, default } => scope.parameter(key).or(default),
            ScopeValue::Derived(value) => value(scope),
        }
    }
}
