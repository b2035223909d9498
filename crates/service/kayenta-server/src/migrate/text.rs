//! The report for people.

use std::fmt;

use super::report::{Configuration, Finding, Redis, Report, Store, Verdict, Weight};

/// Unfinished runs that are listed one by one; JSON has all of them.
const LISTED_RUNS: usize = 20;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        configuration(f, &self.configuration)?;
        for store in &self.storage {
            writeln!(f)?;
            objects(f, store)?;
        }
        writeln!(f)?;
        match &self.redis {
            Some(redis) => keys(f, redis)?,
            None if self.configuration.errors.is_empty() => writeln!(
                f,
                "REDIS\n  no redis.connection is set: there are no keys of the Java service to check"
            )?,
            None => writeln!(f, "Stores and Redis were not checked.")?,
        }
        write!(f, "\nRESULT  {}", self.verdict.words())
    }
}

impl Verdict {
    fn words(self) -> &'static str {
        match self {
            Self::Ready => "ready: nothing prevents the migration",
            Self::Attention => "attention: decide about the lines marked with ! first",
            Self::Incomplete => {
                "incomplete: the service would not start, or something could not be checked; see \
                 the lines marked with !"
            }
        }
    }
}

fn configuration(f: &mut fmt::Formatter<'_>, configuration: &Configuration) -> fmt::Result {
    writeln!(f, "CONFIGURATION")?;
    match configuration.files.as_slice() {
        [] if configuration.errors.is_empty() => {
            writeln!(f, "  no file was found: the embedded default")?;
        }
        files => {
            for file in files {
                writeln!(f, "  read from {file}")?;
            }
        }
    }
    for error in &configuration.errors {
        writeln!(f, "  ! {error}")?;
    }
    for account in &configuration.accounts {
        let usable = if account.usable {
            "usable"
        } else {
            "unknown kind"
        };
        writeln!(
            f,
            "  account {} of type {}: {usable}",
            account.name, account.kind
        )?;
    }
    findings(f, &configuration.findings)
}

fn objects(f: &mut fmt::Formatter<'_>, store: &Store) -> fmt::Result {
    writeln!(f, "STORAGE  {} ({})", store.account, store.kind)?;
    if let Some(failure) = &store.failure {
        writeln!(f, "  ! could not be read completely: {failure}")?;
    }
    for group in &store.groups {
        writeln!(
            f,
            "  {:<26} {:>7} objects, {:>7} read, {:>10} bytes",
            group.group, group.objects, group.read, group.bytes
        )?;
    }
    for unreadable in &store.unreadable {
        writeln!(
            f,
            "  ! cannot be read: {}/{}/{}: {}",
            unreadable.group, unreadable.id, unreadable.file, unreadable.reason
        )?;
    }
    findings(f, &store.findings)?;
    for left_over in &store.left_over {
        writeln!(f, "  left over: {}: {}", left_over.name, left_over.reason)?;
    }
    Ok(())
}

fn keys(f: &mut fmt::Formatter<'_>, redis: &Redis) -> fmt::Result {
    writeln!(f, "REDIS  {}", redis.address)?;
    if let Some(failure) = &redis.failure {
        writeln!(f, "  ! could not be read completely: {failure}")?;
    }
    findings(f, &redis.findings)?;
    for run in redis.unfinished.iter().take(LISTED_RUNS) {
        writeln!(
            f,
            "  ! {} {}: {} of application {}, accepted {}",
            run.status,
            run.id,
            run.name,
            run.application,
            run.accepted.as_deref().unwrap_or("at an unknown time")
        )?;
    }
    if redis.unfinished.len() > LISTED_RUNS {
        let more = redis.unfinished.len() - LISTED_RUNS;
        writeln!(f, "  ! and {more} more; --output json lists all")?;
    }
    let left: Vec<_> = redis.keys.iter().filter(|keys| keys.count > 0).collect();
    if left.is_empty() && redis.failure.is_none() {
        writeln!(f, "  no key of the Java service")?;
    }
    for keys in left {
        writeln!(f, "  {:>7} {:<20} {}", keys.count, keys.kind, keys.pattern)?;
    }
    Ok(())
}

fn findings(f: &mut fmt::Formatter<'_>, findings: &[Finding]) -> fmt::Result {
    for finding in findings {
        let mark = match finding.weight {
            Weight::Note => "-",
            Weight::Attention => "!",
        };
        write!(f, "  {mark} {}: {}", finding.subject, finding.message)?;
        match finding.departure {
            Some(id) => writeln!(f, " [{id}]")?,
            None => writeln!(f)?,
        }
    }
    Ok(())
}
