//! Interval and shift compared with R's `wilcox.test` and scipy, on the same data in one run.
//!
//! Writes the data sets, times the three in turn, checks that the numbers agree, prints a table.

use std::{
    collections::HashMap,
    error::Error,
    fmt::Write as _,
    fs,
    hint::black_box,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use kayenta_benches::series::{Shape, series};
use kayenta_stats::{Interval, MannWhitney, SortedSample, critical_value};
use serde_json::Value;

/// The level of the judge.
const LEVEL: f64 = 0.98;
const SIZES: [usize; 4] = [60, 240, 1_440, 10_080];

struct DataSet {
    name: String,
    experiment: Vec<f64>,
    control: Vec<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let argument = |name: &str, default: &str| {
        let words: Vec<String> = std::env::args().collect();
        let found = words
            .iter()
            .position(|word| word == name)
            .and_then(|at| words.get(at + 1));
        PathBuf::from(found.cloned().unwrap_or_else(|| default.to_owned()))
    };
    let folder = argument("--folder", "target/compare");
    let scripts = argument("--scripts", "benches/compare");
    let python = argument("--python", "python3");
    fs::create_dir_all(&folder)?;

    let sets = data_sets();
    for set in &sets {
        fs::write(folder.join(format!("{}.csv", set.name)), csv(set))?;
    }
    let ours: Vec<(Interval, Duration)> = sets.iter().map(measure).collect::<Result<_, _>>()?;
    let level = LEVEL.to_string();
    let r = answers(
        Command::new("Rscript")
            .arg(scripts.join("wilcox.R"))
            .arg(&folder)
            .arg(&level),
    )?;
    let scipy = answers(
        Command::new(&python)
            .arg(scripts.join("scipy_check.py"))
            .arg(&folder),
    )?;
    print_table(&sets, &ours, &r, &scipy)
}

fn data_sets() -> Vec<DataSet> {
    let mut sets = Vec::new();
    for shape in [Shape::Continuous, Shape::HeavyTies, Shape::ZeroInflated] {
        for size in SIZES {
            sets.push(DataSet {
                name: format!("{}-{size:05}", shape.name()),
                experiment: series(shape, size, 1, 0.1),
                control: series(shape, size, 2, 0.0),
            });
        }
    }
    sets
}

fn csv(set: &DataSet) -> String {
    let mut text = String::new();
    for (side, values) in [("experiment", &set.experiment), ("control", &set.control)] {
        for value in values {
            let _ = writeln!(text, "{side},{value:?}");
        }
    }
    text
}

/// Sorting included: it is what a caller with two unsorted samples pays.
fn measure(set: &DataSet) -> Result<(Interval, Duration), Box<dyn Error>> {
    let critical = critical_value(LEVEL);
    let once = || {
        let experiment = SortedSample::new(black_box(&set.experiment).iter().copied());
        let control = SortedSample::new(black_box(&set.control).iter().copied());
        MannWhitney::new(&experiment, &control).interval(critical)
    };
    let interval = once()?;
    let mut times = Vec::new();
    let begun = Instant::now();
    while times.len() < 15 || begun.elapsed() < Duration::from_millis(500) {
        let start = Instant::now();
        black_box(once()?);
        times.push(start.elapsed());
    }
    times.sort();
    Ok((interval, times[times.len() / 2]))
}

fn answers(command: &mut Command) -> Result<HashMap<String, Value>, Box<dyn Error>> {
    let output = command
        .output()
        .map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "{command:?} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    String::from_utf8(output.stdout)?
        .lines()
        .map(|line| {
            let answer: Value = serde_json::from_str(line)?;
            let name = answer["name"].as_str().unwrap_or_default().to_owned();
            Ok((name, answer))
        })
        .collect()
}

fn number(answer: &Value, field: &str) -> Result<f64, Box<dyn Error>> {
    answer[field]
        .as_f64()
        .ok_or_else(|| format!("no {field} in {answer}").into())
}

#[expect(clippy::print_stdout, reason = "the table is what the command is for")]
fn print_table(
    sets: &[DataSet],
    ours: &[(Interval, Duration)],
    r: &HashMap<String, Value>,
    scipy: &HashMap<String, Value>,
) -> Result<(), Box<dyn Error>> {
    println!(
        "| data, points per side | this service | R interval + estimate | ratio | scipy p only | numpy shift only | largest difference from R |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for (set, (interval, time)) in sets.iter().zip(ours) {
        let (r, scipy) = (at(r, &set.name)?, at(scipy, &set.name)?);
        let spread = spread(&set.control).max(f64::MIN_POSITIVE);
        let difference = [
            interval.lower - number(r, "lower")?,
            interval.upper - number(r, "upper")?,
            interval.estimate - number(r, "estimate")?,
        ]
        .into_iter()
        .map(f64::abs)
        .fold(0.0, f64::max);
        // R finds its estimate without the continuity correction, and both search to within 1e-4.
        if difference > 1e-3 * spread.max(1.0) + 2.0 * spread / set.control.len() as f64 {
            return Err(format!("{}: ours is {interval:?}, R's is {r}", set.name).into());
        }
        println!(
            "| {} | {} | {} | {:.0}× | {} | {} | {difference:.1e} |",
            set.name,
            micros(time.as_secs_f64()),
            micros(number(r, "seconds")?),
            number(r, "seconds")? / time.as_secs_f64(),
            micros(number(scipy, "p_seconds")?),
            micros(number(scipy, "shift_seconds")?),
        );
    }
    Ok(())
}

fn at<'a>(answers: &'a HashMap<String, Value>, name: &str) -> Result<&'a Value, Box<dyn Error>> {
    answers
        .get(name)
        .ok_or_else(|| format!("no answer for {name}").into())
}

fn spread(values: &[f64]) -> f64 {
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            (low.min(*v), high.max(*v))
        });
    high - low
}

fn micros(seconds: f64) -> String {
    if seconds < 1e-3 {
        format!("{:.1} µs", seconds * 1e6)
    } else {
        format!("{:.2} ms", seconds * 1e3)
    }
}
