//! Who has shown who they are.

use kayenta_settings::Role;

/// A caller who has shown who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who it is.
    pub name: String,
    /// What they may do; `None`: nothing.
    pub role: Option<Role>,
    /// When what they have shown ends, in seconds since 1970.
    pub until: Option<i64>,
}
