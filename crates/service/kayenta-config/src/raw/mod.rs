//! The raw layer: where properties come from and how their names and placeholders are read, before
//! anything is known about what they mean.

pub(crate) mod environment;
pub(crate) mod files;
pub(crate) mod flags;
pub(crate) mod gather;
pub(crate) mod json;
pub(crate) mod location;
pub(crate) mod name;
pub(crate) mod placeholder;
pub(crate) mod profile;
pub(crate) mod properties;
pub(crate) mod properties_file;
pub(crate) mod scalar;
pub(crate) mod secret_reference;
pub(crate) mod source;
pub(crate) mod yaml;
