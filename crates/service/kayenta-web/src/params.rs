//! Query and form parameters with the reference's coercions.
//!
//! A struct of parameters derives `Deserialize`; a text parameter given twice is joined with commas,
//! a list parameter given once is split at commas, numbers and booleans take Java's spellings, and an
//! empty number or boolean counts as absent.

use std::{borrow::Cow, fmt};

use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use http::{header, request::Parts};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, IntoDeserializer, Visitor, value::SeqDeserializer},
    forward_to_deserialize_any,
};
use url::form_urlencoded;

use crate::{
    error::ErrorResponse,
    json_body::{BodyLimits, is_media_type, read_body},
};

/// Parameters of the query string.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ErrorResponse;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ErrorResponse> {
        from_pairs(Pairs::read(
            parts.uri.query().unwrap_or_default().as_bytes(),
        ))
        .map(Self)
    }
}

/// Parameters of the query string and of an HTML form in the body.
#[derive(Debug)]
pub struct FormParams<T>(pub T);

impl<T, S> FromRequest<S> for FormParams<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
    BodyLimits: FromRef<S>,
{
    type Rejection = ErrorResponse;

    async fn from_request(request: Request, state: &S) -> Result<Self, ErrorResponse> {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let mut pairs = Pairs::read(query.as_bytes());
        let body;
        if is_form(&request) {
            body = read_body(request, BodyLimits::from_ref(state)).await?;
            pairs.add(&body);
        }
        from_pairs(pairs).map(Self)
    }
}

fn is_form(request: &Request) -> bool {
    request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| is_media_type(kind, "application/x-www-form-urlencoded"))
}

/// Parameters whose names and types are known only at run time: those of the query string and, as with
/// [`FormParams`], of an HTML form in the body. Read with the same coercions as [`Params`].
#[derive(Debug, Default)]
pub struct NamedParams(Vec<(String, Vec<String>)>);

impl NamedParams {
    /// The parameters of the query string.
    #[must_use]
    pub fn of_query(query: &str) -> Self {
        Self::of(Pairs::read(query.as_bytes()))
    }

    /// The parameters of the query string and of a form in the body.
    ///
    /// # Errors
    /// When the body cannot be read.
    pub async fn of_form(request: Request, limits: BodyLimits) -> Result<Self, ErrorResponse> {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let mut pairs = Pairs::read(query.as_bytes());
        let body;
        if is_form(&request) {
            body = read_body(request, limits).await?;
            pairs.add(&body);
        }
        Ok(Self::of(pairs))
    }

    fn of(pairs: Pairs<'_>) -> Self {
        let owned = |values: Vec<Cow<'_, str>>| values.into_iter().map(Cow::into_owned).collect();
        Self(
            pairs
                .0
                .into_iter()
                .map(|(name, values)| (name.into_owned(), owned(values)))
                .collect(),
        )
    }

    /// Names and values in order of first appearance.
    pub fn iter(&self) -> impl Iterator<Item = (&str, NamedValue<'_>)> {
        self.0
            .iter()
            .map(|(name, values)| (name.as_str(), NamedValue { name, values }))
    }
}

/// The values of one of [`NamedParams`].
#[derive(Clone, Copy, Debug)]
pub struct NamedValue<'v> {
    name: &'v str,
    values: &'v [String],
}

impl<'v> NamedValue<'v> {
    /// The value as a `T`.
    ///
    /// # Errors
    /// With the name of the parameter, when the value stands for no `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ErrorResponse> {
        self.read_with(|values| T::deserialize(values))
    }

    /// The value as [`required`] and [`flag`] read it.
    ///
    /// # Errors
    /// With the name of the parameter, when the value stands for none.
    pub fn read_with<T>(
        &self,
        read: impl FnOnce(Values<'v>) -> Result<T, ParamError>,
    ) -> Result<T, ErrorResponse> {
        let values = self.values.iter().map(|value| value.as_str().into());
        read(Values(values.collect())).map_err(|error| refused(&error, &self.name))
    }
}

/// The response to a request without a parameter that it needs.
#[must_use]
pub fn missing(name: &str) -> ErrorResponse {
    ErrorResponse::bad_request(format!(
        "Required request parameter '{name}' is not present."
    ))
}

fn refused(error: &ParamError, at: &dyn fmt::Display) -> ErrorResponse {
    match error {
        ParamError::Missing(name) => missing(name),
        ParamError::Wrong(text) => ErrorResponse::bad_request(format!("Parameter '{at}': {text}")),
    }
}

/// The parameters in order of first appearance, values of one name together.
#[derive(Debug, Default)]
struct Pairs<'a>(Vec<(Cow<'a, str>, Vec<Cow<'a, str>>)>);

impl<'a> Pairs<'a> {
    fn read(text: &'a [u8]) -> Self {
        let mut pairs = Self::default();
        pairs.add(text);
        pairs
    }

    fn add(&mut self, text: &'a [u8]) {
        for (name, value) in form_urlencoded::parse(text) {
            match self.0.iter_mut().find(|(known, _)| *known == name) {
                Some((_, values)) => values.push(value),
                None => self.0.push((name, vec![value])),
            }
        }
    }
}

fn from_pairs<T: DeserializeOwned>(pairs: Pairs<'_>) -> Result<T, ErrorResponse> {
    let map = de::value::MapDeserializer::new(
        pairs
            .0
            .into_iter()
            .map(|(name, values)| (name, Values(values))),
    );
    serde_path_to_error::deserialize(map).map_err(|error| refused(error.inner(), error.path()))
}

/// Why a parameter cannot be read.
#[derive(Debug)]
pub enum ParamError {
    /// It is not there.
    Missing(&'static str),
    /// Its value is not what it stands for.
    Wrong(String),
}

impl fmt::Display for ParamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "missing {name}"),
            Self::Wrong(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for ParamError {}

impl de::Error for ParamError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::Wrong(text.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

/// The values of one parameter, to be read by `serde`.
#[derive(Debug)]
pub struct Values<'a>(Vec<Cow<'a, str>>);

impl<'de> IntoDeserializer<'de, ParamError> for Values<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Values<'_> {
    type Error = ParamError;

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, ParamError> {
        if self.0.len() == 1
            && let Some(only) = self.0.pop()
        {
            return visitor.visit_string(only.into_owned());
        }
        visitor.visit_string(self.0.join(","))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamError> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParamError> {
        let items: Vec<String> = match self.0.as_slice() {
            [only] if only.is_empty() => Vec::new(),
            [only] => only.split(',').map(|item| item.trim().to_owned()).collect(),
            several => several.iter().map(|item| item.to_string()).collect(),
        };
        visitor.visit_seq(SeqDeserializer::new(items.into_iter()))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ParamError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A value a parameter's text can stand for.
pub trait FromParam: Sized {
    /// Reads a text that is not blank.
    ///
    /// # Errors
    /// With the reference's words when the text does not stand for one.
    fn from_param(text: &str) -> Result<Self, String>;
}

impl FromParam for i64 {
    fn from_param(text: &str) -> Result<Self, String> {
        let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (negative, digits) = match compact.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, compact.strip_prefix('+').unwrap_or(&compact)),
        };
        let hex = digits
            .strip_prefix("0x")
            .or_else(|| digits.strip_prefix("0X"))
            .or_else(|| digits.strip_prefix('#'));
        let (digits, radix) = hex.map_or((digits, 10), |hex| (hex, 16));
        let sign = if negative { "-" } else { "" };
        if digits.starts_with(['+', '-']) {
            return Err(format!("For input string: \"{text}\""));
        }
        i64::from_str_radix(&format!("{sign}{digits}"), radix)
            .map_err(|_| format!("For input string: \"{text}\""))
    }
}

impl FromParam for f64 {
    fn from_param(text: &str) -> Result<Self, String> {
        let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        kayenta_model::number::parse_java_double(&compact)
            .ok_or_else(|| format!("For input string: \"{text}\""))
    }
}

impl FromParam for bool {
    fn from_param(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "on" | "yes" | "1" => Ok(true),
            "false" | "off" | "no" | "0" => Ok(false),
            _ => Err(format!("Invalid boolean value [{text}]")),
        }
    }
}

/// For an optional number or boolean: blank is absent.
///
/// # Errors
/// When the text does not stand for one.
pub fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromParam,
{
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    T::from_param(&text).map(Some).map_err(de::Error::custom)
}

/// For a required number: blank is missing.
///
/// # Errors
/// When the text is blank or does not stand for one.
pub fn required<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromParam,
{
    optional(deserializer)?.ok_or_else(|| de::Error::custom("a value is required"))
}

/// For a flag: absent and blank are false.
///
/// # Errors
/// When the text does not stand for a boolean.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(optional(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Sample {
        account: Option<String>,
        #[serde(default)]
        labels: Vec<String>,
        #[serde(default, deserialize_with = "optional")]
        limit: Option<i64>,
        #[serde(default, deserialize_with = "optional")]
        threshold: Option<f64>,
        #[serde(default, deserialize_with = "flag")]
        dry_run: bool,
    }

    fn read(query: &str) -> Result<Sample, String> {
        from_pairs(Pairs::read(query.as_bytes())).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_text_given_twice_is_joined() {
        let sample = read("account=a&account=b&unknown=1").unwrap();
        assert_eq!(sample.account.unwrap(), "a,b");
        assert_eq!(read("account=").unwrap().account.unwrap(), "");
        assert!(read("Account=a").unwrap().account.is_none());
    }

    #[test]
    fn a_list_is_split_only_when_given_once() {
        assert_eq!(read("labels=a%2C+b").unwrap().labels, ["a", "b"]);
        assert_eq!(read("labels=a,b&labels=c").unwrap().labels, ["a,b", "c"]);
        assert!(read("labels=").unwrap().labels.is_empty());
    }

    #[test]
    fn numbers_take_java_spellings_and_blank_is_absent() {
        assert_eq!(read("limit=").unwrap().limit, None);
        assert_eq!(read("limit=0x10").unwrap().limit, Some(16));
        assert_eq!(read("limit=-%203").unwrap().limit, Some(-3));
        assert_eq!(read("threshold=1e3").unwrap().threshold, Some(1000.0));
        assert!(read("threshold=NaN").unwrap().threshold.unwrap().is_nan());
        let error = read("limit=abc").unwrap_err();
        assert_eq!(error, "Parameter 'limit': For input string: \"abc\"");
        assert!(read("limit=1.5").is_err());
        assert!(read("limit=--1").is_err());
    }

    #[test]
    fn booleans_take_eight_spellings() {
        for text in ["true", "ON", "yes", "1"] {
            assert!(read(&format!("dryRun={text}")).unwrap().dry_run);
        }
        for text in ["false", "off", "No", "0", ""] {
            assert!(!read(&format!("dryRun={text}")).unwrap().dry_run);
        }
        assert_eq!(
            read("dryRun=abc").unwrap_err(),
            "Parameter 'dryRun': Invalid boolean value [abc]"
        );
    }

    #[derive(Debug, Deserialize)]
    struct Needed {
        #[serde(deserialize_with = "required")]
        #[expect(dead_code, reason = "only whether it is accepted matters")]
        step: i64,
    }

    #[test]
    fn what_is_required_must_be_there() {
        let error = from_pairs::<Needed>(Pairs::read(b"")).unwrap_err();
        assert_eq!(error.status(), 400);
        assert_eq!(
            error.message(),
            "Required request parameter 'step' is not present."
        );
        assert!(from_pairs::<Needed>(Pairs::read(b"step=")).is_err());
        assert!(from_pairs::<Needed>(Pairs::read(b"step=60")).is_ok());
    }
}
