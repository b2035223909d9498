//! The known name that was probably meant.

/// Whether a word is the name but for its case, its separators and one slip of the fingers, two in a name of six
/// letters or more: what is not written by mistake for another name.
#[must_use]
pub fn is_slip(word: &str, name: &str) -> bool {
    let (written, meant) = (plain(word), plain(name));
    let slips = if meant.len() < 6 { 1 } else { 2 };
    written.len().abs_diff(meant.len()) <= slips
        && strsim::damerau_levenshtein(&written, &meant) <= slips
}

/// Letters and digits, in lower case.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The one of `known` that `word` is probably a misspelling of. Case and separators count less than letters.
#[must_use]
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // Comparing takes the product of the lengths.
    const LONGEST: usize = 100;
    /// The beginning of a name that stands for it.
    const SHORTEST_BEGINNING: usize = 4;
    if word.len() > LONGEST {
        return None;
    }
    known
        .into_iter()
        .filter(|name| name.len() <= LONGEST)
        .map(|name| {
            let (written, meant) = (plain(word), plain(name));
            let begins = written.len() >= SHORTEST_BEGINNING && meant.starts_with(&written);
            let spelling = strsim::damerau_levenshtein(word, name);
            let distance = if begins {
                1
            } else {
                strsim::damerau_levenshtein(&written, &meant).min(spelling)
            };
            (distance, name)
        })
        .filter(|(distance, name)| {
            *distance <= 2.max(name.len().max(word.len()) / 3) && *distance * 2 <= name.len()
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[test]
fn a_slip_is_one_letter_or_two_of_a_long_name() {
    for (word, name) in [
        ("prot", "port"),
        ("Port", "port"),
        ("prt", "port"),
        ("confgi", "config"),
        ("data_dri", "data-dir"),
        ("verison", "version"),
    ] {
        assert!(is_slip(word, name), "{word}");
    }
    for (word, name) in [
        ("path", "port"),
        ("host", "port"),
        ("region", "version"),
        ("debug", "help"),
    ] {
        assert!(!is_slip(word, name), "{word}");
    }
}

#[test]
fn a_short_name_is_not_suggested_for_another_short_word() {
    assert_eq!(nearest("run", ["man", "serve"]), None);
    assert_eq!(nearest("mna", ["man", "serve"]), Some("man"));
}
