//! Pictures of judged canaries.

mod judged;
mod pages;
