//! What the check found, as `--output json` prints it.

use kayenta_redis::{ReferenceKeys, ReferenceRun};
use serde::Serialize;

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// Everything was looked at and nothing is in the way. Exit code 0.
    Ready,
    /// Everything was looked at; something wants a decision first. Exit code 1.
    Attention,
    /// Something could not be looked at, or the service would not start. Exit code 3.
    Incomplete,
}

/// Everything the check found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) verdict: Verdict,
    pub(crate) configuration: Configuration,
    pub(crate) storage: Vec<Store>,
    /// Absent when no `redis.connection` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) redis: Option<Redis>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Weight {
    /// Good to know.
    Note,
    /// Wants a decision before the change.
    Attention,
}

/// Something that is or will be otherwise than with the Java service.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Finding {
    pub(crate) weight: Weight,
    /// What it is about: a property, an account, a config.
    pub(crate) subject: String,
    pub(crate) message: String,
    /// Id of the departure in `docs/compatibility.md`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) departure: Option<&'static str>,
}

impl Finding {
    pub(crate) fn note(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            weight: Weight::Note,
            subject: subject.into(),
            message: message.into(),
            departure: None,
        }
    }

    pub(crate) fn attention(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            weight: Weight::Attention,
            ..Self::note(subject, message)
        }
    }

    pub(crate) fn departs(mut self, id: &'static str) -> Self {
        self.departure = Some(id);
        self
    }
}

/// The configuration, as a start would read it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Configuration {
    /// Files that were read, none on the embedded default.
    pub(crate) files: Vec<String>,
    /// What keeps the service from starting.
    pub(crate) errors: Vec<String>,
    pub(crate) accounts: Vec<AccountLine>,
    pub(crate) findings: Vec<Finding>,
}

/// An account and whether it can be used.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountLine {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) usable: bool,
}

/// The objects of one storage account.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Store {
    pub(crate) account: String,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// Why it could not be looked through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
    pub(crate) groups: Vec<Group>,
    pub(crate) unreadable: Vec<Unreadable>,
    pub(crate) left_over: Vec<LeftOver>,
    pub(crate) findings: Vec<Finding>,
}

/// The objects of one kind.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Group {
    /// Its folder.
    pub(crate) group: &'static str,
    pub(crate) objects: usize,
    pub(crate) read: usize,
    pub(crate) bytes: u64,
}

/// An object that could not be read.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Unreadable {
    pub(crate) group: &'static str,
    pub(crate) id: String,
    pub(crate) file: String,
    pub(crate) reason: String,
}

/// Something neither service needs.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeftOver {
    pub(crate) name: String,
    pub(crate) reason: String,
}

/// What the reference keeps in Redis.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Redis {
    pub(crate) address: String,
    /// Why it could not be looked through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
    pub(crate) keys: Vec<KeyLine>,
    pub(crate) unfinished: Vec<UnfinishedRun>,
    pub(crate) findings: Vec<Finding>,
}

/// Keys of one kind.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyLine {
    pub(crate) kind: &'static str,
    pub(crate) pattern: String,
    pub(crate) count: u64,
}

impl From<ReferenceKeys> for KeyLine {
    fn from(keys: ReferenceKeys) -> Self {
        Self {
            kind: keys.kind,
            pattern: keys.pattern,
            count: keys.count,
        }
    }
}

/// An execution of the Java service that has not ended.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnfinishedRun {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) application: String,
    pub(crate) status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) accepted: Option<String>,
}

impl From<ReferenceRun> for UnfinishedRun {
    fn from(run: ReferenceRun) -> Self {
        Self {
            id: run.id,
            name: run.name,
            application: run.application,
            status: run.status,
            accepted: run.build_time.map(kayenta_model::time::iso_millis),
        }
    }
}

impl Report {
    /// The report on a configuration the service does not start with.
    pub(crate) fn unusable(configuration: Configuration) -> Self {
        Self::new(configuration, Vec::new(), None)
    }

    pub(crate) fn new(
        configuration: Configuration,
        storage: Vec<Store>,
        redis: Option<Redis>,
    ) -> Self {
        let failed = !configuration.errors.is_empty()
            || storage.iter().any(|store| store.failure.is_some())
            || redis.as_ref().is_some_and(|redis| redis.failure.is_some());
        let findings = configuration
            .findings
            .iter()
            .chain(storage.iter().flat_map(|store| &store.findings))
            .chain(redis.iter().flat_map(|redis| &redis.findings));
        let attention = findings.into_iter().any(|f| f.weight == Weight::Attention)
            || storage.iter().any(|store| !store.unreadable.is_empty());
        Self {
            verdict: match (failed, attention) {
                (true, _) => Verdict::Incomplete,
                (false, true) => Verdict::Attention,
                (false, false) => Verdict::Ready,
            },
            configuration,
            storage,
            redis,
        }
    }
}
