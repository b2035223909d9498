//! Every object of every store, read as the service would read it.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, future::join_all, stream};
use kayenta_accounts::AccountKind;
use kayenta_config::Settings;
use kayenta_errors::with_causes;
use kayenta_model::{
    AnalysisStatusResponse, CanaryConfig, CanaryStatusResponse, MetricSet, MetricSetPair,
};
use kayenta_storage::{
    ConfigCatalogue, ObjectKind, ObjectRepository, ObjectSummary, Place, StorageError,
    StorageErrorKind,
};
use serde::de::DeserializeOwned;

use super::report::{Finding, Group, LeftOver, Store, Unreadable};
use crate::wiring::{
    kinds::{Accounts, Kind, Loaded},
    local_judges,
    reading::{ReadingAccount, object_stores},
};

/// Objects of one kind read at once.
const READS: usize = 16;

/// Looks through every store the settings name.
pub(super) async fn examine(loaded: &Loaded) -> Vec<Store> {
    let accounts = object_stores(loaded).into_iter();
    // At once: each may take half a minute to report that it cannot be reached.
    let mut stores = join_all(accounts.map(|account| examine_account(loaded, account))).await;
    for (kind, account) in &loaded.accounts.registered {
        let objects = &account.store.objects;
        if objects
            .as_ref()
            .is_none_or(|objects| objects.place() != Place::Process)
        {
            continue;
        }
        let mut store = Store::of(&account.name, kind);
        store.findings.push(Finding::note(
            &account.name,
            "kept in the memory of the process, as in the Java service: there is nothing to read",
        ));
        stores.push(store);
    }
    stores
}

impl Store {
    fn of(account: &str, kind: &AccountKind) -> Self {
        Self {
            account: account.to_owned(),
            kind: kind.name,
            failure: None,
            groups: Vec::new(),
            unreadable: Vec::new(),
            left_over: Vec::new(),
            findings: Vec::new(),
        }
    }
}

async fn examine_account(loaded: &Loaded, account: ReadingAccount) -> Store {
    let mut store = Store::of(&account.name, account.kind);
    let objects = match account.objects {
        Ok(objects) => objects,
        Err(reason) => {
            store.failure = Some(reason);
            return store;
        }
    };
    if let Err(error) = look_through(loaded, &objects, &mut store).await {
        store.failure = Some(with_its_causes(&error));
    }
    store
}

async fn look_through(
    loaded: &Loaded,
    objects: &ObjectRepository,
    store: &mut Store,
) -> Result<(), StorageError> {
    let settings = &loaded.settings;
    for kind in ObjectKind::ALL {
        let listed = match objects.list(kind).await {
            Ok(listed) => listed,
            // Only for a missing container does a listing report this.
            Err(error) if error.is_not_found() => {
                store.findings.push(Finding::note(
                    &store.account,
                    "its container, bucket or tables do not exist yet; they are created with the first object",
                ));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let reader = Reader { objects, kind };
        match kind {
            ObjectKind::CanaryConfig => {
                let configs = reader.all::<CanaryConfig>(&listed, store).await?;
                store
                    .findings
                    .extend(about_configs(settings, &loaded.accounts, &configs));
            }
            ObjectKind::CanaryResultArchive => {
                reader.all::<CanaryStatusResponse>(&listed, store).await?;
            }
            ObjectKind::MetricSetList => {
                reader.all::<Vec<MetricSet>>(&listed, store).await?;
            }
            ObjectKind::MetricSetPairList => {
                reader.all::<Vec<MetricSetPair>>(&listed, store).await?;
            }
            ObjectKind::StandaloneCanaryResultArchive => {
                reader.all::<AnalysisStatusResponse>(&listed, store).await?;
            }
        }
        for stray in objects.object_store().strays(kind).await? {
            let reason = match stray.key {
                Some(key) => format!(
                    "an older file of {}/{key}: the newest is read and the next write removes the \
                     others; the Java service answers 404 for the id",
                    kind.group()
                ),
                None => "not an object of either service".to_owned(),
            };
            store.left_over.push(LeftOver {
                name: stray.name,
                reason,
            });
        }
    }
    Ok(())
}

struct Reader<'r> {
    objects: &'r ObjectRepository,
    kind: ObjectKind,
}

impl Reader<'_> {
    /// Reads what is listed. Anything else is reported and left out; a store that fails ends
    /// it.
    async fn all<T: DeserializeOwned + Send + 'static>(
        &self,
        listed: &[ObjectSummary],
        store: &mut Store,
    ) -> Result<Vec<(String, T)>, StorageError> {
        let keeps = self.kind == ObjectKind::CanaryConfig;
        let mut read = stream::iter(listed)
            .map(|summary| async move {
                let outcome = self.objects.load_listed::<T>(self.kind, summary).await;
                (summary, outcome)
            })
            .buffered(READS);
        let mut group = Group {
            group: self.kind.group(),
            objects: listed.len(),
            read: 0,
            bytes: 0,
        };
        let mut documents = Vec::new();
        while let Some((summary, outcome)) = read.next().await {
            match outcome {
                Ok((document, found)) => {
                    group.read += 1;
                    group.bytes += found.size;
                    // Only configs are compared with each other; the rest may be large.
                    if keeps {
                        documents.push((summary.key.clone(), document));
                    }
                }
                Err(error) if matches!(error.kind, StorageErrorKind::Corrupt) => {
                    store.unreadable.push(Unreadable {
                        group: group.group,
                        id: summary.key.clone(),
                        file: summary.filename.clone(),
                        reason: with_its_causes(&error),
                    });
                }
                // Removed since it was listed: somebody works here.
                Err(error) if error.is_not_found() => group.objects -= 1,
                Err(error) => return Err(error),
            }
        }
        store.groups.push(group);
        Ok(documents)
    }
}

fn with_its_causes(error: &StorageError) -> String {
    with_causes(error.message.clone(), error)
}

/// What is odd about configs that can be read.
fn about_configs(
    settings: &Settings,
    accounts: &Accounts,
    configs: &[(String, CanaryConfig)],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let judges = judge_names(settings);
    let query_types: BTreeSet<&str> = accounts
        .registered
        .iter()
        .filter(|(kind, account)| {
            let types = &account.supported_types;
            account.store.metrics(accounts, kind, types).is_some()
        })
        .filter_map(|(kind, _)| Some(Kind::metrics_of(kind)?.service_type))
        .collect();
    let mut names: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (id, config) in configs {
        let name = config.name.as_deref().unwrap_or_default();
        let subject = format!("canary_config/{id} ({name})");
        if let Err(refused) = ConfigCatalogue::check(id, config, settings.validate_metric_names) {
            findings.push(Finding::note(
                &subject,
                format!(
                    "can be read and run as it is, but cannot be saved again: {}",
                    refused.message
                ),
            ));
        }
        let judge = config.judge.as_ref().and_then(|j| j.name.as_deref());
        if let Some(judge) = judge.filter(|judge| !judge.is_empty() && !judges.contains(*judge)) {
            findings.push(Finding::attention(
                &subject,
                format!("names the judge '{judge}', which does not exist here"),
            ));
        }
        let missing: BTreeSet<&str> = config
            .metrics()
            .iter()
            .filter_map(|metric| metric.query.as_ref())
            .map(|query| query.service_type())
            .filter(|service| !query_types.contains(service))
            .collect();
        if !missing.is_empty() {
            let missing: Vec<&str> = missing.into_iter().collect();
            findings.push(Finding::attention(
                &subject,
                format!(
                    "queries {}, for which no usable account is configured: its runs fail",
                    missing.join(", ")
                ),
            ));
        }
        if has_expression(config) {
            findings.push(
                Finding::note(
                    &subject,
                    "has ${…} in its name or description or in a metric's name: plain text \
                     here, an expression in the Java service",
                )
                .departs("C-ENG-15"),
            );
        }
        for application in config.applications.iter().flatten() {
            names.entry((name, application)).or_default().push(id);
        }
    }
    let mut said = BTreeSet::new();
    for ((name, application), ids) in names {
        if ids.len() > 1 && said.insert(ids.clone()) {
            findings.push(Finding::note(
                format!("canary_config {name}"),
                format!(
                    "is the name of {} configs of the application {application} ({}): a client that \
                     looks up the name gets the first, and only a renamed one can be saved",
                    ids.len(),
                    ids.join(", ")
                ),
            ));
        }
    }
    findings.extend(prefixes(configs.iter().map(|(id, _)| id.as_str())));
    findings
}

fn judge_names(settings: &Settings) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = local_judges()
        .list()
        .into_iter()
        .map(|judge| judge.name)
        .collect();
    if settings.remote_judge.is_some() {
        names.insert("RemoteJudge-v1.0".to_owned());
    }
    names
}

fn has_expression(config: &CanaryConfig) -> bool {
    let own = [config.name.as_deref(), config.description.as_deref()];
    own.into_iter()
        .flatten()
        .chain(config.metrics().iter().map(|metric| metric.name()))
        .any(|text| text.contains("${"))
}

/// Ids that another id begins with: the Java service takes the one for the other.
fn prefixes<'i>(ids: impl Iterator<Item = &'i str>) -> Vec<Finding> {
    let ids: BTreeSet<&str> = ids.collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    ids.windows(2)
        .filter_map(|pair| match pair {
            [short, long] if long.starts_with(short) => Some(Finding::note(
                format!("canary_config/{short}"),
                format!(
                    "is matched exactly here; the Java service matches by prefix and cannot distinguish \
                     it from {long}"
                ),
            )),
            _ => None,
        })
        .collect()
}
