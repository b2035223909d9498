//! Java's hashes, and the order in which Java's hash tables are walked. Default accounts, the order of
//! `/credentials` and of pairs, lists in messages, and the scope whose times a judgement reports follow
//! it in the reference, so it is part of the contract.

use indexmap::IndexMap;

/// `String.hashCode`: the 31-polynomial over UTF-16 units, wrapping at 32 bits.
#[must_use]
pub fn java_string_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

/// `Map.hashCode` of a map of strings: the sum over entries of key hash xor value hash.
#[must_use]
pub fn java_map_hash(map: &IndexMap<String, String>) -> i32 {
    map.iter().fold(0_i32, |sum, (key, value)| {
        sum.wrapping_add(java_string_hash(key) ^ java_string_hash(value))
    })
}

/// When a table of capacity `n` doubles. Tables begin with 16 buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableGrowth {
    /// Once it holds three quarters of `n` (`ConcurrentHashMap`, and a set built from a collection).
    AtLoad,
    /// Once it holds more than that (`HashMap`, `HashSet`).
    BeyondLoad,
}

/// The distinct items as a table keyed by `hash` hands them out: buckets ascending, insertion order
/// within.
pub fn in_table_order<T>(items: Vec<T>, growth: TableGrowth, hash: impl Fn(&T) -> i32) -> Vec<T> {
    let mut buckets = 16_usize;
    loop {
        let load = buckets / 4 * 3;
        let outgrown = match growth {
            TableGrowth::AtLoad => items.len() >= load,
            TableGrowth::BeyondLoad => items.len() > load,
        };
        if !outgrown {
            break;
        }
        buckets *= 2;
    }
    let mut keyed: Vec<(usize, T)> = items
        .into_iter()
        .map(|item| {
            let hash = hash(&item).cast_unsigned();
            ((hash ^ (hash >> 16)) as usize & (buckets - 1), item)
        })
        .collect();
    keyed.sort_by_key(|(bucket, _)| *bucket);
    keyed.into_iter().map(|(_, item)| item).collect()
}

/// Strings as a `HashSet` or the keys of a `HashMap` come out; doubles are dropped.
pub fn strings_in_table_order<'a>(items: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut distinct: Vec<&str> = Vec::new();
    for item in items {
        if !distinct.contains(&item) {
            distinct.push(item);
        }
    }
    in_table_order(distinct, TableGrowth::BeyondLoad, |item| {
        java_string_hash(item)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_buckets_match_the_reference() {
        let bucket = |name: &str| {
            let h = java_string_hash(name);
            ((h ^ ((h as u32) >> 16) as i32) & 0x7fff_ffff) & 15
        };
        for (name, expected) in [
            ("in-memory-store-account", 3),
            ("prometheus-account", 5),
            ("my-datadog-account", 6),
            ("my-account", 10),
            ("metrics", 11),
            ("my-s3-account", 13),
            ("minio-store-account", 15),
        ] {
            assert_eq!(bucket(name), expected, "{name}");
        }
    }

    #[test]
    fn strings_come_in_bucket_order_once_each() {
        assert_eq!(
            strings_in_table_order([
                "minio-store-account",
                "my-account",
                "my-s3-account",
                "my-account"
            ]),
            ["my-account", "my-s3-account", "minio-store-account"]
        );
    }

    #[test]
    fn tables_grow_at_their_own_limits() {
        // Bucket 16 of 32 is bucket 0 of 16, so the order shows the capacity.
        let items: Vec<i32> = (0..12).map(|i| if i == 0 { 16 } else { i }).collect();
        assert_eq!(
            in_table_order(items.clone(), TableGrowth::BeyondLoad, |i| *i)[0],
            16
        );
        assert_eq!(in_table_order(items, TableGrowth::AtLoad, |i| *i)[11], 16);
    }
}
