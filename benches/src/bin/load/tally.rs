//! What became of every execution that was accepted.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::client::answer;

/// Counts of a load that goes on.
#[derive(Default)]
pub(crate) struct Tally {
    counts: Mutex<Counts>,
}

#[derive(Clone, Default)]
struct Counts {
    under_way: usize,
    accepted: u64,
    ended: BTreeMap<String, u64>,
    /// What should not have happened, each with one of the texts.
    wrong: BTreeMap<&'static str, (u64, String)>,
}

impl Tally {
    fn with<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn begin(&self) {
        self.with(|counts| counts.under_way += 1);
    }

    pub(crate) fn finish(&self) {
        self.with(|counts| counts.under_way -= 1);
    }

    pub(crate) fn under_way(&self) -> usize {
        self.with(|counts| counts.under_way)
    }

    pub(crate) fn wrong(&self, what: &'static str, text: String) {
        self.with(|counts| counts.wrong.entry(what).or_insert((0, text)).0 += 1);
    }

    /// What happened, and whether something went wrong.
    pub(crate) fn summary(&self) -> (String, Option<String>) {
        let counts = self.with(|counts| counts.clone());
        let ended: Vec<_> = counts
            .ended
            .iter()
            .map(|(how, many)| format!("{many} {how}"))
            .collect();
        let wrong: Vec<_> = counts
            .wrong
            .iter()
            .map(|(what, (many, text))| format!("{many} {what}, such as: {text}"))
            .collect();
        let text = format!("accepted {}, ended {}", counts.accepted, ended.join(", "));
        (text, (!wrong.is_empty()).then(|| wrong.join("; ")))
    }

    /// Posts an execution; its id, or nothing when it was not accepted.
    pub(crate) async fn post(
        &self,
        http: &reqwest::Client,
        url: &str,
        body: &Value,
    ) -> Option<String> {
        match answer(http.post(url).json(body)).await {
            Ok(answer) => {
                let id = ["canaryExecutionId", "canaryAnalysisExecutionId"]
                    .iter()
                    .find_map(|name| answer[name].as_str());
                self.with(|counts| counts.accepted += 1);
                id.map(str::to_owned)
            }
            Err(error) => {
                self.wrong("refused", error.to_string());
                None
            }
        }
    }

    /// Follows an execution to its end, which has to be `expected`; whether it is.
    pub(crate) async fn follow(
        &self,
        http: &reqwest::Client,
        url: &str,
        expected: &str,
        pause: Duration,
        patience: Duration,
    ) -> bool {
        let begun = Instant::now();
        loop {
            tokio::time::sleep(pause).await;
            let asked = async {
                let answer = http.get(url).send().await?;
                let status = answer.status();
                Ok::<_, reqwest::Error>((status, answer.text().await?))
            };
            match asked.await {
                Ok((status, text)) if status.is_success() => {
                    let answer: Value = serde_json::from_str(&text).unwrap_or_default();
                    if answer["complete"] == true {
                        let how = answer["status"].as_str().unwrap_or("?").to_owned();
                        if how != expected {
                            let text = format!("{url} is {how}: {}", answer["exception"]);
                            self.wrong("ended otherwise than expected", text);
                        }
                        let as_expected = how == expected;
                        self.with(|counts| *counts.ended.entry(how).or_default() += 1);
                        return as_expected;
                    }
                }
                Ok((status, text)) if status == 404 => {
                    self.wrong("lost", format!("{url}: {status} {text}"));
                    return false;
                }
                Ok((status, text)) => self.wrong("failed reads", format!("{url}: {status} {text}")),
                Err(error) => self.wrong("failed reads", format!("{url}: {error}")),
            }
            if begun.elapsed() > patience {
                self.wrong("stuck", format!("{url} after {patience:?}"));
                return false;
            }
        }
    }
}
