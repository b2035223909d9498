//! Atlas clusters, and which of them holds a location.

use std::collections::HashMap;

use indexmap::IndexSet;
use serde::Deserialize;

/// One entry of `backends.json`: a cluster for each of its regions and environments.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Backend {
    /// Host and path of the cluster, with `$(…)` placeholders.
    cname: String,
    /// The location a request names it by, with placeholders.
    target: String,
    deployment: String,
    dataset: String,
    /// `None`: the same for all of them.
    environments: Option<Vec<String>>,
    /// `None`: the same for all of them.
    regions: Option<Vec<String>>,
}

/// One account of `storage.json`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AccountStorage {
    global: Option<String>,
    regional: Option<String>,
    regions: Vec<String>,
}

/// `storage.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct StorageList {
    pub(crate) atlas_storage: HashMap<String, AccountStorage>,
}

/// What a request says about the cluster it wants. Empty texts are none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) location: Option<&'a str>,
    pub(crate) account_id: Option<&'a str>,
    pub(crate) dataset: Option<&'a str>,
    pub(crate) deployment: Option<&'a str>,
    pub(crate) environment: Option<&'a str>,
}

impl Backend {
    /// Every region with every environment, environments in the outer loop as the reference does.
    fn places(&self) -> impl Iterator<Item = (Option<&str>, Option<&str>)> {
        fn each(names: &Option<Vec<String>>) -> Vec<Option<&str>> {
            match names {
                Some(names) => names.iter().map(|name| Some(name.as_str())).collect(),
                None => vec![None],
            }
        }
        let regions = each(&self.regions);
        each(&self.environments)
            .into_iter()
            .flat_map(move |environment| {
                let regions = regions.clone();
                regions.into_iter().map(move |region| (region, environment))
            })
    }

    /// `text` with its placeholders filled in; those without a value stay.
    fn filled(&self, text: &str, region: Option<&str>, environment: Option<&str>) -> String {
        let mut filled = text
            .replace("$(deployment)", &self.deployment)
            .replace("$(dataset)", &self.dataset);
        if let Some(region) = region {
            filled = filled.replace("$(region)", region);
        }
        if let Some(environment) = environment {
            filled = filled.replace("$(env)", environment);
        }
        filled
    }

    /// Every location it is named by.
    fn targets(&self) -> impl Iterator<Item = String> {
        self.places()
            .map(|(region, environment)| self.filled(&self.target, region, environment))
    }

    fn at_location(&self, location: &str) -> Option<String> {
        self.places()
            .find(|(region, environment)| {
                self.filled(&self.target, *region, *environment) == location
            })
            .map(|(region, environment)| self.filled(&self.cname, region, environment))
    }

    fn matching(&self, wanted: &Wanted<'_>) -> Option<String> {
        let among = |names: &Option<Vec<String>>, wanted: Option<&str>| match names {
            Some(names) => wanted.is_some_and(|wanted| names.iter().any(|name| name == wanted)),
            None => true,
        };
        let fits = wanted.deployment == Some(&self.deployment)
            && wanted.dataset == Some(&self.dataset)
            && among(&self.regions, wanted.location)
            && among(&self.environments, wanted.environment);
        fits.then(|| self.filled(&self.cname, wanted.location, wanted.environment))
    }
}

/// Every location of every backend, once each.
pub(crate) fn locations(backends: &[Backend]) -> Vec<String> {
    let distinct: IndexSet<_> = backends.iter().flat_map(Backend::targets).collect();
    distinct.into_iter().collect()
}

/// The base URL of the cluster that holds what is wanted: one whose target is the location, else the
/// account's own, else the first that matches deployment, dataset, region and environment.
pub(crate) fn cluster(
    backends: &[Backend],
    storage: &HashMap<String, AccountStorage>,
    wanted: &Wanted<'_>,
) -> Option<String> {
    let by_location = || {
        let location = wanted.location?;
        backends
            .iter()
            .find_map(|backend| backend.at_location(location))
    };
    let by_account = || {
        let account = storage.get(wanted.account_id?)?;
        if wanted.dataset == Some("global") {
            return account.global.clone();
        }
        let region = wanted.location?;
        account
            .regions
            .iter()
            .any(|known| known == region)
            .then(|| Some(account.regional.as_ref()?.replace("$(region)", region)))
            .flatten()
    };
    let by_properties = || backends.iter().find_map(|backend| backend.matching(wanted));
    by_location()
        .or_else(by_account)
        .or_else(by_properties)
        .map(|host| format!("https://{host}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn backend(value: Value) -> Backend {
        serde_json::from_value(value).unwrap()
    }

    const ANYWHERE: Wanted<'_> = Wanted {
        location: None,
        account_id: None,
        dataset: None,
        deployment: None,
        environment: None,
    };

    fn at(backends: &[Backend], location: &str) -> Option<String> {
        let wanted = Wanted {
            location: Some(location),
            ..ANYWHERE
        };
        cluster(backends, &HashMap::new(), &wanted)
    }

    /// The cases of the reference's own test.
    #[test]
    fn locations_are_the_targets_of_all_places() {
        let both = backend(json!({
            "target": "$(env).$(region).$(dataset)", "dataset": "d",
            "environments": ["e1", "e2"], "regions": ["r1", "r2"], "step": "PT1M"
        }));
        assert_eq!(
            locations(&[both.clone(), both]),
            ["e1.r1.d", "e1.r2.d", "e2.r1.d", "e2.r2.d"]
        );
    }

    #[test]
    fn a_cluster_is_found_by_the_location_it_is_the_target_of() {
        let regional = backend(json!({
            "cname": "atlas.$(region)-$(dataset).example.com", "target": "$(region).$(dataset)",
            "dataset": "myDataset", "environments": null, "regions": ["regionOne", "regionTwo"]
        }));
        let global = backend(json!({
            "cname": "atlas-global.$(env).example.com", "target": "$(env).global",
            "dataset": "global", "environments": ["test", "prod"], "regions": null
        }));
        let both = backend(json!({
            "cname": "$(deployment)-$(env).$(region)", "target": "$(region).$(env)",
            "deployment": "main", "environments": ["test", "prod"], "regions": ["eu"]
        }));
        let neither = backend(
            json!({"cname": "one.example.com", "target": "one.$(dataset)", "dataset": "x"}),
        );
        let all = [regional, global, both, neither];
        for (location, wanted) in [
            (
                "regionOne.myDataset",
                Some("https://atlas.regionOne-myDataset.example.com"),
            ),
            ("regionThree.myDataset", None),
            ("prod.global", Some("https://atlas-global.prod.example.com")),
            ("eu.test", Some("https://main-test.eu")),
            ("one.x", Some("https://one.example.com")),
            ("one", None),
        ] {
            assert_eq!(at(&all, location).as_deref(), wanted, "{location}");
        }
    }

    #[test]
    fn accounts_come_before_properties_and_properties_must_all_fit() {
        let backends = [backend(json!({
            "cname": "$(region).$(dataset)", "target": "t", "deployment": "main",
            "dataset": "regional", "regions": ["r1"], "environments": ["test"]
        }))];
        let storage = StorageList {
            atlas_storage: serde_json::from_value(json!({
                "1": {"global": "g", "regional": "own-$(region)", "regions": ["r1"]}
            }))
            .unwrap(),
        }
        .atlas_storage;
        let wanted = Wanted {
            location: Some("r1"),
            account_id: Some("1"),
            dataset: Some("regional"),
            deployment: Some("main"),
            environment: Some("test"),
        };
        let found = |wanted| cluster(&backends, &storage, &wanted);
        assert_eq!(found(wanted).as_deref(), Some("https://own-r1"));
        let global = Wanted {
            dataset: Some("global"),
            ..wanted
        };
        assert_eq!(found(global).as_deref(), Some("https://g"));
        let stranger = Wanted {
            account_id: Some("2"),
            ..wanted
        };
        assert_eq!(found(stranger).as_deref(), Some("https://r1.regional"));
        for lacking in [
            Wanted {
                deployment: None,
                ..stranger
            },
            Wanted {
                dataset: None,
                ..stranger
            },
            Wanted {
                environment: Some("prod"),
                ..stranger
            },
            Wanted {
                location: Some("r2"),
                ..stranger
            },
        ] {
            assert_eq!(found(lacking), None, "{lacking:?}");
        }
    }
}
