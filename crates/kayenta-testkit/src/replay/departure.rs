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
    /// Path of each difference, and our value there: JSON, [`Departure::NOTHING`] where we send
    /// nothing, [`Departure::ANY`] where the value differs from run to run.
    pub differs: BTreeMap<String, Value>,
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
        for departure in own {
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
