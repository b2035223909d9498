//! Why a stage failed, in the shape clients know: always a list `details.errors` that is not empty,
//! and the chain of causes in `details.stackTrace`.

use std::{error::Error, fmt};

use kayenta_errors::causes;
use kayenta_judge::{JudgeError, JudgeErrorKind, RemoteWords};
use kayenta_metrics::{FetchError, FetchErrorKind};
use kayenta_model::{ExceptionDetails, ExecutionException, time::offset_timestamp};
use serde_json::Value;

use crate::error::EngineError;

/// A failure on its way into a record: class-like name, and what is reported about it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    class: &'static str,
    details: Box<ExceptionDetails>,
}

/// The failure of a check; most have this class in the reference.
const ILLEGAL_ARGUMENT: &str = "IllegalArgumentException";

impl Failure {
    /// An ordinary failure: one text, and nothing underneath.
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
        let message = errors.first().map_or("", String::as_str);
        Self {
            class,
            details: Box::new(ExceptionDetails {
                error: Some("Unexpected Task Failure".to_owned()),
                stack_trace: Some(trace(class, message, source)),
                errors,
                ..ExceptionDetails::default()
            }),
        }
    }

    /// The failure of another service. C-ENG-04: its text is in `errors` too.
    fn remote(
        class: &'static str,
        kind: &'static str,
        message: String,
        url: Option<&str>,
        status: Option<u16>,
        source: Option<&(dyn Error + 'static)>,
    ) -> Self {
        Self {
            class,
            details: Box::new(ExceptionDetails {
                kind: Some(kind.to_owned()),
                error: Some(message.clone()),
                url: url.map(str::to_owned),
                status,
                stack_trace: source.map(|source| trace(class, &message, Some(source))),
                errors: vec![message],
                ..ExceptionDetails::default()
            }),
        }
    }

    /// The same in the failing service's own words, where it has any, as in the reference.
    fn in_words_of(mut self, said: &RemoteWords) -> Self {
        if let Some(error) = &said.error {
            self.details.error = Some(error.clone());
        }
        if !said.errors.is_empty() {
            self.details.errors.clone_from(&said.errors);
        } else if let Some(error) = &said.error {
            self.details.errors = vec![error.clone()];
        }
        self
    }

    /// The same with what was asked of whom how often (C-ENG-18). The second text of `errors` tells it
    /// to user interfaces, which print nothing else.
    pub(crate) fn of_fetch(
        mut self,
        metric: String,
        account: String,
        query: Option<String>,
        attempts: u32,
    ) -> Self {
        let tries = if attempts == 1 { "try" } else { "tries" };
        let mut text = format!("Metric '{metric}' of account {account}, {attempts} {tries}");
        if let Some(query) = &query {
            text.push_str(", query: ");
            text.push_str(query);
        }
        let details = &mut self.details;
        details.errors.push(text);
        details.metric = Some(metric);
        details.metrics_account_name = Some(account);
        details.query = query;
        details.attempts = Some(attempts);
        self
    }

    /// The failure of a fetch before anything was asked: the second text of `errors` names the metric, and
    /// the cause where there is one, which the first leaves out (C-ENG-18).
    pub(crate) fn before_fetch(
        mut self,
        metric: String,
        account: String,
        cause: Option<&(dyn Error + 'static)>,
    ) -> Self {
        let mut text = format!("Metric '{metric}' of account {account} was not queried");
        if let Some(cause) = cause {
            text.push_str(": ");
            text.push_str(&cause.to_string());
        }
        let details = &mut self.details;
        details.errors.push(text);
        details.metric = Some(metric);
        details.metrics_account_name = Some(account);
        self
    }

    /// What went wrong, in one text.
    pub(crate) fn message(&self) -> &str {
        self.details.errors.first().map_or("", String::as_str)
    }

    /// Every text a user interface shows.
    pub(crate) fn errors(&self) -> &[String] {
        &self.details.errors
    }

    /// The shape that is stored and answered.
    pub(crate) fn at(self, operation: impl Into<String>, now_millis: i64) -> ExecutionException {
        ExecutionException {
            timestamp: Some(Value::String(offset_timestamp(now_millis))),
            exception_type: Some(self.class.to_owned()),
            operation: Some(operation.into()),
            details: self.details.into_map(),
            should_retry: Some(false),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

/// Class, message and every cause, one to a line.
fn trace(class: &str, message: &str, source: Option<&(dyn Error + 'static)>) -> String {
    let mut text = format!("{class}: {message}");
    let mut last = message.to_owned();
    for cause in source
        .into_iter()
        .chain(source.into_iter().flat_map(causes))
    {
        let line = cause.to_string();
        if line != last {
            text.push_str("\nCaused by: ");
            text.push_str(&line);
            last = line;
        }
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
                message,
                Some(url),
                Some(*status),
                source,
            ),
            FetchErrorKind::Network { url } => Self::remote(
                "SpinnakerNetworkException",
                "NETWORK",
                message,
                Some(url),
                None,
                source,
            ),
            FetchErrorKind::Answer { url } => Self::remote(
                "SpinnakerServerException",
                "UNEXPECTED",
                message,
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
            (
                _,
                JudgeError::Remote {
                    status, url, said, ..
                },
            ) => {
                let (class, kind) = match status {
                    Some(200..300) => ("SpinnakerServerException", "UNEXPECTED"),
                    Some(_) => ("SpinnakerHttpException", "HTTP"),
                    None => ("SpinnakerNetworkException", "NETWORK"),
                };
                let status = status.filter(|status| !(200..300).contains(status));
                return Self::remote(class, kind, error.to_string(), Some(url), status, source)
                    .in_words_of(said);
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
    let details = ExceptionDetails {
        errors: vec!["Canary execution was canceled.".to_owned()],
        ..ExceptionDetails::default()
    };
    ExecutionException {
        details: details.into_map(),
        ..ExecutionException::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
    fn causes_are_reported_once_each() {
        let error = EngineError::invalid("Unable to resolve account a.")
            .caused_by(std::io::Error::other("disk on fire"));
        let failure = Failure::from(&error);
        assert_eq!(
            failure.details.stack_trace.as_deref(),
            Some("IllegalArgumentException: Unable to resolve account a.\nCaused by: disk on fire")
        );
    }
}
