//! The pages under `/ui`: what runs, what was decided, and why.
//!
//! Pages are rendered on the server from what the engine says; [`kayenta_report`] draws runs and analyses. Every state (filter,
//! metric, chart, zoom) stands in the URL, and every page reads without script. Two plain files are served beside them: a
//! style sheet and a script that refreshes what is under way, converts times and listens to keys.
//!
//! The pages only read. Who may is decided by whoever mounts them: [`routes`] has no access control of its own, and belongs
//! behind that of the API.

mod analysis;
mod assets;
mod cache;
mod list;
mod pages;
mod problem;
mod query;
mod run;
mod shell;
mod state;

pub use pages::{PAGE_ROUTES, PagesOptions, routes};
