//! The form in which JSON holds timestamps and durations, as a value that is passed to what writes it.

use std::{fmt::Display, io::Write};

use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

use super::form;

/// How timestamps and durations are written in JSON, in responses and in stored objects alike
/// (`kayenta.serialization.*`). Both forms are read whatever is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JsonTimes {
    /// Timestamps as milliseconds since 1970 instead of ISO-8601 text.
    pub dates_as_numbers: bool,
    /// Durations as milliseconds instead of ISO-8601 text.
    pub durations_as_numbers: bool,
}

impl JsonTimes {
    /// The document as JSON, its timestamps and durations in this form.
    ///
    /// # Errors
    /// When the document cannot be written as JSON at all, such as a map whose keys are no texts.
    pub fn to_vec<T: Serialize + ?Sized>(self, document: &T) -> serde_json::Result<Vec<u8>> {
        let mut text = Vec::with_capacity(128);
        self.write(document, &mut text)?;
        Ok(text)
    }

    /// Writes what [`to_vec`](Self::to_vec) returns.
    ///
    /// # Errors
    /// As [`to_vec`](Self::to_vec), and when `text` takes no more.
    pub fn write<T: Serialize + ?Sized>(
        self,
        document: &T,
        text: impl Write,
    ) -> serde_json::Result<()> {
        if self == Self::default() {
            serde_json::to_writer(text, document)
        } else {
            serde_json::to_writer(text, &self.of(document))
        }
    }

    /// The document with its timestamps and durations in this form, for whatever serializer.
    pub fn of<T: Serialize + ?Sized>(self, document: &T) -> impl Serialize {
        InForm {
            value: document,
            times: self,
        }
    }
}

/// A value whose timestamps and durations are written in some form.
struct InForm<'a, T: ?Sized> {
    value: &'a T,
    times: JsonTimes,
}

impl<T: Serialize + ?Sized> Serialize for InForm<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(FormSerializer {
            inner: serializer,
            times: self.times,
            as_number: false,
        })
    }
}

/// Passes everything on, and asks timestamps and durations for their number where the form says so.
struct FormSerializer<S> {
    inner: S,
    times: JsonTimes,
    /// Whether the value is a timestamp or duration to be written as a number.
    as_number: bool,
}

/// A sequence, map or struct under way, whose members are written in the form, too.
struct FormCompound<C> {
    inner: C,
    times: JsonTimes,
}

macro_rules! pass_on {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        })*
    };
}

impl<S: Serializer> FormSerializer<S> {
    fn compound<C>(
        times: JsonTimes,
        inner: Result<C, S::Error>,
    ) -> Result<FormCompound<C>, S::Error> {
        Ok(FormCompound {
            inner: inner?,
            times,
        })
    }
}

impl<S: Serializer> Serializer for FormSerializer<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = FormCompound<S::SerializeSeq>;
    type SerializeTuple = FormCompound<S::SerializeTuple>;
    type SerializeTupleStruct = FormCompound<S::SerializeTupleStruct>;
    type SerializeTupleVariant = FormCompound<S::SerializeTupleVariant>;
    type SerializeMap = FormCompound<S::SerializeMap>;
    type SerializeStruct = FormCompound<S::SerializeStruct>;
    type SerializeStructVariant = FormCompound<S::SerializeStructVariant>;

    pass_on! {
        serialize_bool: bool, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8],
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32,
        serialize_u64: u64, serialize_u128: u128, serialize_f32: f32, serialize_f64: f64,
        serialize_unit_struct: &'static str,
    }

    fn is_human_readable(&self) -> bool {
        !self.as_number && self.inner.is_human_readable()
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.serialize_some(&self.times.of(value))
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let as_number = (name == form::DATE && self.times.dates_as_numbers)
            || (name == form::DURATION && self.times.durations_as_numbers);
        if as_number {
            value.serialize(Self { as_number, ..self })
        } else {
            self.inner
                .serialize_newtype_struct(name, &self.times.of(value))
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.inner
            .serialize_newtype_variant(name, index, variant, &self.times.of(value))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        Self::compound(self.times, self.inner.serialize_seq(length))
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, S::Error> {
        Self::compound(self.times, self.inner.serialize_tuple(length))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        Self::compound(self.times, self.inner.serialize_tuple_struct(name, length))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let inner = self
            .inner
            .serialize_tuple_variant(name, index, variant, length);
        Self::compound(self.times, inner)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        Self::compound(self.times, self.inner.serialize_map(length))
    }

    fn serialize_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        Self::compound(self.times, self.inner.serialize_struct(name, length))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let inner = self
            .inner
            .serialize_struct_variant(name, index, variant, length);
        Self::compound(self.times, inner)
    }
}

macro_rules! members {
    ($($compound:ident: $method:ident),* $(,)?) => {
        $(impl<C: $compound> $compound for FormCompound<C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                self.inner.$method(&self.times.of(value))
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        })*
    };
}

macro_rules! named_members {
    ($($compound:ident),* $(,)?) => {
        $(impl<C: $compound> $compound for FormCompound<C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), C::Error> {
                self.inner.serialize_field(name, &self.times.of(value))
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
                self.inner.skip_field(name)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        })*
    };
}

members! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
}

named_members! { SerializeStruct, SerializeStructVariant }

impl<C: SerializeMap> SerializeMap for FormCompound<C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.inner.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.inner.serialize_value(&self.times.of(value))
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;
    use serde_json::{Value, json};

    use super::*;
    use crate::{CanaryResult, CanaryScope, Instant, IsoDuration, time::ErrorTimestamp};

    fn documents() -> (
        IndexMap<String, Vec<CanaryScope>>,
        CanaryResult,
        ErrorTimestamp,
    ) {
        let start = Instant::from_millis(1_744_113_600_000);
        let scope = CanaryScope {
            scope: Some("2025-04-08T12:00:00Z".to_owned()),
            start,
            end: None,
            ..CanaryScope::default()
        };
        let result = CanaryResult {
            canary_duration: Some(IsoDuration(90_000_000_000)),
            ..CanaryResult::default()
        };
        (
            IndexMap::from([("default".to_owned(), vec![scope])]),
            result,
            ErrorTimestamp(1_744_113_600_123),
        )
    }

    fn written(dates_as_numbers: bool, durations_as_numbers: bool) -> Value {
        let times = JsonTimes {
            dates_as_numbers,
            durations_as_numbers,
        };
        let bytes = times.to_vec(&documents()).unwrap();
        assert_eq!(
            bytes,
            serde_json::to_vec(&times.of(&documents())).unwrap(),
            "the short way for texts writes what the long one does"
        );
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn each_switch_turns_its_own_texts_into_numbers_and_nothing_else() {
        let start = |number: bool| {
            if number {
                json!(1_744_113_600_000_i64)
            } else {
                json!("2025-04-08T12:00:00Z")
            }
        };
        for (dates, durations) in [(false, false), (true, false), (false, true), (true, true)] {
            assert_eq!(
                written(dates, durations),
                json!([
                    {"default": [{"scope": "2025-04-08T12:00:00Z", "start": start(dates)}]},
                    {"canaryDuration": if durations { json!(90_000) } else { json!("PT1M30S") }},
                    if dates {
                        json!(1_744_113_600_123_i64)
                    } else {
                        json!("2025-04-08T12:00:00.123+00:00")
                    },
                ])
            );
        }
    }
}
