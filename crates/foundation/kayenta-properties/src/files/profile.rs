//! Profiles: which are active, and whether an expression holds.

use crate::properties::{Properties, name::Name, source::Source};

/// The active profiles, lowest precedence first: what is included, then what is activated, groups
/// written out.
pub(crate) fn active(properties: &Properties) -> Vec<String> {
    let mut profiles = Vec::new();
    // Includes add up over all sources; the active list is that of the highest.
    for source in properties.sources.iter().rev() {
        for value in list(properties, &Name::parse("spring.profiles.include"), source) {
            add(properties, &mut profiles, value, 0);
        }
    }
    let name = Name::parse("spring.profiles.active");
    let mut activated: Vec<String> = properties
        .sources
        .iter()
        .find(|source| source.touches(&name))
        .map(|source| list(properties, &name, source))
        .unwrap_or_default();
    if activated.is_empty() {
        let default = Name::parse("spring.profiles.default");
        activated = properties
            .sources
            .iter()
            .find(|source| source.touches(&default))
            .map(|source| list(properties, &default, source))
            .unwrap_or_default();
    }
    for profile in activated {
        add(properties, &mut profiles, profile, 0);
    }
    profiles
}

fn add(properties: &Properties, profiles: &mut Vec<String>, profile: String, depth: usize) {
    if profiles.contains(&profile) || depth > 16 {
        return;
    }
    let group = Name::parse("spring.profiles.group").key(&profile);
    profiles.push(profile);
    for source in &properties.sources {
        if source.touches(&group) {
            for member in list(properties, &group, source) {
                add(properties, profiles, member, depth + 1);
            }
            break;
        }
    }
}

/// A list of texts of one source: elements, or one text with commas.
fn list(properties: &Properties, name: &Name, source: &Source) -> Vec<String> {
    let expand = |text: &str| properties.expand(text).map(|e| e.text).unwrap_or_default();
    let texts: Vec<String> = match source.find(name) {
        Some(entry) => vec![expand(&entry.value.text)],
        None => source
            .indices(name)
            .into_iter()
            .filter_map(|index| source.find(&name.index(index)))
            .map(|entry| expand(&entry.value.text))
            .collect(),
    };
    texts
        .iter()
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether a profile expression holds: names with `!`, `&`, `|` and parentheses; of several, separated
/// by commas, one must.
pub(crate) fn holds(expression: &str, active: &[String]) -> bool {
    expression
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .any(|part| {
            let mut parser = Expression {
                rest: part,
                active,
                depth: 0,
            };
            parser.or()
        })
}

struct Expression<'e> {
    rest: &'e str,
    active: &'e [String],
    depth: usize,
}

impl Expression<'_> {
    fn eat(&mut self, token: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn or(&mut self) -> bool {
        let mut value = self.and();
        while self.eat('|') {
            value |= self.and();
        }
        value
    }

    fn and(&mut self) -> bool {
        let mut value = self.not();
        while self.eat('&') {
            value &= self.not();
        }
        value
    }

    fn not(&mut self) -> bool {
        self.depth += 1;
        if self.depth > 200 {
            return false;
        }
        if self.eat('!') {
            return !self.not();
        }
        if self.eat('(') {
            let value = self.or();
            self.eat(')');
            return value;
        }
        let end = self
            .rest
            .find(['!', '&', '|', '(', ')'])
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.active.iter().any(|profile| profile == name.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_combine_profiles() {
        let active = ["prod".to_owned(), "eu".to_owned()];
        for (expression, expected) in [
            ("prod", true),
            ("test, prod", true),
            ("!prod", false),
            ("prod & eu", true),
            ("prod & !eu", false),
            ("us | (prod & eu)", true),
            ("", false),
            ("!!prod", true),
        ] {
            assert_eq!(holds(expression, &active), expected, "{expression}");
        }
        let _ = holds(&"(".repeat(10_000), &active);
    }
}
