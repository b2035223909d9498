//! The queries of a metric, with links to the store's own user interface.

use kayenta_model::{MetricSetPair, Side};

use super::{scope, values};
use crate::{number::Timestamp, overview::encoded};

pub(crate) struct QueryText {
    pub(crate) side: &'static str,
    pub(crate) class: &'static str,
    pub(crate) name: String,
    pub(crate) text: String,
    /// The page of the store's own user interface.
    pub(crate) href: Option<String>,
}

pub(crate) fn queries(pair: &MetricSetPair, store: Option<&str>) -> Vec<QueryText> {
    let sides = [
        (Side::Control, "Baseline", "b-text"),
        (Side::Experiment, "Canary", "c-text"),
    ];
    let attributes = pair.attributes.as_ref();
    sides
        .into_iter()
        .flat_map(|(side, name, class)| {
            let of_side = attributes
                .and_then(|attributes| attributes.get(side.key()))
                .into_iter()
                .flatten();
            of_side.map(move |(key, text)| QueryText {
                side: name,
                class,
                name: key.clone(),
                text: text.clone(),
                href: store
                    .filter(|_| key == "query")
                    .and_then(|template| in_store(template, text, pair, side)),
            })
        })
        .collect()
}

/// The page of the store's own user interface for a query over the window of a side.
fn in_store(template: &str, query: &str, pair: &MetricSetPair, side: Side) -> Option<String> {
    let scope = scope(pair, side)?;
    let length = i64::try_from(values(pair, side).len()).ok()?;
    let start = scope.start_time_millis;
    let range = length.checked_mul(scope.step_millis)?;
    let end = start.checked_add(range)?;
    let iso = |millis: i64| Some(encoded(&Timestamp::of(millis)?.iso));
    let mut address = template.to_owned();
    for (placeholder, value) in [
        ("{start}", iso(start)?),
        ("{end}", iso(end)?),
        ("{startSeconds}", (start / 1000).to_string()),
        ("{endSeconds}", (end / 1000).to_string()),
        ("{startMillis}", start.to_string()),
        ("{endMillis}", end.to_string()),
        ("{range}", (range / 1000).to_string()),
        ("{step}", (scope.step_millis / 1000).to_string()),
        // Last, because it may contain what looks like the others.
        ("{query}", encoded(query)),
    ] {
        address = address.replace(placeholder, &value);
    }
    Some(address)
}
