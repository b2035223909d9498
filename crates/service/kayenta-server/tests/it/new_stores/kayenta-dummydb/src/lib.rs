//! A metric store whose series are always empty.

use std::error::Error;

use async_trait::async_trait;
use kayenta_accounts::{AccountKind, AccountSettings, Section, name, supported_types};
use kayenta_metrics::{
    FetchArguments, FetchError, FetchInput, FetchParameter, FetchRoute, Metadata, MetricQuery,
    MetricsStore, StoreDescription,
    account::{MetricsAccount, StoreSection, Surroundings, any_store},
};
use kayenta_model::{
    CanaryScope, JsonMap, MetricSet, QueryConfig, query::DummyDbQuery,
};

/// The facts about the store.
pub static DESCRIPTION: StoreDescription = StoreDescription {
    fetch_route: Some(&FETCH),
    log_target: env!("CARGO_CRATE_NAME"),
    java_loggers: &["com.netflix.kayenta.dummydb"],
    ..StoreDescription::new("dummydb", "DummyDbCanaryScope")
};

/// The store in the table of stores.
pub static SECTION: StoreSection = StoreSection {
    description: &DESCRIPTION,
    kind: &AccountKind::new("dummydb", "DummyDb"),
    read: |section| any_store(read(section)),
};

static FETCH: FetchRoute = FetchRoute {
    summary: "Run a query of the dummy",
    description: None,
    operation_id: "queryDummyDb",
    controller: "DummyDbFetchController",
    parameters: &[
        FetchParameter::METRIC_SET_NAME,
        FetchParameter::required("metricName", "Name of the time series."),
        FetchParameter::DRY_RUN,
    ],
    input: FetchInput::Parameters(query),
};

fn query(arguments: &FetchArguments) -> Result<(QueryConfig, CanaryScope), String> {
    let query = DummyDbQuery {
        metric_name: arguments.text("metricName"),
        ..DummyDbQuery::default()
    };
    Ok((QueryConfig::DummyDb(query), CanaryScope::default()))
}

fn read(section: &Section<'_>) -> Vec<AccountSettings<DummyDb>> {
    section.accounts(|group| {
        // The URL is read as a text, to be shown as configured.
        let account = DummyDb {
            host: group.base_url("endpoint.baseUrl")?.to_string(),
        };
        let types = supported_types(group, &[]);
        Some(AccountSettings::new(name(group)?, types, account))
    })
}

#[derive(Clone, Debug)]
struct DummyDb {
    host: String,
}

impl MetricsAccount for DummyDb {
    fn shown(&self) -> JsonMap {
        JsonMap::from_iter([("host".to_owned(), self.host.clone().into())])
    }

    fn open(
        &self,
        _: &Surroundings,
    ) -> Result<Box<dyn MetricsStore>, Box<dyn Error + Send + Sync>> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl MetricsStore for DummyDb {
    fn description(&self) -> &'static StoreDescription {
        &DESCRIPTION
    }

    fn query_text(&self, query: &MetricQuery<'_>) -> Result<String, FetchError> {
        Ok(query.metric.name().to_owned())
    }

    async fn fetch(&self, _: &MetricQuery<'_>) -> Result<Vec<MetricSet>, FetchError> {
        Ok(Vec::new())
    }

    async fn metadata(&self, _: &str) -> Result<Metadata, FetchError> {
        Ok(Metadata::default())
    }

    async fn check(&self) -> Result<(), FetchError> {
        Ok(())
    }
}
