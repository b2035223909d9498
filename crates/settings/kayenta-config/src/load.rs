//! Reading a configuration, from sources to settings.

use kayenta_accounts::AccountSection;
use kayenta_properties::{
    Binder, ConfigError, Diagnostic, EffectiveProperty, EnvironmentView, KnownProperty, Severity,
};

use crate::{
    Accounts, Environment, default_store,
    sections::{self, Context},
    settings::Settings,
    sources,
};

/// A configuration that can be started with.
#[derive(Clone, Debug)]
pub struct Loaded<S> {
    /// Every setting, typed and checked.
    pub settings: Settings,
    /// Every account of every kind that is switched on.
    pub accounts: Accounts<S>,
    /// What an operator should know; log each at WARN. Accounts the service starts without are not
    /// in here but in [`Accounts::skipped`], to be logged at ERROR.
    pub warnings: Vec<Diagnostic>,
    /// Every property of every source, for `/env`.
    pub environment: EnvironmentView,
    /// Every setting that was read, for `/configprops`; secrets masked.
    pub effective: Vec<EffectiveProperty>,
    /// Configuration files that were read; empty on the embedded default.
    pub files: Vec<String>,
}

/// Reads the configuration of an environment. `table` has the kinds of account there are, in the order
/// the reference registers them.
///
/// # Errors
/// Everything the service cannot start with.
pub fn load<S: AccountSection>(
    environment: &Environment,
    table: &[S],
) -> Result<Loaded<S::Store>, ConfigError> {
    let reading = read(environment, table);
    match reading.settings {
        Some((settings, accounts)) if reading.errors.is_empty() => Ok(Loaded {
            accounts,
            warnings: reading.warnings,
            environment: reading.environment,
            effective: reading.effective,
            files: reading.files,
            settings,
        }),
        _ => Err(ConfigError {
            errors: reading.errors,
            warnings: reading.warnings,
        }),
    }
}

pub(crate) struct Reading<S> {
    /// `None` when a file could not be read.
    pub(crate) settings: Option<(Settings, Accounts<S>)>,
    pub(crate) errors: Vec<Diagnostic>,
    pub(crate) warnings: Vec<Diagnostic>,
    pub(crate) environment: EnvironmentView,
    pub(crate) effective: Vec<EffectiveProperty>,
    pub(crate) files: Vec<String>,
    /// Every name that means something.
    pub(crate) known: Vec<KnownProperty>,
    /// Patterns of names that are accepted with everything below them.
    pub(crate) accepted: Vec<String>,
}

/// Reads as much as can be read.
pub(crate) fn read<S: AccountSection>(environment: &Environment, table: &[S]) -> Reading<S::Store> {
    let process = environment.process();
    let mut gathered = sources::loader(environment).load(&process);
    let keeps_objects = default_store::is_unneeded(&gathered, &process, table);
    if !keeps_objects {
        gathered = default_store::added_to(sources::loader(environment)).load(&process);
    }
    let mut errors = std::mem::take(&mut gathered.errors);
    let unreadable = !errors.is_empty();
    let binder = Binder::new(&gathered.properties, &process);
    let context = Context {
        gathered: &gathered,
    };
    let settings = sections::read(&binder, &context, table);
    if !keeps_objects {
        default_store::warn(&binder, &settings.0.data_dir);
    }
    let (known, accepted) = (binder.known(), binder.accepted());
    let (diagnostics, effective) = binder.finish();
    let mut warnings = Vec::new();
    for diagnostic in diagnostics {
        let list = match diagnostic.severity {
            // Where a file could not be read, what it would have set is missing: tell only what is
            // certain.
            Severity::Error if unreadable && diagnostic.is_absence() => {
                continue;
            }
            Severity::Error => &mut errors,
            Severity::Warning | Severity::Note => &mut warnings,
        };
        if !list.contains(&diagnostic) {
            list.push(diagnostic);
        }
    }
    Reading {
        settings: (!unreadable).then_some(settings),
        errors,
        warnings,
        environment: EnvironmentView::new(&gathered),
        effective,
        files: gathered.files,
        known,
        accepted,
    }
}
