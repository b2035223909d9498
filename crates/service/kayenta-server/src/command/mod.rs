//! The sub-commands.

pub(crate) mod check_config;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod health;
pub(crate) mod init;
pub(crate) mod judge;
pub(crate) mod lint;
pub(crate) mod migrate;
pub(crate) mod notify;
pub(crate) mod retention;
pub(crate) mod serve;
