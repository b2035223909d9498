//! Configuration files: found, read, and put in order.

pub(crate) mod flags;
pub(crate) mod json;
mod location;
pub(crate) mod profile;
mod properties_file;
pub(crate) mod yaml;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use self::{
    location::{Location, Target},
    yaml::FlatEntry,
};
use crate::{
    diagnostic::Diagnostic,
    environment::Environment,
    origin::Origin,
    properties::{Properties, name::Name, scalar::Scalar, source::Source},
};

/// Extensions, lowest precedence first.
const EXTENSIONS: [&str; 4] = ["yaml", "yml", "xml", "properties"];
/// Largest file read.
const MAX_BYTES: u64 = 4 << 20;
/// Imports inside imports.
const MAX_IMPORTS: usize = 12;

/// Reads configuration files.
pub(crate) struct Files<'e> {
    pub(crate) environment: &'e Environment,
    /// Base names, lowest precedence first.
    pub(crate) names: Vec<String>,
    /// The active profiles; `None` before they are known: then only what no profile asks for counts.
    pub(crate) profiles: Option<Vec<String>>,
    /// What placeholders of imports may refer to.
    pub(crate) base: &'e Properties,
    pub(crate) on_kubernetes: bool,
    pub(crate) errors: Vec<Diagnostic>,
    /// Paths that were read.
    pub(crate) read: BTreeSet<String>,
    /// Files being read, to end circles of imports.
    pub(crate) open: Vec<PathBuf>,
}

impl Files<'_> {
    /// The entries of a location property outside files, in order.
    pub(crate) fn entries(&self, property: &str) -> Vec<(String, Origin)> {
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

    /// Everything at one entry of a location list (a group, with `;`), lowest precedence first.
    pub(crate) fn load(
        &mut self,
        entry: &str,
        origin: Option<&Origin>,
        parent: Option<&Path>,
    ) -> Vec<Source> {
        let mut locations = Vec::new();
        for text in entry
            .split(';')
            .map(str::trim)
            .filter(|text| !text.is_empty())
        {
            match Location::parse(text, parent, self.environment) {
                Ok(location) => locations.push(location),
                Err(message) => self.errors.push(
                    Diagnostic::error(message)
                        .at(origin.cloned())
                        .expected("a directory ending in '/', or a file with its extension")
                        .remedy(format!("Check that the value '{text}' is correct")),
                ),
            }
        }
        let mut sources = Vec::new();
        for location in &locations {
            if self.exists(location, origin) {
                sources.extend(self.of_location(location, None, origin));
            }
        }
        // Files of profiles rank above every plain file of the group.
        for profile in self.profiles.clone().unwrap_or_default() {
            for location in &locations {
                sources.extend(self.of_location(location, Some(&profile), origin));
            }
        }
        sources
    }

    /// Reports a location that must be there and is not.
    fn exists(&mut self, location: &Location, origin: Option<&Origin>) -> bool {
        let (path, directory) = match &location.target {
            Target::Directory(path) | Target::Subdirectories(path) | Target::Tree(path) => {
                (path, true)
            }
            Target::File(path) => (path, false),
        };
        let physical = self.environment.physical(path);
        let there = if directory {
            physical.is_dir()
        } else {
            physical.exists()
        };
        if !there && !location.optional {
            let message = if directory {
                format!("Config data location '{}' does not exist", location.text)
            } else {
                format!(
                    "Config data resource 'file [{}]' via location '{}' does not exist",
                    path.display(),
                    location.text
                )
            };
            let at = origin
                .map(|origin| format!(" at {origin}"))
                .unwrap_or_default();
            self.errors.push(
                Diagnostic::error(message)
                    .at(origin.cloned())
                    .remedy(format!(
                        "Check that the value '{}'{at} is correct, or prefix it with 'optional:'",
                        location.text
                    )),
            );
        }
        there
    }

    fn of_location(
        &mut self,
        location: &Location,
        profile: Option<&str>,
        origin: Option<&Origin>,
    ) -> Vec<Source> {
        let mut sources = Vec::new();
        match &location.target {
            Target::File(path) => match profile {
                None => sources.extend(self.file(path, location, origin)),
                Some(profile) => {
                    if let Some(path) = with_profile(path, profile) {
                        sources.extend(self.file_if_there(&path, location, origin));
                    }
                }
            },
            Target::Directory(directory) => {
                for file in self.names_in(profile) {
                    sources.extend(self.file_if_there(&directory.join(file), location, origin));
                }
            }
            Target::Subdirectories(directory) => {
                let subdirectories = self.subdirectories(directory);
                for file in self.names_in(profile) {
                    for subdirectory in &subdirectories {
                        let path = subdirectory.join(&file);
                        sources.extend(self.file_if_there(&path, location, origin));
                    }
                }
            }
            Target::Tree(directory) if profile.is_none() => {
                let mut source = Source::new(format!("Config tree '{}'", directory.display()));
                self.tree(directory, "", 0, &mut source);
                self.read.insert(directory.display().to_string());
                sources.push(source);
            }
            Target::Tree(_) => {}
        }
        sources
    }

    /// File names by base name and extension, lowest precedence first.
    fn names_in(&self, profile: Option<&str>) -> Vec<String> {
        self.names
            .iter()
            .flat_map(|name| {
                EXTENSIONS.iter().map(move |extension| match profile {
                    Some(profile) => format!("{name}-{profile}.{extension}"),
                    None => format!("{name}.{extension}"),
                })
            })
            .collect()
    }

    fn subdirectories(&self, directory: &Path) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.environment.physical(directory)) else {
            return Vec::new();
        };
        let mut names: Vec<_> = entries
            .flatten()
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name())
            // `..data` and its like are how Kubernetes swaps the files of a volume.
            .filter(|name| !name.to_string_lossy().starts_with(".."))
            .collect();
        names.sort();
        names.into_iter().map(|name| directory.join(name)).collect()
    }

    /// `configtree:`: the path below the directory is the name, the content the value.
    fn tree(&mut self, directory: &Path, prefix: &str, depth: usize, source: &mut Source) {
        let Ok(entries) = std::fs::read_dir(self.environment.physical(directory)) else {
            return;
        };
        let mut names: Vec<_> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        for name in names {
            let path = directory.join(&name);
            let property = if prefix.is_empty() {
                name
            } else {
                format!("{prefix}.{name}")
            };
            if self.environment.physical(&path).is_dir() {
                if depth < 8 {
                    self.tree(&path, &property, depth + 1, source);
                }
            } else if let Some(text) = self.text(&path) {
                let text = text.strip_suffix('\n').unwrap_or(&text);
                let origin = Origin::File {
                    path: path.display().to_string(),
                    line: 1,
                    column: 1,
                };
                source.push(property, Scalar::text(text), origin);
            }
        }
    }

    fn file_if_there(
        &mut self,
        path: &Path,
        location: &Location,
        origin: Option<&Origin>,
    ) -> Vec<Source> {
        if self.environment.physical(path).is_file() {
            self.file(path, location, origin)
        } else {
            Vec::new()
        }
    }

    /// The documents of a file that count, each followed by what it imports.
    fn file(&mut self, path: &Path, location: &Location, origin: Option<&Origin>) -> Vec<Source> {
        let shown = path.display().to_string();
        if self.open.iter().any(|open| open == path) || self.open.len() >= MAX_IMPORTS {
            return Vec::new();
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        let Some(extension) = extension.filter(|extension| EXTENSIONS.contains(extension)) else {
            self.errors.push(
                Diagnostic::error(format!(
                    "File extension of '{shown}' is not known; a directory must end in '/'"
                ))
                .at(origin.cloned())
                .expected("a file ending in .yml, .yaml or .properties"),
            );
            return Vec::new();
        };
        if extension == "xml" {
            self.errors.push(
                Diagnostic::error("XML property files are not supported")
                    .at(place(&shown, 1, 1))
                    .remedy("Write it as .properties or .yml, or remove it"),
            );
            return Vec::new();
        }
        let Some(text) = self.text(path) else {
            return Vec::new();
        };
        self.read.insert(shown.clone());
        let documents = if extension == "properties" {
            properties_file::parse(&text)
        } else {
            match yaml::parse(&text) {
                Ok(documents) => documents,
                Err(errors) => {
                    for error in errors {
                        let mut diagnostic = Diagnostic::error(error.message).at(place(
                            &shown,
                            error.place.line,
                            error.place.column,
                        ));
                        diagnostic.remedy = error.remedy.map(str::to_owned);
                        self.errors.push(diagnostic);
                    }
                    return Vec::new();
                }
            }
        };
        self.open.push(path.to_path_buf());
        let several = documents.len() > 1;
        let mut sources = Vec::new();
        for (number, document) in documents.into_iter().enumerate() {
            let mut name = if location.classpath {
                let file = path.file_name().unwrap_or_default().to_string_lossy();
                format!(
                    "Config resource 'class path resource [{file}]' via location '{}'",
                    location.text
                )
            } else {
                format!(
                    "Config resource 'file [{shown}]' via location '{}'",
                    location.text
                )
            };
            if several {
                name.push_str(&format!(" (document #{number})"));
            }
            sources.extend(self.document(name, document, path));
        }
        self.open.pop();
        sources
    }

    fn document(&mut self, name: String, document: Vec<FlatEntry>, path: &Path) -> Vec<Source> {
        let shown = path.display().to_string();
        let mut source = Source::new(name);
        for entry in document {
            let origin = place(&shown, entry.place.line, entry.place.column);
            source.push(entry.name, entry.value, origin);
        }
        if !self.is_active(&source) {
            return Vec::new();
        }
        let imports = self.texts(&source, "spring.config.import");
        let mut sources = vec![source];
        for (import, origin) in imports {
            for entry in import
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty())
            {
                sources.extend(self.load(entry, Some(&origin), path.parent()));
            }
        }
        sources
    }

    fn is_active(&self, source: &Source) -> bool {
        for name in ["spring.config.activate.on-profile", "spring.profiles"] {
            // `spring.profiles.active` and its like are below the second name, not at it.
            let texts = self.texts(source, name);
            if texts.is_empty() {
                continue;
            }
            let Some(profiles) = &self.profiles else {
                return false;
            };
            if !texts.iter().any(|(text, _)| profile::holds(text, profiles)) {
                return false;
            }
        }
        self.texts(source, "spring.config.activate.on-cloud-platform")
            .iter()
            .all(|(platform, _)| match platform.to_lowercase().as_str() {
                "kubernetes" => self.on_kubernetes,
                "none" => !self.on_kubernetes,
                _ => false,
            })
    }

    /// The texts at a name of one document, as one value or as a list.
    fn texts(&self, source: &Source, name: &str) -> Vec<(String, Origin)> {
        let name = Name::parse(name);
        let mut entries: Vec<_> = source.find(&name).into_iter().collect();
        for index in source.indices(&name) {
            entries.extend(source.find(&name.index(index)));
        }
        entries
            .into_iter()
            .map(|entry| {
                let text = self
                    .base
                    .expand(&entry.value.text)
                    .map_or_else(|_| entry.value.text.clone(), |expanded| expanded.text);
                (text, entry.origin.clone())
            })
            .collect()
    }

    fn text(&mut self, path: &Path) -> Option<String> {
        let physical = self.environment.physical(path);
        let read = || -> std::io::Result<Vec<u8>> {
            let length = std::fs::metadata(&physical)?.len();
            if length > MAX_BYTES {
                return Err(std::io::Error::other(format!(
                    "it has {length} bytes, more than {MAX_BYTES}"
                )));
            }
            std::fs::read(&physical)
        };
        let shown = path.display().to_string();
        match read() {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Some(
                    text.strip_prefix('\u{feff}')
                        .map(str::to_owned)
                        .unwrap_or(text),
                ),
                Err(error) => {
                    let valid = error.utf8_error().valid_up_to();
                    let line = error.as_bytes()[..valid]
                        .iter()
                        .filter(|b| **b == b'\n')
                        .count()
                        + 1;
                    self.errors.push(
                        Diagnostic::error("the file is not UTF-8").at(place(&shown, line, 1)),
                    );
                    None
                }
            },
            Err(error) => {
                self.errors.push(
                    Diagnostic::error(format!("the file cannot be read: {error}"))
                        .at(place(&shown, 1, 1))
                        .remedy("Check the path and its permissions"),
                );
                None
            }
        }
    }
}

fn place(path: &str, line: usize, column: usize) -> Origin {
    Origin::File {
        path: path.to_owned(),
        line,
        column,
    }
}

/// `application.yml` becomes `application-<profile>.yml`.
fn with_profile(path: &Path, profile: &str) -> Option<PathBuf> {
    let stem = path.file_stem()?.to_str()?;
    let extension = path.extension()?.to_str()?;
    Some(path.with_file_name(format!("{stem}-{profile}.{extension}")))
}
