//! Stored lists of series, rewritten piece by piece.

use std::{fmt, mem, ops::Range};

use serde::{Serialize, de::DeserializeOwned};

use crate::metric_set::rewrite_values;

/// An element of up to so many bytes is read and written as a whole.
const SHORT: usize = 16 << 10;
/// A longer element has at most so many bytes without the values in its lists.
const LONGEST_SKELETON: usize = 32 << 10;
/// The values of a longer element are read and written together up to so many bytes.
const RUN: usize = 16 << 10;
/// A value is a number or a short word.
const LONGEST_VALUE: usize = 1 << 10;

/// Rewrites the text of a JSON array of [`MetricSet`](crate::MetricSet)s or [`MetricSetPair`](crate::MetricSetPair)s as
/// reading the array and writing it again would, byte for byte, but piece by piece: it keeps one element without the values
/// in its lists, and a few of these values, however long either is.
///
/// ```
/// use kayenta_model::{MetricSet, SeriesText};
///
/// let stored = br#"[ {"values": [1, 2.50, "-INF"], "unknown": 1, "name": "m"} ]"#;
/// let mut text = SeriesText::<MetricSet>::default();
/// let mut written = Vec::new();
/// for piece in stored.chunks(7) {
///     text.take(piece, &mut written).unwrap();
/// }
/// // It was written by another program.
/// assert!(!text.end().unwrap());
/// let sets: Vec<MetricSet> = serde_json::from_slice(stored).unwrap();
/// assert_eq!(written, serde_json::to_vec(&sets).unwrap());
/// ```
#[derive(Debug)]
pub struct SeriesText<T> {
    place: Place,
    element: Element,
    is_as_written: bool,
    /// How many bytes of the text have been taken.
    taken: u64,
    search: Search<T>,
}

/// What is looked for in a list, and where it is.
struct Search<T> {
    is_wanted: Box<dyn Fn(&T) -> bool + Send>,
    /// Where the element begins that is being taken.
    began: u64,
    found: Option<Range<u64>>,
}

impl<T> fmt::Debug for Search<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search")
            .field("began", &self.began)
            .field("found", &self.found)
            .finish_non_exhaustive()
    }
}

/// The text has to be read as a whole: it is no such array, or it has a long element whose fields are in another order than
/// they are written in, or which is long by other things than its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the list of series has to be read as a whole")]
pub struct NeedsWholeText;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Start,
    /// After the bracket that opens the array.
    Opened,
    Element,
    AfterElement,
    AfterComma,
    End,
}

#[derive(Debug)]
enum Element {
    Short(Short),
    Long(Box<Long>),
}

impl Element {
    /// Takes bytes from the beginning of `rest` that need no look at each of them; how many.
    fn take_plain(&mut self, rest: &[u8]) -> usize {
        let (string, into, most) = match self {
            Self::Short(short) => (short.string, &mut short.text, SHORT - 1),
            Self::Long(long) if long.values.is_empty() => return 0,
            // A run of values ends at a comma after these.
            Self::Long(long) => (long.structure.string, &mut long.values, RUN + 1),
        };
        let room = most.saturating_sub(into.len()).min(rest.len());
        let plain = &rest[..string.plain(&rest[..room])];
        into.extend_from_slice(plain);
        plain.len()
    }
}

impl<T> Default for SeriesText<T> {
    fn default() -> Self {
        Self::searched(|_| false)
    }
}

impl<T> SeriesText<T> {
    /// Also looks for the first element that `is_wanted` accepts, which sees a long element without the values in its
    /// lists.
    ///
    /// ```
    /// use kayenta_model::{MetricSetPair, SeriesText};
    ///
    /// let stored = br#"[{"id":"a"}, {"id":"b","values":{"control":[1]}}]"#;
    /// let mut text = SeriesText::searched(|pair: &MetricSetPair| pair.id.as_deref() == Some("b"));
    /// text.take(stored, &mut Vec::new()).unwrap();
    /// assert_eq!(text.found(), Some(13..48));
    /// ```
    pub fn searched(is_wanted: impl Fn(&T) -> bool + Send + 'static) -> Self {
        Self {
            place: Place::Start,
            element: Element::Short(Short::default()),
            is_as_written: true,
            taken: 0,
            search: Search {
                is_wanted: Box::new(is_wanted),
                began: 0,
                found: None,
            },
        }
    }

    /// Which bytes of the text are the element that is looked for, once all of them have been taken.
    #[must_use]
    pub fn found(&self) -> Option<Range<u64>> {
        self.search.found.clone()
    }
}

impl<T: DeserializeOwned + Serialize> SeriesText<T> {
    /// Takes the next piece and appends to `out` what is written of it.
    ///
    /// # Errors
    /// Once the text cannot be rewritten piece by piece. What was appended is of no use then, and neither is this.
    pub fn take(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), NeedsWholeText> {
        let mut rest = piece;
        while let Some((&byte, more)) = rest.split_first() {
            if self.place != Place::Element {
                self.between_elements(byte, out)?;
                self.taken += 1;
                rest = more;
                continue;
            }
            match self.element.take_plain(rest) {
                0 => {
                    self.in_element(byte, out)?;
                    self.taken += 1;
                    rest = more;
                }
                taken => {
                    self.taken += taken as u64;
                    rest = &rest[taken..];
                }
            }
        }
        Ok(())
    }

    /// Whether the whole text, which ends here, was written in the same way already.
    ///
    /// # Errors
    /// When the text does not end here.
    pub fn end(&self) -> Result<bool, NeedsWholeText> {
        match self.place {
            Place::End => Ok(self.is_as_written),
            _ => Err(NeedsWholeText),
        }
    }

    fn between_elements(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<(), NeedsWholeText> {
        if is_blank(byte) {
            self.is_as_written = false;
            return Ok(());
        }
        self.place = match (self.place, byte) {
            (Place::Opened | Place::AfterComma, b'{') => {
                self.element = Element::Short(Short::default());
                self.search.began = self.taken;
                return self.in_element(byte, out);
            }
            (Place::Start, b'[') => Place::Opened,
            (Place::AfterElement, b',') => Place::AfterComma,
            (Place::Opened | Place::AfterElement, b']') => Place::End,
            _ => return Err(NeedsWholeText),
        };
        out.push(byte);
        Ok(())
    }

    fn in_element(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<(), NeedsWholeText> {
        self.place = Place::Element;
        let ended = match &mut self.element {
            Element::Short(short) => {
                if short.take(byte) {
                    let (read, written) = rewritten::<T>(&short.text)?;
                    self.is_as_written &= written == short.text;
                    out.extend_from_slice(&written);
                    Some(read)
                } else {
                    if short.text.len() >= SHORT {
                        let mut long = Box::<Long>::default();
                        for &byte in &short.text {
                            long.take::<T>(byte, out)?;
                        }
                        self.element = Element::Long(long);
                    }
                    None
                }
            }
            Element::Long(long) => {
                let ended = long.take::<T>(byte, out)?;
                if ended.is_some() {
                    self.is_as_written &= long.is_as_written();
                }
                ended
            }
        };
        if let Some(element) = ended {
            self.place = Place::AfterElement;
            let search = &mut self.search;
            if search.found.is_none() && (search.is_wanted)(&element) {
                search.found = Some(search.began..self.taken + 1);
            }
        }
        Ok(())
    }
}

/// The element, and what is written for it.
fn rewritten<T: DeserializeOwned + Serialize>(
    element: &[u8],
) -> Result<(T, Vec<u8>), NeedsWholeText> {
    let read: T = serde_json::from_slice(element).map_err(|_| NeedsWholeText)?;
    let written = serde_json::to_vec(&read).map_err(|_| NeedsWholeText)?;
    Ok((read, written))
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// An element that is kept as a whole.
#[derive(Debug, Default)]
struct Short {
    text: Vec<u8>,
    string: StringPlace,
    /// How many objects and arrays are open.
    depth: usize,
}

impl Short {
    /// Takes the next byte; whether it is the last.
    fn take(&mut self, byte: u8) -> bool {
        self.text.push(byte);
        if self.string.take(byte) {
            return false;
        }
        match byte {
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth -= 1,
            _ => {}
        }
        self.depth == 0
    }
}

/// An element of which only what surrounds the values is kept.
#[derive(Debug, Default)]
struct Long {
    /// The element so far, its lists of values empty.
    skeleton: Vec<u8>,
    structure: Structure,
    /// How many lists of values have begun.
    lists: usize,
    /// What was written of the skeleton.
    written: Vec<u8>,
    /// `[` and the values of the open list that are not written yet; empty outside of lists.
    values: Vec<u8>,
    /// Whether values of the open list are written already, and a comma followed.
    continues: bool,
    /// Whether some values were spelled differently.
    is_respelled: bool,
}

impl Long {
    /// Takes the next byte; the element without the values in its lists if it is the last.
    fn take<T: DeserializeOwned + Serialize>(
        &mut self,
        byte: u8,
        out: &mut Vec<u8>,
    ) -> Result<Option<T>, NeedsWholeText> {
        if !self.values.is_empty() {
            self.take_value(byte, out)?;
            return Ok(None);
        }
        if self.skeleton.len() >= LONGEST_SKELETON {
            return Err(NeedsWholeText);
        }
        let step = self.structure.take(&self.skeleton, byte);
        self.skeleton.push(byte);
        match step {
            Step::Within => {}
            Step::OpensValues => self.begin_list::<T>(out)?,
            Step::Ends => return self.end(out).map(Some),
        }
        Ok(None)
    }

    /// Whether the whole element was written in the same way already.
    fn is_as_written(&self) -> bool {
        !self.is_respelled && self.written == self.skeleton
    }

    /// Writes what comes before a list of values. Fields that follow it and are written before it show at the end.
    fn begin_list<T: DeserializeOwned + Serialize>(
        &mut self,
        out: &mut Vec<u8>,
    ) -> Result<(), NeedsWholeText> {
        let mut closed = self.skeleton.clone();
        closed.push(b']');
        closed.resize(closed.len() + self.structure.depth, b'}');
        let (_, written) = rewritten::<T>(&closed)?;
        let start = list_starts(&written).get(self.lists).copied();
        let start = start.ok_or(NeedsWholeText)?;
        self.write(&written[..start], out)?;
        self.lists += 1;
        self.continues = false;
        self.values.push(b'[');
        Ok(())
    }

    fn end<T: DeserializeOwned + Serialize>(
        &mut self,
        out: &mut Vec<u8>,
    ) -> Result<T, NeedsWholeText> {
        let (read, written) = rewritten(&self.skeleton)?;
        if list_starts(&written).len() != self.lists {
            return Err(NeedsWholeText);
        }
        self.write(&written, out)?;
        Ok(read)
    }

    /// Writes `written` without what of it is written already, which has to be its beginning.
    fn write(&mut self, written: &[u8], out: &mut Vec<u8>) -> Result<(), NeedsWholeText> {
        let more = written.strip_prefix(self.written.as_slice());
        let more = more.ok_or(NeedsWholeText)?;
        out.extend_from_slice(more);
        self.written.extend_from_slice(more);
        Ok(())
    }

    fn take_value(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<(), NeedsWholeText> {
        if self.values.len() > RUN + LONGEST_VALUE {
            return Err(NeedsWholeText);
        }
        if self.structure.string.take(byte) {
            self.values.push(byte);
            return Ok(());
        }
        match byte {
            b']' => {
                let is_empty = self.values[1..].iter().all(|&byte| is_blank(byte));
                if !is_empty {
                    self.write_values(out)?;
                } else if self.continues {
                    return Err(NeedsWholeText);
                } else {
                    self.is_respelled |= self.values.len() > 1;
                }
                self.values.clear();
                self.skeleton.push(byte);
            }
            b',' if self.values.len() > RUN => {
                self.write_values(out)?;
                self.values.truncate(1);
                self.continues = true;
            }
            b'[' | b'{' | b'}' => return Err(NeedsWholeText),
            _ => self.values.push(byte),
        }
        Ok(())
    }

    /// Writes the values that are kept, of which there must be some.
    fn write_values(&mut self, out: &mut Vec<u8>) -> Result<(), NeedsWholeText> {
        self.values.push(b']');
        let written = rewrite_values(&self.values).ok_or(NeedsWholeText)?;
        self.is_respelled |= written != self.values;
        let values = &written[1..written.len() - 1];
        if values.is_empty() {
            return Err(NeedsWholeText);
        }
        if self.continues {
            out.push(b',');
        }
        out.extend_from_slice(values);
        Ok(())
    }
}

/// Where in an element the lists of values begin, which are empty.
fn list_starts(element: &[u8]) -> Vec<usize> {
    let mut structure = Structure::default();
    let mut starts = Vec::new();
    let mut in_list = false;
    for (place, &byte) in element.iter().enumerate() {
        if in_list {
            in_list = byte != b']';
        } else if structure.take(&element[..place], byte) == Step::OpensValues {
            starts.push(place + 1);
            in_list = true;
        }
    }
    starts
}

/// Follows an element to the lists of values in it, which are `values` itself or, of a pair, what is in the object of that
/// name.
#[derive(Debug, Default)]
struct Structure {
    string: StringPlace,
    /// How many objects and arrays are open.
    depth: usize,
    /// Where the last string is, with its quotation marks.
    last_string: Range<usize>,
    /// Whether what comes next has the last string as its name.
    is_named: bool,
    /// Whether the object `values` is open.
    in_sides: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Within,
    /// The byte opens a list of values. What is in it, and its end, are not to be taken.
    OpensValues,
    /// The element ends.
    Ends,
}

impl Structure {
    /// Takes the byte of an element that follows `before`.
    fn take(&mut self, before: &[u8], byte: u8) -> Step {
        let was_outside = self.string == StringPlace::Outside;
        if self.string.take(byte) {
            if was_outside {
                self.last_string.start = before.len();
            }
            self.last_string.end = before.len() + 1;
            return Step::Within;
        }
        if is_blank(byte) {
            return Step::Within;
        }
        let is_named = mem::replace(&mut self.is_named, byte == b':');
        match byte {
            b'[' | b'{' => {
                let is_of_element = self.depth == 1 && is_named && self.is_values(before);
                if byte == b'[' && (is_of_element || self.depth == 2 && is_named && self.in_sides) {
                    return Step::OpensValues;
                }
                self.in_sides |= is_of_element;
                self.depth += 1;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.in_sides &= self.depth > 1;
                if self.depth == 0 {
                    return Step::Ends;
                }
            }
            _ => {}
        }
        Step::Within
    }

    /// Whether the last string is `values`, however it is spelled.
    fn is_values(&self, before: &[u8]) -> bool {
        let name = &before[self.last_string.clone()];
        if name.contains(&b'\\') {
            serde_json::from_slice::<String>(name).is_ok_and(|name| name == "values")
        } else {
            name == b"\"values\""
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum StringPlace {
    #[default]
    Outside,
    Inside,
    AfterBackslash,
}

impl StringPlace {
    /// Takes a byte; whether it belongs to a string, of which its quotation marks are a part.
    fn take(&mut self, byte: u8) -> bool {
        let (is_of_string, next) = match (*self, byte) {
            (Self::Outside, b'"') => (true, Self::Inside),
            (Self::Outside, _) => (false, Self::Outside),
            (Self::Inside, b'"') => (true, Self::Outside),
            (Self::Inside, b'\\') => (true, Self::AfterBackslash),
            (Self::Inside | Self::AfterBackslash, _) => (true, Self::Inside),
        };
        *self = next;
        is_of_string
    }

    /// How many bytes of `text` come before one that begins or ends a string, an object, an array or an escape.
    fn plain(self, text: &[u8]) -> usize {
        let end = match self {
            Self::Outside => text
                .iter()
                .position(|byte| matches!(byte, b'"' | b'[' | b']' | b'{' | b'}')),
            Self::Inside => text.iter().position(|byte| matches!(byte, b'"' | b'\\')),
            Self::AfterBackslash => Some(0),
        };
        end.unwrap_or(text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MetricSet, MetricSetPair};

    /// What is written of the text and whether it was so already; the same in pieces of any size.
    fn rewrite<T: DeserializeOwned + Serialize>(
        text: &str,
    ) -> Result<(String, bool), NeedsWholeText> {
        let in_pieces = |size: usize| {
            let mut rewriting = SeriesText::<T>::default();
            let mut out = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                rewriting.take(piece, &mut out)?;
            }
            Ok((String::from_utf8(out).unwrap(), rewriting.end()?))
        };
        let whole = in_pieces(text.len().max(1));
        for size in [1, 7, 1000] {
            assert_eq!(in_pieces(size), whole, "in pieces of {size} bytes");
        }
        whole
    }

    fn expected<T: DeserializeOwned + Serialize>(text: &str) -> Option<String> {
        let read: Vec<T> = serde_json::from_str(text).ok()?;
        serde_json::to_string(&read).ok()
    }

    /// The text is rewritten as reading and writing it does.
    #[track_caller]
    fn is_rewritten<T: DeserializeOwned + Serialize>(text: &str) {
        let expected = expected::<T>(text).unwrap();
        let is_same = expected == text;
        assert!(
            rewrite::<T>(text) == Ok((expected, is_same)),
            "{:.200}",
            text
        );
    }

    /// The text is left to those who read it as a whole.
    #[track_caller]
    fn is_left<T: DeserializeOwned + Serialize>(text: &str) {
        assert_eq!(rewrite::<T>(text), Err(NeedsWholeText), "{text:.200}");
    }

    /// So many values, in all spellings.
    fn values(count: usize) -> String {
        let spellings = [
            "1.0", "2", "\"NaN\"", "null", "-0.5", "1e10", "\"INF\"", " 3.25", "\"\"", "-0",
        ];
        let values: Vec<&str> = spellings.into_iter().cycle().take(count).collect();
        values.join(",")
    }

    fn written_values(count: usize) -> String {
        let values: Vec<String> = (0..count).map(|n| format!("{n}.25")).collect();
        values.join(",")
    }

    #[test]
    fn sets_are_rewritten_as_reading_and_writing_them_does() {
        let head = r#"{"name":"a \"q\" ,\"values\":[","tags":{"values":"[1,2]","b":"}{"},"startTimeMillis":1,"startTimeIso":"x","endTimeMillis":2,"endTimeIso":"y","stepMillis":3,"#;
        let tail = r#""attributes":{"query":"a[5m]"}}"#;
        for count in [0, 1, 100, 10_000] {
            for values in [values(count), written_values(count)] {
                let one = format!(r#"{head}"values":[{values}],{tail}"#);
                for text in [
                    format!("[{one}]"),
                    format!("[{one},{one}]"),
                    format!("\n[ {one}\t,\r\n{one} ] "),
                    format!("[{}]", one.replace("\"values\":[", "\"values\" : [ ")),
                    format!(
                        "[{}]",
                        one.replace(
                            "\"stepMillis\":3,",
                            "\"stepMillis\":\"3\",\"more\":{\"values\":[[1],{}]},"
                        )
                    ),
                    format!("[{}]", one.replace("\"stepMillis\":3,", "")),
                    format!(
                        "[{}]",
                        one.replace("\"endTimeIso\":\"y\",", "\"endTimeIso\":null,")
                    ),
                    format!("[{}]", one.replace(",\"values\":[", ",\"v\\u0061lues\":[")),
                    format!(
                        "[{}]",
                        one.replace("\"name\":\"a", "\"name\":\"\\u00e4ö\\/")
                    ),
                ] {
                    is_rewritten::<MetricSet>(&text);
                }
            }
        }
        for text in [
            "[]",
            " [ ] ",
            "[{}]",
            r#"[{"values":null},{"values":[ ]}]"#,
            r#"[{"attributes":{},"values":[1],"name":"m"}]"#,
        ] {
            is_rewritten::<MetricSet>(text);
        }
    }

    #[test]
    fn pairs_are_rewritten_as_reading_and_writing_them_does() {
        for count in [0, 1, 10_000] {
            for (control, experiment) in [
                (values(count), written_values(2 * count)),
                (written_values(count), written_values(count)),
            ] {
                let one = format!(
                    r#"{{"name":"m","id":"1","tags":{{}},"values":{{"control":[{control}],"experiment":[{experiment}]}},"scopes":{{"control":{{"startTimeMillis":1,"stepMillis":2}},"values":{{}}}},"attributes":{{"control":{{"values":"[1]"}}}}}}"#
                );
                for text in [
                    format!("[{one}]"),
                    format!("[{one} , {one}]"),
                    format!(
                        "[{}]",
                        one.replace("\"experiment\":[", "\"b\":null,\"c\":[],\"experiment\": [")
                    ),
                    format!("[{}]", one.replace("\"control\":[", "\"con\\u0074rol\":[")),
                ] {
                    is_rewritten::<MetricSetPair>(&text);
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_read_and_long_elements_in_another_order_are_left() {
        let values = written_values(10_000);
        let long = format!(r#"{{"name":"m","values":[{values}],"attributes":{{}}}}"#);
        let text = format!("[{long}]");
        is_rewritten::<MetricSet>(&text);
        let in_other_order = [
            format!(r#"[{{"values":[{values}],"name":"m"}}]"#),
            format!(r#"[{{"values":[{values}],"stepMillis":1}}]"#),
            format!(
                r#"[{{"name":"{}","values":[]}}]"#,
                "n".repeat(LONGEST_SKELETON)
            ),
            format!(r#"[{{"more":[{values}]}}]"#),
        ];
        for other in &in_other_order {
            assert!(expected::<MetricSet>(other).is_some());
            is_left::<MetricSet>(other);
        }
        for other in [
            String::new(),
            "[".to_owned(),
            "{}".to_owned(),
            "[null]".to_owned(),
            "[,]".to_owned(),
            "[{}}]".to_owned(),
            "[{]}]".to_owned(),
            format!("{text}]"),
            format!("{text} x"),
            format!("[{long},]"),
            format!("[{long}"),
            format!("[{long} {long}]"),
            text.replace("[0.25", "[[0.25]"),
            text.replace("[0.25", "[{}"),
            text.replace("[0.25", "[,0.25"),
            text.replace("0.25,", "0.25,,"),
            text.replace("[0.25", "[\"nan\""),
            text.replace("[0.25", "[01"),
            text.replace("9999.25]", "9999.25,]"),
            text.replace("9999.25]", "9999.25}"),
            text.replace("\"attributes\"", "\"values\":[],\"attributes\""),
            text.replace("\"attributes\":{}", "\"attributes\":1"),
            text.replace("\"name\":\"m\",", "\"name\":\"m\""),
        ] {
            assert!(other != text, "{other:.200}");
            assert!(expected::<MetricSet>(&other).is_none(), "{other:.200}");
            is_left::<MetricSet>(&other);
        }
        let sides = |sides: &str| format!(r#"[{{"values":{{{sides}}}}}]"#);
        // Of a side that is given twice the last counts.
        let twice = format!(r#""control":[{values}],"control":[{values}]"#);
        assert!(expected::<MetricSetPair>(&sides(&twice)).is_some());
        is_left::<MetricSetPair>(&sides(&twice));
        is_rewritten::<MetricSetPair>(&sides(r#""control":[1],"control":[2]"#));
        is_left::<MetricSetPair>(&format!(r#"[{{"values":[{values}]}}]"#));
        is_left::<MetricSetPair>(&sides(&format!(r#""control":[[{values}]]"#)));
    }

    #[test]
    fn a_comma_at_the_end_of_a_run_of_values_needs_another_value() {
        let mut values = "1.0,".repeat(RUN / 4);
        values.push_str("1.0");
        let head = r#"[{"startTimeMillis":0,"endTimeMillis":0,"stepMillis":0,"values":["#;
        let text = format!("{head}{values}]}}]");
        is_rewritten::<MetricSet>(&text);
        for (last, more) in [(",", ""), (", ", ""), ("", ",1"), (",", ",1")] {
            let text = format!("{head}{values}{last}{more}]}}]");
            match expected::<MetricSet>(&text) {
                Some(_) => is_rewritten::<MetricSet>(&text),
                None => is_left::<MetricSet>(&text),
            }
        }
    }

    #[test]
    fn the_first_wanted_element_is_found_at_its_bytes() {
        let long = |id: &str| {
            let values = written_values(5_000);
            format!(
                r#"{{"name":"[{{","id":"{id}","values":{{"control":[{values}],"experiment":[]}}}}"#
            )
        };
        let elements = [
            r#"{"id":"short"}"#.to_owned(),
            long("long"),
            r#"{"values":{"control":[1]},"i\u0064":"escaped"}"#.to_owned(),
            long("last"),
            long("last"),
        ];
        for separator in [",", " ,\n "] {
            let text = format!("[{}]", elements.join(separator));
            for (id, element) in [
                ("short", Some(0)),
                ("long", Some(1)),
                ("escaped", Some(2)),
                ("last", Some(3)),
                ("lon", None),
                ("control", None),
            ] {
                for size in [1, 7, 1000, text.len()] {
                    let mut list = SeriesText::searched(move |pair: &MetricSetPair| {
                        pair.id.as_deref() == Some(id)
                    });
                    let mut out = Vec::new();
                    for piece in text.as_bytes().chunks(size) {
                        list.take(piece, &mut out).unwrap();
                    }
                    assert!(list.end().is_ok());
                    let found = list.found().map(|place| {
                        let place = place.start as usize..place.end as usize;
                        assert!(place.start < text.rfind(&elements[4]).unwrap());
                        &text[place]
                    });
                    let expected = element.map(|element| elements[element].as_str());
                    assert!(found == expected, "{id} in pieces of {size} bytes");
                }
            }
        }
    }

    #[test]
    fn little_of_long_lists_is_kept() {
        let values = written_values(300_000);
        let text = format!(r#"[{{"name":"m","values":[{values}]}}]"#);
        let mut rewriting = SeriesText::<MetricSet>::default();
        let mut out = Vec::new();
        for piece in text.as_bytes().chunks(4096) {
            out.clear();
            rewriting.take(piece, &mut out).unwrap();
            assert!(out.len() <= 2 * (RUN + LONGEST_VALUE), "{}", out.len());
            if let Element::Long(long) = &rewriting.element {
                let kept =
                    long.skeleton.capacity() + long.values.capacity() + long.written.capacity();
                assert!(kept < 4 * RUN, "{kept} bytes");
            }
        }
        assert!(rewriting.end().is_ok());
    }
}
