//! As much of Markdown as the documents use: fenced blocks, headings, links, code spans.

use std::path::{Path, PathBuf};

/// A fenced block.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) language: String,
    pub(super) text: String,
    /// Line of its fence, from 1.
    pub(super) line: usize,
}

/// A page, its fenced blocks apart from the rest.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) path: PathBuf,
    pub(super) blocks: Vec<Block>,
    /// Lines outside of blocks, with their numbers from 1.
    pub(super) prose: Vec<(usize, String)>,
}

impl Page {
    pub(super) fn read(path: &Path) -> Self {
        Self::parse(path, &std::fs::read_to_string(path).unwrap())
    }

    fn parse(path: &Path, text: &str) -> Self {
        let mut page = Self {
            path: path.to_owned(),
            blocks: Vec::new(),
            prose: Vec::new(),
        };
        let mut open: Option<Block> = None;
        for (index, line) in text.lines().enumerate() {
            let fence = line.trim_start().strip_prefix("```");
            match (&mut open, fence) {
                (None, Some(language)) => {
                    open = Some(Block {
                        language: language.trim().to_owned(),
                        text: String::new(),
                        line: index + 1,
                    });
                }
                (Some(_), Some(_)) => page.blocks.extend(open.take()),
                (Some(block), None) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) => page.prose.push((index + 1, line.to_owned())),
            }
        }
        assert!(open.is_none(), "{}: a block is not closed", path.display());
        page
    }

    /// The anchors of its headings, as GitHub makes them.
    pub(super) fn anchors(&self) -> Vec<String> {
        let (mut slugs, mut anchors) = (Vec::new(), Vec::new());
        for (_, line) in &self.prose {
            let Some(title) = line.strip_prefix('#') else {
                continue;
            };
            let slug: String = title
                .trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect();
            let again = slugs.iter().filter(|known| **known == slug).count();
            anchors.push(match again {
                0 => slug.clone(),
                count => format!("{slug}-{count}"),
            });
            slugs.push(slug);
        }
        anchors
    }

    /// Targets of its links, with the line each is in.
    pub(super) fn links(&self) -> Vec<(usize, String)> {
        let mut links = Vec::new();
        for (number, line) in &self.prose {
            let plain = without_code(line);
            let mut rest = plain.as_str();
            while let Some((_, after)) = rest.split_once("](") {
                let Some((target, after)) = after.split_once(')') else {
                    break;
                };
                links.push((*number, target.to_owned()));
                rest = after;
            }
        }
        links
    }

    /// Its code spans, with the line each is in.
    pub(super) fn code_spans(&self) -> Vec<(usize, String)> {
        let spans = |line: &str| -> Vec<String> {
            let parts: Vec<&str> = line.split('`').collect();
            parts
                .iter()
                .skip(1)
                .step_by(2)
                .map(|p| (*p).to_owned())
                .collect()
        };
        self.prose
            .iter()
            .flat_map(|(number, line)| spans(line).into_iter().map(|span| (*number, span)))
            .collect()
    }
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

#[test]
fn a_page_is_taken_apart() {
    let page = Page::parse(
        Path::new("x.md"),
        "# One, two\n[a](b.md#c) `[no](link)` `span`\n```sh\nkayenta demo\n```\n## One two\n## one two\n",
    );
    assert_eq!(page.anchors(), ["one-two", "one-two-1", "one-two-2"]);
    assert_eq!(page.links(), [(2, "b.md#c".to_owned())]);
    assert_eq!(page.code_spans()[1].1, "span");
    assert_eq!(page.blocks[0].text, "kayenta demo\n");
}
