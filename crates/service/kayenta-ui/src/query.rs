//! The query of a page: what cannot be read is left out, so that no link breaks a page.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use indexmap::IndexMap;

/// Parameters by name; of several of one name the first counts, and an empty one counts as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageQuery(IndexMap<String, String>);

impl<S: Sync> FromRequestParts<S> for PageQuery {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::read(parts.uri.query()))
    }
}

impl PageQuery {
    pub(crate) fn read(query: Option<&str>) -> Self {
        let mut parameters = IndexMap::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if !value.is_empty() {
                parameters
                    .entry(name.into_owned())
                    .or_insert_with(|| value.into_owned());
            }
        }
        Self(parameters)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// The query with one parameter set or taken away, with its question mark; empty when nothing is left.
    pub(crate) fn with(&self, name: &str, value: Option<&str>) -> String {
        let mut parameters = self.0.clone();
        match value {
            Some(value) => {
                parameters.insert(name.to_owned(), value.to_owned());
            }
            None => {
                parameters.shift_remove(name);
            }
        }
        if parameters.is_empty() {
            return String::new();
        }
        let mut query = form_urlencoded::Serializer::for_suffix(String::from("?"), 1);
        query.extend_pairs(&parameters);
        query.finish()
    }

    /// One parameter as a query of its own, with its question mark; empty when there is none.
    pub(crate) fn only(&self, name: &str) -> String {
        Self::default().with(name, self.get(name))
    }

    /// The parameters but one as the rest of a query: `&name=value…`.
    pub(crate) fn rest(&self, without: &[&str]) -> String {
        let mut parameters = self.0.clone();
        parameters.retain(|name, _| !without.contains(&name.as_str()));
        if parameters.is_empty() {
            return String::new();
        }
        let mut query = form_urlencoded::Serializer::for_suffix(String::from("&"), 1);
        query.extend_pairs(&parameters);
        query.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_name_counts_and_empty_ones_are_absent() {
        let query = PageQuery::read(Some("a=1&a=2&b=&c=%3Cb%3E&broken%ff=x"));
        assert_eq!(
            (query.get("a"), query.get("b"), query.get("c")),
            (Some("1"), None, Some("<b>"))
        );
        assert_eq!(query.with("a", None), "?c=%3Cb%3E&broken%EF%BF%BD=x");
        assert_eq!(
            PageQuery::default().with("cursor", Some("1-A")),
            "?cursor=1-A"
        );
        assert_eq!(query.rest(&["c", "broken\u{fffd}"]), "&a=1");
    }
}
