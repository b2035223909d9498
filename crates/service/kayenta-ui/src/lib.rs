//! The pages under `/ui`: what runs, what was decided, and why.
//!
//! Pages are rendered on the server from what the engine says; [`kayenta_report`] draws runs and analyses. Every state (filter,
//! metric, chart, zoom) stands in the URL, and every page reads without script. Two plain files are served beside them: a
//! style sheet and a script that refreshes what is under way, converts times and listens to keys.
//!
//! Access is decided by the router that mounts them, before a request comes here ([`PageRoute::open`](kayenta_web::PageRoute::open) says which routes need no
//! credentials). What is decided here is whether an action comes from a page: see the module `visitor`.

mod account_watch;
mod accounts;
mod actions;
mod analysis;
mod assets;
mod cache;
mod compare;
mod config_catalogues;
mod configs;
mod editor;
mod executed;
mod failed_fetch;
mod history;
mod last_run;
mod list;
mod new_analysis;
mod options;
mod pages;
mod problem;
mod query;
mod run;
mod scope_fields;
mod shell;
mod sign_in;
mod state;
mod visitor;
mod what_if;

pub use config_catalogues::ConfigCatalogues;
pub use options::PagesOptions;
pub use pages::{HOME, Pages, SIGN_IN};
