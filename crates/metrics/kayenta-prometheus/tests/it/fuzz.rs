//! The fuzz target of `fuzz/` on stable Rust: the same function on answers that are nearly right.

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the fuzzer calls it from another crate")]
mod targets;

use proptest::prelude::*;

const SEEDS: [&str; 3] = [
    r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"a"},"values":[[1700000000,"1"],[1700000060.5,"NaN"],[1700000120,"+Inf"]]},{"metric":{},"values":[[1700000000,"0x1p3"]]}]}}"#,
    r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error"}"#,
    r#"{"status":"success","data":{"resultType":"scalar","result":[1700000000,"1"]}}"#,
];

const PIECES: [&str; 20] = [
    "null",
    "[]",
    "{}",
    "-1",
    "1e999",
    "\"NaN\"",
    "\"\"",
    "9223372036854775807",
    "-9223372036854775808",
    "1e18",
    "[[",
    "\"values\":",
    "\"metric\":",
    "true",
    "}",
    "]",
    ",",
    "\"\\ud800\"",
    "[1,\"2\"]",
    "0.0001",
];

fn bent() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), 0..PIECES.len(), 0_usize..20);
    (0..SEEDS.len(), prop::collection::vec(change, 0..6)).prop_map(|(seed, changes)| {
        let mut answer = SEEDS[seed].as_bytes().to_vec();
        for (at, piece, cut) in changes {
            let start = at.index(answer.len().max(1)).min(answer.len());
            let end = (start + cut).min(answer.len());
            answer.splice(start..end, PIECES[piece].bytes());
        }
        answer
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bent_answer_makes_the_reader_panic(answer in bent()) {
        targets::answers(&answer);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(answer in prop::collection::vec(any::<u8>(), 0..300)) {
        targets::answers(&answer);
    }
}

#[test]
fn a_deep_answer_is_refused() {
    let deep = "[".repeat(200_000);
    targets::answers(deep.as_bytes());
    targets::answers(format!("{{\"data\":{{\"result\":{deep}").as_bytes());
}
