//! The known name that was probably meant.

/// The one of `known` that `word` is probably a misspelling of. Case and separators count less than letters.
#[must_use]
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let plain = |text: &str| -> String {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
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
            *distance <= 2.max(name.len().max(word.len()) / 3) && *distance < name.len()
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
