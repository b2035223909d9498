//! Pairs of series, each padded to the number of points its window promises.

use indexmap::IndexMap;
use kayenta_model::{IdSource, MetricSet, MetricSetPair, PairScope, Side};

use super::{
    error::{MOST_VALUES, MixError},
    tags::Tags,
};

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
pub(super) struct Placeholder {
    frame: MetricSet,
    expected: usize,
}

impl Placeholder {
    /// Fails when the frame promises no sensible number of values.
    pub(super) fn of(side: Side, first: &MetricSet) -> Result<Self, MixError> {
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

    pub(super) fn with(&self, tags: Tags) -> MetricSet {
        MetricSet {
            tags: Some(tags),
            values: Some(vec![f64::NAN; self.expected]),
            ..self.frame.clone()
        }
    }
}

/// Two series of equal name and tags as a pair.
pub(super) fn pair(
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
        if let Some(of_side) = set.attributes {
            attributes.insert(key, of_side);
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
