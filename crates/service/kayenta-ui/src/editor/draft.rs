//! The config being edited: one JSON document, changed by its text and by the fields of the form.
//!
//! A form field is named by a letter for its kind and the JSON pointer of its value (`t/metrics/0/name`). The form also
//! carries the document as it was drawn, so a field counts only where the person changed it: whoever edits the text and the
//! form at once loses neither.

use kayenta_json::JsonError;
use serde_json::{Map, Number, Value, json};

use crate::visitor::Form;

/// The text area with the document.
pub(super) const TEXT_FIELD: &str = "json";
/// The document as it was drawn.
pub(super) const DRAWN_FIELD: &str = "drawn";

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text; an empty one is absent.
    Text,
    /// A list of texts, separated by commas.
    List,
    /// A list of texts, one per line.
    Lines,
    /// A number; an empty one is absent.
    Number,
    /// `true`, `false` or absent.
    Flag,
}

impl Kind {
    fn of(name: &str) -> Option<(Self, &str)> {
        let kind = match name.as_bytes() {
            [b't', b'/', ..] => Self::Text,
            [b'l', b'/', ..] => Self::List,
            [b'r', b'/', ..] => Self::Lines,
            [b'n', b'/', ..] => Self::Number,
            [b'f', b'/', ..] => Self::Flag,
            _ => return None,
        };
        Some((kind, &name[1..]))
    }

    fn letter(self) -> char {
        match self {
            Self::Text => 't',
            Self::List => 'l',
            Self::Lines => 'r',
            Self::Number => 'n',
            Self::Flag => 'f',
        }
    }

    /// The name of the field with a value.
    pub(super) fn name(self, pointer: &str) -> String {
        format!("{}{pointer}", self.letter())
    }

    /// A value as its field shows it.
    pub(super) fn shown(self, value: Option<&Value>) -> String {
        let plain = |value: &Value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let Some(value) = value else {
            return String::new();
        };
        match (self, value) {
            (Self::Number, Value::Number(weight)) => {
                let whole = weight.as_f64().and_then(number);
                whole.map_or_else(|| weight.to_string(), |whole| whole.to_string())
            }
            (Self::List | Self::Lines, Value::Array(items)) => {
                let items: Vec<String> = items.iter().map(plain).collect();
                items.join(if self == Self::List { ", " } else { "\n" })
            }
            _ => plain(value),
        }
    }

    /// What a person has written; `None` takes the value away.
    fn read(self, text: &str) -> Option<Value> {
        if text.trim().is_empty() {
            return None;
        }
        Some(match self {
            Self::Text => json!(text),
            Self::List => json!(pieces(text, ',')),
            Self::Lines => json!(pieces(text, '\n')),
            Self::Flag => match text {
                "true" => json!(true),
                "false" => json!(false),
                other => json!(other),
            },
            // What is no number stays as it was written, and is reported as a problem.
            Self::Number => text
                .trim()
                .parse()
                .ok()
                .and_then(number)
                .unwrap_or(json!(text)),
        })
    }
}

fn pieces(text: &str, separator: char) -> Vec<&str> {
    let pieces = text.split(separator).map(str::trim);
    pieces.filter(|piece| !piece.is_empty()).collect()
}

/// A number, whole where it is.
fn number(value: f64) -> Option<Value> {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        let whole = value as i64;
        return Some(json!(whole));
    }
    Number::from_f64(value).map(Value::Number)
}

/// The document.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    /// As it stands in the text area.
    pub(super) text: String,
    /// What it says; `Err` with the mistake while the text is not a JSON object.
    pub(super) config: Result<Value, String>,
    /// What the form shows: the document, or the last one that could be read.
    pub(super) drawn: Value,
}

impl Draft {
    /// A document to begin with.
    pub(super) fn new(config: Value) -> Self {
        Self {
            text: pretty(&config),
            config: Ok(config.clone()),
            drawn: config,
        }
    }

    /// The document of a form that was sent.
    pub(super) fn sent(form: &Form) -> Self {
        let field = |name: &str| form.get(name).unwrap_or_default().replace("\r\n", "\n");
        let drawn = parsed(&field(DRAWN_FIELD)).unwrap_or(json!({}));
        let text = field(TEXT_FIELD);
        let written = if text.trim().is_empty() {
            Ok(drawn.clone())
        } else {
            parsed(&text)
        };
        let mut config = match written {
            Ok(config) => config,
            Err(mistake) => {
                return Self {
                    text,
                    config: Err(mistake),
                    drawn,
                };
            }
        };
        let mut changed = text.trim().is_empty();
        for (name, sent) in form.fields() {
            let Some((kind, pointer)) = Kind::of(name) else {
                continue;
            };
            let sent = sent.replace("\r\n", "\n");
            if sent != kind.shown(drawn.pointer(pointer)) {
                changed = true;
                set(&mut config, pointer, kind.read(&sent));
            }
        }
        if changed {
            return Self::new(config);
        }
        Self {
            text,
            config: Ok(config.clone()),
            drawn: config,
        }
    }

    /// The document after a change of its structure.
    pub(super) fn changed(self, change: impl FnOnce(&mut Value)) -> Self {
        match self.config {
            Ok(mut config) => {
                change(&mut config);
                Self::new(config)
            }
            Err(_) => self,
        }
    }
}

pub(super) fn pretty(config: &Value) -> String {
    serde_json::to_string_pretty(config).unwrap_or_default()
}

fn parsed(text: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| format!("This is not JSON: {}", JsonError::from(error)))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err("A config is a JSON object, {…}.".to_owned())
    }
}

/// Steps of a pointer.
const DEEPEST: usize = 12;

/// Sections that go with their last setting.
const SECTIONS: [&str; 3] = ["effectSize", "outliers", "staticLimit"];

/// Sets what a pointer leads to, or takes it away. Objects on the way are made; lists have to be there.
pub(super) fn set(config: &mut Value, pointer: &str, value: Option<Value>) {
    // No field of a config lies deeper, and a document without end is none.
    if pointer.matches('/').count() > DEEPEST {
        return;
    }
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        return;
    };
    let token = |token: &str| token.replace("~1", "/").replace("~0", "~");
    let mut place = &mut *config;
    for part in parent.split('/').skip(1) {
        let part = token(part);
        if place.is_null() {
            if value.is_none() {
                return;
            }
            *place = Value::Object(Map::new());
        }
        let next = match place {
            Value::Object(map) => Some(map.entry(part).or_insert(Value::Null)),
            Value::Array(items) => part.parse().ok().and_then(|at: usize| items.get_mut(at)),
            _ => None,
        };
        match next {
            Some(next) => place = next,
            None => return,
        }
    }
    if place.is_null() && value.is_some() {
        *place = Value::Object(Map::new());
    }
    let Value::Object(map) = place else { return };
    match value {
        Some(value) => {
            map.insert(token(name), value);
        }
        None => {
            map.shift_remove(&token(name));
            let is_empty = map.is_empty();
            let section = parent.rsplit('/').next().unwrap_or_default();
            if is_empty && SECTIONS.contains(&section) {
                set(config, parent, None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(drawn: &Value, text: Option<&str>, fields: &[(&str, &str)]) -> Draft {
        let drawn_text = pretty(drawn);
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair(DRAWN_FIELD, &drawn_text);
        body.append_pair(TEXT_FIELD, text.unwrap_or(&drawn_text));
        body.extend_pairs(fields);
        Draft::sent(&Form::read(body.finish().as_bytes()))
    }

    fn config() -> Value {
        json!({"name": "a", "metrics": [{"name": "m", "groups": ["x", "y"],
            "analysisConfigurations": {"canary": {"effectSize": {"allowedIncrease": 1.1}}}}]})
    }

    #[test]
    fn a_field_that_nobody_changed_changes_nothing() {
        let fields = [
            ("t/name", "a"),
            ("l/metrics/0/groups", "x, y"),
            ("t/description", ""),
        ];
        assert_eq!(sent(&config(), None, &fields), Draft::new(config()));
    }

    #[test]
    fn what_is_changed_in_the_form_and_in_the_text_is_both_kept() {
        let mut written = config();
        written["description"] = json!("by text");
        let draft = sent(
            &config(),
            Some(&pretty(&written)),
            &[
                ("t/name", "b"),
                ("l/metrics/0/groups", "x , z"),
                (
                    "n/metrics/0/analysisConfigurations/canary/outliers/outlierFactor",
                    "2.5",
                ),
                ("f/metrics/0/analysisConfigurations/canary/critical", "true"),
                ("n/classifier/groupWeights/a~1b", "60"),
            ],
        );
        let found = draft.config.unwrap();
        assert_eq!(found["name"], "b");
        assert_eq!(found["description"], "by text");
        assert_eq!(found["metrics"][0]["groups"], json!(["x", "z"]));
        let canary = &found["metrics"][0]["analysisConfigurations"]["canary"];
        assert_eq!(canary["outliers"]["outlierFactor"], json!(2.5));
        assert_eq!(canary["critical"], json!(true));
        assert_eq!(found["classifier"]["groupWeights"]["a/b"], json!(60));
    }

    #[test]
    fn an_emptied_field_is_taken_away_and_so_is_a_section_left_empty() {
        let pointer = "n/metrics/0/analysisConfigurations/canary/effectSize/allowedIncrease";
        let found = sent(&config(), None, &[(pointer, "")]).config.unwrap();
        assert_eq!(
            found["metrics"][0]["analysisConfigurations"],
            json!({"canary": {}})
        );
    }

    #[test]
    fn text_that_is_no_json_is_kept_with_its_mistake() {
        let draft = sent(&config(), Some("{\"name\": "), &[("t/name", "b")]);
        assert_eq!(draft.text, "{\"name\": ");
        assert!(draft.config.unwrap_err().starts_with("This is not JSON"));
        assert_eq!(draft.drawn, config());
        assert!(sent(&config(), Some("[]"), &[]).config.is_err());
    }

    #[test]
    fn pointers_that_lead_nowhere_change_nothing() {
        let fields = [
            ("t/metrics/7/name", "x"),
            ("t/name/deeper", "x"),
            ("t/metrics/x/y", "z"),
            ("q/name", "x"),
        ];
        assert_eq!(sent(&config(), None, &fields).config.unwrap(), config());
        let deep = format!("t{}", "/a".repeat(100_000));
        assert_eq!(
            sent(&config(), None, &[(&deep, "x")]).config.unwrap(),
            config()
        );
    }
}
