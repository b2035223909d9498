//! Running transcripts against a service.

use std::{
    collections::HashMap,
    fmt,
    sync::LazyLock,
    time::{Duration, Instant},
};

use anyhow::Context;
use regex::{Captures, Regex};
use serde_json::Value;

use super::{
    departure::Departures,
    difference::{Difference, differences},
    normaliser::{Normaliser, at, ignore},
    transcript::{RecordedRequest, Step, Transcript},
};

static VARIABLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{\{(\w+)\}\}").expect("a constant pattern compiles"));

/// A service to replay transcripts against.
#[derive(Clone, Debug)]
pub struct Replay {
    base_url: String,
    client: reqwest::Client,
    departures: Departures,
    substitutions: Vec<(String, String)>,
    settling: Vec<(String, String)>,
}

/// How long a settling step is asked again.
const SETTLING: Duration = Duration::from_secs(5);

/// How the steps of one transcript went.
#[derive(Clone, Debug)]
pub struct ReplayReport {
    /// The transcript.
    pub scenario: String,
    /// How many steps it has.
    pub steps: usize,
    /// Complaints by step, only steps that have some.
    pub failed: Vec<(String, Vec<String>)>,
    /// Steps that differed, as listed in the departures.
    pub departed: usize,
}

impl fmt::Display for ReplayReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}: {} of {} steps ({} differ on purpose)",
            if self.failed.is_empty() {
                "ok  "
            } else {
                "FAIL"
            },
            self.scenario,
            self.steps - self.failed.len(),
            self.steps,
            self.departed,
        )?;
        for (step, complaints) in &self.failed {
            for complaint in complaints.iter().take(20) {
                write!(f, "\n     {step}: {complaint}")?;
            }
            if complaints.len() > 20 {
                write!(f, "\n     {step}: … {} more", complaints.len() - 20)?;
            }
        }
        Ok(())
    }
}

/// What came back, as far as it is compared.
#[derive(Debug, Default)]
struct Answer {
    status: u16,
    content_type: String,
    headers: HashMap<String, String>,
    body: Value,
}

impl Replay {
    /// Prepares a replay against a base URL.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(base_url: impl Into<String>) -> anyhow::Result<Self> {
        Ok(Self {
            base_url: base_url.into(),
            client: reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .timeout(Duration::from_secs(60))
                .build()
                .context("no HTTP client")?,
            departures: Departures::default(),
            substitutions: Vec::new(),
            settling: Vec::new(),
        })
    }

    /// Steps that differ on purpose.
    #[must_use]
    pub fn departing(mut self, departures: Departures) -> Self {
        self.departures = departures;
        self
    }

    /// Replaces a text in every answer before it is compared: the address of a fake by the one in the
    /// recording.
    #[must_use]
    pub fn substituting(mut self, ours: impl Into<String>, recorded: impl Into<String>) -> Self {
        self.substitutions.push((ours.into(), recorded.into()));
        self
    }

    /// Names a step that reads what appears a moment after an earlier step's answer; it is asked
    /// again for some seconds while it answers 404.
    #[must_use]
    pub fn settling(mut self, scenario: impl Into<String>, step: impl Into<String>) -> Self {
        self.settling.push((scenario.into(), step.into()));
        self
    }

    /// Runs one transcript.
    pub async fn run(&self, transcript: &Transcript) -> ReplayReport {
        let mut normaliser = Normaliser::new();
        let mut variables = HashMap::new();
        let mut report = ReplayReport {
            scenario: transcript.scenario.clone(),
            steps: transcript.steps.len(),
            failed: Vec::new(),
            departed: 0,
        };
        for step in &transcript.steps {
            let complaints = match self.answer(&transcript.scenario, step, &variables).await {
                Ok(answer) => {
                    for (variable, path) in &step.save {
                        let value = at(&answer.body, path).cloned().unwrap_or(Value::Null);
                        variables.insert(variable.clone(), plain_text(&value));
                    }
                    if self.departures.expects_status(
                        &transcript.scenario,
                        &step.name,
                        answer.status,
                    ) {
                        normaliser.missed(&step.response.body);
                    }
                    let found = compare(step, answer, &mut normaliser);
                    let complaints =
                        self.departures
                            .judge(&transcript.scenario, &step.name, &found);
                    if !found.is_empty() && complaints.is_empty() {
                        report.departed += 1;
                    }
                    complaints
                }
                Err(error) => vec![format!("no answer: {error:#}")],
            };
            if !complaints.is_empty() {
                report.failed.push((step.name.clone(), complaints));
            }
        }
        report
    }

    /// The answer to a step, asked again until its condition holds or its time is over.
    async fn answer(
        &self,
        scenario: &str,
        step: &Step,
        variables: &HashMap<String, String>,
    ) -> anyhow::Result<Answer> {
        let started = Instant::now();
        let settles = self
            .settling
            .iter()
            .any(|(s, name)| s == scenario && *name == step.name);
        loop {
            let answer = self.call(&step.request, variables).await?;
            if settles && answer.status == 404 && started.elapsed() < SETTLING {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            let Some(until) = &step.until else {
                return Ok(answer);
            };
            if self
                .departures
                .expects_status(scenario, &step.name, answer.status)
            {
                return Ok(answer);
            }
            let holds = at(&answer.body, &until.path) == Some(&until.equals);
            if holds || started.elapsed().as_secs_f64() > until.timeout_s {
                return Ok(answer);
            }
            tokio::time::sleep(Duration::from_secs_f64(until.every_s)).await;
        }
    }

    async fn call(
        &self,
        recorded: &RecordedRequest,
        variables: &HashMap<String, String>,
    ) -> anyhow::Result<Answer> {
        let fill = |text: &str| {
            VARIABLE
                .replace_all(text, |m: &Captures<'_>| {
                    variables
                        .get(&m[1])
                        .cloned()
                        .unwrap_or_else(|| format!("UNSET-{}", &m[1]))
                })
                .into_owned()
        };
        let url = format!("{}{}", self.base_url, fill(&recorded.path));
        let method = reqwest::Method::from_bytes(recorded.method.as_bytes())?;
        let mut request = self.client.request(method, url);
        if !recorded.query.is_empty() {
            let query: Vec<(&String, String)> = recorded
                .query
                .iter()
                .map(|(k, v)| (k, fill(&plain_text(v))))
                .collect();
            request = request.query(&query);
        }
        for (name, value) in &recorded.headers {
            request = request.header(name, fill(value));
        }
        let body = recorded
            .body
            .as_ref()
            .map(Value::to_string)
            .or_else(|| recorded.raw.clone());
        if let Some(body) = body {
            let typed = recorded
                .headers
                .keys()
                .any(|k| k.eq_ignore_ascii_case("content-type"));
            if !typed {
                request = request.header("Content-Type", "application/json");
            }
            request = request.body(fill(&body));
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let headers: HashMap<String, String> = response
            .headers()
            .iter()
            .map(|(k, v)| {
                (
                    k.as_str().to_owned(),
                    String::from_utf8_lossy(v.as_bytes()).into_owned(),
                )
            })
            .collect();
        let mut text = response.text().await?;
        for (ours, recorded) in &self.substitutions {
            text = text.replace(ours, recorded);
        }
        let body = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        };
        let content_type = headers
            .get("content-type")
            .and_then(|t| t.split(';').next())
            .unwrap_or_default()
            .trim()
            .to_owned();
        Ok(Answer {
            status,
            content_type,
            headers,
            body,
        })
    }
}

/// The text of a scalar as it appears in a URL.
fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Null => "None".to_owned(),
        other => other.to_string(),
    }
}

fn compare(step: &Step, answer: Answer, normaliser: &mut Normaliser) -> Vec<Difference> {
    let mut body = normaliser.value(&answer.body, "");
    let only_message = body
        .as_object()
        .is_some_and(|fields| fields.len() == 1 && fields.contains_key("message"));
    if answer.status == 404 && only_message {
        body = serde_json::json!({"message": "<object not found>"});
    }
    let mut want_body = step.response.body.clone();
    for path in &step.ignore {
        ignore(&mut body, path);
        ignore(&mut want_body, path);
    }
    let mut found = Vec::new();
    for part in &step.compare {
        match part.as_str() {
            "status" => {
                let want = Value::from(step.response.status);
                found.extend(differences(&want, &answer.status.into(), "status"));
            }
            "type" => {
                let want = Value::from(step.response.content_type.clone());
                let got = Value::from(answer.content_type.clone());
                found.extend(differences(&want, &got, "type"));
            }
            "body" => found.extend(differences(&want_body, &body, "body")),
            header => {
                let name = header.strip_prefix("header:").unwrap_or(header);
                let want = step.response.headers.get(name).cloned().unwrap_or_default();
                let got = answer
                    .headers
                    .get(&name.to_ascii_lowercase())
                    .map_or("<absent>", String::as_str);
                let got = normaliser.text(got);
                found.extend(differences(&want.into(), &got.into(), header));
            }
        }
    }
    found
}
