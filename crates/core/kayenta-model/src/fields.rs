//! The fields that a type reads.

use serde::{
    Deserializer,
    de::{DeserializeOwned, Visitor},
    forward_to_deserialize_any,
};

/// The names of the fields a type reads, as it announces them to its deserializer. Empty for a type that is
/// no struct.
///
/// ```
/// let fields = kayenta_model::fields::field_names::<kayenta_model::Thresholds>();
/// assert_eq!(fields, ["pass", "marginal"]);
/// ```
#[must_use]
pub fn field_names<T: DeserializeOwned>() -> &'static [&'static str] {
    struct Listening<'n>(&'n mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Listening<'_> {
        type Error = serde::de::value::Error;

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = fields;
            self.deserialize_any(visitor)
        }

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(serde::de::Error::custom("there is no value"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
            unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    let mut names: &'static [&'static str] = &[];
    let refused = T::deserialize(Listening(&mut names));
    debug_assert!(refused.is_err(), "there was no value to read");
    names
}
