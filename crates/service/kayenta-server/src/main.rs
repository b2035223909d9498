//! The `kayenta` binary: command line, wiring, logging, probes, signals, shutdown.

mod command;
mod command_line;
mod demo;
mod disk_space;
#[cfg(test)]
mod documents;
mod http;
mod key_material;
mod logging;
mod meters;
mod migrate;
mod preparation;
mod queue_gauges;
mod secret_files;
mod service;
mod signals;
mod startup_failure;
mod telemetry;
mod wiring;

use std::{
    ffi::OsString,
    future::Future,
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Context;
use clap::{CommandFactory as _, Parser};

use command_line::{Command, CommandLine, SplitArguments};

/// Gives memory back after a burst, from a thread of its own (ARCHITECTURE.md, Decisions).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What is freed counts as free in the budget of bytes, so the system gets it back soon: what is large at once, all else
/// after a second. `_RJEM_MALLOC_CONF` in the environment takes precedence. jemalloc expects a pointer to a C string.
#[expect(unsafe_code, reason = "jemalloc looks for a symbol of this name")]
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static ALLOCATOR_SETTINGS: &[u8; 45] = b"oversize_threshold:65536,dirty_decay_ms:1000\0";

fn main() -> ExitCode {
    let SplitArguments {
        own,
        properties,
        warnings,
    } = match command_line::split(std::env::args_os()) {
        Ok(split) => split,
        Err(unknown) => {
            let _ = writeln!(io::stderr(), "kayenta: {unknown}");
            return usage_error(2, unknown.means_gate);
        }
    };
    for warning in warnings {
        let _ = writeln!(io::stderr(), "kayenta: warning: {warning}");
    }
    let CommandLine { command, serve } = match CommandLine::try_parse_from(&own) {
        Ok(parsed) => parsed,
        Err(error) => return refused(&own, &error),
    };
    let outcome = match command {
        None => on_runtime(command::serve::run(&serve, properties)),
        Some(Command::Serve(serve)) => on_runtime(command::serve::run(&serve, properties)),
        Some(Command::Demo(args)) => on_runtime(command::demo::run(args)),
        Some(Command::Judge(args)) => command::judge::run(args),
        Some(Command::Analyze(args)) => {
            on_runtime(async move { Ok(kayenta_client::run_analyze(*args).await) })
        }
        Some(Command::Health(args)) => on_runtime(command::health::run(args)),
        Some(Command::CheckConfig(args)) => on_runtime(command::check_config::run(args)),
        Some(Command::Lint(args)) => command::lint::run(&args),
        Some(Command::Init(args)) => command::init::run(&args),
        Some(Command::Completions(args)) => Ok(command::completions::completions(
            &args,
            CommandLine::command(),
        )),
        Some(Command::Man(args)) => command::completions::man(&args, CommandLine::command()),
        Some(Command::Migrate(args)) => on_runtime(command::migrate::run(args)),
        Some(Command::Notify(args)) => on_runtime(command::notify::run(args)),
        Some(Command::Retention(args)) => on_runtime(command::retention::run(args)),
    };
    outcome.unwrap_or_else(|error| {
        // There is nowhere to report it if standard error is gone.
        let text = kayenta_errors::with_causes(error.to_string(), error.as_ref());
        let _ = writeln!(io::stderr(), "{text}");
        ExitCode::FAILURE
    })
}

/// Help, or what is wrong with the command line. A gate's exit code 2 is a marginal canary, which a
/// pipeline may let pass: a typing error must not be taken for one.
fn refused(arguments: &[OsString], error: &clap::Error) -> ExitCode {
    let _ = error.print();
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    usage_error(code, arguments.get(1).is_some_and(|word| word == "analyze"))
}

fn usage_error(code: u8, of_gate: bool) -> ExitCode {
    if of_gate && code != 0 {
        kayenta_client::Verdict::Error.exit_code()
    } else {
        ExitCode::from(code)
    }
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
