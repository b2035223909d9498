//! Series distinguished by their labels, in the order of the reference's hash sets.

use indexmap::IndexMap;
use kayenta_model::{
    MetricSet,
    java_hash::{TableGrowth, in_table_order, java_map_hash, java_string_hash},
};

use super::error::MixError;

/// Labels of a series.
pub(super) type Tags = IndexMap<String, String>;

/// The labels of a series, none when the field is absent.
pub(super) fn tags(set: &MetricSet) -> &Tags {
    static NONE: std::sync::LazyLock<Tags> = std::sync::LazyLock::new(Tags::new);
    set.tags.as_ref().unwrap_or(&NONE)
}

/// Refuses sides that are grouped by different labels.
pub(super) fn check_tag_keys(
    control: &[MetricSet],
    experiment: &[MetricSet],
) -> Result<(), MixError> {
    let keys = |sets: &[MetricSet]| {
        let mut keys: Vec<String> = Vec::new();
        for key in sets.iter().flat_map(|set| tags(set).keys()) {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        keys
    };
    let (control, experiment) = (keys(control), keys(experiment));
    let equal =
        control.len() == experiment.len() && control.iter().all(|key| experiment.contains(key));
    if control.is_empty() || experiment.is_empty() || equal {
        return Ok(());
    }
    let list = |keys| {
        in_table_order(keys, TableGrowth::BeyondLoad, |key: &String| {
            java_string_hash(key)
        })
        .join(", ")
    };
    Err(MixError::TagKeys {
        control: list(control),
        experiment: list(experiment),
    })
}

/// Tags as a key that does not depend on their order.
pub(super) fn sorted_tags(tags: &Tags) -> Vec<(String, String)> {
    let mut entries: Vec<_> = tags.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    entries.sort_unstable();
    entries
}

/// The first series of every tag map; further ones with the same tags are dropped.
pub(super) fn first_by_tags(sets: Vec<MetricSet>) -> IndexMap<Vec<(String, String)>, MetricSet> {
    let mut first = IndexMap::with_capacity(sets.len());
    for set in sets {
        first.entry(sorted_tags(tags(&set))).or_insert(set);
    }
    first
}

/// The distinct tag maps of both sides as a Java `HashSet` lists them that got the control's, in
/// their own set's order, and then the experiment's.
pub(super) fn union_in_table_order(control: &[MetricSet], experiment: &[MetricSet]) -> Vec<Tags> {
    let side = |sets: &[MetricSet]| {
        let mut distinct = IndexMap::new();
        for set in sets {
            distinct
                .entry(sorted_tags(tags(set)))
                .or_insert_with(|| tags(set).clone());
        }
        in_table_order(
            distinct.into_values().collect(),
            TableGrowth::BeyondLoad,
            java_map_hash,
        )
    };
    let mut union = IndexMap::new();
    for tags in side(control).into_iter().chain(side(experiment)) {
        union.entry(sorted_tags(&tags)).or_insert(tags);
    }
    in_table_order(
        union.into_values().collect(),
        TableGrowth::BeyondLoad,
        java_map_hash,
    )
}
