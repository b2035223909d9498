//! Templates of URLs and bodies. A value that is put in is encoded for the place it is put in, so that it
//! stays one value there: no other host, no further path segment or parameter, no further member of an
//! object.

use std::fmt::Write as _;

use kayenta_http::{form_encoded, path_segment};
use serde_json::Value;

/// A template read once and filled in for each query: `${name}`, `${name:-default}`, and `$${` for a
/// literal `${`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Slot {
        name: String,
        default: Option<String>,
        place: Place,
    },
}

/// Where in a template a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Part of a segment of a URL's path.
    Path,
    /// After the `?` of a URL.
    Query,
    /// Between the quotes of a JSON text.
    JsonText,
    /// In JSON outside quotes.
    JsonBare,
    /// In a form.
    Form,
    /// In a body nothing is known of.
    Plain,
}

/// A template that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A `${` without its `}`.
    #[error("'${{' at character {0} has no closing brace")]
    Open(usize),
    /// A value could choose whom to talk to.
    #[error("scheme and host of the URL must not depend on the query")]
    ChoosesHost,
    /// No absolute URL of http or https, or one with characters that parsers read in ways of their own.
    #[error("it is not an http or https URL, or contains backslashes, tabs or line breaks")]
    NoUrl,
}

/// A value that cannot be put in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// The query has no value of this name.
    #[error(
        "'${{{0}}}' has no value; give one in extendedScopeParams, or a default with '${{{0}:-…}}'"
    )]
    Unbound(String),
    /// The value would take the path apart.
    #[error(
        "'${{{name}}}' leaves the segment '{segment}' in the path of the URL, which means another path"
    )]
    Segment {
        /// The variable.
        name: String,
        /// What the segment would be.
        segment: String,
    },
    /// A text where JSON wants a number.
    #[error(
        "'${{{name}}}' stands outside quotes in the JSON body and must be a number, true, false or null"
    )]
    NoLiteral {
        /// The variable.
        name: String,
    },
}

impl Template {
    /// Reads the template of a URL.
    ///
    /// # Errors
    /// When a brace is not closed or a value would stand before the path.
    pub fn url(text: &str) -> Result<Self, TemplateError> {
        let path_end = text.find(['?', '#']).unwrap_or(text.len());
        // URL parsers read a backslash as a slash and drop tabs and line ends.
        if text.contains(char::is_control) || text[..path_end].contains('\\') {
            return Err(TemplateError::NoUrl);
        }
        let authority = authority_end(text).ok_or(TemplateError::NoUrl)?;
        let (before, after) = text.split_at(authority);
        if before.contains("${") {
            return Err(TemplateError::ChoosesHost);
        }
        let mut in_query = false;
        let template = Self::read(after, |text| {
            in_query |= text.contains(['?', '#']);
            if in_query { Place::Query } else { Place::Path }
        })?;
        let mut pieces = vec![Piece::Text(before.to_owned())];
        pieces.extend(template.pieces);
        Ok(Self { pieces })
    }

    /// Reads the template of a body of this content type.
    ///
    /// # Errors
    /// When a brace is not closed.
    pub fn body(text: &str, content_type: &str) -> Result<Self, TemplateError> {
        let content_type = content_type.to_ascii_lowercase();
        if content_type.contains("json") {
            let mut in_text = false;
            return Self::read(text, |text| {
                in_text = quotes(text, in_text);
                if in_text {
                    Place::JsonText
                } else {
                    Place::JsonBare
                }
            });
        }
        let place = if content_type.starts_with("application/x-www-form-urlencoded") {
            Place::Form
        } else {
            Place::Plain
        };
        Self::read(text, |_| place)
    }

    /// Separates text from slots; `place` receives the text before each slot in turn.
    fn read(text: &str, mut place: impl FnMut(&str) -> Place) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            literal.push_str(&rest[..at]);
            if literal.ends_with('$') {
                literal.push('{');
                rest = &rest[at + 2..];
                continue;
            }
            let end = rest[at..].find('}').ok_or_else(|| {
                TemplateError::Open(text.chars().count() - rest[at..].chars().count() + 1)
            })?;
            let expression = &rest[at + 2..at + end];
            let (name, default) = match expression.split_once(":-") {
                Some((name, default)) => (name, Some(default.to_owned())),
                None => (expression, None),
            };
            let place = place(&literal);
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Slot {
                name: name.to_owned(),
                default,
                place,
            });
            rest = &rest[at + end + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Ok(Self { pieces })
    }

    /// Fills in the values.
    ///
    /// # Errors
    /// See [`FillError`].
    pub fn fill(&self, value_of: &dyn Fn(&str) -> Option<String>) -> Result<String, FillError> {
        let mut out = String::new();
        let mut in_path = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Slot {
                    name,
                    default,
                    place,
                } => {
                    let value = value_of(name)
                        .or_else(|| default.clone())
                        .ok_or_else(|| FillError::Unbound(name.clone()))?;
                    let start = out.len();
                    put(&mut out, name, &value, *place)?;
                    if *place == Place::Path {
                        in_path.push((name, start..out.len()));
                    }
                }
            }
        }
        for (name, put) in in_path {
            let start = out[..put.start].rfind('/').map_or(0, |at| at + 1);
            let end = out[put.end..]
                .find(['/', '?', '#'])
                .map_or(out.len(), |at| put.end + at);
            let segment = &out[start..end];
            // A URL parser takes these for "here" and "one up", encoded or not.
            if matches!(
                segment.to_ascii_lowercase().replace("%2e", ".").as_str(),
                "" | "." | ".."
            ) {
                return Err(FillError::Segment {
                    name: name.clone(),
                    segment: segment.to_owned(),
                });
            }
        }
        Ok(out)
    }

    /// The names of the values that are put in.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Slot { name, .. } => Some(name.as_str()),
        })
    }
}

fn put(out: &mut String, name: &str, value: &str, place: Place) -> Result<(), FillError> {
    match place {
        Place::Path | Place::Query => out.push_str(&path_segment(value)),
        Place::Form => out.push_str(&form_encoded(value)),
        Place::Plain => out.push_str(value),
        Place::JsonText => {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}", Value::from(value));
            let quoted = out.len() - Value::from(value).to_string().len();
            out.remove(quoted);
            out.pop();
        }
        Place::JsonBare => match serde_json::from_str(value) {
            Ok(Value::Number(_) | Value::Bool(_) | Value::Null) => out.push_str(value.trim()),
            _ => {
                return Err(FillError::NoLiteral {
                    name: name.to_owned(),
                });
            }
        },
    }
    Ok(())
}

/// Where the path of an http(s) URL begins: after scheme and host.
pub(crate) fn authority_end(url: &str) -> Option<usize> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let start = url.len() - rest.len();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    (end > 0).then_some(start + end)
}

/// Whether JSON is inside a text after `part`, if it was `inside` before.
fn quotes(part: &str, mut inside: bool) -> bool {
    let mut escaped = false;
    for c in part.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => inside = !inside,
            _ => {}
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values<'a>(pairs: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| {
            let (_, value) = pairs.iter().find(|(known, _)| *known == name)?;
            Some((*value).to_owned())
        }
    }

    fn url(template: &str, pairs: &[(&str, &str)]) -> Result<String, FillError> {
        Template::url(template).unwrap().fill(&values(pairs))
    }

    #[test]
    fn values_stay_values_wherever_they_are_put_into_a_url() {
        let hostile = "a/../b?c=d&e#f@g:h\\i j+%2e";
        let encoded = "a%2F..%2Fb%3Fc%3Dd%26e%23f%40g%3Ah%5Ci%20j%2B%252e";
        let pairs = [("x", hostile)];
        for (template, wanted) in [
            ("https://h/p/${x}", format!("https://h/p/{encoded}")),
            ("https://h/${x}/q?a=1", format!("https://h/{encoded}/q?a=1")),
            ("https://h?q=${x}&r=1", format!("https://h?q={encoded}&r=1")),
            (
                "https://h:8/p/v-${x}.json",
                format!("https://h:8/p/v-{encoded}.json"),
            ),
            ("http://h/?q=${y:-none}", "http://h/?q=none".to_owned()),
            ("http://h/$${x}?q=1", "http://h/${x}?q=1".to_owned()),
        ] {
            assert_eq!(url(template, &pairs), Ok(wanted), "{template}");
        }
    }

    #[test]
    fn values_that_would_take_the_path_apart_are_refused() {
        for value in ["", ".", ".."] {
            for template in ["http://h/a/${x}/b", "http://h/a/${x}", "http://h/${x}?q=1"] {
                assert_eq!(
                    url(template, &[("x", value)]),
                    Err(FillError::Segment {
                        name: "x".to_owned(),
                        segment: value.to_owned()
                    }),
                    "{template} with '{value}'"
                );
            }
        }
        // Two halves of "one up".
        assert!(url("http://h/a/${x}${y}/b", &[("x", "."), ("y", ".")]).is_err());
        assert!(url("http://h/a/%2e${x}", &[("x", ".")]).is_err());
        assert!(url("http://h/a/v${x}", &[("x", "")]).is_ok());
        assert!(url("http://h/a?q=${x}", &[("x", "..")]).is_ok());
    }

    #[test]
    fn the_host_is_no_template() {
        for template in [
            "https://${host}/a",
            "https://h${x}",
            "https://${user}@h/a",
            "https://h:${port}/",
        ] {
            assert_eq!(
                Template::url(template),
                Err(TemplateError::ChoosesHost),
                "{template}"
            );
        }
        for template in [
            "ftp://h/",
            "/relative",
            "https:///a",
            "h/${x}",
            "http://h\\${x}/a",
            "http://h/\t${x}",
        ] {
            assert_eq!(
                Template::url(template),
                Err(TemplateError::NoUrl),
                "{template}"
            );
        }
        assert_eq!(
            Template::url("http://h/a${x").unwrap_err().to_string(),
            "'${' at character 3 has no closing brace"
        );
    }

    fn body(template: &str, kind: &str, pairs: &[(&str, &str)]) -> Result<String, FillError> {
        Template::body(template, kind).unwrap().fill(&values(pairs))
    }

    #[test]
    fn values_stay_values_in_json() {
        let template = r#"{"q": "say \"${x}\"", "from": ${n}, "deep": ["${x}"]}"#;
        let filled = body(
            template,
            "application/json; charset=utf-8",
            &[("x", "a\",\"b\\\n"), ("n", "12")],
        )
        .unwrap();
        let value: Value = serde_json::from_str(&filled).unwrap();
        assert_eq!(value["q"], "say \"a\",\"b\\\n\"");
        assert_eq!(
            (&value["from"], &value["deep"][0]),
            (&12.into(), &"a\",\"b\\\n".into())
        );
        for hostile in ["1, \"admin\": true", "{}", "[1]", "\"text\"", "", "abc"] {
            assert_eq!(
                body(template, "application/json", &[("x", "x"), ("n", hostile)]),
                Err(FillError::NoLiteral {
                    name: "n".to_owned()
                }),
                "{hostile}"
            );
        }
    }

    #[test]
    fn other_bodies_are_encoded_as_they_need() {
        let pairs = [("x", "a&b=c d")];
        let form = body("q=${x}&r=1", "application/x-www-form-urlencoded", &pairs);
        assert_eq!(form.as_deref(), Ok("q=a%26b%3Dc+d&r=1"));
        assert_eq!(
            body("from ${x}", "text/plain", &pairs).as_deref(),
            Ok("from a&b=c d")
        );
        assert_eq!(
            body("${y}", "text/plain", &pairs).unwrap_err().to_string(),
            "'${y}' has no value; give one in extendedScopeParams, or a default with '${y:-…}'"
        );
    }
}
