//! The fuzz targets of `fuzz/` on stable Rust: the same functions on bodies that are nearly right.

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the fuzzer calls it from another crate")]
mod targets;

use proptest::prelude::*;

/// Bodies that clients send, to be bent.
const SEEDS: [&str; 4] = [
    include_str!("full_status.json"),
    include_str!("../../../../../testdata/samples/guide-request.json"),
    r#"{"scopes":[{"scopeName":"default","controlScope":"a","startTimeIso":"2024-01-01T00:00:00Z","step":"60"}],
        "thresholds":{"pass":"95","marginal":75},"lifetimeDurationMins":60.5,"siteLocal":{"a":[1,null,"x"]}}"#,
    r#"[{"name":"cpu","tags":{"a":1},"values":[1.5,"NaN","-Infinity",1e300],"startTimeMillis":1704067200000}]"#,
];

/// Pieces of JSON that change what a body means.
const PIECES: [&str; 22] = [
    "null",
    "true",
    "-1",
    "1e999",
    "0x10",
    "\"NaN\"",
    "\"\"",
    "[]",
    "{}",
    "[[",
    "{\"",
    "\\u0000",
    "\"\\ud800\"",
    "1.5",
    "9223372036854775808",
    "\"2024-01-01T00:00:00+05:00\"",
    "}",
    "]",
    ",",
    ":",
    "\u{feff}",
    "\"type\":\"nagios\"",
];

fn bent() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), 0..PIECES.len(), 0_usize..40);
    (0..SEEDS.len(), prop::collection::vec(change, 0..6)).prop_map(|(seed, changes)| {
        let mut body = SEEDS[seed].as_bytes().to_vec();
        for (at, piece, cut) in changes {
            let start = at.index(body.len().max(1)).min(body.len());
            let end = (start + cut).min(body.len());
            body.splice(start..end, PIECES[piece].bytes());
        }
        body
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bent_body_makes_a_request_type_panic(body in bent()) {
        targets::requests(&body);
    }

    #[test]
    fn no_bytes_make_a_request_type_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        targets::requests(&body);
    }
}
