//! The messages of serde and serde_json, and what they mean to the author of the JSON.

/// Longest piece of the JSON that is quoted, in characters.
const LONGEST_QUOTE: usize = 100;

/// A message, without its line and column, in plain words. Messages that are not serde's or serde_json's
/// own are returned as they are.
pub(crate) fn plain(message: &str) -> String {
    if let Some(rest) = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        && let Some((found, expected)) = rest.rsplit_once(", expected ")
    {
        return format!("expected {}, found {}", wanted(expected), given(found));
    }
    if let Some(rest) = message.strip_prefix("invalid length ")
        && let Some((length, expected)) = rest.split_once(", expected ")
    {
        return format!("expected {}, found {length} elements", wanted(expected));
    }
    if let Some((name, _)) = quoted(message, "missing field ") {
        return format!("the field '{name}' is missing");
    }
    if let Some((name, _)) = quoted(message, "duplicate field ") {
        return format!("the field '{name}' is given twice");
    }
    if let Some((name, rest)) = quoted(message, "unknown field ") {
        return match names(rest) {
            Some(known) => format!("the field '{name}' is not known; known are {known}"),
            None => format!("the field '{name}' is not known"),
        };
    }
    if let Some((name, rest)) = quoted(message, "unknown variant ") {
        return match names(rest) {
            Some(known) => format!("'{}' is not one of {known}", cut(name)),
            None => format!("'{}' is not known", cut(name)),
        };
    }
    if message.starts_with("data did not match any variant") {
        return "none of the accepted forms fits".to_owned();
    }
    syntax(message).unwrap_or_else(|| message.to_owned())
}

/// serde_json's messages about text that is not JSON.
fn syntax(message: &str) -> Option<String> {
    if message.starts_with("EOF while parsing") {
        return Some("the JSON ends too early".to_owned());
    }
    let plain = match message {
        "expected ident" => "expected true, false or null",
        "key must be a string" => "a field name must be in double quotes",
        "trailing comma" => "there is a comma after the last element",
        "trailing characters" => "there is text after the end of the JSON",
        "recursion limit exceeded" => "the JSON is nested too deeply",
        "expected `:`" => "expected ':'",
        "expected `,` or `]`" => "expected ',' or ']'",
        "expected `,` or `}`" => "expected ',' or '}'",
        _ => return None,
    };
    Some(plain.to_owned())
}

/// What serde would have read, as its types and visitors call it.
fn wanted(expected: &str) -> String {
    let plain = match expected {
        "a sequence" => "a list",
        "a map" | "map" => "an object",
        "a boolean" | "bool" => "true or false",
        "unit" => "null",
        "a character" => "a single character",
        "string or map" => "a string or an object",
        "string only" | "a borrowed string" => "a string",
        "f32" | "f64" => "a number",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128"
        | "usize" => "a whole number",
        "field identifier" | "variant identifier" => "a name",
        _ if expected.starts_with("a nonzero ") => "a whole number other than 0",
        _ if expected.starts_with("unit struct") => "null",
        _ if starts_with_any(
            expected,
            &["struct ", "internally tagged ", "adjacently tagged "],
        ) =>
        {
            "an object"
        }
        _ if starts_with_any(expected, &["enum ", "unit variant", "untagged "]) => {
            "one of the accepted forms"
        }
        _ if starts_with_any(expected, &["tuple ", "a tuple ", "an array "]) => {
            return match expected
                .split(' ')
                .find_map(|word| word.parse::<usize>().ok())
            {
                Some(count) => format!("a list of {count} elements"),
                None => "a list".to_owned(),
            };
        }
        _ => return expected.to_owned(),
    };
    plain.to_owned()
}

/// What serde found instead.
fn given(found: &str) -> String {
    let plain = match found {
        "map" | "struct variant" => "an object",
        "sequence" | "tuple variant" => "a list",
        "null" | "unit value" | "Option value" => "null",
        "byte array" => "a string",
        "enum" | "unit variant" | "newtype variant" | "newtype struct" => "a value of another form",
        _ => {
            if let Some((value, _)) = quoted(found, "boolean ") {
                return value.to_owned();
            }
            for number in ["integer ", "floating point ", "number "] {
                if let Some((value, _)) = quoted(found, number) {
                    return format!("the number {value}");
                }
            }
            if let Some((value, _)) = quoted(found, "character ") {
                return format!("the text \"{value}\"");
            }
            return match found.strip_prefix("string ") {
                Some(text) => format!("the text {}", cut(text)),
                None => found.to_owned(),
            };
        }
    };
    plain.to_owned()
}

fn starts_with_any(text: &str, starts: &[&str]) -> bool {
    starts.iter().any(|start| text.starts_with(start))
}

/// What is between backticks after `start`, and what follows.
fn quoted<'m>(message: &'m str, start: &str) -> Option<(&'m str, &'m str)> {
    let rest = message.strip_prefix(start)?.strip_prefix('`')?;
    // A name of the JSON may have backticks of its own; serde's list after it has none before.
    let end = rest.rfind("`, expected ").map_or_else(
        || {
            rest.strip_suffix('`')
                .map(str::len)
                .or_else(|| rest.find('`'))
        },
        Some,
    )?;
    Some((&rest[..end], &rest[end + 1..]))
}

/// `, expected one of `a`, `b`` as `'a', 'b'`.
fn names(rest: &str) -> Option<String> {
    let known = rest
        .strip_prefix(", expected ")
        .map(|list| list.strip_prefix("one of ").unwrap_or(list))?;
    Some(known.replace('`', "'").replace(" or ", ", "))
}

/// The beginning of a text of the caller's, with its closing quote if it had one.
fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST_QUOTE {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(LONGEST_QUOTE).collect();
    short.push('…');
    if text.ends_with('"') {
        short.push('"');
    }
    short
}
