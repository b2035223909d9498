//! JSON whose timestamps and durations have the form the operator chose (`kayenta.serialization.*`).

use axum::{
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use kayenta_model::time::JsonTimes;
use serde::Serialize;

use crate::{ErrorResponse, schemas::ErrorReport};

/// A JSON response whose timestamps and durations are written in this form. A long one is written off the async threads.
pub async fn timed_json<T>(body: T, times: JsonTimes) -> Response
where
    T: Serialize + Send + 'static,
{
    match kayenta_limits::written(body, move |body, text| times.write(body, text)).await {
        Ok(Ok(json)) => json_bytes(json.into()),
        Ok(Err(error)) => ErrorResponse::internal(error.to_string()).into_response(),
        Err(panicked) => ErrorResponse::internal(panicked.to_string()).into_response(),
    }
}

/// A JSON response that may be long, of what holds neither timestamps nor durations.
pub async fn json<T: Serialize + Send + 'static>(body: T) -> Response {
    timed_json(body, JsonTimes::default()).await
}

/// A response of bytes that are JSON already.
pub fn json_bytes(bytes: Bytes) -> Response {
    (
        [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )],
        bytes,
    )
        .into_response()
}

/// Writes the timestamp of an error report as a number. To be put around all routes where
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
