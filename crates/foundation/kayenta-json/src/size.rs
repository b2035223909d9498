//! How much memory a JSON text takes once it is read.

/// An element of a list that is an object: the largest struct of the wire (a metric of a config) has 384 bytes, and a
/// map takes less with what it points to.
const OBJECT_IN_LIST: usize = 384;
/// Any other element of a list: [`serde_json::Value`] has 72 bytes.
const VALUE_IN_LIST: usize = 72;
/// An element of a list within a list that is the whole text: a value of a series.
const NUMBER_IN_SERIES: usize = 8;
/// An object outside of lists, beside its place in the object around it: a map has a table and room for four fields.
const OBJECT: usize = 250;
/// Fields that are part of [`OBJECT`].
const FIELDS: usize = 4;
/// Any further field, and one of an object that has more fields than any struct.
const FIELD: usize = 60;
const FIELD_OF_MAP: usize = 170;
const MOST_FIELDS_OF_STRUCT: usize = 20;
/// A list has room for so many elements at least.
const SMALLEST_ROOM: usize = 4;
/// A text beside its bytes.
const TEXT: usize = 24;
/// Deeper texts are not read at all.
const MOST_DEPTH: usize = 128;

/// What is open at a place of the text.
#[derive(Clone, Copy, Debug)]
struct Open {
    is_list: bool,
    /// Elements or fields so far, less the last one.
    separators: usize,
    is_empty: bool,
    has_objects: bool,
}

/// How many bytes the value in `text` takes at most while and after it is read into a type of the wire or a
/// [`serde_json::Value`], the text itself not included. It follows from the shape of the text: a list of numbers takes
/// about as much as its text, a list of empty objects two hundred times as much. One pass without allocations; it
/// need not be JSON.
///
/// ```
/// let numbers = "[".to_owned() + &"0.125,".repeat(1000) + "0]";
/// let objects = "[".to_owned() + &"{},".repeat(1000) + "{}]";
/// assert!(kayenta_json::parsed_size(objects.as_bytes()) > 100 * objects.len());
/// assert!(kayenta_json::parsed_size(numbers.as_bytes()) < 20 * numbers.len());
/// ```
#[must_use]
pub fn parsed_size(text: &[u8]) -> usize {
    size_of(text, false)
}

/// As [`parsed_size`], of a text that is one element of a list which is read into a type of the wire: its lists of numbers are
/// read as such.
#[must_use]
pub fn parsed_element_size(text: &[u8]) -> usize {
    size_of(text, true)
}

fn size_of(text: &[u8], is_element: bool) -> usize {
    let mut open = [Open {
        is_list: false,
        separators: 0,
        is_empty: true,
        has_objects: false,
    }; MOST_DEPTH];
    let mut depth = 0;
    let mut size = 0_usize;
    let mut is_series = is_element;
    let mut last_text = 0;
    let mut place = 0;
    while let Some(&byte) = text.get(place) {
        place += 1;
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => continue,
            b'[' | b'{' => {
                let is_list = byte == b'[';
                if depth == MOST_DEPTH {
                    return size;
                }
                match depth.checked_sub(1).map(|outer| &mut open[outer]) {
                    Some(outer) => {
                        outer.is_empty = false;
                        outer.has_objects |= !is_list;
                        // An element of a list is counted with the list.
                        if !is_list && !outer.is_list {
                            size += OBJECT;
                        }
                    }
                    None => is_series |= is_list,
                }
                open[depth] = Open {
                    is_list,
                    separators: 0,
                    is_empty: true,
                    has_objects: false,
                };
                depth += 1;
                continue;
            }
            b']' | b'}' => {
                if depth == 0 {
                    return size;
                }
                depth -= 1;
                size += within(open[depth], is_series);
                continue;
            }
            b'"' => {
                let length = string(&text[place..]);
                place += length + 1;
                last_text = TEXT + length;
                size += last_text;
            }
            // A name of a field, which is counted with its object.
            b':' => {
                size -= std::mem::take(&mut last_text);
                continue;
            }
            b',' => {
                if let Some(outer) = depth.checked_sub(1) {
                    open[outer].separators += 1;
                }
                continue;
            }
            _ => {}
        }
        if let Some(outer) = depth.checked_sub(1) {
            open[outer].is_empty = false;
        }
    }
    // Cut off: what is open is read before that shows.
    open[..depth]
        .iter()
        .fold(size, |size, &open| size + within(open, is_series))
}

/// What the elements or fields of something take in it.
fn within(open: Open, is_series: bool) -> usize {
    if open.is_empty {
        return 0;
    }
    let count = open.separators + 1;
    if !open.is_list {
        return if count <= MOST_FIELDS_OF_STRUCT {
            count.saturating_sub(FIELDS) * FIELD
        } else {
            (count * 8 / 7).next_power_of_two() * FIELD_OF_MAP
        };
    }
    let element = if open.has_objects {
        OBJECT_IN_LIST
    } else if is_series {
        NUMBER_IN_SERIES
    } else {
        VALUE_IN_LIST
    };
    // It doubles as it grows, and is there twice while it is copied.
    let room = count.max(SMALLEST_ROOM).next_power_of_two();
    let copied = if room > SMALLEST_ROOM { room / 2 } else { 0 };
    element * (room + copied)
}

/// The length of a string whose first quote is passed.
fn string(text: &[u8]) -> usize {
    let mut place = 0;
    while let Some(&byte) = text.get(place) {
        match byte {
            b'"' => return place,
            b'\\' => place += 2,
            _ => place += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_from_the_shape_of_the_text() {
        let size = |text: &str| parsed_size(text.as_bytes());
        assert_eq!(size("1"), 0);
        assert_eq!(size("\"a\\\"b{[,\""), TEXT + 7);
        assert_eq!(size("{}"), 0);
        assert_eq!(size("[]"), 0);
        assert_eq!(size("[1, 2,3]"), NUMBER_IN_SERIES * 4);
        assert_eq!(size("[ {}, {} ]"), OBJECT_IN_LIST * 4);
        // Room for eight, and for four more while it grows.
        assert_eq!(size("[1,2,3,4,5]"), NUMBER_IN_SERIES * 12);
        assert_eq!(size("[[{}],[{}]]"), size("[ [ {} ] , [ {} ] ]"));
        // In an object, a list may be one of anything.
        assert_eq!(size("{\"a\" : [1]}"), VALUE_IN_LIST * 4);
        let element = parsed_element_size(b"{\"a\" : [1]}");
        assert_eq!(element, NUMBER_IN_SERIES * 4);
        assert_eq!(size("[{\"a\" : [1]}]"), OBJECT_IN_LIST * 4 + element);
        assert_eq!(size("{\"a\":{\"b\":\"cd\"}}"), OBJECT + TEXT + 2);
        let fields = |count: usize| {
            let fields: Vec<_> = (0..count).map(|_| "\"a\":1").collect();
            size(&format!("{{{}}}", fields.join(",")))
        };
        assert_eq!(fields(4), 0);
        assert_eq!(fields(6), 2 * FIELD);
        assert_eq!(fields(100), 128 * FIELD_OF_MAP);
    }

    #[test]
    fn what_is_no_json_ends_it_and_what_is_cut_off_counts() {
        assert_eq!(parsed_size(b"]]]"), 0);
        assert_eq!(parsed_size(b"\"never ends \\"), TEXT + 12);
        let deep = "[".repeat(1_000_000);
        assert_eq!(parsed_size(deep.as_bytes()), 0);
        let objects = "[".to_owned() + &"{},".repeat(1_000);
        assert!(parsed_size(objects.as_bytes()) > 100 * objects.len());
    }
}
