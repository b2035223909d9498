//! What a router that mounts pages has to know of them.

/// A route of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRoute {
    /// The path as a router matches it.
    pub path: &'static str,
    /// The methods it answers, upper case.
    pub methods: &'static [&'static str],
    /// Whether it answers callers who have not signed in.
    pub open: bool,
}
