//! End-to-end load: starts the service, its stores and a metric store, and measures what a client sees.
//!
//! `benches/load/run` builds the release binary and starts this. Each table row is printed when measured.
//!
//! `soak`, `scale` and `year` are proofs: they end with an error when a bound is not kept.

mod client;
mod footprint;
mod pages;
mod process;
mod rows;
mod scale;
mod soak;
mod stack;
mod tally;
mod trend;
mod year;

use std::{
    error::Error,
    path::{Path, PathBuf},
};

use clap::{Parser, Subcommand};

/// What to measure.
#[derive(Debug, Parser)]
struct Options {
    /// The release binary of the service
    #[arg(long, global = true, default_value = "target/dist/kayenta")]
    binary: PathBuf,
    #[command(subcommand)]
    proof: Option<Proof>,
    /// Stores that the service uses
    #[arg(long, value_enum, default_values = ["embedded", "redis-azurite"])]
    stores: Vec<stack::Stores>,
    /// Seconds each load level lasts
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Canaries in flight at each load level
    #[arg(long, value_delimiter = ',', default_value = "1,10,100,1000")]
    in_flight: Vec<usize>,
    /// Standalone analyses that wait at once; 0 leaves the row out
    #[arg(long, default_value_t = 10_000)]
    waiting: usize,
    /// Leave out the large runs and the long analyses
    #[arg(long)]
    no_large: bool,
    /// Measure the large runs and the long analyses alone
    #[arg(long, conflicts_with = "no_large")]
    large_only: bool,
    /// Executions in the list that is measured; 0 leaves the rows out
    #[arg(long, default_value_t = 100_000)]
    listed: usize,
    /// Measure the pages alone
    #[arg(long)]
    pages_only: bool,
}

/// What to prove instead of measuring the table.
#[derive(Debug, Subcommand)]
enum Proof {
    /// Steady mixed load with retention: nothing grows, nothing is lost, nothing is stuck
    Soak(soak::Options),
    /// Many waiting analyses shared by replicas, one of which is killed each second
    Scale(scale::Options),
    /// What a year of canaries costs in objects, bytes and memory of Redis
    Year(year::Options),
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    // The service starts in a folder of its own.
    let binary = options.binary.canonicalize()?;
    match &options.proof {
        Some(Proof::Soak(soak)) => return soak::prove(&binary, soak).await,
        Some(Proof::Scale(scale)) => return scale::prove(&binary, scale).await,
        Some(Proof::Year(year)) => return year::measure(&binary, year).await,
        None => {}
    }
    for stores in &options.stores {
        rows::heading(stores.title());
        if options.pages_only {
            pages(&options, &binary, *stores).await?;
            continue;
        }
        if options.large_only {
            large(&stack::Stack::start(&binary, *stores).await?).await?;
            continue;
        }
        rows::start_up(&binary, *stores).await?;
        let stack = stack::Stack::start(&binary, *stores).await?;
        rows::idle_memory(&stack)?;
        rows::single(&stack, 1, 200).await?;
        rows::single(&stack, 10, 100).await?;
        for in_flight in &options.in_flight {
            rows::sustained(&stack, *in_flight, options.seconds).await?;
        }
        rows::reads(&stack, options.seconds).await?;
        if !options.no_large {
            large(&stack).await?;
        }
        if options.waiting > 0 {
            rows::waiting(&binary, *stores, options.waiting).await?;
        }
        drop(stack);
        pages(&options, &binary, *stores).await?;
    }
    Ok(())
}

async fn large(stack: &stack::Stack) -> rows::Outcome {
    rows::long_analyses(stack, &[200, 800, 2_400]).await?;
    rows::large(stack, 10_000, 60).await?;
    rows::large(stack, 500, 10_080).await
}

async fn pages(
    options: &Options,
    binary: &Path,
    stores: stack::Stores,
) -> Result<(), Box<dyn Error>> {
    let stack = stack::Stack::start(binary, stores).await?;
    pages::large_run(&stack).await?;
    drop(stack);
    if options.listed > 0 {
        pages::list(binary, stores, options.listed).await?;
    }
    Ok(())
}
