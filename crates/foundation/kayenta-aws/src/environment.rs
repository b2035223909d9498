//! The variables and the home directory that credentials and regions are looked up in.

use std::{collections::HashMap, path::PathBuf};

use reqsign_core::{Env, StaticEnv};

/// Names of the AWS SDK for Java for what other SDKs, and `reqsign`, know under another.
const OTHER_NAMES: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
    ("AWS_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"),
    (
        "AWS_CREDENTIAL_PROFILES_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
    ),
    ("AWS_DEFAULT_REGION", "AWS_REGION"),
];

/// A process environment as AWS clients read it: only `AWS_…`, without empty values.
#[derive(Clone)]
pub struct AwsEnvironment(StaticEnv);

impl AwsEnvironment {
    /// The environment of these variables and this home directory.
    pub fn new(
        variables: impl IntoIterator<Item = (String, String)>,
        home: Option<PathBuf>,
    ) -> Self {
        let mut envs: HashMap<String, String> = variables
            .into_iter()
            .filter(|(name, value)| name.starts_with("AWS_") && !value.trim().is_empty())
            .map(|(name, value)| (name, value.trim().to_owned()))
            .collect();
        for (other, name) in OTHER_NAMES {
            if !envs.contains_key(name)
                && let Some(value) = envs.get(other)
            {
                envs.insert(name.to_owned(), value.clone());
            }
        }
        Self(StaticEnv {
            home_dir: home,
            envs,
        })
    }

    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.0.envs.get(name).map(String::as_str)
    }
}

impl Env for AwsEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        self.0.var(name)
    }

    fn vars(&self) -> HashMap<String, String> {
        self.0.vars()
    }

    fn home_dir(&self) -> Option<PathBuf> {
        self.0.home_dir()
    }
}

/// Values are not shown: some are keys.
impl std::fmt::Debug for AwsEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.envs.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_java_sdk_count_and_empty_values_do_not() {
        let variables = [
            ("AWS_ACCESS_KEY", "id"),
            ("AWS_SECRET_KEY", " key\n"),
            ("AWS_SECRET_ACCESS_KEY", ""),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_REGION", "eu-central-1"),
            ("PATH", "/bin"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = AwsEnvironment::new(variables, None);
        assert_eq!(environment.variable("AWS_ACCESS_KEY_ID"), Some("id"));
        assert_eq!(environment.variable("AWS_SECRET_ACCESS_KEY"), Some("key"));
        assert_eq!(environment.variable("AWS_REGION"), Some("eu-central-1"));
        assert_eq!(environment.variable("PATH"), None);
        assert!(!format!("{environment:?}").contains("eu-"));
    }
}
