//! `.properties` files.

use super::yaml::{FlatEntry, Place};
use crate::properties::scalar::Scalar;

/// Reads a `.properties` text: comments, continued lines, escapes; `#---` begins another document.
pub(crate) fn parse(text: &str) -> Vec<Vec<FlatEntry>> {
    let mut documents = vec![Vec::new()];
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let trimmed = line.trim_start_matches([' ', '\t', '\u{c}']);
        if matches!(trimmed.trim_end(), "#---" | "!---") {
            documents.push(Vec::new());
            continue;
        }
        if trimmed.is_empty() || trimmed.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = trimmed.to_owned();
        while ends_in_continuation(&logical) {
            logical.pop();
            match lines.next() {
                Some((_, next)) => {
                    logical.push_str(next.trim_start_matches([' ', '\t', '\u{c}']));
                }
                None => break,
            }
        }
        let (key, value) = split(&logical);
        if let Some(document) = documents.last_mut() {
            document.push(FlatEntry {
                name: unescape(key),
                value: Scalar::text(unescape(value)),
                place: Place {
                    line: number + 1,
                    column: line.len() - trimmed.len() + 1,
                },
            });
        }
    }
    documents
}

fn ends_in_continuation(line: &str) -> bool {
    line.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1
}

/// The key ends at the first unescaped `=`, `:` or blank.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if matches!(c, '=' | ':' | ' ' | '\t' | '\u{c}') {
            let rest = line[at..].trim_start_matches([' ', '\t', '\u{c}']);
            let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
            return (&line[..at], value.trim_start_matches([' ', '\t', '\u{c}']));
        }
    }
    (line, "")
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => plain.push('\t'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('f') => plain.push('\u{c}'),
            Some('u') => {
                let rest = chars.as_str();
                let code = rest
                    .get(..4)
                    .and_then(|hex| u32::from_str_radix(hex, 16).ok())
                    .and_then(char::from_u32);
                match code {
                    Some(code) => {
                        plain.push(code);
                        chars = rest[4..].chars();
                    }
                    None => plain.push('u'),
                }
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_escapes_and_documents_are_read() {
        let documents = parse(
            "# c\n a.b = x\\\n   y\nc:d\\u0041\\n\ne\nk\\=1 v\n#---\nspring.config.activate.on-profile=p\n",
        );
        let flat: Vec<Vec<_>> = documents
            .iter()
            .map(|document| {
                document
                    .iter()
                    .map(|e| (e.name.as_str(), e.value.text.as_str(), e.place.line))
                    .collect()
            })
            .collect();
        assert_eq!(
            flat[0],
            [
                ("a.b", "xy", 2),
                ("c", "dA\n", 4),
                ("e", "", 5),
                ("k=1", "v", 6)
            ]
        );
        assert_eq!(flat[1], [("spring.config.activate.on-profile", "p", 8)]);
    }
}
