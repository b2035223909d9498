//! What is known of an execution, one line each.

use askama::Template;

use crate::{Markup, number::Timestamp};

/// A name with a text or a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    name: &'static str,
    text: String,
    time: Option<Timestamp>,
}

#[derive(Template)]
#[template(path = "facts.html")]
struct FactsTemplate<'a> {
    facts: &'a [Fact],
}

impl Fact {
    /// A text; none that is empty.
    #[must_use]
    pub fn text(name: &'static str, text: Option<String>) -> Option<Self> {
        let text = text.filter(|text| !text.is_empty())?;
        Some(Self {
            name,
            text,
            time: None,
        })
    }

    /// A time in milliseconds since 1970, which pages show in the zone of whoever looks.
    #[must_use]
    pub fn time(name: &'static str, millis: Option<i64>) -> Option<Self> {
        Some(Self {
            name,
            text: String::new(),
            time: Some(Timestamp::of(millis?)?),
        })
    }

    /// Facts as a list.
    #[must_use]
    pub fn list(facts: &[Self]) -> Markup {
        Markup::of(&FactsTemplate { facts })
    }
}
