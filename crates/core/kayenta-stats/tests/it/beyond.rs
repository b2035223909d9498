//! Vectors of scipy and statsmodels for what the judges beside the reference's are made of.

use std::{fs::File, io::BufReader};

use flate2::read::GzDecoder;
use kayenta_stats::{
    benjamini_hochberg, holm, incomplete_beta, normal_sf, student_isf, student_sf,
};
use serde_json::Value;

fn cases(file: &str) -> Vec<Value> {
    let path = format!(
        "{}/../../../testdata/judge-beyond/{file}",
        env!("CARGO_MANIFEST_DIR")
    );
    let reader = BufReader::new(GzDecoder::new(File::open(path).unwrap()));
    let mut vectors: Value = serde_json::from_reader(reader).unwrap();
    vectors["cases"].as_array_mut().unwrap().drain(..).collect()
}

#[test]
fn tails_are_equal_to_ten_digits() {
    let cases = cases("special.json.gz");
    assert_eq!(cases.len(), 201);
    for case in cases {
        let number = |key: &str| case[key].as_f64().unwrap();
        let degrees = || case["df"].as_u64().unwrap() as usize;
        let found = match case["function"].as_str().unwrap() {
            "studentSf" => student_sf(number("t"), degrees()),
            "studentIsf" => student_isf(number("p"), degrees()),
            "incompleteBeta" => incomplete_beta(number("a"), number("b"), number("x")),
            "normalSf" => normal_sf(number("x")),
            other => panic!("unknown function {other}"),
        };
        let expected = number("expected");
        assert!(
            (found - expected).abs() <= 1e-10 * expected.abs(),
            "{case}: {found}"
        );
    }
}

#[test]
fn rejections_are_those_of_statsmodels() {
    let cases = cases("holm_bh.json.gz");
    assert_eq!(cases.len(), 36);
    for case in cases {
        let list = |key: &str| case[key].as_array().unwrap().clone();
        let p: Vec<f64> = list("p").iter().map(|p| p.as_f64().unwrap()).collect();
        let level = case["level"].as_f64().unwrap();
        let marks = |key| -> Vec<bool> {
            list(key)
                .iter()
                .map(|mark| mark.as_bool().unwrap())
                .collect()
        };
        assert_eq!(holm(&p, level), marks("holm"), "{case}");
        assert_eq!(
            benjamini_hochberg(&p, level),
            marks("benjaminiHochberg"),
            "{case}"
        );
    }
}
