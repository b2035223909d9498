//! The order in which the reference lists group scores and adds them up.
//!
//! Upstream it falls out of two hash tables of the Scala 2.12 library: a chained mutable one, then,
//! from five entries on, an immutable hash trie. The sum depends on the order in its last bit, and
//! people compare results by text, so the order is reproduced.

use kayenta_model::java_string_hash;

/// Largest number of entries the library keeps in insertion order instead of a trie.
const SMALL: usize = 4;

const INITIAL_TABLE: usize = 16;

/// Puts distinct names, given in order of first appearance, into the order of the reference.
pub(crate) fn hash_order(names: &mut Vec<&str>) {
    let mut table = Table::new();
    for name in names.drain(..) {
        table.insert(name);
    }
    names.extend(table.names());
    if names.len() > SMALL {
        // The sort is stable: equal hashes stay in table order.
        names.sort_by_key(|name| trie_key(java_string_hash(name)));
    }
}

/// The chained table: buckets of names, newest first.
struct Table<'a> {
    buckets: Vec<Vec<&'a str>>,
    count: usize,
}

impl<'a> Table<'a> {
    fn new() -> Self {
        Self {
            buckets: vec![Vec::new(); INITIAL_TABLE],
            count: 0,
        }
    }

    fn insert(&mut self, name: &'a str) {
        self.push(name);
        self.count += 1;
        if self.count > self.buckets.len() * 750 / 1000 {
            self.grow();
        }
    }

    fn push(&mut self, name: &'a str) {
        let index = bucket(java_string_hash(name), self.buckets.len());
        self.buckets[index].insert(0, name);
    }

    fn grow(&mut self) {
        let larger = vec![Vec::new(); self.buckets.len() * 2];
        let old = std::mem::replace(&mut self.buckets, larger);
        for chain in old.into_iter().rev() {
            for name in chain {
                self.push(name);
            }
        }
    }

    fn names(self) -> impl Iterator<Item = &'a str> {
        self.buckets.into_iter().rev().flatten()
    }
}

fn bucket(hash: i32, size: usize) -> usize {
    let mask = size as u32 - 1;
    let spread = |value: u32| value.wrapping_mul(0x9e37_75cd);
    let mixed = spread(spread(hash as u32).swap_bytes()).rotate_right(mask.count_ones());
    ((mixed >> mask.leading_zeros()) & mask) as usize
}

/// The path of a hash through the trie, most significant step first: five bits a level, lowest first.
fn trie_key(hash: i32) -> [u8; 7] {
    let mut k = hash as u32;
    k = k.wrapping_add(!(k << 9));
    k ^= k >> 14;
    k = k.wrapping_add(k << 4);
    k ^= k >> 10;
    std::array::from_fn(|level| ((k >> (5 * level)) & 31) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_orders_are_reproduced() {
        let g: Vec<String> = (1..=20).map(|i| format!("g{i}")).collect();
        let g: Vec<&str> = g.iter().map(String::as_str).collect();
        let cases: [(&[&str], &[&str]); 16] = [
            (&[], &[]),
            (&["a", "b"], &["b", "a"]),
            (&["a", "b", "c"], &["b", "a", "c"]),
            (&["a", "b", "c", "d"], &["b", "d", "a", "c"]),
            (&["a", "b", "c", "d", "e"], &["e", "a", "b", "c", "d"]),
            (&["e", "d", "c", "b", "a"], &["e", "a", "b", "c", "d"]),
            (
                &["system", "example", "requests", "bar"],
                &["requests", "example", "bar", "system"],
            ),
            (
                &["Latency", "Errors", "Saturation", "Traffic", "Availability"],
                &["Latency", "Availability", "Errors", "Traffic", "Saturation"],
            ),
            (&["group-1", "group-2"], &["group-1", "group-2"]),
            (&["group1", "group2"], &["group2", "group1"]),
            (
                &["Group 1", "Group 2", "Group 3"],
                &["Group 2", "Group 1", "Group 3"],
            ),
            (&["", "x"], &["x", ""]),
            (
                &["AaAa", "BBBB", "AaBB", "BBAa"],
                &["BBAa", "AaBB", "BBBB", "AaAa"],
            ),
            (
                &["AaAa", "BBBB", "AaBB", "BBAa", "c"],
                &["BBAa", "AaBB", "BBBB", "AaAa", "c"],
            ),
            (
                &["c", "BBAa", "AaBB", "BBBB", "AaAa"],
                &["AaAa", "BBBB", "AaBB", "BBAa", "c"],
            ),
            (
                &g,
                &[
                    "g11", "g8", "g15", "g7", "g2", "g12", "g14", "g9", "g1", "g6", "g19", "g13",
                    "g20", "g5", "g18", "g16", "g10", "g3", "g4", "g17",
                ],
            ),
        ];
        for (names, expected) in cases {
            let mut names = names.to_vec();
            hash_order(&mut names);
            assert_eq!(names, expected);
        }
    }
}
