//! Command lines in documents and examples, parsed by the definition of the command line.

use clap::{Parser, error::ErrorKind};

use super::{files, pages, short};
use crate::command_line::{CommandLine, split};

/// A command line and where it stands.
#[derive(Debug)]
struct Quoted {
    place: String,
    words: Vec<String>,
    /// Whether it stands for itself, or only names a command in running text.
    whole: bool,
}

#[test]
fn every_command_line_parses() {
    let quoted = all();
    let mut wrong = Vec::new();
    for Quoted {
        place,
        words,
        whole,
    } in &quoted
    {
        let arguments = match split(words.iter().map(Into::into)) {
            Ok(arguments) => arguments,
            Err(unknown) => {
                wrong.push(format!("{place}: {}\n{unknown}", words.join(" ")));
                continue;
            }
        };
        let Err(error) = CommandLine::try_parse_from(arguments.own) else {
            continue;
        };
        let accepted = match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
            ErrorKind::MissingRequiredArgument
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            | ErrorKind::MissingSubcommand => !whole,
            // The value of a variable is known where the script runs.
            ErrorKind::ValueValidation => error.to_string().contains("invalid value '$"),
            _ => false,
        };
        if !accepted {
            wrong.push(format!("{place}: {}\n{error}", words.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let whole = quoted.iter().filter(|quoted| quoted.whole).count();
    assert!(
        whole >= 8,
        "only {whole} command lines were found: {quoted:?}"
    );
}

fn all() -> Vec<Quoted> {
    let mut all = Vec::new();
    for page in pages() {
        let place = |line: usize| format!("{}:{line}", short(&page.path));
        for block in &page.blocks {
            if matches!(block.language.as_str(), "sh" | "bash" | "console" | "yaml") {
                all.extend(in_script(&place(block.line), &block.text));
            }
        }
        for (line, span) in page.code_spans() {
            if span == "kayenta" || span.starts_with("kayenta ") {
                let words = words(&span);
                all.push(Quoted {
                    place: place(line),
                    words,
                    whole: false,
                });
            }
        }
    }
    let examples = [".yml", ".yaml", "Jenkinsfile", ".service", "Dockerfile"];
    for path in examples.iter().flat_map(|ending| files(ending)) {
        let text = std::fs::read_to_string(&path).unwrap();
        all.extend(in_script(&short(&path), &text));
    }
    all
}

/// The command lines of a shell script, or of a file that has some in it.
fn in_script(place: &str, text: &str) -> Vec<Quoted> {
    joined(text)
        .iter()
        .filter_map(|line| {
            let line = line.trim_start();
            let line = line.strip_prefix("- ").unwrap_or(line);
            let line = line
                .strip_prefix("ExecStart=/opt/kayenta/bin/")
                .unwrap_or(line);
            let command = match line.split_once("--bin kayenta -- ") {
                Some((_, arguments)) => format!("kayenta {arguments}"),
                None if line.starts_with("kayenta ") => line.to_owned(),
                None => return None,
            };
            // A mapping's key is no command.
            let words = words(&command);
            Some(Quoted {
                place: place.to_owned(),
                words,
                whole: true,
            })
        })
        .collect()
}

/// Lines joined with their continuations: after a backslash, or as more deeply indented flags of a
/// YAML text.
fn joined(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut continues = false;
    for line in text.lines() {
        let flags = line.trim_start().starts_with("--");
        match lines.last_mut() {
            Some(last) if continues || (flags && last.contains("kayenta")) => {
                last.push(' ');
                last.push_str(line.trim().trim_end_matches('\\'));
            }
            _ => lines.push(line.trim_end().trim_end_matches('\\').to_owned()),
        }
        continues = line.trim_end().ends_with('\\');
    }
    lines
}

/// The words of a command up to a comment, a redirection or another command.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '|' | '>' | ';' | '&') => break,
            (None, '#') if word.is_none() => break,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn scripts_are_read_as_a_shell_does() {
    let script = "x: |\n  kayenta analyze \\\n    --url \"$(u) v\" \\\n    --wait > out.xml\n- kayenta judge\n  \
                  --threads 2\ncargo run --bin kayenta -- demo  # shows\n";
    let found: Vec<Vec<String>> = in_script("x", script)
        .into_iter()
        .map(|quoted| quoted.words)
        .collect();
    assert_eq!(
        found,
        [
            vec!["kayenta", "analyze", "--url", "$(u) v", "--wait"],
            vec!["kayenta", "judge", "--threads", "2"],
            vec!["kayenta", "demo"],
        ]
    );
}
