//! The `kayenta` binary: command line, wiring, logging, probes, signals, shutdown.

mod command;
mod command_line;
mod demo;
mod http;
mod key_material;
mod logging;
mod meters;
mod queue_gauges;
mod service;
mod signals;
mod startup_failure;
mod wiring;

use std::{
    future::Future,
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Context;
use clap::Parser;

use command_line::{Command, CommandLine, SplitArguments};

fn main() -> ExitCode {
    let SplitArguments { own, properties } = command_line::split(std::env::args_os());
    let CommandLine { command, serve } = CommandLine::parse_from(own);
    let outcome = match command {
        None => on_runtime(command::serve::run(&serve, properties)),
        Some(Command::Serve(serve)) => on_runtime(command::serve::run(&serve, properties)),
        Some(Command::Demo(args)) => on_runtime(command::demo::run(args)),
        Some(Command::Judge(args)) => command::judge::run(args),
        Some(Command::Analyze(args)) => {
            on_runtime(async move { Ok(kayenta_client::run_analyze(*args).await) })
        }
        Some(Command::Health(args)) => on_runtime(command::health::run(args)),
        Some(Command::CheckConfig(args)) => command::check_config::run(&args),
    };
    outcome.unwrap_or_else(|error| {
        // Nobody is left to be told when standard error is gone.
        let _ = writeln!(io::stderr(), "{error:#}");
        ExitCode::FAILURE
    })
}

fn on_runtime(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("worker")
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let outcome = runtime.block_on(command);
    // What still blocks a thread must not hold up the end.
    runtime.shutdown_background();
    outcome
}
