//! The order in which Java's hash tables are walked. Default accounts, lists of missing scopes and
//! the scope whose times a judgement reports follow it in the reference.

use kayenta_model::java_string_hash;

/// When a table of capacity `n` doubles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    /// Once it holds three quarters of `n` (`ConcurrentHashMap`, and a set built from a collection).
    OnFull,
    /// Once it holds more than that (`HashMap`, `HashSet`).
    BeyondFull,
}

/// The items as a table keyed by `hash` hands them out: buckets ascending, insertion order within.
pub(crate) fn sorted<T>(mut items: Vec<T>, growth: Growth, hash: impl Fn(&T) -> i32) -> Vec<T> {
    let mut capacity = 16_usize;
    loop {
        let limit = capacity / 4 * 3;
        let outgrown = match growth {
            Growth::OnFull => items.len() >= limit,
            Growth::BeyondFull => items.len() > limit,
        };
        if !outgrown {
            break;
        }
        capacity *= 2;
    }
    items.sort_by_key(|item| {
        let hash = hash(item).cast_unsigned();
        (hash ^ (hash >> 16)) as usize & 0x7fff_ffff & (capacity - 1)
    });
    items
}

/// Strings as a `HashSet` or the keys of a `HashMap` come out.
pub(crate) fn strings<'a>(items: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut distinct: Vec<&str> = Vec::new();
    for item in items {
        if !distinct.contains(&item) {
            distinct.push(item);
        }
    }
    sorted(distinct, Growth::BeyondFull, |item| java_string_hash(item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_come_in_bucket_order_once_each() {
        assert_eq!(
            strings([
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
        // Bucket 16 of 32 is bucket 0 of 16, so the order tells the capacity.
        let items: Vec<i32> = (0..12).map(|i| if i == 0 { 16 } else { i }).collect();
        assert_eq!(sorted(items.clone(), Growth::BeyondFull, |i| *i)[0], 16);
        assert_eq!(sorted(items, Growth::OnFull, |i| *i)[11], 16);
    }
}
