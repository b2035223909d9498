//! All sources of the environment, in order of precedence.

use super::{
    environment::Environment, files::Files, flags, json, name::Name, profile,
    properties::Properties, scalar::Scalar, source::Source, yaml,
};
use crate::{diagnostic::Diagnostic, origin::Origin};

/// What the service runs on when there is no configuration file at all.
const EMBEDDED: &str = include_str!("../defaults/embedded.yml");

/// Variables with JVM flags, lowest precedence first, around the flags of the start script.
const FLAGS_BEFORE: [&str; 2] = ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"];
const FLAGS_AFTER: [&str; 3] = ["JAVA_OPTS", "KAYENTA_OPTS", "_JAVA_OPTIONS"];

/// All sources, and what was learned on the way.
pub(crate) struct Gathered {
    pub(crate) properties: Properties,
    pub(crate) profiles: Vec<String>,
    /// Files that were read.
    pub(crate) files: Vec<String>,
    pub(crate) on_kubernetes: bool,
    pub(crate) errors: Vec<Diagnostic>,
}

/// Reads every source.
pub(crate) fn gather(environment: &Environment) -> Gathered {
    let variables = environment.effective_variables();
    let on_kubernetes = Environment::on_kubernetes(&variables);
    let mut errors = Vec::new();
    let high = high_sources(environment, &variables, &mut errors);
    let defaults = defaults(environment);
    let base = Properties {
        sources: {
            let mut sources = high.clone();
            sources.push(defaults.clone());
            sources
        },
        random_seed: environment.random_seed,
        install_dir: environment.install_dir.clone(),
    };
    let read = |profiles: Option<Vec<String>>| {
        let mut files = Files {
            environment,
            names: list(&base, "spring.config.name"),
            profiles,
            base: &base,
            on_kubernetes,
            errors: Vec::new(),
            read: std::collections::BTreeSet::new(),
            open: Vec::new(),
        };
        let sources = files_in_order(&mut files);
        (sources, files)
    };
    // First what no profile asks for, which may say what profiles are active; then everything.
    let (plain, _) = read(None);
    let all = |file_sources: Vec<Source>| {
        let mut sources = high.clone();
        sources.extend(file_sources.into_iter().rev());
        sources.push(defaults.clone());
        Properties {
            sources,
            random_seed: environment.random_seed,
            install_dir: environment.install_dir.clone(),
        }
    };
    let profiles = profile::active(&all(plain));
    let (sources, files) = read(Some(profiles.clone()));
    errors.extend(files.errors);
    let read: Vec<String> = files.read.into_iter().collect();
    let mut properties = all(sources);
    if read.is_empty() && errors.is_empty() {
        properties.sources.push(embedded());
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
fn files_in_order(files: &mut Files<'_>) -> Vec<Source> {
    let mut sources = Vec::new();
    if files.environment.only_files.is_empty() {
        let locations = files.entries("spring.config.location");
        if locations.is_empty() {
            for group in [
                "optional:classpath:/;optional:classpath:/config/",
                "optional:file:./;optional:file:./config/;optional:file:./config/*/",
            ] {
                sources.extend(files.load(group, None, None));
            }
        }
        for (entry, origin) in locations {
            sources.extend(files.load(&entry, Some(&origin), None));
        }
    } else {
        for path in files.environment.only_files.clone() {
            let entry = format!("file:{}", path.display());
            sources.extend(files.load(&entry, None, None));
        }
    }
    for property in ["spring.config.additional-location", "spring.config.import"] {
        for (entry, origin) in files.entries(property) {
            let built_in = origin == Origin::Default
                || matches!(&origin, Origin::SystemProperty(holder) if holder == START_SCRIPT);
            if built_in && !files.environment.only_files.is_empty() {
                continue;
            }
            sources.extend(files.load(&entry, Some(&origin), None));
        }
    }
    sources
}

impl Files<'_> {
    /// The entries of a location property outside files, in order.
    fn entries(&self, property: &str) -> Vec<(String, Origin)> {
        let name = Name::parse(property);
        let Some(source) = self
            .base
            .sources
            .iter()
            .find(|source| source.touches(&name))
        else {
            return Vec::new();
        };
        let mut entries: Vec<_> = source.find(&name).into_iter().collect();
        if entries.is_empty() {
            for index in source.indices(&name) {
                entries.extend(source.find(&name.index(index)));
            }
        }
        entries
            .into_iter()
            .flat_map(|entry| {
                let text = self
                    .base
                    .value(entry)
                    .map_or_else(|_| entry.value.text.clone(), |expanded| expanded.text);
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(|item| (item.to_owned(), entry.origin.clone()))
                    .collect::<Vec<_>>()
            })
            .collect()
    }
}

const START_SCRIPT: &str = "the start script";

/// Arguments, JSON, system properties and variables, highest precedence first.
fn high_sources(
    environment: &Environment,
    variables: &std::collections::BTreeMap<String, String>,
    errors: &mut Vec<Diagnostic>,
) -> Vec<Source> {
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
    let mut system = Source::new("systemProperties");
    let holder = |name: &str| Origin::SystemProperty(name.to_owned());
    let push_flags = |system: &mut Source, words: Vec<String>, holder_name: &str| {
        for (name, value) in words.iter().filter_map(|word| flags::system_property(word)) {
            system.push(
                name,
                Scalar::text(value),
                Origin::SystemProperty(holder_name.to_owned()),
            );
        }
    };
    for (name, value) in [
        ("java.io.tmpdir", "/tmp".to_owned()),
        ("user.dir", environment.current_dir.display().to_string()),
        ("user.home", environment.home.display().to_string()),
    ] {
        system.push(name, Scalar::text(value), Origin::Default);
    }
    // Two values the reference forces unless `-D` sets them; as system properties they outrank files
    // and variables.
    system.push(
        "management.endpoints.web.base-path",
        Scalar::text("/"),
        Origin::Default,
    );
    system.push(
        "spring.main.allow-bean-definition-overriding",
        Scalar::text("true"),
        Origin::Default,
    );
    for variable in FLAGS_BEFORE {
        if let Some(text) = variables.get(variable) {
            push_flags(&mut system, flags::split(text), variable);
        }
    }
    if environment.image {
        system.push(
            "spring.config.import",
            Scalar::text("optional:/opt/spinnaker/config/"),
            holder(START_SCRIPT),
        );
    }
    for variable in FLAGS_AFTER {
        if let Some(text) = variables.get(variable) {
            push_flags(&mut system, flags::split(text), variable);
        }
    }
    push_flags(&mut system, argument_flags, "the command line");
    let system = last_spelling_wins(system);
    let variable_source = Source::variables(variables);

    let mut sources = Vec::new();
    let json = json_source(&[&arguments, &system, &variable_source], errors);
    if !arguments.entries.is_empty() {
        sources.push(arguments);
    }
    sources.extend(json);
    sources.push(system);
    sources.push(variable_source);
    sources
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

fn defaults(environment: &Environment) -> Source {
    let mut source = Source::new("defaultProperties");
    let mut push =
        |name: &str, value: &str| source.push(name, Scalar::text(value), Origin::Default);
    push("netflix.environment", "test");
    push("netflix.account", "${netflix.environment}");
    push("netflix.stack", "test");
    push("spring.application.name", "kayenta");
    push("spring.config.name", "spinnaker,${spring.application.name}");
    push("spring.profiles.active", "${netflix.environment},local");
    push("spring.profiles.include", "composite");
    if !environment.image {
        push(
            "spring.config.import",
            "optional:file:${user.home}/.spinnaker/",
        );
    }
    source
}

fn embedded() -> Source {
    let mut source = Source::new("Embedded default");
    let documents = yaml::parse(EMBEDDED).unwrap_or_default();
    for entry in documents.into_iter().flatten() {
        source.push(entry.name, entry.value, Origin::Default);
    }
    source
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
