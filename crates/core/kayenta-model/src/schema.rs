//! Descriptions for an API document that cannot be derived from a type of the wire (feature `schema`).

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, schema::Schema},
};

use crate::{Double, ScopePair};

/// An object of any content.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "described, never built")]
pub struct FreeObject(BTreeMap<String, Value>);

/// A scope pair under its name; `null` is accepted where no metric refers to it.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "described, never built")]
pub enum NamedScopePair {
    /// Both sides.
    Pair(ScopePair),
    /// No pair.
    Nothing,
}

/// A 64-bit float; values that JSON has no number for are the strings `NaN`, `Infinity` and `-Infinity`.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "described, never built")]
enum NumberOrText {
    /// A finite value.
    #[schema(example = 97.25)]
    Number(f64),
    /// A value that is not finite.
    #[schema(example = "NaN")]
    Text(String),
}

impl ToSchema for Double {
    fn name() -> Cow<'static, str> {
        "Double".into()
    }
}

impl PartialSchema for Double {
    fn schema() -> RefOr<Schema> {
        NumberOrText::schema()
    }
}
