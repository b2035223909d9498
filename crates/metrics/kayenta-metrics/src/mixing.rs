//! Control and experiment series of a run put next to each other, pair by pair.
//!
//! Series are moved, never copied: a pair takes the vectors the fetch filled. Nothing is aligned,
//! resampled or cut; the judge copes with sides of different length.

use std::{fmt, mem};

use indexmap::IndexMap;
use kayenta_model::{
    IdSource, MetricConfig, MetricSet, MetricSetPair, PairScope, java_string_hash,
};

use crate::hash_order::{Tags, in_hash_order, tags_hash};

/// Most values a side may be padded to. A window that asks for more is a mistake: a year of seconds
/// has 31 million.
pub const MOST_VALUES: i64 = 50_000_000;

/// Which side of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The baseline.
    Control,
    /// The canary.
    Experiment,
}

impl Side {
    /// The key of the side in a pair's maps.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Experiment => "experiment",
        }
    }
}

/// `control` or `experiment`.
impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// Why fetched series cannot be compared. The texts are the reference's unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    /// Different numbers of fetched lists.
    #[error(
        "Size of controlMetricSetListIds ({control}) does not match size of \
         experimentMetricSetListIds ({experiment})."
    )]
    ListCounts {
        /// Lists of the control.
        control: usize,
        /// Lists of the experiment.
        experiment: usize,
    },
    /// A side without any series of a metric.
    #[error(
        "No {side} metrics found for {metric} and the metric service did not create a placeholder."
    )]
    NoMetrics {
        /// The side.
        side: Side,
        /// Name of the metric.
        metric: String,
    },
    /// The sides are grouped by different labels.
    #[error(
        "Control metrics have different tag keys than the experiment tag set \
         ([{control}] != [{experiment}])."
    )]
    TagKeys {
        /// Keys of the control, comma-separated.
        control: String,
        /// Keys of the experiment.
        experiment: String,
    },
    /// A series without a name.
    #[error("{} metric set name was not set.", if *side == Side::Control { "Control" } else { "Experiment" })]
    NoName {
        /// The side.
        side: Side,
    },
    /// The window of a side ends before it starts (own text: the reference prints the number only).
    #[error(
        "The {side} window of metric {metric} ends before it starts, or its step is negative \
         ({expected} data points expected)."
    )]
    NegativeWindow {
        /// The side.
        side: Side,
        /// Name of the metric.
        metric: String,
        /// `(end - start) / step`.
        expected: i64,
    },
    /// Padding would take more memory than any real comparison needs (own text).
    #[error(
        "The {side} window of metric {metric} spans {expected} data points; at most {MOST_VALUES} \
         can be compared. Use a larger step."
    )]
    TooManyValues {
        /// The side.
        side: Side,
        /// Name of the metric.
        metric: String,
        /// `(end - start) / step`.
        expected: i64,
    },
}

/// Refuses sides of which different numbers of metrics were fetched.
///
/// # Errors
/// [`MixError::ListCounts`].
pub fn check_list_counts(control: usize, experiment: usize) -> Result<(), MixError> {
    if control == experiment {
        Ok(())
    } else {
        Err(MixError::ListCounts {
            control,
            experiment,
        })
    }
}

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
    for (index, metric) in metrics.iter().enumerate() {
        let name = metric.name();
        // Two metrics of one name both see all series of that name; only then are any copied.
        let again = metrics[index + 1..].iter().any(|m| m.name() == name);
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
        map.entry(set.name.clone().unwrap_or_default())
            .or_default()
            .push(set);
    }
    map
}

fn tags(set: &MetricSet) -> &Tags {
    static NONE: std::sync::LazyLock<Tags> = std::sync::LazyLock::new(Tags::new);
    set.tags.as_ref().unwrap_or(&NONE)
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
    let control_template = Template::of(Side::Control, &control[0]);
    let experiment_template = Template::of(Side::Experiment, &experiment[0]);
    match (untagged(&control), untagged(&experiment)) {
        (true, false) => {
            let template = control_template?;
            for set in experiment {
                let partner = template.with(tags(&set).clone());
                pairs.push(pair(partner, set, ids)?);
            }
        }
        (false, true) => {
            let template = experiment_template?;
            for set in control {
                let partner = template.with(tags(&set).clone());
                pairs.push(pair(set, partner, ids)?);
            }
        }
        _ => {
            // The reference builds both templates here whether or not a partner is missing, so a
            // window that promises no sensible number of points fails in any case.
            let (control_template, experiment_template) = (control_template?, experiment_template?);
            let order = union_in_hash_order(&control, &experiment);
            let (mut control, mut experiment) = (first_by_tags(control), first_by_tags(experiment));
            for tags in order {
                let key = sorted(&tags);
                let c = control
                    .swap_remove(&key)
                    .unwrap_or_else(|| control_template.with(tags.clone()));
                let e = experiment
                    .swap_remove(&key)
                    .unwrap_or_else(|| experiment_template.with(tags));
                pairs.push(pair(c, e, ids)?);
            }
        }
    }
    Ok(())
}

fn check_tag_keys(control: &[MetricSet], experiment: &[MetricSet]) -> Result<(), MixError> {
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
    let list = |keys| in_hash_order(keys, |key: &String| java_string_hash(key)).join(", ");
    Err(MixError::TagKeys {
        control: list(control),
        experiment: list(experiment),
    })
}

/// Tags as a key that does not depend on their order.
fn sorted(tags: &Tags) -> Vec<(String, String)> {
    let mut entries: Vec<_> = tags.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    entries.sort_unstable();
    entries
}

/// The first series of every tag map; further ones with the same tags are dropped.
fn first_by_tags(sets: Vec<MetricSet>) -> IndexMap<Vec<(String, String)>, MetricSet> {
    let mut first = IndexMap::with_capacity(sets.len());
    for set in sets {
        first.entry(sorted(tags(&set))).or_insert(set);
    }
    first
}

/// The distinct tag maps of both sides as a Java `HashSet` lists them that got the control's, in
/// their own set's order, and then the experiment's.
fn union_in_hash_order(control: &[MetricSet], experiment: &[MetricSet]) -> Vec<Tags> {
    let side = |sets: &[MetricSet]| {
        let mut distinct = IndexMap::new();
        for set in sets {
            distinct
                .entry(sorted(tags(set)))
                .or_insert_with(|| tags(set).clone());
        }
        in_hash_order(distinct.into_values().collect(), tags_hash)
    };
    let mut union = IndexMap::new();
    for tags in side(control).into_iter().chain(side(experiment)) {
        union.entry(sorted(&tags)).or_insert(tags);
    }
    in_hash_order(union.into_values().collect(), tags_hash)
}

/// Number of values a side's window promises: 0 without a step.
fn expected(set: &MetricSet) -> i64 {
    let window = set.end_time_millis.saturating_sub(set.start_time_millis);
    window.checked_div(set.step_millis).unwrap_or(0)
}

fn checked_expected(side: Side, set: &MetricSet) -> Result<usize, MixError> {
    let expected = expected(set);
    let metric = || set.name.clone().unwrap_or_default();
    if expected > MOST_VALUES {
        return Err(MixError::TooManyValues {
            side,
            metric: metric(),
            expected,
        });
    }
    usize::try_from(expected).map_err(|_| MixError::NegativeWindow {
        side,
        metric: metric(),
        expected,
    })
}

/// What stands in for a missing series: the frame of the side's first one, filled with NaN.
struct Template {
    frame: MetricSet,
    expected: usize,
}

impl Template {
    /// Fails when the frame promises no sensible number of values.
    fn of(side: Side, first: &MetricSet) -> Result<Self, MixError> {
        let expected = checked_expected(side, first)?;
        let frame = MetricSet {
            name: first.name.clone(),
            tags: None,
            start_time_millis: first.start_time_millis,
            start_time_iso: first.start_time_iso.clone(),
            end_time_millis: first.end_time_millis,
            end_time_iso: first.end_time_iso.clone(),
            step_millis: first.step_millis,
            values: None,
            attributes: first.attributes.clone(),
        };
        Ok(Self { frame, expected })
    }

    fn with(&self, tags: Tags) -> MetricSet {
        MetricSet {
            tags: Some(tags),
            values: Some(vec![f64::NAN; self.expected]),
            ..self.frame.clone()
        }
    }
}

/// Two series of equal name and tags as a pair.
fn pair(
    control: MetricSet,
    experiment: MetricSet,
    ids: &dyn IdSource,
) -> Result<MetricSetPair, MixError> {
    for (side, set) in [(Side::Control, &control), (Side::Experiment, &experiment)] {
        if set.name.as_deref().unwrap_or_default().is_empty() {
            return Err(MixError::NoName { side });
        }
        if expected(set) > MOST_VALUES {
            checked_expected(side, set)?;
        }
    }
    let (name, tags) = (control.name.clone(), control.tags.clone());
    let mut values = IndexMap::with_capacity(2);
    let mut scopes = IndexMap::with_capacity(2);
    let mut attributes = IndexMap::with_capacity(2);
    for (side, set) in [(Side::Control, control), (Side::Experiment, experiment)] {
        let key = side.key().to_owned();
        let wanted = usize::try_from(expected(&set)).unwrap_or(0);
        let mut series = set.values.unwrap_or_default();
        if series.len() < wanted {
            series.resize(wanted, f64::NAN);
        }
        values.insert(key.clone(), series);
        scopes.insert(
            key.clone(),
            PairScope {
                start_time_iso: set.start_time_iso,
                start_time_millis: set.start_time_millis,
                step_millis: set.step_millis,
            },
        );
        if let Some(told) = set.attributes {
            attributes.insert(key, told);
        }
    }
    Ok(MetricSetPair {
        name,
        id: Some(ids.uuid()),
        tags,
        values: Some(values),
        scopes: Some(scopes),
        attributes: Some(attributes),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

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
        let told: Vec<_> = pairs
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
            told,
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
        assert_eq!(
            check_list_counts(2, 1).unwrap_err().to_string(),
            "Size of controlMetricSetListIds (2) does not match size of \
             experimentMetricSetListIds (1)."
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
