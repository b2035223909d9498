//! The built binary from outside: transcripts of the reference, kills, real Prometheus, command line.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop there, and figures are printed"
)]

mod actuator;
mod command_line;
mod compose;
mod dice;
mod gate;
mod kill;
mod metric_stores;
mod migrate;
mod operations_page;
mod real_prometheus;
mod remote_judge_example;
mod replay;
mod replicas;
mod requests;
mod samples;
mod serialization;
mod shutdown;
mod start;
mod tls;
