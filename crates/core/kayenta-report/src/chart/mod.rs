//! Charts as SVG: deterministic, coloured by CSS classes with plain attributes as a fallback, described in words.

pub(crate) mod canvas;
pub(crate) mod distribution;
pub(crate) mod interval;
pub(crate) mod scale;
pub(crate) mod score;
pub(crate) mod series;
pub(crate) mod trend;

/// Whether colours stand in the elements themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// The page has a style sheet for sure.
    Classes,
    /// The file may be shown where style sheets are refused.
    Attributes,
}
