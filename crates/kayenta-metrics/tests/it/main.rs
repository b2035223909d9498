//! The seam's machinery against servers that answer, break off and never stop.

mod http;
mod metadata;
mod retry;
mod support;
