//! What is known of a name: the values it takes, and the one that counts without it.

/// The values that a name takes.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum PropertyKind {
    /// Any text.
    #[default]
    Text,
    /// A text that is kept secret.
    Secret,
    /// `true` or `false`.
    Boolean,
    /// A whole number within bounds.
    Integer {
        /// The smallest.
        least: i128,
        /// The largest.
        most: i128,
    },
    /// A number within bounds.
    Number {
        /// The smallest.
        least: f64,
        /// The largest.
        most: f64,
    },
    /// A whole number of this unit of time, or a duration.
    Units(&'static str),
    /// A duration.
    Duration,
    /// A data size.
    Size,
    /// One of these words.
    Words(Vec<String>),
    /// A URL.
    Url,
}

/// A name that something reads.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownProperty {
    /// The name as its reader spells it; an element of a list has the index 0.
    pub name: String,
    /// What its values are.
    pub kind: PropertyKind,
    /// What counts without it.
    pub default: Option<String>,
}

impl KnownProperty {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            kind: PropertyKind::default(),
            default: None,
        }
    }
}
