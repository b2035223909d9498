//! Documents made from the code.

use std::fmt::Write;

use clap::{Command, CommandFactory};

use super::repository;
use crate::command_line::CommandLine;

/// As wide as a terminal mostly is; the page must not depend on one.
const WIDTH: usize = 100;

#[test]
fn the_page_on_the_command_line_is_up_to_date() {
    up_to_date("docs/command-line.md", page());
}

/// `UPDATE_DOCS=1 cargo test -p kayenta-server documents` renews the pages.
#[expect(
    clippy::disallowed_methods,
    reason = "a switch for the person who runs the tests"
)]
pub(super) fn up_to_date(name: &str, made: String) {
    let path = repository().join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, made).unwrap();
        return;
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == made,
        "{name} is stale: UPDATE_DOCS=1 cargo test -p kayenta-server documents"
    );
}

fn page() -> String {
    let mut page = String::from(
        "# Command line\n\nThis page is generated from the code. Besides its own options, `kayenta serve` \
         accepts what the `args:` of a pod\ncontain for the Java service: `--any.property=value` and \
         `-Dname=value`; see [configure.md](configure.md).\n",
    );
    let mut root = CommandLine::command()
        .term_width(WIDTH)
        .mut_args(|argument| argument.hide_env_values(true));
    root.build();
    describe(&mut page, &root);
    page
}

fn describe(page: &mut String, command: &Command) {
    let name = command.get_bin_name().unwrap_or("kayenta");
    let help = command.clone().render_long_help().to_string();
    let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    let _ = write!(page, "\n## {name}\n\n```text\n{}\n```\n", lines.join("\n"));
    for sub in command
        .get_subcommands()
        .filter(|sub| sub.get_name() != "help")
    {
        let sub = sub
            .clone()
            .term_width(WIDTH)
            .mut_args(|argument| argument.hide_env_values(true));
        describe(page, &sub);
    }
}
