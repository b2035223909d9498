//! The order in which Java's hash sets hand out their items, which the reference's pairs and some
//! messages come in.

use indexmap::IndexMap;
use kayenta_model::java_string_hash;

/// Labels of a series.
pub(crate) type Tags = IndexMap<String, String>;

/// `Map.hashCode` of Java: the sum over entries of key hash xor value hash.
pub(crate) fn tags_hash(tags: &Tags) -> i32 {
    tags.iter().fold(0_i32, |sum, (key, value)| {
        sum.wrapping_add(java_string_hash(key) ^ java_string_hash(value))
    })
}

/// Distinct items in the order a Java `HashSet` iterates over them: by bucket, within a bucket as
/// inserted. The table has 16 buckets and doubles whenever it is more than three quarters full.
pub(crate) fn in_hash_order<T>(items: Vec<T>, hash: impl Fn(&T) -> i32) -> Vec<T> {
    let mut buckets = 16_usize;
    while items.len() > buckets / 4 * 3 {
        buckets *= 2;
    }
    let mut keyed: Vec<(usize, T)> = items
        .into_iter()
        .map(|item| {
            let hash = hash(&item) as u32;
            ((hash ^ (hash >> 16)) as usize & (buckets - 1), item)
        })
        .collect();
    keyed.sort_by_key(|(bucket, _)| *bucket);
    keyed.into_iter().map(|(_, item)| item).collect()
}
