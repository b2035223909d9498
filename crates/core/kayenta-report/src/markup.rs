//! Finished HTML or SVG.

use std::fmt;

use askama::{Template, filters::HtmlSafe};

/// HTML or SVG in which every text from outside is escaped. Templates embed it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markup(String);

impl Markup {
    /// What a template renders to; its engine has escaped every value.
    ///
    /// Writing into memory does not fail, and the templates of this workspace call nothing that does; should one fail
    /// all the same, the page says so instead of being cut off silently.
    #[must_use]
    pub fn of(template: &impl Template) -> Self {
        Self(
            template
                .render()
                .unwrap_or_else(|_| "<p>This part cannot be shown.</p>".to_owned()),
        )
    }

    /// What the canvas has drawn.
    pub(crate) fn drawn(svg: String) -> Self {
        Self(svg)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Markup {}
