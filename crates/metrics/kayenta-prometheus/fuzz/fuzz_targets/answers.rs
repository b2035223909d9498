#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kayenta_prometheus_fuzz::answers(data));
