//! Which values are never shown.

use kayenta_secrets::{MASK, mask_urls};

/// Words that make a name secret wherever they stand in it.
/// The URL of a webhook contains the right to post to it.
const SECRET_WORDS: [&str; 7] = [
    "password", "passwd", "secret", "token", "key", "pwd", "webhook",
];

/// Ends of names that look secret and are not: names of keys, not keys.
const HARMLESS_ENDS: [&str; 4] = [
    "scopekey",
    "locationkey",
    "keystotokenize",
    "keystosanitize",
];

/// Whether a value of this name is hidden as a whole.
///
/// Beyond Spring Boot, which looks at the end of the name only, the words `key`, `secret`, `token`
/// and `password` count wherever they stand as a word of their own (`CELLAR_STORAGE_KEY_2`).
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let lower = name.to_lowercase();
    let squashed: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    if HARMLESS_ENDS.iter().any(|end| squashed.ends_with(end)) {
        return false;
    }
    let ends = ["password", "secret", "key", "token", "passwd"];
    ends.iter().any(|end| lower.ends_with(end))
        || lower.contains("credentials")
        || lower.starts_with("vcap.services")
        || lower == "vcap_services"
        || lower == "sun.java.command"
        || squashed == "springapplicationjson"
        || has_secret_word(name)
}

/// A secret word anywhere, or something below `headers`: which header holds a secret is not known, so
/// all of them do.
fn has_secret_word(name: &str) -> bool {
    let words = words(name);
    words
        .iter()
        .any(|word| SECRET_WORDS.contains(&word.as_str()))
        || words.iter().rev().skip(1).any(|word| word == "headers")
}

/// Splits a name at everything that is no letter and where lower case turns into upper.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut previous_lower = false;
    for c in name.chars() {
        let ends = !c.is_alphabetic() || (c.is_uppercase() && previous_lower);
        if ends && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphabetic() {
            word.extend(c.to_lowercase());
        }
        previous_lower = c.is_lowercase();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// The value as it may be shown: hidden when the name is secret, else with the passwords of URLs
/// hidden and `-D` flags of secret names too.
#[must_use]
pub fn mask(name: &str, value: &str) -> String {
    if is_secret_name(name) && !value.is_empty() {
        return MASK.to_owned();
    }
    mask_urls(&mask_flags(value))
}

/// Hides the values of `-Dsecret.name=value` inside a text such as that of `JAVA_OPTS`.
fn mask_flags(value: &str) -> String {
    if !value.contains("-D") {
        return value.to_owned();
    }
    value
        .split_inclusive(char::is_whitespace)
        .map(|part| match part.split_once('=') {
            Some((name, rest))
                if name.trim_start_matches(['"', '\'']).starts_with("-D")
                    && is_secret_name(name) =>
            {
                let tail = &rest[rest.trim_end().len()..];
                format!("{name}={MASK}{tail}")
            }
            _ => part.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_secret_words_are_hidden_wherever_the_word_stands() {
        for name in [
            "CELLAR_STORAGE_KEY_2",
            "CELLAR_STORAGEKEY",
            "cellar.storageKey",
            "shop.cellar.accounts[0].accountAccessKey",
            "shop.warehouse.accounts[0].bearer-token",
            "a.credentials.x",
            "SPRING_APPLICATION_JSON",
            "shop.cellar.accounts[0].sasToken",
            "shop.rooms.accounts[0].headers.Authorization",
            "shop.rooms.accounts[0].headers[X-Tenant]",
            "SHOP_HTTP_ROOMS_ACCOUNTS_0_HEADERS_XTENANT",
        ] {
            assert_eq!(mask(name, "v"), MASK, "{name}");
        }
        for name in [
            "server.port",
            "shop.cellar.accounts[0].defaultScopeKey",
            "monkey.business",
        ] {
            assert_eq!(mask(name, "v"), "v", "{name}");
        }
    }

    #[test]
    fn secrets_in_urls_are_hidden_for_every_name() {
        for (text, shown) in [
            ("redis://:secret@host:6379", "redis://:******@host:6379"),
            ("http://h/q?api_key=k&q=1", "http://h/q?api_key=******&q=1"),
            ("plain", "plain"),
        ] {
            assert_eq!(mask("x", text), shown);
        }
    }

    #[test]
    fn flags_of_secret_names_are_hidden() {
        assert_eq!(
            mask("JAVA_OPTS", "-Xmx1g -Da.password=x -Dserver.port=1"),
            "-Xmx1g -Da.password=****** -Dserver.port=1"
        );
    }
}
