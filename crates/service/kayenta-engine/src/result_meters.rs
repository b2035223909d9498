//! Scores and verdicts as time series, by application and config. Names come from callers, so their
//! number is bounded: what comes after the bound is counted as [`OTHER`].

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// Application and config of the results beyond the bound.
const OTHER: &str = "other";
/// Longest name that is shown whole, in characters.
const LONGEST_NAME: usize = 120;
/// Verdicts of the built-in judges, and how an execution without one ends. A judge of another service
/// may answer anything.
const VERDICTS: [&str; 7] = [
    "pass",
    "marginal",
    "fail",
    "nodata",
    "canceled",
    "terminal",
    "succeeded",
];

/// The verdict as a label: one of a known few.
pub(crate) fn verdict_label(verdict: &str) -> &'static str {
    VERDICTS
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(verdict))
        .unwrap_or(OTHER)
}

/// Counts results under at most so many pairs of application and config.
#[derive(Debug)]
pub(crate) struct ResultMeters {
    most: usize,
    known: Mutex<HashSet<(String, String)>>,
}

impl ResultMeters {
    /// Shows the first `most` pairs by name.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            known: Mutex::default(),
        }
    }

    /// Counts one verdict; the score, where there is one, becomes the last of its pair. Scores of
    /// the pairs beyond the bound are not shown: the last of many means nothing.
    pub(crate) fn record(
        &self,
        application: &str,
        config: &str,
        verdict: &'static str,
        score: Option<f64>,
    ) {
        let (application, config, shown) = self.labels(application, config);
        metrics::counter!("canary.verdicts", "application" => application.clone(),
            "config" => config.clone(), "verdict" => verdict)
        .increment(1);
        if let Some(score) = score.filter(|_| shown) {
            metrics::gauge!("canary.score", "application" => application, "config" => config)
                .set(score);
        }
    }

    fn labels(&self, application: &str, config: &str) -> (String, String, bool) {
        let short = |name: &str| name.chars().take(LONGEST_NAME).collect::<String>();
        let pair = (short(application), short(config));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&pair) || (known.len() < self.most && known.insert(pair.clone())) {
            (pair.0, pair.1, true)
        } else {
            (OTHER.to_owned(), OTHER.to_owned(), false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_beyond_the_bound_share_one_name() {
        let meters = ResultMeters::new(2);
        let names = |application: &str, config: &str| {
            let (application, config, _) = meters.labels(application, config);
            format!("{application}/{config}")
        };
        assert_eq!(names("shop", "latency"), "shop/latency");
        assert_eq!(names("shop", "errors"), "shop/errors");
        assert_eq!(names("cart", "latency"), "other/other");
        assert_eq!(names("shop", "latency"), "shop/latency");
        assert_eq!(ResultMeters::new(0).labels("a", "b").0, OTHER);
    }

    #[test]
    fn long_names_are_cut_and_unknown_verdicts_are_other() {
        let meters = ResultMeters::new(1);
        let (application, ..) = meters.labels(&"ä".repeat(1000), "c");
        assert_eq!(application.chars().count(), LONGEST_NAME);
        assert_eq!(verdict_label("Pass"), "pass");
        assert_eq!(verdict_label("TERMINAL"), "terminal");
        assert_eq!(verdict_label("splendid"), OTHER);
    }
}
