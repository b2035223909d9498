//! Property names: elements, indices, and what makes two spellings the same.

use std::fmt;

/// One element of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    /// A word, as written.
    Key(String),
    /// A list index.
    Index(usize),
}

/// A property name, split into elements.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Name {
    elements: Vec<Element>,
}

impl Name {
    /// Splits at dots and brackets: `a.b[0].c[x.y]` is `a`, `b`, 0, `c`, `x.y`.
    pub(crate) fn parse(text: &str) -> Self {
        let mut elements = Vec::new();
        let mut word = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            match c {
                '.' => {
                    push_word(&mut elements, &mut word);
                    rest = &rest[1..];
                }
                '[' => match rest.find(']') {
                    Some(end) => {
                        push_word(&mut elements, &mut word);
                        let inside = &rest[1..end];
                        elements.push(match inside.parse() {
                            Ok(index) => Element::Index(index),
                            Err(_) => Element::Key(inside.to_owned()),
                        });
                        rest = &rest[end + 1..];
                    }
                    None => {
                        word.push_str(rest);
                        rest = "";
                    }
                },
                _ => {
                    word.push(c);
                    rest = &rest[c.len_utf8()..];
                }
            }
        }
        push_word(&mut elements, &mut word);
        Self { elements }
    }

    pub(crate) fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// This name with another below it.
    pub(crate) fn join(&self, below: &str) -> Self {
        let mut elements = self.elements.clone();
        elements.extend(Self::parse(below).elements);
        Self { elements }
    }

    /// This name with an index below it.
    pub(crate) fn index(&self, index: usize) -> Self {
        let mut elements = self.elements.clone();
        elements.push(Element::Index(index));
        Self { elements }
    }

    /// This name with one verbatim word below it.
    pub(crate) fn key(&self, key: &str) -> Self {
        let mut elements = self.elements.clone();
        elements.push(Element::Key(key.to_owned()));
        Self { elements }
    }

    /// What all spellings of the name have in common: lower case, no dashes, no underscores.
    pub(crate) fn uniform(&self) -> String {
        let mut uniform = String::new();
        for element in &self.elements {
            match element {
                Element::Key(key) => {
                    if !uniform.is_empty() {
                        uniform.push('.');
                    }
                    uniform.extend(
                        key.chars()
                            .filter(|c| !matches!(c, '-' | '_'))
                            .flat_map(char::to_lowercase),
                    );
                }
                Element::Index(index) => {
                    uniform.push('[');
                    uniform.push_str(&index.to_string());
                    uniform.push(']');
                }
            }
        }
        uniform
    }

    /// [`uniform`](Self::uniform) with every index as `[*]`.
    pub(crate) fn pattern(&self) -> String {
        let starred: Vec<_> = self
            .elements
            .iter()
            .map(|element| match element {
                Element::Index(_) => Element::Key("[*]".to_owned()),
                Element::Key(_) => element.clone(),
            })
            .collect();
        Self { elements: starred }.uniform().replace(".[*]", "[*]")
    }

    /// Letters and digits only, in lower case: what is left of a name in a variable.
    pub(crate) fn squashed(&self) -> String {
        self.uniform()
            .chars()
            .filter(|c| c.is_alphanumeric())
            .collect()
    }

    /// The spelling Spring Boot's reports use: `shop.stores[0].supported-types`.
    pub(crate) fn kebab(&self) -> String {
        let mut kebab = String::new();
        for element in &self.elements {
            match element {
                Element::Key(key) => {
                    if !kebab.is_empty() {
                        kebab.push('.');
                    }
                    kebab.push_str(&kebab_word(key));
                }
                Element::Index(index) => {
                    kebab.push('[');
                    kebab.push_str(&index.to_string());
                    kebab.push(']');
                }
            }
        }
        kebab
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, element) in self.elements.iter().enumerate() {
            match element {
                Element::Key(key) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    f.write_str(key)?;
                }
                Element::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn push_word(elements: &mut Vec<Element>, word: &mut String) {
    if !word.is_empty() {
        elements.push(Element::Key(std::mem::take(word)));
    }
}

/// `backoffPeriodMultiplierMs` and `backoff_period_multiplier_ms` become
/// `backoff-period-multiplier-ms`; a run of capitals is one word.
fn kebab_word(word: &str) -> String {
    let mut kebab = String::new();
    let mut previous = ' ';
    for c in word.chars() {
        if c == '_' {
            kebab.push('-');
        } else {
            if c.is_uppercase() && (previous.is_lowercase() || previous.is_numeric()) {
                kebab.push('-');
            }
            kebab.extend(c.to_lowercase());
        }
        previous = c;
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_uniform() {
        let expected = Name::parse("shop.cellar.accounts[0].storageAccountName").uniform();
        for spelling in [
            "shop.cellar.accounts[0].storage-account-name",
            "Shop.CELLAR.accounts[0].storage_account_name",
            "shop.cellar.accounts[0].STORAGEACCOUNTNAME",
        ] {
            assert_eq!(Name::parse(spelling).uniform(), expected);
        }
    }

    #[test]
    fn brackets_hold_indices_or_whole_keys() {
        let name = Name::parse("logging.level[com.netflix].x[12]");
        assert_eq!(name.elements().len(), 5);
        assert_eq!(name.elements()[2], Element::Key("com.netflix".to_owned()));
        assert_eq!(name.elements()[4], Element::Index(12));
        assert_eq!(Name::parse("a[").uniform(), "a[");
    }

    #[test]
    fn kebab_keeps_runs_of_capitals_together() {
        assert_eq!(
            Name::parse("shop.index.indexingIntervalMS").kebab(),
            "shop.index.indexing-interval-ms"
        );
        assert_eq!(
            Name::parse("a.accounts[0].baseUrl").kebab(),
            "a.accounts[0].base-url"
        );
        assert_eq!(Name::parse("a[3].b").pattern(), "a[*].b");
    }
}
