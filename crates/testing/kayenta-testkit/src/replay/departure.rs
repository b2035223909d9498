//! The steps that differ from the recording on purpose.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

use super::difference::Difference;

/// A step that differs on purpose, in exactly these parts and with exactly these values.
#[derive(Clone, Debug, Deserialize)]
pub struct Departure {
    /// The entry of `docs/compatibility.md` that explains it.
    pub id: String,
    /// The transcript.
    pub scenario: String,
    /// The step in it.
    pub step: String,
    /// Why, in a sentence.
    pub why: String,
    /// Path of each difference, and this service's value: JSON, [`Departure::NOTHING`] if it sends
    /// nothing, [`Departure::ANY`] where the value differs from run to run.
    pub differs: BTreeMap<String, Value>,
    /// Whether it is no complaint when a difference does not happen.
    #[serde(default)]
    pub optional: bool,
}

impl Departure {
    /// Stands for an absent part.
    pub const NOTHING: &str = "<nothing>";
    /// Stands for any value.
    pub const ANY: &str = "<any>";

    fn allows(&self, difference: &Difference) -> bool {
        match (self.differs.get(&difference.path), &difference.got) {
            (None, _) => false,
            (Some(Value::String(text)), _) if text == Self::ANY => true,
            (Some(Value::String(text)), None) => text == Self::NOTHING,
            (Some(_), None) => false,
            (Some(ours), Some(got)) => ours == got,
        }
    }
}

/// Every departure of one set-up.
#[derive(Clone, Debug, Default)]
pub struct Departures(Vec<Departure>);

impl Departures {
    /// Reads a JSON list of departures.
    ///
    /// # Errors
    /// When the file cannot be read or is no such list.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read departures {}", path.display()))?;
        let list = serde_json::from_str(&text)
            .with_context(|| format!("{} is no list of departures", path.display()))?;
        Ok(Self(list))
    }

    /// What this service's errors contain in addition to the reference's, in every transcript: the
    /// accounts there are (C-API-18), and of a failed fetch what was asked of whom how often
    /// (C-ENG-18).
    #[must_use]
    pub fn of_fuller_errors(transcripts: &[super::Transcript]) -> Self {
        let fuller = |id: &str, scenario: &str, step: &str, paths: &[&str]| Departure {
            id: id.to_owned(),
            scenario: scenario.to_owned(),
            step: step.to_owned(),
            why: "an error says more".to_owned(),
            differs: paths
                .iter()
                .map(|path| ((*path).to_owned(), Value::from(Departure::ANY)))
                .collect(),
            optional: true,
        };
        let mut all = Vec::new();
        for transcript in transcripts {
            for step in &transcript.steps {
                let (scenario, name) = (&transcript.scenario, &step.name);
                let body = &step.response.body;
                if body["exception"].is_object() {
                    let paths = [
                        "body.exception.details.errors",
                        "body.exception.details.metric",
                        "body.exception.details.metricsAccountName",
                        "body.exception.details.query",
                        "body.exception.details.attempts",
                    ];
                    all.push(fuller("C-ENG-18", scenario, name, &paths));
                }
                let message = body["message"].as_str().unwrap_or_default();
                if message.starts_with("Unable to resolve account ") {
                    all.push(fuller("C-API-18", scenario, name, &["body.knownAccounts"]));
                }
            }
        }
        Self(all)
    }

    /// These and others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Departures that name no step of these transcripts: left over from a renamed or removed one.
    pub fn strangers<'a>(
        &'a self,
        transcripts: &'a [super::Transcript],
    ) -> impl Iterator<Item = &'a Departure> + 'a {
        self.0.iter().filter(move |departure| {
            !transcripts.iter().any(|t| {
                t.scenario == departure.scenario && t.steps.iter().any(|s| s.name == departure.step)
            })
        })
    }

    /// Whether a step answers with this status on purpose; then nothing further is waited for.
    pub(super) fn expects_status(&self, scenario: &str, step: &str, status: u16) -> bool {
        self.0.iter().any(|d| {
            d.scenario == scenario
                && d.step == step
                && d.differs.get("status") == Some(&Value::from(status))
        })
    }

    /// What is left of a step's differences once its departures are taken out, with one complaint for
    /// each departure that did not happen.
    pub(super) fn judge(
        &self,
        scenario: &str,
        step: &str,
        differences: &[Difference],
    ) -> Vec<String> {
        let own: Vec<&Departure> = self
            .0
            .iter()
            .filter(|d| d.scenario == scenario && d.step == step)
            .collect();
        let mut complaints: Vec<String> = differences
            .iter()
            .filter(|difference| !own.iter().any(|d| d.allows(difference)))
            .map(ToString::to_string)
            .collect();
        for departure in own.into_iter().filter(|departure| !departure.optional) {
            for path in departure.differs.keys() {
                if !differences.iter().any(|d| &d.path == path) {
                    complaints.push(format!(
                        "{path}: departure {} is listed but the answer is the reference's",
                        departure.id
                    ));
                }
            }
        }
        complaints
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn departures() -> Departures {
        Departures(vec![Departure {
            id: "C-X-01".into(),
            scenario: "s".into(),
            step: "one".into(),
            why: "because".into(),
            differs: [
                ("status".to_owned(), json!(200)),
                ("body.gone".to_owned(), json!(Departure::NOTHING)),
            ]
            .into(),
            optional: false,
        }])
    }

    fn difference(path: &str, got: Option<Value>) -> Difference {
        Difference {
            path: path.into(),
            want: Some(json!(500)),
            got,
        }
    }

    #[test]
    fn exactly_the_named_paths_and_values_are_allowed() {
        let both = [
            difference("status", Some(json!(200))),
            difference("body.gone", None),
        ];
        assert!(departures().judge("s", "one", &both).is_empty());
        assert_eq!(departures().judge("s", "two", &both).len(), 2);
    }

    #[test]
    fn another_value_another_path_or_no_difference_at_all_is_a_complaint() {
        let other_value = [
            difference("status", Some(json!(201))),
            difference("body.gone", None),
        ];
        assert_eq!(departures().judge("s", "one", &other_value).len(), 1);
        let half = [difference("status", Some(json!(200)))];
        let complaints = departures().judge("s", "one", &half);
        assert_eq!(complaints.len(), 1);
        assert!(complaints[0].contains("C-X-01"), "{complaints:?}");
    }
}
