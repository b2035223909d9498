//! What the documents say is tried: their links lead somewhere, their command lines parse, their
//! settings exist, and what is generated from the code is as the code is now.

mod canary_configs;
mod command_lines;
mod generated;
mod json_schemas;
mod links;
mod meters;
mod network_ports;
mod object_store_guide;
mod openapi;
mod settings;

use kayenta_testkit::documents::{files, pages, repository, short};
