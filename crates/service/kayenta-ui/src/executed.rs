//! The config of an execution, for another one.

use kayenta_metrics::template::unescape;
use kayenta_model::{CanaryConfig, QueryConfig};
use kayenta_report::encoded;

use crate::{actions::Subject, state::PageState};

/// An execution whose config is used again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Executed {
    pub(crate) subject: Subject,
    pub(crate) id: String,
}

impl Executed {
    /// Reads `runs/ID` or `analyses/ID`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (segment, id) = text.split_once('/')?;
        let subject = Subject::of_segment(segment)?;
        (!id.is_empty()).then(|| Self {
            subject,
            id: id.to_owned(),
        })
    }

    /// As [`read`](Self::read) reads it.
    pub(crate) fn text(&self) -> String {
        format!("{}/{}", self.subject.segment(), self.id)
    }

    /// What it is called.
    pub(crate) fn title(&self) -> String {
        let kind = match self.subject {
            Subject::Run => "run",
            Subject::Analysis => "analysis",
        };
        format!("as {kind} {} had it", self.id)
    }

    /// Its path in the API, and the field of the answer that has the config, as `jq` names it.
    pub(crate) fn in_api(&self, storage_account: Option<&str>) -> (String, &'static str) {
        let (path, field) = match self.subject {
            Subject::Run => ("canary", ".config"),
            Subject::Analysis => ("standalone_canary_analysis", ".canaryConfig"),
        };
        let account = storage_account
            .map(|name| format!("?storageAccountName={}", encoded(name)))
            .unwrap_or_default();
        (format!("/{path}/{}{account}", encoded(&self.id)), field)
    }
}

impl PageState {
    /// The config of an execution as it was written.
    ///
    /// # Errors
    /// Why it cannot be had, in a sentence.
    pub(crate) async fn executed_config(
        &self,
        executed: &Executed,
        storage_account: Option<&str>,
    ) -> Result<CanaryConfig, String> {
        let config = match executed.subject {
            Subject::Run => {
                let status = self.engine.canary_status(&executed.id, storage_account);
                status.await.map(|status| status.config)
            }
            Subject::Analysis => {
                let status = self.engine.analysis_status(&executed.id, storage_account);
                status.await.map(|status| status.canary_config)
            }
        };
        config
            .map_err(|error| error.to_string())?
            .map(as_written)
            .ok_or_else(|| format!("The record of {} has no config.", executed.id))
    }
}

/// A config of an execution as it was written: templates of executions are escaped.
pub(crate) fn as_written(mut config: CanaryConfig) -> CanaryConfig {
    for metric in config.metrics.iter_mut().flatten() {
        let query = metric.query.iter_mut();
        for template in query.flat_map(QueryConfig::inline_templates_mut) {
            *template = unescape(template);
        }
    }
    for (_, template) in config.templates.iter_mut().flatten() {
        *template = unescape(template);
    }
    config
}
