//! Mistakes in JSON, in the words of the person who wrote it: lists, objects and fields, not the
//! sequences, maps, structs and variants of the program that reads it; and what JSON takes once it is read.
//!
//! ```
//! let error = serde_json::from_str::<Vec<String>>("{}").unwrap_err();
//! assert_eq!(error.to_string(), "invalid type: map, expected a sequence at line 1 column 0");
//! assert_eq!(
//!     kayenta_json::JsonError::from(error).to_string(),
//!     "expected a list, found an object at line 1 column 0"
//! );
//! ```

mod size;
mod words;

use std::{error::Error, fmt};

pub use size::{parsed_element_size, parsed_size};

use words::plain;

/// JSON that cannot be read. Unlike [`serde_json::Error`] it prints no word of the reading program, and
/// has no source that would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    field: Option<String>,
    message: String,
    line: usize,
    column: usize,
}

impl JsonError {
    /// Where the mistake is below the place at which the reader knew the path: the `field` of
    /// [`in_field`].
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// The mistake with line and column, without [`field`](Self::field).
    #[must_use]
    pub fn mistake(&self) -> String {
        if self.line == 0 {
            return self.message.clone();
        }
        format!(
            "{} at line {} column {}",
            self.message, self.line, self.column
        )
    }
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&serde_json::Error> for JsonError {
    fn from(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let text = text
            .strip_suffix(&format!(" at line {line} column {column}"))
            .unwrap_or(&text);
        let (field, text) = match split_field(text) {
            Some((field, text)) => (Some(field.to_owned()), text),
            None => (None, text),
        };
        Self {
            field,
            message: plain(text),
            line,
            column,
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = &self.field {
            write!(f, "in '{field}': ")?;
        }
        f.write_str(&self.mistake())
    }
}

impl Error for JsonError {}

/// The message of a mistake in a field below the value that is being read. A reader that parses a value
/// on its own, and so is out of sight of the code that tracks the path, passes this on as its message.
#[must_use]
pub fn in_field(field: &str, mistake: impl fmt::Display) -> String {
    format!("in '{field}': {mistake}")
}

fn split_field(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("in '")?.split_once("': ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, de::DeserializeOwned};

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its mistakes matter")]
    struct Sample {
        name: String,
        #[serde(default)]
        colour: Option<Colour>,
        #[serde(default)]
        shape: Option<Shape>,
        #[serde(default)]
        free: Option<Free>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Colour {
        Red,
        Green,
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "type")]
    #[expect(dead_code, reason = "only its mistakes matter")]
    enum Shape {
        Circle { radius: u32 },
    }

    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "only its mistakes matter")]
    enum Free {
        Number(f64),
        List(Vec<bool>),
    }

    fn mistake<T: DeserializeOwned + fmt::Debug>(text: &str) -> String {
        JsonError::from(serde_json::from_str::<T>(text).unwrap_err()).to_string()
    }

    #[test]
    fn mistakes_are_reported_in_the_words_of_json() {
        for (text, wanted) in [
            ("1", "expected an object, found the number 1"),
            ("1.5", "expected an object, found the number 1.5"),
            ("\"x\"", "expected an object, found the text \"x\""),
            ("null", "expected an object, found null"),
            ("{}", "the field 'name' is missing"),
            ("{\"name\":[]}", "expected a string, found a list"),
            ("{\"name\":{}}", "expected a string, found an object"),
            ("{\"name\":true}", "expected a string, found true"),
            (
                "{\"name\":\"\",\"name\":\"\"}",
                "the field 'name' is given twice",
            ),
            ("{\"size\":1}", "the field 'size' is not known; known are"),
            (
                "{\"colour\":\"blue\"}",
                "'blue' is not one of 'red', 'green'",
            ),
            ("{\"colour\":7}", "expected value"),
            ("{\"shape\":7}", "expected an object"),
            ("{\"shape\":{}}", "the field 'type' is missing"),
            (
                "{\"shape\":{\"type\":\"Square\"}}",
                "'Square' is not one of 'Circle'",
            ),
            (
                "{\"shape\":{\"type\":\"Circle\",\"radius\":-1}}",
                "expected a whole number, found the number -1",
            ),
            ("{\"free\":\"x\"}", "none of the accepted forms fits"),
            ("{\"name\":\"a\"", "the JSON ends too early"),
            ("{name:1}", "a field name must be in double quotes"),
            ("", "the JSON ends too early"),
            ("{\"name\":\"a\",}", "there is a comma after the last"),
        ] {
            let found = mistake::<Sample>(text);
            assert!(found.starts_with(wanted), "{text}: {found}");
        }
    }

    #[test]
    fn no_mistake_has_a_word_of_the_reading_program() {
        let texts = [
            "[]",
            "[1]",
            "{}",
            "1",
            "-1",
            "1.5",
            "1e400",
            "true",
            "null",
            "\"x\"",
            "{\"a\":1}",
            "{\"name\":1}",
            "{\"name\":null}",
            "{\"colour\":[]}",
            "{\"colour\":{}}",
            "{\"colour\":{\"red\":1}}",
            "{\"colour\":\"\"}",
            "{\"shape\":[]}",
            "{\"shape\":{\"type\":1}}",
            "{\"shape\":{\"type\":{}}}",
            "{\"shape\":{\"type\":\"Circle\"}}",
            "{\"shape\":{\"type\":\"Circle\",\"radius\":[]}}",
            "{\"free\":{}}",
            "{\"free\":[1]}",
            "{",
            "[",
            "\"",
            "{\"a\"",
            "{\"a\":",
            "nul",
            "tru",
            "0x1",
            "\u{1}",
            "\"\\q\"",
            "\"\u{1}\"",
            "[1,]",
            "{\"a\":1,}",
        ];
        for text in texts {
            for found in [
                mistake_if_any::<Sample>(text),
                mistake_if_any::<Colour>(text),
                mistake_if_any::<Shape>(text),
                mistake_if_any::<Free>(text),
                mistake_if_any::<Vec<u8>>(text),
                mistake_if_any::<BTreeMap<String, bool>>(text),
                mistake_if_any::<(u8, i64)>(text),
                mistake_if_any::<[String; 2]>(text),
                mistake_if_any::<char>(text),
                mistake_if_any::<()>(text),
                mistake_if_any::<f64>(text),
                mistake_if_any::<bool>(text),
            ]
            .into_iter()
            .flatten()
            {
                for word in [
                    "struct",
                    "enum",
                    "variant",
                    "sequence",
                    " map",
                    "tuple",
                    "u8",
                    "u32",
                    "i64",
                    "f64",
                    "unit",
                    "invalid type",
                    "untagged",
                    "tagged",
                    "Sample",
                    "Colour",
                    "Shape",
                    "Free",
                    "Option",
                    "`",
                    "ident",
                    "EOF",
                ] {
                    assert!(!found.contains(word), "{text}: {found}: {word}");
                }
            }
        }
    }

    fn mistake_if_any<T: DeserializeOwned>(text: &str) -> Option<String> {
        let error = serde_json::from_str::<T>(text).err()?;
        Some(JsonError::from(error).to_string())
    }

    #[test]
    fn what_the_person_wrote_is_quoted_and_not_translated() {
        let found = mistake::<Vec<u8>>("\"invalid type: map, expected a sequence\"");
        assert_eq!(
            found,
            "expected a list, found the text \"invalid type: map, expected a sequence\" at line 1 \
             column 40"
        );
        let long = format!("\"{}\"", "x".repeat(10_000));
        assert!(mistake::<Vec<u8>>(&long).len() < 300);
    }

    #[test]
    fn a_field_out_of_sight_is_named() {
        use serde::de::Error as _;
        let text = in_field("pairs[0].key", "expected a string, found a list");
        let error = JsonError::from(serde_json::Error::custom(text));
        assert_eq!(error.field(), Some("pairs[0].key"));
        assert_eq!(error.mistake(), "expected a string, found a list");
        assert_eq!(
            error.to_string(),
            "in 'pairs[0].key': expected a string, found a list"
        );
    }
}
