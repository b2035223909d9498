//! Control and experiment series of a run put next to each other, pair by pair.
//!
//! Series are moved, never copied: a pair takes the vectors the fetch filled. Nothing is aligned,
//! resampled or cut; the judge copes with sides of different length.

mod error;
mod padding;
mod tags;

use std::{collections::HashMap, mem};

use indexmap::{IndexMap, map::Entry};
use kayenta_model::{IdSource, MetricConfig, MetricSet, MetricSetPair, Side};

pub use self::error::{MOST_VALUES, MixError};
use self::{
    padding::{Placeholder, pair},
    tags::{check_tag_keys, first_by_tags, sorted_tags, tags, union_in_table_order},
};

/// Mixes all series of a run into pairs: metrics in the order of the config, within a metric by the
/// rules of the reference, in its order. Series are matched to a metric by name.
///
/// * One side without tags, the other with: every series of the tagged side is paired with NaNs.
/// * Otherwise series with equal tags are paired, a missing partner is NaNs.
/// * Each side is then padded with NaNs at the end to the number of points its window promises.
///
/// # Errors
/// See [`MixError`].
pub fn mix(
    metrics: &[MetricConfig],
    control: Vec<MetricSet>,
    experiment: Vec<MetricSet>,
    ids: &dyn IdSource,
) -> Result<Vec<MetricSetPair>, MixError> {
    let mut control = by_name(control);
    let mut experiment = by_name(experiment);
    let mut pairs = Vec::with_capacity(metrics.len());
    let indexed = metrics.iter().enumerate();
    let last: HashMap<&str, usize> = indexed
        .map(|(index, metric)| (metric.name(), index))
        .collect();
    for (index, metric) in metrics.iter().enumerate() {
        let name = metric.name();
        // Two metrics of one name both see all series of that name; only then are any copied.
        let again = last[name] > index;
        let side = |sets: &mut IndexMap<String, Vec<MetricSet>>| match sets.get_mut(name) {
            Some(found) if again => found.clone(),
            Some(found) => mem::take(found),
            None => Vec::new(),
        };
        let (control, experiment) = (side(&mut control), side(&mut experiment));
        let missing = match (control.is_empty(), experiment.is_empty()) {
            (true, _) => Some(Side::Control),
            (_, true) => Some(Side::Experiment),
            _ => None,
        };
        if let Some(side) = missing {
            return Err(MixError::NoMetrics {
                side,
                metric: name.to_owned(),
            });
        }
        mix_metric(control, experiment, ids, &mut pairs)?;
    }
    Ok(pairs)
}

fn by_name(sets: Vec<MetricSet>) -> IndexMap<String, Vec<MetricSet>> {
    let mut map: IndexMap<String, Vec<MetricSet>> = IndexMap::new();
    for mut set in sets {
        set.tags.get_or_insert_default();
        match map.entry(set.name.clone().unwrap_or_default()) {
            Entry::Occupied(found) => found.into_mut().push(set),
            // Most metrics are one series; room for more takes more than many of them do.
            Entry::Vacant(first) => {
                first.insert(vec![set]);
            }
        }
    }
    map
}

/// Both lists hold at least one series of the metric.
fn mix_metric(
    control: Vec<MetricSet>,
    experiment: Vec<MetricSet>,
    ids: &dyn IdSource,
    pairs: &mut Vec<MetricSetPair>,
) -> Result<(), MixError> {
    check_tag_keys(&control, &experiment)?;
    let untagged = |sets: &[MetricSet]| sets.iter().any(|set| tags(set).is_empty());
    let control_placeholder = Placeholder::of(Side::Control, &control[0]);
    let experiment_placeholder = Placeholder::of(Side::Experiment, &experiment[0]);
    match (untagged(&control), untagged(&experiment)) {
        (true, false) => {
            let placeholder = control_placeholder?;
            for set in experiment {
                let partner = placeholder.with(tags(&set).clone());
                pairs.push(pair(partner, set, ids)?);
            }
        }
        (false, true) => {
            let placeholder = experiment_placeholder?;
            for set in control {
                let partner = placeholder.with(tags(&set).clone());
                pairs.push(pair(set, partner, ids)?);
            }
        }
        _ => {
            // The reference builds both placeholders here whether or not a partner is missing, so a
            // window that promises no sensible number of points fails in any case.
            let (control_placeholder, experiment_placeholder) =
                (control_placeholder?, experiment_placeholder?);
            let order = union_in_table_order(&control, &experiment);
            let (mut control, mut experiment) = (first_by_tags(control), first_by_tags(experiment));
            for tags in order {
                let key = sorted_tags(&tags);
                let c = control
                    .swap_remove(&key)
                    .unwrap_or_else(|| control_placeholder.with(tags.clone()));
                let e = experiment
                    .swap_remove(&key)
                    .unwrap_or_else(|| experiment_placeholder.with(tags));
                pairs.push(pair(c, e, ids)?);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use kayenta_model::java_string_hash;

    use super::*;

    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);

    impl IdSource for Counting {
        fn uuid(&self) -> String {
            format!("id-{}", self.0.fetch_add(1, Ordering::Relaxed))
        }
        fn ulid(&self, _: i64) -> String {
            unreachable!("pairs have UUIDs")
        }
    }

    fn set(name: &str, tags: &[(&str, &str)], values: &[f64], minutes: i64) -> MetricSet {
        MetricSet {
            name: Some(name.to_owned()),
            tags: Some(
                tags.iter()
                    .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                    .collect(),
            ),
            end_time_millis: minutes * 60_000,
            step_millis: 60_000,
            values: Some(values.to_vec()),
            ..MetricSet::default()
        }
    }

    fn metric(name: &str) -> MetricConfig {
        MetricConfig {
            name: Some(name.to_owned()),
            ..MetricConfig::default()
        }
    }

    fn mixed(
        control: Vec<MetricSet>,
        experiment: Vec<MetricSet>,
    ) -> Result<Vec<MetricSetPair>, MixError> {
        mix(&[metric("m")], control, experiment, &Counting::default())
    }

    fn values(pair: &MetricSetPair, side: &str) -> Vec<String> {
        pair.values.as_ref().unwrap()[side]
            .iter()
            .map(f64::to_string)
            .collect()
    }

    #[test]
    fn series_of_equal_tags_are_moved_into_one_pair_and_padded_at_the_end() {
        let control = set("m", &[("a", "1"), ("b", "2")], &[1.0, 2.0], 3);
        let address = control.values.as_ref().unwrap().as_ptr();
        let experiment = set("m", &[("b", "2"), ("a", "1")], &[4.0, 5.0, 6.0], 2);
        let mut padded = control.clone();
        padded.end_time_millis = 120_000;
        let pairs = mixed(vec![control], vec![experiment.clone()]).unwrap();
        assert_eq!(pairs.len(), 1);
        assert_eq!(pairs[0].id.as_deref(), Some("id-0"));
        assert_eq!(values(&pairs[0], "control"), ["1", "2", "NaN"]);
        assert_eq!(values(&pairs[0], "experiment"), ["4", "5", "6"]);
        // Without padding the very same allocation arrives in the pair.
        let pointer = padded.values.as_ref().unwrap().as_ptr();
        let pairs = mixed(vec![padded], vec![experiment]).unwrap();
        assert_eq!(
            pairs[0].values.as_ref().unwrap()["control"].as_ptr(),
            pointer
        );
        assert_ne!(address, pointer);
    }

    #[test]
    fn an_untagged_side_becomes_nan_partners_of_every_tagged_series() {
        let control = vec![set("m", &[], &[9.0, 9.0], 2)];
        let experiment = vec![
            set("m", &[("zone", "b")], &[1.0, 2.0], 2),
            set("m", &[("zone", "a")], &[3.0, 4.0], 2),
        ];
        let pairs = mixed(control.clone(), experiment.clone()).unwrap();
        assert_eq!(pairs[0].tags.as_ref().unwrap()["zone"], "b");
        assert_eq!(values(&pairs[0], "control"), ["NaN", "NaN"]);
        assert_eq!(values(&pairs[1], "experiment"), ["3", "4"]);
        let mirrored = mixed(experiment, control).unwrap();
        assert_eq!(values(&mirrored[1], "control"), ["3", "4"]);
        assert_eq!(values(&mirrored[1], "experiment"), ["NaN", "NaN"]);
    }

    #[test]
    fn missing_partners_are_nan_and_duplicates_are_dropped() {
        let control = vec![
            set("m", &[("z", "a")], &[1.0], 1),
            set("m", &[("z", "a")], &[7.0], 1),
            set("m", &[("z", "b")], &[2.0], 1),
        ];
        let experiment = vec![set("m", &[("z", "c")], &[3.0], 1)];
        let pairs = mixed(control, experiment).unwrap();
        let seen: Vec<_> = pairs
            .iter()
            .map(|p| {
                (
                    p.tags.as_ref().unwrap()["z"].as_str(),
                    values(p, "control").join(","),
                    values(p, "experiment").join(","),
                )
            })
            .collect();
        let nan = || "NaN".to_owned();
        assert_eq!(
            seen,
            [
                // Buckets 8, 9 and 11 of Java's hash of `{z=b}`, `{z=c}` and `{z=a}`.
                ("b", "2".to_owned(), nan()),
                ("c", nan(), "3".to_owned()),
                ("a", "1".to_owned(), nan())
            ]
        );
    }

    /// Fifteen maps: the table has grown to 32 buckets.
    #[test]
    fn pairs_come_in_the_order_of_a_java_hash_set() {
        let zones: Vec<String> = (0..15).map(|i| format!("zone-{i}")).collect();
        let sets: Vec<_> = zones
            .iter()
            .map(|zone| set("m", &[("zone", zone), ("version", "v1")], &[1.0], 1))
            .collect();
        let order: Vec<_> = mixed(sets.clone(), sets)
            .unwrap()
            .iter()
            .map(|p| p.tags.as_ref().unwrap()["zone"].clone())
            .collect();
        let bucket = |zone: &str| {
            let hash = (java_string_hash("zone") ^ java_string_hash(zone))
                .wrapping_add(java_string_hash("version") ^ java_string_hash("v1"))
                as u32;
            (hash ^ (hash >> 16)) & 31
        };
        let mut wanted = zones;
        wanted.sort_by_key(|zone| bucket(zone));
        assert_eq!(order, wanted);
        assert_ne!(order[0], "zone-0");
    }

    #[test]
    fn metrics_keep_the_order_of_the_config_and_share_series_of_one_name() {
        let control = vec![set("b", &[], &[1.0], 1), set("a", &[], &[2.0], 1)];
        let pairs = mix(
            &[metric("a"), metric("b"), metric("a")],
            control.clone(),
            control,
            &Counting::default(),
        )
        .unwrap();
        let names: Vec<_> = pairs.iter().map(|p| p.name.as_deref().unwrap()).collect();
        assert_eq!(names, ["a", "b", "a"]);
        assert_eq!(pairs[0].values, pairs[2].values);
    }

    #[test]
    fn refusals_speak_as_the_reference_does() {
        let text = |control, experiment| mixed(control, experiment).unwrap_err().to_string();
        let good = || vec![set("m", &[], &[1.0], 1)];
        assert_eq!(
            text(vec![], good()),
            "No control metrics found for m and the metric service did not create a placeholder."
        );
        assert_eq!(
            text(good(), vec![set("other", &[], &[], 1)]),
            "No experiment metrics found for m and the metric service did not create a placeholder."
        );
        assert_eq!(
            text(
                vec![set("m", &[("a", "1")], &[], 1)],
                vec![set("m", &[("b", "1")], &[], 1)]
            ),
            "Control metrics have different tag keys than the experiment tag set ([a] != [b])."
        );
        let nameless = || vec![set("", &[], &[1.0], 1)];
        let error = mix(&[metric("")], nameless(), nameless(), &Counting::default());
        assert_eq!(
            error.unwrap_err().to_string(),
            "Control metric set name was not set."
        );
    }

    /// C-MIX-01, C-MIX-02.
    #[test]
    fn a_window_that_promises_nonsense_fails_with_a_clear_text() {
        let backwards = set("m", &[], &[1.0], -60);
        assert!(matches!(
            mixed(vec![backwards], vec![set("m", &[], &[1.0], 1)]),
            Err(MixError::NegativeWindow {
                side: Side::Control,
                expected: -60,
                ..
            })
        ));
        let mut endless = set("m", &[], &[1.0], i64::MAX / 60_000);
        endless.step_millis = 1;
        assert!(matches!(
            mixed(vec![set("m", &[], &[1.0], 1)], vec![endless]),
            Err(MixError::TooManyValues {
                side: Side::Experiment,
                ..
            })
        ));
        let mut stepless = set("m", &[], &[], 5);
        stepless.step_millis = 0;
        let pairs = mixed(vec![stepless.clone()], vec![stepless]).unwrap();
        assert!(values(&pairs[0], "control").is_empty());
    }
}
