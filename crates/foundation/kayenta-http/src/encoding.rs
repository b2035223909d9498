//! URL encoding.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

/// What is written as `%XX` in a part of a URL: everything but what RFC 3986 calls unreserved.
pub const URL_PART: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A query value by the rules of `application/x-www-form-urlencoded`: letters, digits and `.-*_` stay,
/// a space is `+`, every other byte of the UTF-8 text is `%XX`.
#[must_use]
pub fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A path segment: the same, but a space is `%20`.
#[must_use]
pub fn path_segment(text: &str) -> String {
    form_encoded(text).replace('+', "%20")
}

/// Names and values as the body of a form.
pub(crate) fn form_body<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> String {
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{}={}", form_encoded(name), form_encoded(value)))
        .collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_letters_of_the_rule_stay() {
        let text = "aZ0.-*_ +~'()!\"{}[]=,:/?&#%äö€";
        assert_eq!(
            form_encoded(text),
            "aZ0.-*_+%2B%7E%27%28%29%21%22%7B%7D%5B%5D%3D%2C%3A%2F%3F%26%23%25%C3%A4%C3%B6%E2%82%AC"
        );
        assert_eq!(path_segment("a b+c/d"), "a%20b%2Bc%2Fd");
    }
}
