//! JSON whose moments and durations have the form the operator chose (`kayenta.serialization.*`).

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use kayenta_model::time::JsonTimes;
use serde::Serialize;

use crate::{ErrorResponse, schemas::ErrorReport};

/// Unused room of a buffer that is worth giving back.
const WASTE: usize = 64 << 10;

/// A JSON response that holds moments or durations.
#[derive(Debug)]
pub struct TimedJson<T> {
    body: T,
    times: JsonTimes,
}

impl<T> TimedJson<T> {
    /// A response whose moments and durations are written in this form.
    pub fn new(body: T, times: JsonTimes) -> Self {
        Self { body, times }
    }
}

impl<T: Serialize> IntoResponse for TimedJson<T> {
    fn into_response(self) -> Response {
        match self.times.to_vec(&self.body) {
            Ok(mut json) => {
                // What counts is the length of an answer, which may wait for a slow client.
                if json.capacity() - json.len() > WASTE {
                    json.shrink_to_fit();
                }
                (
                    [(
                        header::CONTENT_TYPE,
                        HeaderValue::from_static("application/json"),
                    )],
                    json,
                )
                    .into_response()
            }
            Err(error) => ErrorResponse::internal(error.to_string()).into_response(),
        }
    }
}

/// Writes the moment of an error report as a number. To be put around all routes where
/// `kayenta.serialization.writeDatesAsTimestamps` is set; errors are made in places that know no
/// settings.
pub async fn report_times_as_numbers(mut response: Response) -> Response {
    let times = JsonTimes {
        dates_as_numbers: true,
        ..JsonTimes::default()
    };
    if let Some(report) = response.extensions_mut().remove::<ErrorReport>()
        && let Ok(json) = times.to_vec(&report)
    {
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::from(json);
    }
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::Value;

    use super::*;

    #[tokio::test]
    async fn only_the_time_of_an_error_report_changes_its_form() {
        let before = ErrorResponse::no_such_path().into_response();
        let after = report_times_as_numbers(ErrorResponse::no_such_path().into_response()).await;
        assert_eq!(after.status(), before.status());
        assert_eq!(
            after.headers()[header::CONTENT_TYPE],
            before.headers()[header::CONTENT_TYPE]
        );
        let mut bodies = Vec::new();
        for response in [before, after] {
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            let mut body: Value = serde_json::from_slice(&bytes).unwrap();
            bodies.push((body["timestamp"].take(), body));
        }
        assert!(
            bodies[0].0.is_string() && bodies[1].0.is_i64(),
            "{bodies:?}"
        );
        assert_eq!(bodies[0].1, bodies[1].1);
    }
}
