//! Tells the binary which commit it was built from, and when.

#![allow(clippy::print_stdout, reason = "how a build script speaks to Cargo")]

use std::process::Command;

fn main() {
    let commit = variable("KAYENTA_COMMIT")
        .or_else(|| output("git", &["rev-parse", "--short=12", "HEAD"]))
        .unwrap_or_else(|| "unknown commit".to_owned());
    // Builds that are to be repeatable set the time (https://reproducible-builds.org/specs/source-date-epoch/).
    let date = match variable("SOURCE_DATE_EPOCH") {
        Some(seconds) => output("date", &["-u", "-d", &format!("@{seconds}"), "+%F"]),
        None => output("date", &["-u", "+%F"]),
    }
    .unwrap_or_else(|| "unknown date".to_owned());
    println!("cargo::rustc-env=KAYENTA_BUILD={commit}, {date}");
    println!("cargo::rustc-env=KAYENTA_BUILD_COMMIT={commit}");
    for variable in ["KAYENTA_COMMIT", "SOURCE_DATE_EPOCH"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    if let Some(head) = output("git", &["rev-parse", "--git-path", "HEAD"]) {
        println!("cargo::rerun-if-changed={head}");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a build script has no environment but that of the process"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
