//! The JSON Schema of `kayenta.yml`, for editors: names, types, defaults and descriptions of every setting that is read.

use std::collections::BTreeMap;

use kayenta_accounts::AccountSection;
use kayenta_properties::{KnownProperty, PropertyKind};
use serde_json::{Map, Value, json};

use crate::{Environment, load::read};

/// The section whose unknown names are mistakes. Others may hold settings of the Java service that mean nothing here.
const OWN: &str = "kayenta";
/// Sections whose names people choose.
const CHOSEN: [&str; 1] = ["kayenta.sql.connectionpools"];
/// What stands for a placeholder in patterns.
const PLACEHOLDER: &str = "\\$\\{";

/// The schema of 2020-12 of a configuration file: every name that the settings and the accounts of these kinds read, with
/// its type and default. `describe` says what a name means; an element of a list is `[]`. Below `kayenta` a name that
/// nothing reads is a mistake, as `check-config` has it.
#[must_use]
pub fn configuration_schema<S: AccountSection>(
    table: &[S],
    describe: impl Fn(&str) -> Option<String>,
) -> Value {
    let reading = read(&Environment::empty("/nonexistent"), table);
    let mut root = Node::default();
    for property in &reading.known {
        root.place(&property.name).property = Some(property.clone());
    }
    for pattern in reading.accepted {
        root.accept(&pattern);
    }
    let mut schema = root.schema("", &describe);
    let mut head = Map::new();
    head.insert(
        "$schema".to_owned(),
        json!("https://json-schema.org/draft/2020-12/schema"),
    );
    head.insert("title".to_owned(), json!("kayenta.yml"));
    if let Value::Object(schema) = &mut schema {
        head.append(schema);
    }
    Value::Object(head)
}

/// A name with what is below it.
#[derive(Debug, Default)]
struct Node {
    property: Option<KnownProperty>,
    children: BTreeMap<String, Node>,
    element: Option<Box<Node>>,
    /// Whether everything below it is accepted.
    open: bool,
}

impl Node {
    /// The place of a name such as `kayenta.prometheus.accounts[0].name`.
    fn place(&mut self, name: &str) -> &mut Self {
        let mut node = self;
        for step in name.split('.') {
            let (key, is_element) = match step.split_once('[') {
                Some((key, _)) => (key, true),
                None => (step, false),
            };
            node = node.children.entry(key.to_owned()).or_default();
            if is_element {
                node = node.element.get_or_insert_default();
            }
        }
        node
    }

    /// Opens what a pattern such as `kayenta.prometheus.accounts[*].headers` names.
    fn accept(&mut self, pattern: &str) {
        let mut node = self;
        for step in pattern.split('.') {
            let (key, is_element) = match step.split_once('[') {
                Some((key, _)) => (key, true),
                None => (step, false),
            };
            let known = node.children.keys().find(|known| uniform(known) == key);
            let known = known.cloned().unwrap_or_else(|| key.to_owned());
            node = node.children.entry(known).or_default();
            if is_element {
                node = node.element.get_or_insert_default();
            }
        }
        node.open = true;
    }

    fn schema(&self, path: &str, describe: &impl Fn(&str) -> Option<String>) -> Value {
        let mut schema = Map::new();
        let described = describe(path);
        if let Some(element) = &self.element {
            let below = element.schema(&format!("{path}[]"), describe);
            // One text with commas is a list, too, where the elements are texts.
            let types = if element.children.is_empty() {
                json!(["array", "string", "number", "boolean", "null"])
            } else {
                json!(["array", "null"])
            };
            schema.insert("type".to_owned(), types);
            if let Some(text) = described {
                schema.insert("description".to_owned(), json!(text));
            }
            schema.insert("items".to_owned(), below);
            return Value::Object(schema);
        }
        if self.children.is_empty() {
            if let Some(property) = &self.property {
                schema = leaf(property);
            }
            let unit = self.property.as_ref().and_then(unit);
            let text = match (described, unit) {
                (Some(text), Some(unit)) => Some(format!("{text} {unit}")),
                (text, unit) => text.or_else(|| unit.map(str::to_owned)),
            };
            if let Some(text) = text {
                schema.insert("description".to_owned(), json!(text));
            }
            return Value::Object(schema);
        }
        if self.property.is_none() {
            schema.insert("type".to_owned(), json!(["object", "null"]));
        }
        if let Some(text) = described {
            schema.insert("description".to_owned(), json!(text));
        }
        let mut properties = Map::new();
        let mut spellings = Map::new();
        for (name, node) in &self.children {
            let below = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            properties.insert(name.clone(), node.schema(&below, describe));
            if let Some(pattern) = other_spellings(name) {
                spellings.insert(pattern, json!({"$ref": pointer(&below)}));
            }
        }
        schema.insert("properties".to_owned(), Value::Object(properties));
        if !spellings.is_empty() {
            schema.insert("patternProperties".to_owned(), Value::Object(spellings));
        }
        let is_own = path == OWN || path.starts_with("kayenta.");
        if is_own && !self.open && !CHOSEN.contains(&uniform(path).as_str()) {
            // A name with a dot or an index goes further down than this object.
            let patterns = schema
                .entry("patternProperties")
                .or_insert_with(|| json!({}));
            patterns["[.\\[]"] = json!(true);
            schema.insert("additionalProperties".to_owned(), json!(false));
        }
        Value::Object(schema)
    }
}

/// A name in lower case, without what spellings differ in.
fn uniform(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// A pattern of the spellings of a name but its own: `data-dir`, `data_dir`, `dataDir` and `datadir` are one.
fn other_spellings(name: &str) -> Option<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last_was_lower = false;
    for c in name.chars() {
        let begins = matches!(c, '-' | '_') || (c.is_uppercase() && last_was_lower);
        if begins || words.is_empty() {
            words.push(String::new());
        }
        if !matches!(c, '-' | '_') {
            words.last_mut()?.extend(c.to_lowercase());
        }
        last_was_lower = c.is_lowercase() || c.is_ascii_digit();
    }
    if words.len() < 2 {
        return None;
    }
    let mut camel = words[0].clone();
    for word in &words[1..] {
        let mut letters = word.chars();
        camel.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        camel.push_str(letters.as_str());
    }
    let mut spellings = vec![words.join("-"), words.join("_"), words.concat(), camel];
    spellings.retain(|spelling| spelling != name);
    spellings.dedup();
    Some(format!("^({})$", spellings.join("|")))
}

/// Where the schema of a name is within the whole.
fn pointer(path: &str) -> String {
    let mut pointer = "#".to_owned();
    for step in path.split('.') {
        let (key, is_element) = match step.strip_suffix("[]") {
            Some(key) => (key, true),
            None => (step, false),
        };
        pointer.push_str("/properties/");
        pointer.push_str(key);
        if is_element {
            pointer.push_str("/items");
        }
    }
    pointer
}

/// What a number without a unit counts.
fn unit(property: &KnownProperty) -> Option<&'static str> {
    match &property.kind {
        PropertyKind::Units("milliseconds") => Some("In milliseconds."),
        PropertyKind::Units("seconds") => Some("In seconds."),
        PropertyKind::Units("minutes") => Some("In minutes."),
        PropertyKind::Units(_) => Some("In days."),
        PropertyKind::Duration => {
            Some("A duration such as 500ms, 10s, 5m or 1h; a bare number is milliseconds.")
        }
        PropertyKind::Size => Some("A size such as 512B, 8KB or 10MB, or bytes."),
        _ => None,
    }
}

/// Type and default of a setting. Every value may be a placeholder, and one that is empty counts as none.
fn leaf(property: &KnownProperty) -> Map<String, Value> {
    let text = |pattern: &str| format!("{pattern}|{PLACEHOLDER}|^$");
    let number = |default: &str| default.parse::<f64>().ok().map(|_| default.to_owned());
    let mut schema = match &property.kind {
        PropertyKind::Text | PropertyKind::Secret => {
            json!({"type": ["string", "number", "boolean", "null"]})
        }
        PropertyKind::Url => json!({"type": ["string", "null"]}),
        PropertyKind::Boolean => json!({
            "type": ["boolean", "string", "null"],
            "pattern": text("^([Tt]rue|TRUE|[Ff]alse|FALSE|[Oo]n|ON|[Oo]ff|OFF|[Yy]es|YES|[Nn]o|NO|[01])$"),
        }),
        PropertyKind::Integer { least, most } => {
            let mut schema = json!({
                "type": ["integer", "string", "null"],
                "pattern": text("^ *[+-]?([0-9]+|0[xX][0-9a-fA-F]+|#[0-9a-fA-F]+) *$"),
            });
            // Larger bounds are those of the type in the program.
            for (name, bound) in [("minimum", least), ("maximum", most)] {
                if let Some(bound) = i64::try_from(*bound)
                    .ok()
                    .filter(|bound| bound.unsigned_abs() < 1 << 40)
                {
                    schema[name] = json!(bound);
                }
            }
            schema
        }
        PropertyKind::Number { least, most } => {
            let mut schema = json!({
                "type": ["number", "string", "null"],
                "pattern": text("^ *[+-]?[0-9.]+([eE][+-]?[0-9]+)?[dDfF]? *$"),
            });
            for (name, bound) in [("minimum", least), ("maximum", most)] {
                if bound.is_finite() && bound.abs() < 1e15 {
                    schema[name] = json!(bound);
                }
            }
            schema
        }
        PropertyKind::Units(_) | PropertyKind::Duration => json!({
            "type": ["integer", "string", "null"],
            "pattern": text("^ *[0-9]+ *([nNuUmM]?[sS]|[mMhHdD])? *$|^ *[pP]"),
        }),
        PropertyKind::Size => json!({
            "type": ["integer", "string", "null"],
            "pattern": text("^ *[0-9]+ *[kKmMgGtT]?[bB]? *$"),
        }),
        PropertyKind::Words(words) => {
            let patterns: Vec<String> = words.iter().map(|word| in_any_case(word)).collect();
            json!({
                "anyOf": [
                    {"enum": words},
                    {"type": ["string", "boolean", "null"], "pattern": text(&format!("^ *({}) *$", patterns.join("|")))},
                ],
            })
        }
    };
    if property.kind == PropertyKind::Secret {
        schema["writeOnly"] = json!(true);
    }
    if let Some(default) = property.default.as_ref().filter(|text| !text.is_empty()) {
        schema["default"] = match &property.kind {
            PropertyKind::Boolean => json!(default == "true"),
            PropertyKind::Integer { .. } | PropertyKind::Number { .. } | PropertyKind::Units(_) => {
                let number = number(default).and_then(|text| serde_json::from_str(&text).ok());
                number.unwrap_or_else(|| json!(default))
            }
            _ => json!(default),
        };
    }
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

/// A pattern of a word in which case and everything but letters and digits do not matter.
fn in_any_case(word: &str) -> String {
    let letters = word.chars().filter(|c| c.is_alphanumeric());
    let letters: Vec<String> = letters
        .map(|c| match c.is_alphabetic() {
            true => format!("[{}{}]", c.to_lowercase(), c.to_uppercase()),
            false => c.to_string(),
        })
        .collect();
    letters.join("[-_. ]?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NoAccounts;

    #[test]
    fn a_setting_has_type_default_and_description() {
        let schema = configuration_schema(NoAccounts::TABLE, |name| {
            (name == "kayenta.engine.workers").then(|| "Runs at a time.".to_owned())
        });
        let workers =
            &schema["properties"]["kayenta"]["properties"]["engine"]["properties"]["workers"];
        assert_eq!(workers["type"], json!(["integer", "string", "null"]));
        assert_eq!(
            (&workers["minimum"], &workers["default"]),
            (&json!(1), &json!(256))
        );
        assert_eq!(workers["description"], "Runs at a time.");
        let lease = &schema["properties"]["kayenta"]["properties"]["engine"]["properties"]["lease"];
        assert_eq!(lease["default"], "10s");
        let engine = &schema["properties"]["kayenta"]["properties"]["engine"];
        assert_eq!(engine["additionalProperties"], false);
        assert!(
            schema.get("additionalProperties").is_none(),
            "other names are the Java service's"
        );
    }

    #[test]
    fn every_spelling_of_a_name_is_that_name() {
        assert_eq!(
            other_spellings("dataDir").as_deref(),
            Some("^(data-dir|data_dir|datadir)$")
        );
        assert_eq!(
            other_spellings("max-body-size").as_deref(),
            Some("^(max_body_size|maxbodysize|maxBodySize)$")
        );
        assert_eq!(other_spellings("enabled"), None);
        assert_eq!(
            pointer("kayenta.disk.accounts[].path"),
            "#/properties/kayenta/properties/disk/properties/accounts/items/properties/path"
        );
    }
}
