//! What the fuzzer and the property tests call: bytes are read as an answer of Prometheus.

use kayenta_prometheus::answer;

/// Reads the bytes as a range query's answer and as an error's.
pub fn answers(data: &[u8]) {
    match answer::read(data) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(found) => {
            for series in found.series {
                // A number takes at least one byte of the answer.
                assert!(series.values.len() <= data.len());
            }
        }
    }
    let _ = answer::error_text(data);
}
