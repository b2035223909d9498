//! The HTTP layer from outside: requests in, answers out, over in-memory stores.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod canaries;
mod completeness;
mod configs;
mod dead_letters;
mod document;
mod errors;
mod examples;
mod fetch;
mod fixture;
mod fuzz;
mod health;
mod management;
mod objects;
mod over_the_wire;
mod routes;
mod security;
mod streamed_lists;
mod transport;
