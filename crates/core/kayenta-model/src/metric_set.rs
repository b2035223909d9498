//! Fetched series, and series of both sides put next to each other.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};

use crate::{lenient, number::Double};

/// One time series of one metric on one side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct MetricSet {
    /// Name of the metric.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub name: Option<String>,
    /// Labels that distinguish this series from others of the metric.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string_map"
    )]
    pub tags: Option<IndexMap<String, String>>,
    /// Time of the first value, in milliseconds since 1970.
    #[serde(deserialize_with = "long_or_zero")]
    pub start_time_millis: i64,
    /// The same time in ISO-8601.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub start_time_iso: Option<String>,
    /// End of the window, in milliseconds since 1970.
    #[serde(deserialize_with = "long_or_zero")]
    pub end_time_millis: i64,
    /// The same time in ISO-8601.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub end_time_iso: Option<String>,
    /// Step between values, in milliseconds.
    #[serde(deserialize_with = "long_or_zero")]
    pub step_millis: i64,
    /// The values in time order; `NaN` is a gap.
    #[serde(skip_serializing_if = "Option::is_none", with = "optional_values")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Vec<Double>>))]
    pub values: Option<Vec<f64>>,
    /// Attributes of the series, usually the query that returned it.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string_map"
    )]
    pub attributes: Option<IndexMap<String, String>>,
}

/// A series of the baseline and a series of the canary with the same name and tags.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct MetricSetPair {
    /// Name of the metric.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub name: Option<String>,
    /// Id of the pair; the result of the judge carries it.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub id: Option<String>,
    /// Labels that both series share.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string_map"
    )]
    pub tags: Option<IndexMap<String, String>>,
    /// The values in time order, under `control` and `experiment`.
    #[serde(skip_serializing_if = "Option::is_none", with = "optional_value_map")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<IndexMap<String, Vec<Double>>>))]
    pub values: Option<IndexMap<String, Vec<f64>>>,
    /// The time axes, under `control` and `experiment`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<IndexMap<String, PairScope>>,
    /// The attributes of the series, under `control` and `experiment`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<IndexMap<String, IndexMap<String, String>>>,
}

/// The time axis of one side of a pair.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = MetricSetScope))]
#[serde(rename_all = "camelCase", default)]
pub struct PairScope {
    /// Time of the first value, in ISO-8601.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::string"
    )]
    pub start_time_iso: Option<String>,
    /// The same time in milliseconds since 1970.
    #[serde(deserialize_with = "long_or_zero")]
    pub start_time_millis: i64,
    /// Step between values, in milliseconds.
    #[serde(deserialize_with = "long_or_zero")]
    pub step_millis: i64,
}

fn long_or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Ok(lenient::long(deserializer)?.unwrap_or_default())
}

/// `values`: an optional list whose elements are doubles or `null`.
mod optional_values {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        values: &Option<Vec<f64>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match values {
            Some(values) => serializer.collect_seq(values.iter().map(|&value| SampleOut(value))),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<f64>>, D::Error> {
        Ok(Option::<Vec<Sample>>::deserialize(deserializer)?.map(unwrap_samples))
    }
}

/// `values` of a pair: a map of such lists.
mod optional_value_map {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        map: &Option<IndexMap<String, Vec<f64>>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let Some(sides) = map else {
            return serializer.serialize_none();
        };
        let mut out = serializer.serialize_map(Some(sides.len()))?;
        for (side, values) in sides {
            out.serialize_entry(side, &Samples(values))?;
        }
        out.end()
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<IndexMap<String, Vec<f64>>>, D::Error> {
        let map = Option::<IndexMap<String, Option<Vec<Sample>>>>::deserialize(deserializer)?;
        Ok(map.map(|sides| {
            sides
                .into_iter()
                .filter_map(|(side, values)| Some((side, unwrap_samples(values?))))
                .collect()
        }))
    }
}

struct Samples<'a>(&'a [f64]);

impl Serialize for Samples<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|&value| SampleOut(value)))
    }
}

/// A JSON array of values as it is written for what is read from it; `None` if it is no such array.
pub(crate) fn rewrite_values(text: &[u8]) -> Option<Vec<u8>> {
    let samples: Vec<Sample> = serde_json::from_slice(text).ok()?;
    let mut written = Vec::with_capacity(text.len());
    serde_json::to_writer(&mut written, &Samples(&unwrap_samples(samples))).ok()?;
    Some(written)
}

/// Stands for a JSON `null` among the values: a NaN with a payload of its own, so that a series stays
/// a plain `Vec<f64>`. Only a hand-written metric set carries one; a judge refuses it.
pub const NULL_SAMPLE: f64 = f64::from_bits(0x7ff8_6e75_6c6c_0001);

/// Whether a value is [`NULL_SAMPLE`], which an ordinary NaN is not.
#[must_use]
pub fn is_null_sample(value: f64) -> bool {
    value.to_bits() == NULL_SAMPLE.to_bits()
}

struct SampleOut(f64);

impl Serialize for SampleOut {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if is_null_sample(self.0) {
            serializer.serialize_unit()
        } else {
            Double(self.0).serialize(serializer)
        }
    }
}

/// One value: number, numeric string, non-finite spelling, `null` or `""` (both [`NULL_SAMPLE`]).
struct Sample(f64);

fn unwrap_samples(samples: Vec<Sample>) -> Vec<f64> {
    samples.into_iter().map(|Sample(value)| value).collect()
}

impl<'de> Deserialize<'de> for Sample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Sample;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, a numeric string, \"NaN\", \"Infinity\" or null")
            }
            fn visit_f64<E>(self, value: f64) -> Result<Sample, E> {
                Ok(Sample(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Sample, E> {
                Ok(Sample(value as f64))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Sample, E> {
                Ok(Sample(value as f64))
            }
            fn visit_unit<E>(self) -> Result<Sample, E> {
                Ok(Sample(NULL_SAMPLE))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Sample, E> {
                if text.trim().is_empty() {
                    return Ok(Sample(NULL_SAMPLE));
                }
                crate::number::parse_java_double(text)
                    .map(Sample)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accepted_spelling_of_a_value_is_read_and_written_back() {
        let text = r#"{"name":"m","values":["NaN",null,"-INF","","2.5",10000000000.0]}"#;
        let set: MetricSet = serde_json::from_str(text).unwrap();
        assert_eq!(
            serde_json::to_string(&set).unwrap(),
            r#"{"name":"m","startTimeMillis":0,"endTimeMillis":0,"stepMillis":0,"values":["NaN",null,"-Infinity",null,2.5,10000000000.0]}"#
        );
    }
}
