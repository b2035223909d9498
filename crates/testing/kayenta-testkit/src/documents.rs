//! The documents of the repository: its pages, and as much of Markdown as they use (fenced blocks, headings,
//! links, code spans).

use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../..")
        .canonicalize()
        .unwrap()
}

/// Every file of the repository whose name ends like this, in a folder that is not built.
pub fn files(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![repository()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_str().unwrap();
            if entry.file_type().unwrap().is_dir() {
                if !matches!(
                    name,
                    "target" | "node_modules" | ".git" | "testdata" | "fuzz"
                ) {
                    folders.push(path);
                }
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no file ends with {ending}");
    found
}

/// Every page of the repository.
pub fn pages() -> Vec<Page> {
    files(".md").iter().map(|path| Page::read(path)).collect()
}

/// A path as a person names it: from the root of the repository on.
pub fn short(path: &Path) -> String {
    let root = repository();
    path.strip_prefix(&root)
        .unwrap_or(path)
        .display()
        .to_string()
}

/// A fenced block.
#[derive(Debug)]
pub struct Block {
    /// What follows the fence: the language, and for some a case.
    pub language: String,
    /// Its lines, without the indentation of the fence.
    pub text: String,
    /// Line of its fence, from 1.
    pub line: usize,
}

/// A page, its fenced blocks apart from the rest.
#[derive(Debug)]
pub struct Page {
    /// Its file.
    pub path: PathBuf,
    /// Its fenced blocks.
    pub blocks: Vec<Block>,
    /// Lines outside of blocks, with their numbers from 1.
    pub prose: Vec<(usize, String)>,
}

impl Page {
    /// The page in a file.
    pub fn read(path: &Path) -> Self {
        Self::parse(path, &std::fs::read_to_string(path).unwrap())
    }

    fn parse(path: &Path, text: &str) -> Self {
        let mut page = Self {
            path: path.to_owned(),
            blocks: Vec::new(),
            prose: Vec::new(),
        };
        let mut open: Option<(Block, usize)> = None;
        for (index, line) in text.lines().enumerate() {
            let indentation = line.len() - line.trim_start().len();
            let fence = line[indentation..].strip_prefix("```");
            match (&mut open, fence) {
                (None, Some(language)) => {
                    let block = Block {
                        language: language.trim().to_owned(),
                        text: String::new(),
                        line: index + 1,
                    };
                    open = Some((block, indentation));
                }
                (Some(_), Some(_)) => page.blocks.extend(open.take().map(|(block, _)| block)),
                (Some((block, outer)), None) => {
                    block.text.push_str(&line[indentation.min(*outer)..]);
                    block.text.push('\n');
                }
                (None, None) => page.prose.push((index + 1, line.to_owned())),
            }
        }
        assert!(open.is_none(), "{}: a block is not closed", path.display());
        page
    }

    /// The anchors of its headings, as GitHub makes them.
    pub fn anchors(&self) -> Vec<String> {
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
    pub fn links(&self) -> Vec<(usize, String)> {
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
    pub fn code_spans(&self) -> Vec<(usize, String)> {
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
        "# One, two\n[a](b.md#c) `[no](link)` `span`\n  ```sh\n  kayenta demo\n    more\n  ```\n## One two\n## one two\n",
    );
    assert_eq!(page.anchors(), ["one-two", "one-two-1", "one-two-2"]);
    assert_eq!(page.links(), [(2, "b.md#c".to_owned())]);
    assert_eq!(page.code_spans()[1].1, "span");
    assert_eq!(page.blocks[0].text, "kayenta demo\n  more\n");
}
