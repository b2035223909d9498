//! The recorded scenarios as they lie in `testdata/http`.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::LazyLock,
};

use anyhow::Context;
use regex::{Captures, Regex};
use serde::Deserialize;
use serde_json::Value;

/// A recorded scenario.
#[derive(Clone, Debug, Deserialize)]
pub struct Transcript {
    /// Its name, unique in the folder.
    pub scenario: String,
    /// What is asked, in order, and what the reference answered.
    pub steps: Vec<Step>,
}

/// One request with the recorded answer.
#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    /// Unique in the scenario.
    pub name: String,
    /// What is asked.
    pub request: RecordedRequest,
    /// Variables for later steps: name to dotted path into the answer's body.
    #[serde(default)]
    pub save: BTreeMap<String, String>,
    /// Repeat the request until this holds.
    pub until: Option<Until>,
    /// What is compared: `status`, `type`, `body`, `header:NAME`.
    #[serde(default = "default_compare")]
    pub compare: Vec<String>,
    /// Dotted paths of the body that are not compared; `*` stands for one key or index.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// What the reference answered.
    pub response: RecordedResponse,
}

fn default_compare() -> Vec<String> {
    ["status", "type", "body"].map(str::to_owned).to_vec()
}

/// A request; every text may contain `{{variable}}`.
#[derive(Clone, Debug, Deserialize)]
pub struct RecordedRequest {
    /// HTTP method.
    #[serde(default = "default_method")]
    pub method: String,
    /// Path under the base URL.
    pub path: String,
    /// Query parameters.
    #[serde(default)]
    pub query: serde_json::Map<String, Value>,
    /// Headers over the defaults.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// JSON body.
    #[serde(default, deserialize_with = "present")]
    pub body: Option<Value>,
    /// Body as text, for what is no JSON.
    pub raw: Option<String>,
}

/// Tells `"body": null` (a body of four bytes) from no body.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn default_method() -> String {
    "GET".to_owned()
}

/// When a repeated request is answered as wished.
#[derive(Clone, Debug, Deserialize)]
pub struct Until {
    /// Dotted path into the body.
    pub path: String,
    /// The value that must be there.
    pub equals: Value,
    /// How long to wait, in seconds.
    #[serde(default = "default_timeout")]
    pub timeout_s: f64,
    /// Pause between requests, in seconds.
    #[serde(default = "default_pause")]
    pub every_s: f64,
}

fn default_timeout() -> f64 {
    60.0
}

fn default_pause() -> f64 {
    0.1
}

/// The recorded, normalised answer.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct RecordedResponse {
    /// HTTP status.
    #[serde(default)]
    pub status: Option<u16>,
    /// Content type without parameters, empty when absent.
    #[serde(default, rename = "type")]
    pub content_type: Option<String>,
    /// Parsed JSON, or the text as a string when it is none; `null` when empty.
    #[serde(default)]
    pub body: Value,
    /// Compared headers; `<absent>` for one that was not sent.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

impl Transcript {
    /// Reads one transcript.
    ///
    /// # Errors
    /// When the file cannot be read or is no transcript.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read transcript {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no transcript", path.display()))
    }

    /// The steps whose names begin with `prefix`, with the ids of their answers numbered anew.
    #[must_use]
    pub fn only(&self, prefix: &str) -> Self {
        let mut steps: Vec<Step> = self
            .steps
            .iter()
            .filter(|step| step.name.starts_with(prefix))
            .cloned()
            .collect();
        let mut ids = Renumbering::default();
        for step in &mut steps {
            ids.value(&mut step.response.body);
        }
        Self {
            scenario: self.scenario.clone(),
            steps,
        }
    }

    /// Reads every transcript of a folder, in name order.
    ///
    /// # Errors
    /// When the folder or one of its files cannot be read.
    pub fn read_all(folder: &Path) -> anyhow::Result<Vec<Self>> {
        let mut paths = std::fs::read_dir(folder)
            .with_context(|| format!("cannot list {}", folder.display()))?
            .map(|entry| entry.map(|e| e.path()))
            .collect::<Result<Vec<_>, _>>()?;
        paths.retain(|p| p.extension().is_some_and(|e| e == "json"));
        paths.sort();
        paths.iter().map(|p| Self::read(p)).collect()
    }
}

/// The placeholder of an id.
static ID: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"<(uuid|ulid)#(\d+)>").expect("a constant pattern compiles"));

/// Numbers the placeholders of ids by first appearance, each kind for itself.
#[derive(Debug, Default)]
struct Renumbering(HashMap<String, HashMap<String, usize>>);

impl Renumbering {
    fn value(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                // Keys may hold ids too, and come before their values.
                *fields = std::mem::take(fields)
                    .into_iter()
                    .map(|(key, mut value)| {
                        let key = self.text(&key);
                        self.value(&mut value);
                        (key, value)
                    })
                    .collect();
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::String(text) => *text = self.text(text),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) -> String {
        ID.replace_all(text, |found: &Captures<'_>| {
            let known = self.0.entry(found[1].to_owned()).or_default();
            let next = known.len() + 1;
            let number = known.entry(found[2].to_owned()).or_insert(next);
            format!("<{}#{number}>", &found[1])
        })
        .into_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn some_steps_of_a_transcript_count_their_ids_from_one() {
        let step = |name: &str, body: Value| json!({"name": name, "request": {"path": "/"}, "response": {"body": body}});
        let whole: Transcript = serde_json::from_value(json!({"scenario": "s", "steps": [
            step("a: one", json!("<uuid#1>")),
            step("b: one", json!({"x": "<uuid#7> <ulid#2>", "y": ["<uuid#3>", "<uuid#7>"]})),
            step("b: two", json!("<uuid#3>")),
        ]}))
        .unwrap();
        let bodies: Vec<Value> = whole
            .only("b: ")
            .steps
            .into_iter()
            .map(|s| s.response.body)
            .collect();
        assert_eq!(
            bodies,
            [
                json!({"x": "<uuid#1> <ulid#1>", "y": ["<uuid#2>", "<uuid#1>"]}),
                json!("<uuid#2>")
            ]
        );
    }
}
