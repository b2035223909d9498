//! Where configuration files are looked for: entries of `spring.config.location` and its like.

use std::path::{Path, PathBuf};

use crate::environment::Environment;

/// What an entry points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A directory with files named by `spring.config.name`.
    Directory(PathBuf),
    /// Every direct subdirectory of it.
    Subdirectories(PathBuf),
    /// One file.
    File(PathBuf),
    /// A directory whose file names are property names.
    Tree(PathBuf),
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    /// As written, for messages and `/env`.
    pub(crate) text: String,
    pub(crate) optional: bool,
    /// Whether it names a resource of the application, which `/env` writes differently.
    pub(crate) classpath: bool,
    pub(crate) target: Target,
}

impl Location {
    /// Reads one entry. Paths without a prefix are relative to `parent`, the directory of the file
    /// that imports it, or to the working directory.
    ///
    /// # Errors
    /// A text for people.
    pub(crate) fn parse(
        text: &str,
        parent: Option<&Path>,
        environment: &Environment,
    ) -> Result<Self, String> {
        let text = text.trim();
        let (optional, rest) = match text.strip_prefix("optional:") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (classpath, tree, base, path) = if let Some(path) = rest.strip_prefix("classpath:") {
            (
                true,
                false,
                environment.resources.clone(),
                path.trim_start_matches('/'),
            )
        } else if let Some(path) = rest.strip_prefix("configtree:") {
            (false, true, environment.current_dir.clone(), path)
        } else if let Some(path) = rest.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            (false, false, environment.current_dir.clone(), path)
        } else if has_scheme(rest) {
            return Err(format!("'{rest}' is not a place this service can read"));
        } else {
            let base = parent.map_or_else(|| environment.current_dir.clone(), Path::to_path_buf);
            (false, false, base, rest)
        };
        if path.is_empty() && !classpath {
            return Err("the location is empty".to_owned());
        }
        let absolute = |path: &str| environment.absolute(&base.join(path));
        let target = if tree {
            Target::Tree(absolute(path))
        } else if let Some(directory) = path.strip_suffix("*/") {
            if directory.contains('*') {
                return Err(format!(
                    "Location '{text}' cannot contain multiple wildcards"
                ));
            }
            Target::Subdirectories(absolute(directory))
        } else if path.contains('*') {
            return Err(format!("Location '{text}' must end with '*/'"));
        } else if path.is_empty() || path.ends_with('/') {
            Target::Directory(absolute(path))
        } else {
            Target::File(absolute(path))
        };
        Ok(Self {
            text: text.to_owned(),
            optional,
            classpath,
            target,
        })
    }
}

fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-')
    })
}
