//! What the fuzzer and the property tests call: bytes are read as every request type; what can be read
//! is written and read again.

use bytes::Bytes;
use kayenta_model::{
    AnalysisAdhocRequest, AnalysisRequest, CanaryAdhocRequest, CanaryConfig,
    CanaryExecutionRequest, CanaryStatusResponse, MetricSet, MetricSetPair,
};
use serde::{Serialize, de::DeserializeOwned};

/// Reads the bytes as each request body there is.
pub fn requests(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    round_trip::<CanaryConfig>(&body);
    round_trip::<CanaryExecutionRequest>(&body);
    round_trip::<CanaryAdhocRequest>(&body);
    round_trip::<AnalysisRequest>(&body);
    round_trip::<AnalysisAdhocRequest>(&body);
    round_trip::<CanaryStatusResponse>(&body);
    round_trip::<Vec<MetricSet>>(&body);
    round_trip::<Vec<MetricSetPair>>(&body);
}

/// A refusal says why; what is accepted can be written, and reads as the same again.
fn round_trip<T: Serialize + DeserializeOwned>(body: &Bytes) {
    match kayenta_web::parse_body::<T>(body) {
        Err(error) => {
            assert_eq!(error.status().as_u16(), 400);
            assert!(!error.message().is_empty());
        }
        Ok(value) => {
            let written = serde_json::to_vec(&value).unwrap_or_default();
            assert!(!written.is_empty(), "what was read cannot be written");
            let again = kayenta_web::parse_body::<T>(&Bytes::from(written.clone()));
            let again = again.unwrap_or_else(|error| {
                panic!(
                    "{} of {}",
                    error.message(),
                    String::from_utf8_lossy(&written)
                )
            });
            let rewritten = serde_json::to_vec(&again).unwrap_or_default();
            assert_eq!(
                String::from_utf8_lossy(&written),
                String::from_utf8_lossy(&rewritten)
            );
        }
    }
}
