//! All sources of an application, in order of precedence.

use crate::{
    diagnostic::Diagnostic,
    environment::Environment,
    files::{Files, flags, json, profile, yaml},
    origin::Origin,
    properties::{Properties, SecretReferences, name::Name, scalar::Scalar, source::Source},
};

/// Where files are looked for unless `spring.config.location` is set, lowest precedence first.
const DEFAULT_LOCATIONS: [&str; 2] = [
    "optional:classpath:/;optional:classpath:/config/",
    "optional:file:./;optional:file:./config/;optional:file:./config/*/",
];

/// The base name of files unless `spring.config.name` is set.
const DEFAULT_NAME: &str = "application";

/// What an application adds to the sources every Spring Boot application has. They are, highest
/// precedence first:
///
/// 1. program arguments (`--name=value`),
/// 2. JSON (`SPRING_APPLICATION_JSON`),
/// 3. system properties: `-D` flags, those of the command line and those in variables the application
///    names ([`flags_of`](Self::flags_of)),
/// 4. environment variables,
/// 5. configuration files: those of profiles, then plain ones, imports after the file that asks for
///    them,
/// 6. the application's defaults ([`default_property`](Self::default_property)),
/// 7. where no file was found, its [`fallback`](Self::fallback).
#[derive(Clone, Debug, Default)]
pub struct Loader {
    defaults: Vec<(String, String)>,
    system: Vec<SystemProperty>,
    fallback: Option<(String, String)>,
    secrets: Option<SecretReferences>,
}

/// A part of the system properties.
#[derive(Clone, Debug)]
enum SystemProperty {
    /// Set by the application.
    BuiltIn { name: String, value: String },
    /// Set by whatever starts the application.
    Flag {
        name: String,
        value: String,
        holder: String,
    },
    /// The flags in a variable.
    Variable(String),
}

/// All sources, and what was learned on the way.
#[derive(Clone, Debug)]
pub struct Gathered {
    /// The sources.
    pub properties: Properties,
    /// The active profiles, lowest precedence first.
    pub profiles: Vec<String>,
    /// Files that were read.
    pub files: Vec<String>,
    /// Whether this is a container in Kubernetes, by Spring Boot's rule.
    pub on_kubernetes: bool,
    /// What could not be read; the properties then lack it.
    pub errors: Vec<Diagnostic>,
}

impl Loader {
    /// The sources every application has.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a property of lowest precedence. `spring.config.name` (default `application`) says what
    /// files are called, `spring.profiles.active` which profiles there are.
    #[must_use]
    pub fn default_property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.defaults.push((name.into(), value.into()));
        self
    }

    /// With a system property the application sets. Of two parts of the system properties the one
    /// added later wins, and `-D` flags of the command line win over all.
    #[must_use]
    pub fn system_property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.system.push(SystemProperty::BuiltIn {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    /// With a `-D` flag that `holder` (a start script) sets.
    #[must_use]
    pub fn flag(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
        holder: impl Into<String>,
    ) -> Self {
        self.system.push(SystemProperty::Flag {
            name: name.into(),
            value: value.into(),
            holder: holder.into(),
        });
        self
    }

    /// With the `-D` flags in an environment variable (`JAVA_OPTS`).
    #[must_use]
    pub fn flags_of(mut self, variable: impl Into<String>) -> Self {
        self.system.push(SystemProperty::Variable(variable.into()));
        self
    }

    /// With YAML that counts where no configuration file was found; `name` is that of the source.
    #[must_use]
    pub fn fallback(mut self, name: impl Into<String>, yaml: impl Into<String>) -> Self {
        self.fallback = Some((name.into(), yaml.into()));
        self
    }

    /// With a rule for values that refer to secrets kept elsewhere.
    #[must_use]
    pub fn secrets(mut self, references: SecretReferences) -> Self {
        self.secrets = Some(references);
        self
    }

    /// Reads every source.
    #[must_use]
    pub fn load(&self, environment: &Environment) -> Gathered {
        let on_kubernetes = environment.on_kubernetes();
        let mut errors = Vec::new();
        let high = self.high_sources(environment, &mut errors);
        let defaults = self.default_source();
        let all = |files: Vec<Source>| {
            let mut sources = high.clone();
            sources.extend(files.into_iter().rev());
            sources.push(defaults.clone());
            Properties {
                sources,
                random_seed: environment.random_seed,
                secrets: self.secrets.clone(),
                environment: Some(environment.clone()),
            }
        };
        let base = all(Vec::new());
        let read = |profiles: Option<Vec<String>>| {
            let mut names = list(&base, "spring.config.name");
            if names.is_empty() {
                names.push(DEFAULT_NAME.to_owned());
            }
            let mut files = Files {
                environment,
                names,
                profiles,
                base: &base,
                on_kubernetes,
                errors: Vec::new(),
                read: std::collections::BTreeSet::new(),
                open: Vec::new(),
            };
            let sources = self.files_in_order(&mut files);
            (sources, files)
        };
        // First what no profile asks for, which may say what profiles are active; then everything.
        let (plain, _) = read(None);
        let profiles = profile::active(&all(plain));
        let (sources, files) = read(Some(profiles.clone()));
        errors.extend(files.errors);
        let read: Vec<String> = files.read.into_iter().collect();
        let mut properties = all(sources);
        if read.is_empty() && errors.is_empty() {
            properties.sources.extend(self.fallback_source());
        }
        Gathered {
            properties,
            profiles,
            files: read,
            on_kubernetes,
            errors,
        }
    }

    /// Every configuration file, lowest precedence first.
    fn files_in_order(&self, files: &mut Files<'_>) -> Vec<Source> {
        let mut sources = Vec::new();
        let only = files.environment.only_files.clone();
        if only.is_empty() {
            let locations = files.entries("spring.config.location");
            if locations.is_empty() {
                for group in DEFAULT_LOCATIONS {
                    sources.extend(files.load(group, None, None));
                }
            }
            for (entry, origin) in locations {
                sources.extend(files.load(&entry, Some(&origin), None));
            }
        } else {
            for path in &only {
                let entry = format!("file:{}", path.display());
                sources.extend(files.load(&entry, None, None));
            }
        }
        for property in ["spring.config.additional-location", "spring.config.import"] {
            for (entry, origin) in files.entries(property) {
                if self.is_own(&origin) && !only.is_empty() {
                    continue;
                }
                sources.extend(files.load(&entry, Some(&origin), None));
            }
        }
        sources
    }

    /// Whether the application itself, or what starts it, and no operator has set a value.
    fn is_own(&self, origin: &Origin) -> bool {
        match origin {
            Origin::Default => true,
            Origin::SystemProperty(holder) => self.system.iter().any(
                |part| matches!(part, SystemProperty::Flag { holder: own, .. } if own == holder),
            ),
            _ => false,
        }
    }

    /// Arguments, JSON, system properties and variables, highest precedence first.
    fn high_sources(&self, environment: &Environment, errors: &mut Vec<Diagnostic>) -> Vec<Source> {
        let mut arguments = Source::new("commandLineArgs");
        let mut argument_flags = Vec::new();
        for argument in &environment.arguments {
            if let Some(option) = argument.strip_prefix("--") {
                let (name, value) = option.split_once('=').unwrap_or((option, ""));
                if !name.is_empty() {
                    arguments.push(
                        name,
                        Scalar::text(value),
                        Origin::Argument(format!("--{name}")),
                    );
                }
            } else if flags::system_property(argument).is_some() {
                argument_flags.push(argument.clone());
            }
        }
        let system = self.system_source(environment, &argument_flags);
        let variables = Source::variables(&environment.variables);

        let mut sources = Vec::new();
        let json = json_source(&[&arguments, &system, &variables], errors);
        if !arguments.entries.is_empty() {
            sources.push(arguments);
        }
        sources.extend(json);
        sources.push(system);
        sources.push(variables);
        sources
    }

    fn system_source(&self, environment: &Environment, argument_flags: &[String]) -> Source {
        let mut system = Source::new("systemProperties");
        for (name, value) in [
            ("java.io.tmpdir", "/tmp".to_owned()),
            ("user.dir", environment.current_dir.display().to_string()),
            ("user.home", environment.home.display().to_string()),
        ] {
            system.push(name, Scalar::text(value), Origin::Default);
        }
        for part in &self.system {
            match part {
                SystemProperty::BuiltIn { name, value } => {
                    system.push(name, Scalar::text(value), Origin::Default);
                }
                SystemProperty::Flag {
                    name,
                    value,
                    holder,
                } => system.push(
                    name,
                    Scalar::text(value),
                    Origin::SystemProperty(holder.clone()),
                ),
                SystemProperty::Variable(variable) => {
                    if let Some(text) = environment.variables.get(variable) {
                        push_flags(&mut system, &flags::split(text), variable);
                    }
                }
            }
        }
        push_flags(&mut system, argument_flags, "the command line");
        last_spelling_wins(system)
    }

    fn default_source(&self) -> Source {
        let mut source = Source::new("defaultProperties");
        for (name, value) in &self.defaults {
            source.push(name, Scalar::text(value), Origin::Default);
        }
        source
    }

    fn fallback_source(&self) -> Option<Source> {
        let (name, text) = self.fallback.as_ref()?;
        let mut source = Source::new(name);
        for entry in yaml::parse(text).unwrap_or_default().into_iter().flatten() {
            source.push(entry.name, entry.value, Origin::Default);
        }
        Some(source)
    }
}

fn push_flags(system: &mut Source, words: &[String], holder: &str) {
    for (name, value) in words.iter().filter_map(|word| flags::system_property(word)) {
        system.push(
            name,
            Scalar::text(value),
            Origin::SystemProperty(holder.to_owned()),
        );
    }
}

/// Keeps the last of the flags that name one property, whatever their spelling.
fn last_spelling_wins(source: Source) -> Source {
    let mut kept: Vec<_> = Vec::new();
    for entry in source.entries.into_iter().rev() {
        let uniform = entry.name.uniform();
        if !kept.iter().any(|(seen, _)| *seen == uniform) {
            kept.push((uniform, entry));
        }
    }
    let mut unique = Source::new(source.name);
    for (_, entry) in kept.into_iter().rev() {
        unique.push(entry.written, entry.value, entry.origin);
    }
    unique
}

fn json_source(places: &[&Source], errors: &mut Vec<Diagnostic>) -> Option<Source> {
    let name = Name::parse("spring.application.json");
    let entry = places
        .iter()
        .find_map(|source| source.find(&name))
        .filter(|entry| !entry.value.text.trim().is_empty())?;
    let holder = match &entry.origin {
        Origin::Variable(variable) => variable.clone(),
        _ => "spring.application.json".to_owned(),
    };
    match json::parse(&entry.value.text) {
        Ok(entries) => {
            let mut source = Source::new("spring.application.json");
            for (name, value) in entries {
                source.push(name, value, Origin::Json(holder.clone()));
            }
            Some(source)
        }
        Err(message) => {
            errors.push(
                Diagnostic::error(format!("{holder} is not valid JSON: {message}"))
                    .at(entry.origin.clone())
                    .expected("an object such as {\"redis.connection\":\"redis://redis:6379\"}"),
            );
            None
        }
    }
}

/// A comma list outside files.
fn list(properties: &Properties, name: &str) -> Vec<String> {
    let text = match properties.text(name) {
        Some(Ok(expanded)) => expanded.text,
        _ => String::new(),
    };
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}
