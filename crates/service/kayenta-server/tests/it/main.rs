//! The built binary from outside: transcripts of the reference, kills, real Prometheus, command line.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop there, and figures are printed"
)]

mod actuator;
mod bearer_guard;
mod browser;
mod cases;
mod check_and_serve;
mod clients;
mod command_line;
mod compose;
mod dashboard;
mod demo;
mod dice;
mod documents;
mod early_ends;
mod fetched_secrets;
mod gate;
mod gate_action;
mod hostile;
mod hostile_hour;
mod identities;
mod kill;
mod limits;
mod metric_stores;
mod migrate;
mod new_stores;
mod notifications;
mod operations_page;
mod pages;
mod pipelines;
mod readme;
mod real_prometheus;
mod refusals;
mod remote_judge_example;
mod replay;
mod replicas;
mod requests;
mod retention;
mod rotated_secrets;
mod samples;
mod schemathesis;
mod secrets;
mod serialization;
mod shutdown;
mod stage_script;
mod start;
mod swagger_requests;
mod swagger_ui;
mod tls;
mod traces;
