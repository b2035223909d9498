//! Reading the vectors of `testdata/judge-beyond`, in which NaN and infinities are words.

use std::{fs::File, io::BufReader};

use flate2::read::GzDecoder;
use kayenta_model::number::parse_java_double;
use kayenta_stats::{CompletePairs, Gaps};
use serde_json::Value;

/// A whole file.
pub(crate) fn file(name: &str) -> Value {
    let path = format!(
        "{}/../../../testdata/judge-beyond/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_reader(BufReader::new(GzDecoder::new(File::open(path).unwrap()))).unwrap()
}

/// The cases of a file, which has to have as many.
pub(crate) fn cases(name: &str, count: usize) -> Vec<Value> {
    let cases = file(name)["cases"].take();
    let Value::Array(cases) = cases else {
        panic!("{name} has no cases")
    };
    assert_eq!(cases.len(), count, "{name}");
    cases
}

/// A number, or the word for one.
pub(crate) fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .or_else(|| parse_java_double(value.as_str()?))
        .unwrap_or_else(|| panic!("{value} is no number"))
}

/// A series.
pub(crate) fn series(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

/// The pairs of a case.
pub(crate) fn pairs(case: &Value) -> CompletePairs {
    let (control, experiment) = (series(&case["control"]), series(&case["experiment"]));
    CompletePairs::new(&control, &experiment, Gaps::Keep)
}

/// What a case expects, key by key: every key has to be looked at.
pub(crate) struct Expected<'a> {
    pub(crate) of: String,
    values: &'a serde_json::Map<String, Value>,
    seen: Vec<&'static str>,
}

impl<'a> Expected<'a> {
    pub(crate) fn new(of: impl ToString, values: &'a Value) -> Self {
        Self {
            of: of.to_string(),
            values: values.as_object().unwrap(),
            seen: Vec::new(),
        }
    }

    /// A key that has to be equal, or absent when there is nothing.
    pub(crate) fn equal(&mut self, key: &'static str, found: Option<Value>) {
        self.seen.push(key);
        assert_eq!(found.as_ref(), self.values.get(key), "{}: {key}", self.of);
    }

    /// A number that has to be close, relatively to 1e-9 or absolutely to `absolute`.
    pub(crate) fn close(&mut self, key: &'static str, found: Option<f64>, absolute: f64) {
        self.seen.push(key);
        match (found, self.values.get(key)) {
            (None, None) => {}
            (Some(found), Some(expected)) => {
                let expected = number(expected);
                let near = (found - expected).abs() <= absolute.max(1e-9 * expected.abs());
                assert!(
                    found == expected || near,
                    "{}: {key} is {found}, expected {expected}",
                    self.of
                );
            }
            (found, expected) => panic!("{}: {key} is {found:?}, expected {expected:?}", self.of),
        }
    }

    /// A number close to 1e-9 relatively or 1e-12 absolutely.
    pub(crate) fn number(&mut self, key: &'static str, found: impl Into<Option<f64>>) {
        self.close(key, found.into(), 1e-12);
    }

    /// A key that is of no interest.
    pub(crate) fn skip(&mut self, key: &'static str) {
        self.seen.push(key);
    }

    /// Says that everything was looked at.
    pub(crate) fn done(self) {
        for key in self.values.keys() {
            assert!(
                self.seen.contains(&key.as_str()),
                "{}: {key} was not compared",
                self.of
            );
        }
    }
}
