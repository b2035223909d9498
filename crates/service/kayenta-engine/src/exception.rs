//! Why a stage failed, in the shape clients know: always a list `details.errors` that is not empty,
//! and the chain of causes in `details.stackTrace`.

use std::error::Error;

use kayenta_judge::{JudgeError, JudgeErrorKind};
use kayenta_metrics::{FetchError, FetchErrorKind};
use kayenta_model::{ExecutionException, JsonMap, time::offset_timestamp};
use serde_json::{Value, json};

use crate::error::EngineError;

/// A failure on its way into a record: class-like name, and everything `details` holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) class: &'static str,
    pub(crate) details: JsonMap,
}

/// The failure of a check; most have this class in the reference.
pub(crate) const ILLEGAL_ARGUMENT: &str = "IllegalArgumentException";

impl Failure {
    /// An ordinary failure: one text, and what lies underneath.
    pub(crate) fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self::with_errors(class, vec![message.into()], None)
    }

    pub(crate) fn illegal(message: impl Into<String>) -> Self {
        Self::new(ILLEGAL_ARGUMENT, message)
    }

    pub(crate) fn with_errors(
        class: &'static str,
        errors: Vec<String>,
        source: Option<&(dyn Error + 'static)>,
    ) -> Self {
        let mut details = JsonMap::new();
        details.insert("error".into(), json!("Unexpected Task Failure"));
        let trace = trace(class, errors.first().map_or("", String::as_str), source);
        details.insert("errors".into(), json!(errors));
        details.insert("stackTrace".into(), json!(trace));
        Self { class, details }
    }

    /// The failure of another service. C-ENG-04: its text is in `errors` too.
    fn remote(
        class: &'static str,
        kind: &'static str,
        message: &str,
        url: Option<&str>,
        status: Option<u16>,
        source: Option<&(dyn Error + 'static)>,
    ) -> Self {
        let mut details = JsonMap::new();
        details.insert("kind".into(), json!(kind));
        details.insert("error".into(), json!(message));
        details.insert("errors".into(), json!([message]));
        if let Some(url) = url {
            details.insert("url".into(), json!(url));
        }
        if let Some(status) = status {
            details.insert("status".into(), json!(status));
        }
        if source.is_some() {
            details.insert("stackTrace".into(), json!(trace(class, message, source)));
        }
        Self { class, details }
    }

    /// The same with what was asked of whom how often (C-ENG-18). The second text of `errors` tells it
    /// to user interfaces, which print nothing else.
    pub(crate) fn of_fetch(
        mut self,
        metric: &str,
        account: &str,
        query: Option<String>,
        attempts: u32,
    ) -> Self {
        let tries = if attempts == 1 { "try" } else { "tries" };
        let mut text = format!("Metric '{metric}' of account {account}, {attempts} {tries}");
        if let Some(query) = &query {
            text.push_str(", query: ");
            text.push_str(query);
        }
        if let Some(errors) = self.details.get_mut("errors").and_then(Value::as_array_mut) {
            errors.push(json!(text));
        }
        self.details.insert("metric".into(), json!(metric));
        self.details
            .insert("metricsAccountName".into(), json!(account));
        if let Some(query) = query {
            self.details.insert("query".into(), json!(query));
        }
        self.details.insert("attempts".into(), json!(attempts));
        self
    }

    /// The shape that is stored and answered.
    pub(crate) fn at(self, operation: impl Into<String>, now_millis: i64) -> ExecutionException {
        ExecutionException {
            timestamp: Some(Value::String(offset_timestamp(now_millis))),
            exception_type: Some(self.class.to_owned()),
            operation: Some(operation.into()),
            details: self.details,
            should_retry: Some(false),
        }
    }
}

/// Class, message and every cause, one to a line.
fn trace(class: &str, message: &str, source: Option<&(dyn Error + 'static)>) -> String {
    let mut text = format!("{class}: {message}");
    let mut cause = source;
    let mut last = message.to_owned();
    while let Some(error) = cause {
        let line = error.to_string();
        if line != last {
            text.push_str("\nCaused by: ");
            text.push_str(&line);
            last = line;
        }
        cause = error.source();
    }
    text
}

impl From<&FetchError> for Failure {
    fn from(error: &FetchError) -> Self {
        let source = error.source();
        let message = error.to_string();
        match &error.kind {
            FetchErrorKind::Invalid => Self::with_errors(ILLEGAL_ARGUMENT, vec![message], source),
            FetchErrorKind::Http { status, url, .. } => Self::remote(
                "SpinnakerHttpException",
                "HTTP",
                &message,
                Some(url),
                Some(*status),
                source,
            ),
            FetchErrorKind::Network { url } => Self::remote(
                "SpinnakerNetworkException",
                "NETWORK",
                &message,
                Some(url),
                None,
                source,
            ),
            FetchErrorKind::Answer { url } => Self::remote(
                "SpinnakerServerException",
                "UNEXPECTED",
                &message,
                Some(url),
                None,
                source,
            ),
            FetchErrorKind::Refused { class } => Self::with_errors(class, vec![message], source),
            FetchErrorKind::Incomplete | FetchErrorKind::Canceled => {
                Self::with_errors("RetryableQueryException", vec![message], source)
            }
        }
    }
}

impl From<&JudgeError> for Failure {
    fn from(error: &JudgeError) -> Self {
        let source = error.source();
        let class = match (error.kind(), error) {
            (_, JudgeError::Remote { status, url, .. }) => {
                let (class, kind) = match status {
                    Some(200..300) => ("SpinnakerServerException", "UNEXPECTED"),
                    Some(_) => ("SpinnakerHttpException", "HTTP"),
                    None => ("SpinnakerNetworkException", "NETWORK"),
                };
                let message = error.to_string();
                let status = status.filter(|status| !(200..300).contains(status));
                return Self::remote(class, kind, &message, Some(url), status, source);
            }
            (JudgeErrorKind::InvalidArgument, _) => ILLEGAL_ARGUMENT,
            (_, JudgeError::Setting { .. }) => "ClassCastException",
            _ => "NullPointerException",
        };
        Self::with_errors(class, vec![error.to_string()], source)
    }
}

impl From<&EngineError> for Failure {
    fn from(error: &EngineError) -> Self {
        let class = match error.kind {
            crate::EngineErrorKind::NotFound => "NotFoundException",
            _ => ILLEGAL_ARGUMENT,
        };
        Self::with_errors(class, vec![error.message.clone()], error.source())
    }
}

/// What an analysis shows when its run was canceled.
pub(crate) fn canary_was_canceled() -> ExecutionException {
    let mut details = JsonMap::new();
    details.insert("errors".into(), json!(["Canary execution was canceled."]));
    ExecutionException {
        details,
        ..ExecutionException::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_eng_04_an_http_failure_has_its_text_in_error_and_errors() {
        let error = FetchError::new(
            FetchErrorKind::Http {
                status: 400,
                url: "http://p/api".to_owned(),
                reason: "Bad Request".to_owned(),
            },
            "Status: 400, URL: http://p/api, Message: Bad Request",
        );
        let exception = Failure::from(&error).at("prometheusFetch", 1_744_113_600_123);
        assert_eq!(
            serde_json::to_value(exception).unwrap(),
            json!({
                "timestamp": "2025-04-08T12:00:00.123+00:00",
                "exceptionType": "SpinnakerHttpException",
                "operation": "prometheusFetch",
                "details": {
                    "kind": "HTTP",
                    "error": "Status: 400, URL: http://p/api, Message: Bad Request",
                    "errors": ["Status: 400, URL: http://p/api, Message: Bad Request"],
                    "url": "http://p/api",
                    "status": 400,
                },
                "shouldRetry": false,
            })
        );
    }

    #[test]
    fn causes_are_told_once_each() {
        let error = EngineError::invalid("Unable to resolve account a.")
            .caused_by(std::io::Error::other("disk on fire"));
        let failure = Failure::from(&error);
        assert_eq!(
            failure.details["stackTrace"],
            "IllegalArgumentException: Unable to resolve account a.\nCaused by: disk on fire"
        );
    }
}
