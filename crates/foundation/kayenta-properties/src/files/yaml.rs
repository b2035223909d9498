//! YAML files: documents flattened to names, with the place of every value.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::properties::scalar::{Scalar, ScalarKind};

/// Mappings and lists may nest this deep; no configuration does.
const MAX_DEPTH: usize = 64;
/// Values of one file, aliases written out: a bound against documents made to explode.
const MAX_VALUES: usize = 20_000;
/// Length of a flattened name, for the same reason.
const MAX_NAME: usize = 4_096;

/// A place in a text, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    fn of(span: &Span) -> Self {
        Self {
            line: span.start.line(),
            column: span.start.col() + 1,
        }
    }
}

/// A value of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FlatEntry {
    /// The name as written, dots between levels, `[n]` for list elements.
    pub(crate) name: String,
    pub(crate) value: Scalar,
    pub(crate) place: Place,
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) message: String,
    pub(crate) place: Place,
    pub(crate) remedy: Option<&'static str>,
}

#[derive(Debug)]
struct Node {
    content: Content,
    place: Place,
}

#[derive(Debug)]
enum Content {
    Scalar(Scalar),
    List(Vec<Rc<Node>>),
    Map(Vec<(Rc<Node>, Rc<Node>)>),
}

/// The text of the scalar that a YAML document has at a name; dots lead into mappings, `[n]` into lists.
///
/// # Errors
/// With the place of the first mistake, when the text is not YAML. Nothing of the text is shown.
pub fn yaml_text(text: &str, name: &str) -> Result<Option<String>, String> {
    let documents = parse(text).map_err(|errors| {
        let place = errors.first().map(|error| error.place);
        place.map_or_else(
            || "content".to_owned(),
            |place| format!("line {}, column {}", place.line, place.column),
        )
    })?;
    let mut entries = documents.into_iter().flatten();
    let found = entries.find(|entry| entry.name == name);
    Ok(found.map(|entry| entry.value.text))
}

/// Flattens every document of a YAML text.
///
/// # Errors
/// Every duplicate key and misplaced top level; of syntax errors the first, as nothing can be read
/// after it.
pub(crate) fn parse(text: &str) -> Result<Vec<Vec<FlatEntry>>, Vec<SyntaxError>> {
    let roots = compose(text).map_err(|error| vec![error])?;
    let mut errors = Vec::new();
    let mut documents = Vec::new();
    let mut flattener = Flattener {
        entries: Vec::new(),
        errors: Vec::new(),
        total: 0,
        reported: HashSet::new(),
    };
    for root in roots {
        match &root.content {
            Content::Map(_) => flattener.flatten(&root, "", root.place),
            Content::Scalar(scalar) if scalar.text.is_empty() => {}
            Content::Scalar(_) | Content::List(_) => errors.push(SyntaxError {
                message: format!(
                    "the top level is a {}, not a mapping of names to values",
                    if matches!(root.content, Content::List(_)) {
                        "list"
                    } else {
                        "bare word"
                    }
                ),
                place: root.place,
                remedy: Some("write `name: value` lines"),
            }),
        }
        documents.push(std::mem::take(&mut flattener.entries));
    }
    errors.extend(flattener.errors);
    if errors.is_empty() {
        Ok(documents)
    } else {
        errors.sort_by_key(|error| (error.place.line, error.place.column));
        Err(errors)
    }
}

/// A collection under construction.
enum Open {
    List {
        anchor: usize,
        place: Place,
        items: Vec<Rc<Node>>,
    },
    Map {
        anchor: usize,
        place: Place,
        items: Vec<(Rc<Node>, Rc<Node>)>,
        key: Option<Rc<Node>>,
    },
}

/// Turns events into one tree a document.
fn compose(text: &str) -> Result<Vec<Rc<Node>>, SyntaxError> {
    let mut roots = Vec::new();
    let mut anchors: HashMap<usize, Rc<Node>> = HashMap::new();
    let mut open: Vec<Open> = Vec::new();
    let mut nodes = 0_usize;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            syntax_error(
                error.info(),
                Place {
                    line: error.marker().line(),
                    column: error.marker().col() + 1,
                },
            )
        })?;
        let place = Place::of(&span);
        let finished = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = style != ScalarStyle::Plain
                    || tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                let scalar = if is_text {
                    Scalar::text(text)
                } else {
                    Scalar::plain(&text)
                };
                Some((anchor, Content::Scalar(scalar), place))
            }
            Event::SequenceStart(anchor, _) => {
                open.push(Open::List {
                    anchor,
                    place,
                    items: Vec::new(),
                });
                None
            }
            Event::MappingStart(anchor, _) => {
                open.push(Open::Map {
                    anchor,
                    place,
                    items: Vec::new(),
                    key: None,
                });
                None
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List {
                    anchor,
                    place,
                    items,
                }) => Some((anchor, Content::List(items), place)),
                Some(Open::Map {
                    anchor,
                    place,
                    items,
                    ..
                }) => Some((anchor, Content::Map(items), place)),
                None => None,
            },
            Event::Alias(anchor) => {
                let node = anchors.get(&anchor).cloned().ok_or_else(|| SyntaxError {
                    message: "an alias stands inside the value it refers to".to_owned(),
                    place,
                    remedy: None,
                })?;
                attach(&mut open, &mut roots, node);
                None
            }
            Event::DocumentStart(_) => {
                anchors.clear();
                None
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => None,
        };
        if open.len() > MAX_DEPTH {
            return Err(too_much(place, "mappings and lists nest too deep"));
        }
        if let Some((anchor, content, place)) = finished {
            nodes += 1;
            if nodes > MAX_VALUES * 4 {
                return Err(too_much(place, "there are too many values"));
            }
            let node = Rc::new(Node { content, place });
            if anchor > 0 {
                anchors.insert(anchor, Rc::clone(&node));
            }
            attach(&mut open, &mut roots, node);
        }
    }
    Ok(roots)
}

fn attach(open: &mut [Open], roots: &mut Vec<Rc<Node>>, node: Rc<Node>) {
    match open.last_mut() {
        None => roots.push(node),
        Some(Open::List { items, .. }) => items.push(node),
        Some(Open::Map { items, key, .. }) => match key.take() {
            None => *key = Some(node),
            Some(key) => items.push((key, node)),
        },
    }
}

fn too_much(place: Place, message: &str) -> SyntaxError {
    SyntaxError {
        message: message.to_owned(),
        place,
        remedy: Some("this does not look like a configuration file"),
    }
}

fn syntax_error(info: &str, place: Place) -> SyntaxError {
    if info.contains("tab") {
        return SyntaxError {
            message: "found character '\\t(TAB)' that cannot start any token".to_owned(),
            place,
            remedy: Some("indent with spaces"),
        };
    }
    SyntaxError {
        message: format!("the YAML cannot be read: {info}"),
        place,
        remedy: None,
    }
}

struct Flattener {
    entries: Vec<FlatEntry>,
    errors: Vec<SyntaxError>,
    total: usize,
    /// Mappings whose duplicates were reported already (aliases visit them again).
    reported: HashSet<*const Node>,
}

impl Flattener {
    /// `place` is where to point for a value that is nothing (`key:`): its key.
    fn flatten(&mut self, node: &Rc<Node>, path: &str, place: Place) {
        if path.len() > MAX_NAME {
            self.total = MAX_VALUES + 1;
        }
        if self.is_exhausted(place) {
            return;
        }
        match &node.content {
            Content::Scalar(scalar) => self.push(path, scalar.clone(), pointed(node, place)),
            Content::List(items) if items.is_empty() => {
                self.push(path, Scalar::text(""), node.place);
            }
            Content::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.flatten(item, &format!("{path}[{index}]"), item.place);
                }
            }
            Content::Map(items) => {
                let mut seen = HashMap::new();
                self.check_duplicates(node, items);
                self.map(items, path, &mut seen, 0, node.place);
            }
        }
    }

    /// Whether the text has more values than any configuration; reported once.
    fn is_exhausted(&mut self, place: Place) -> bool {
        if self.total <= MAX_VALUES {
            return false;
        }
        if self.total != usize::MAX {
            self.errors
                .push(too_much(place, "there are too many values"));
            self.total = usize::MAX;
        }
        true
    }

    fn push(&mut self, path: &str, value: Scalar, place: Place) {
        self.total = self.total.saturating_add(1);
        self.entries.push(FlatEntry {
            name: path.to_owned(),
            value,
            place,
        });
    }

    /// Own keys first, then those of `<<`, which never replace.
    fn map(
        &mut self,
        items: &[(Rc<Node>, Rc<Node>)],
        path: &str,
        seen: &mut HashMap<String, ()>,
        depth: usize,
        place: Place,
    ) {
        // Merges of merges, followed without bound, would be a way to run for ever.
        self.total = self.total.saturating_add(1);
        if depth > MAX_DEPTH {
            self.total = MAX_VALUES + 1;
        }
        if self.is_exhausted(place) {
            return;
        }
        let mut merges = Vec::new();
        for (key, value) in items {
            let Some(scalar) = self.key(key) else {
                continue;
            };
            if scalar.text == "<<" {
                merges.push(value);
                continue;
            }
            if seen.insert(scalar.text.clone(), ()).is_some() {
                continue;
            }
            let name = match (scalar.kind, path) {
                (ScalarKind::Text, _) if scalar.text.starts_with('[') => {
                    format!("{path}{}", scalar.text)
                }
                (ScalarKind::Text, "") => scalar.text.clone(),
                (ScalarKind::Text, _) => format!("{path}.{}", scalar.text),
                _ => format!("{path}[{}]", scalar.text),
            };
            self.flatten(value, &name, key.place);
        }
        for merge in merges {
            match &merge.content {
                Content::Map(items) => self.map(items, path, seen, depth + 1, merge.place),
                Content::List(list) => {
                    for item in list {
                        if let Content::Map(items) = &item.content {
                            self.map(items, path, seen, depth + 1, merge.place);
                        }
                    }
                }
                Content::Scalar(_) => self.errors.push(SyntaxError {
                    message: "a merge key (<<) takes a mapping or a list of mappings".to_owned(),
                    place: merge.place,
                    remedy: None,
                }),
            }
        }
    }

    fn key<'n>(&mut self, key: &'n Rc<Node>) -> Option<&'n Scalar> {
        if let Content::Scalar(scalar) = &key.content {
            return Some(scalar);
        }
        self.errors.push(SyntaxError {
            message: "a list or mapping cannot be the name of a property".to_owned(),
            place: key.place,
            remedy: Some("put quotes around a value that begins with [, { or *"),
        });
        None
    }

    fn check_duplicates(&mut self, node: &Rc<Node>, items: &[(Rc<Node>, Rc<Node>)]) {
        if !self.reported.insert(Rc::as_ptr(node)) {
            return;
        }
        let mut first: HashMap<&str, Place> = HashMap::new();
        for (key, _) in items {
            let Content::Scalar(scalar) = &key.content else {
                continue;
            };
            if scalar.text == "<<" {
                continue;
            }
            if let Some(before) = first.get(scalar.text.as_str()) {
                self.errors.push(SyntaxError {
                    message: format!(
                        "found duplicate key {}, first at line {} column {}",
                        scalar.text, before.line, before.column
                    ),
                    place: key.place,
                    remedy: Some("merge the two"),
                });
            } else {
                first.insert(&scalar.text, key.place);
            }
        }
    }
}

/// A value that is there points to itself, one that is not to its key.
fn pointed(node: &Node, key: Place) -> Place {
    match &node.content {
        Content::Scalar(scalar) if scalar.text.is_empty() => key,
        _ => node.place,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(text: &str) -> Vec<(String, String, usize)> {
        parse(text)
            .unwrap()
            .into_iter()
            .flatten()
            .map(|entry| (entry.name, entry.value.text, entry.place.line))
            .collect()
    }

    fn entry(name: &str, value: &str, line: usize) -> (String, String, usize) {
        (name.to_owned(), value.to_owned(), line)
    }

    #[test]
    fn levels_lists_and_dotted_keys_become_names() {
        assert_eq!(
            flat("a:\n  b.c: 1\n  d: [x, 'on']\n  e:\n  f: {}\n  g: []\n1: z\n"),
            [
                entry("a.b.c", "1", 2),
                entry("a.d[0]", "x", 3),
                entry("a.d[1]", "on", 3),
                entry("a.e", "", 4),
                entry("a.g", "", 6),
                entry("[1]", "z", 7),
            ]
        );
    }

    #[test]
    fn merges_fill_in_what_is_not_there() {
        assert_eq!(
            flat("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  x: 3\n"),
            [
                entry("base.x", "1", 1),
                entry("base.y", "2", 1),
                entry("use.x", "3", 4),
                entry("use.y", "2", 1),
            ]
        );
    }

    #[test]
    fn duplicates_are_reported_with_both_lines() {
        let errors = parse("a: 1\nb: {c: 1, c: 2}\na: 2\n").unwrap_err();
        assert_eq!(errors.len(), 2);
        assert_eq!(errors[0].place.line, 2);
        assert_eq!(
            errors[1].message,
            "found duplicate key a, first at line 1 column 1"
        );
        assert_eq!(errors[1].place.line, 3);
    }

    #[test]
    fn documents_made_to_explode_are_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let alias = format!("*a{}", level - 1);
            bomb.push_str(&format!(
                "a{level}: &a{level} [{}]\n",
                [alias.as_str(); 10].join(", ")
            ));
        }
        assert!(parse(&bomb).unwrap_err()[0].message.contains("too many"));
        let deep = "[".repeat(100_000);
        assert!(parse(&deep).is_err());
    }
}
