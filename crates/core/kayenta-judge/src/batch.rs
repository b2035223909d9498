//! Judging a file: one request a line in, one result a line out, in the same order.
//!
//! A line reads `{"id", "canaryConfig", "thresholds": {"pass", "marginal"}, "metricSetPairList", "look":
//! {"index", "total"}}`, of which `look` may be left out, and is answered by `{"id", "result"}` or
//! `{"id", "error"}`; with explanations also by `"findings"`. A broken line gets an error line and the rest
//! goes on. Memory is bounded by [`BatchOptions`], not by the length of the input.

use std::{
    io::{self, BufRead, Read, Write},
    num::NonZeroUsize,
    sync::Arc,
};

use kayenta_model::{
    CanaryConfig, CanaryJudgeResult, Look, MetricSetPair, Thresholds,
    explanation::{CanaryExplanation, MetricFinding},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use crate::{Judge, JudgeRegistry, JudgeRequest, explanation, pool};

/// How much of the machine a batch may take.
#[derive(Clone, Copy, Debug)]
pub struct BatchOptions {
    /// Threads that judge.
    pub threads: NonZeroUsize,
    /// Bytes of lines that are read before they are judged; one line may exceed it.
    pub chunk_bytes: usize,
    /// Bytes a line may have; longer ones are answered by an error.
    pub max_line_bytes: usize,
    /// Whether results are explained and findings are added to every line. A config that asks for
    /// explanations gets them in its results anyway.
    pub explain: bool,
}

impl Default for BatchOptions {
    /// One thread, chunks of 4 MiB, lines of up to 256 MiB, no explanations.
    fn default() -> Self {
        Self {
            threads: NonZeroUsize::MIN,
            chunk_bytes: 4 << 20,
            max_line_bytes: 256 << 20,
            explain: false,
        }
    }
}

/// What a batch did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchSummary {
    /// Lines answered; blank ones are not.
    pub lines: u64,
    /// Lines answered by an error.
    pub errors: u64,
}

/// A line of a batch with its outcome, for callers that need more than the answer.
#[derive(Clone, Debug)]
pub struct BatchLine<'a> {
    /// From 1.
    pub number: u64,
    /// The id of the line, as it was given.
    pub id: &'a Value,
    /// What was judged and how, or why not.
    pub outcome: Result<BatchVerdict<'a>, &'a str>,
}

/// A judged line.
#[derive(Clone, Copy, Debug)]
pub struct BatchVerdict<'a> {
    /// What was judged.
    pub request: &'a JudgeRequest,
    /// The judgement.
    pub result: &'a CanaryJudgeResult,
    /// Why.
    pub explanation: &'a CanaryExplanation,
}

/// Judges every line of `input` with the local judge its config asks for.
///
/// # Errors
/// Only those of reading `input` and writing `output`; whatever is wrong with a line is in its answer.
pub fn judge_lines(
    judges: &JudgeRegistry,
    input: impl BufRead,
    output: impl Write,
    options: BatchOptions,
) -> io::Result<BatchSummary> {
    answer_lines::<()>(judges, input, output, options, None, |()| Ok(()))
}

/// As [`judge_lines`]. What `view` makes of each line, on the thread that judged it, goes to `take`, in order.
///
/// # Errors
/// As [`judge_lines`], and those of `take`.
pub fn judge_and_view_lines<T: Send>(
    judges: &JudgeRegistry,
    input: impl BufRead,
    output: impl Write,
    options: BatchOptions,
    view: &(dyn Fn(&BatchLine<'_>) -> T + Sync),
    take: impl FnMut(T) -> io::Result<()>,
) -> io::Result<BatchSummary> {
    answer_lines(judges, input, output, options, Some(view), take)
}

/// What is made of a line beside its answer.
type View<'v, T> = Option<&'v (dyn Fn(&BatchLine<'_>) -> T + Sync)>;

fn answer_lines<T: Send>(
    judges: &JudgeRegistry,
    mut input: impl BufRead,
    mut output: impl Write,
    options: BatchOptions,
    view: View<'_, T>,
    mut take: impl FnMut(T) -> io::Result<()>,
) -> io::Result<BatchSummary> {
    let mut summary = BatchSummary::default();
    let mut reader = LineReader::new(options.max_line_bytes);
    loop {
        let chunk = reader.read_chunk(&mut input, options.chunk_bytes)?;
        if chunk.is_empty() {
            output.flush()?;
            return Ok(summary);
        }
        for answer in pool::map(&chunk, options.threads, |line| {
            answer(judges, line, options.explain, view)
        }) {
            summary.lines += 1;
            summary.errors += u64::from(answer.is_error);
            output.write_all(&answer.line)?;
            if let Some(viewed) = answer.viewed {
                take(viewed)?;
            }
        }
    }
}

/// One line of input.
struct Line {
    /// From 1.
    number: u64,
    /// Its bytes, or nothing when there were too many.
    bytes: Option<Vec<u8>>,
}

struct LineReader {
    number: u64,
    max_line_bytes: usize,
}

impl LineReader {
    fn new(max_line_bytes: usize) -> Self {
        Self {
            number: 0,
            max_line_bytes,
        }
    }

    /// Lines of about that many bytes, at least one unless the input has ended.
    fn read_chunk(
        &mut self,
        input: &mut impl BufRead,
        chunk_bytes: usize,
    ) -> io::Result<Vec<Line>> {
        let mut lines = Vec::new();
        let mut read = 0;
        while read < chunk_bytes.max(1) {
            let mut bytes = Vec::new();
            let limit = self.max_line_bytes as u64 + 1;
            let length = input.by_ref().take(limit).read_until(b'\n', &mut bytes)?;
            if length == 0 {
                break;
            }
            self.number += 1;
            let complete = bytes.ends_with(b"\n") || bytes.len() <= self.max_line_bytes;
            if !complete {
                skip_line(input)?;
            }
            read += length;
            if !complete || !bytes.trim_ascii().is_empty() {
                lines.push(Line {
                    number: self.number,
                    bytes: complete.then_some(bytes),
                });
            }
        }
        Ok(lines)
    }
}

/// Reads up to the end of the line without keeping anything.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let length = end.map_or(buffer.len(), |end| end + 1);
        input.consume(length);
        if end.is_some() {
            return Ok(());
        }
    }
}

/// A line as far as it can be read without knowing what is in it, so that the answer to a malformed
/// request still carries its id.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(default)]
    id: Value,
    #[serde(borrow)]
    canary_config: Option<&'a RawValue>,
    #[serde(borrow)]
    thresholds: Option<&'a RawValue>,
    #[serde(borrow)]
    metric_set_pair_list: Option<&'a RawValue>,
    #[serde(borrow)]
    look: Option<&'a RawValue>,
}

impl Envelope<'_> {
    fn request(&self) -> Result<JudgeRequest, String> {
        let config: CanaryConfig = part("canaryConfig", self.canary_config)?
            .ok_or_else(|| "canaryConfig is missing".to_owned())?;
        let thresholds: Option<Thresholds> = part("thresholds", self.thresholds)?;
        let pairs: Option<Vec<MetricSetPair>> =
            part("metricSetPairList", self.metric_set_pair_list)?;
        let look: Option<Look> = part("look", self.look)?;
        Ok(JudgeRequest {
            canary_config: Arc::new(config),
            thresholds: thresholds.unwrap_or_default().into(),
            metric_set_pairs: Arc::new(pairs.unwrap_or_default()),
            look: look.unwrap_or_default(),
        })
    }
}

fn part<'a, T: Deserialize<'a>>(
    name: &str,
    json: Option<&'a RawValue>,
) -> Result<Option<T>, String> {
    match json {
        None => Ok(None),
        Some(json) => serde_json::from_str(json.get())
            .map_err(|error| format!("{name} cannot be read: {error}")),
    }
}

#[derive(Serialize)]
struct ResultLine<'a> {
    id: &'a Value,
    result: &'a CanaryJudgeResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<&'a [MetricFinding]>,
}

#[derive(Serialize)]
struct ErrorLine<'a> {
    id: &'a Value,
    error: &'a str,
}

/// One line of output.
struct Answer<T> {
    line: Vec<u8>,
    is_error: bool,
    viewed: Option<T>,
}

fn answer<T>(judges: &JudgeRegistry, line: &Line, explain: bool, view: View<'_, T>) -> Answer<T> {
    let (id, outcome) = match read(line) {
        Ok(envelope) => {
            let outcome = envelope.request().and_then(|request| {
                let judged = judge(judges, &request, explain, view.is_some())?;
                Ok((request, judged))
            });
            (envelope.id, outcome)
        }
        Err(error) => (Value::Null, Err(error)),
    };
    let serialized = match &outcome {
        Ok((_, judged)) => serde_json::to_vec(&ResultLine {
            id: &id,
            result: &judged.result,
            findings: explain.then_some(&judged.explanation.findings[..]),
        }),
        Err(error) => serde_json::to_vec(&ErrorLine { id: &id, error }),
    };
    let (mut answered, is_error) = match serialized {
        Ok(line) => (line, outcome.is_err()),
        // Nothing in a result can fail to serialize; if it ever does, the line says so.
        Err(_) => (br#"{"id":null,"error":"unwritable result"}"#.to_vec(), true),
    };
    answered.push(b'\n');
    let viewed = view.map(|view| {
        view(&BatchLine {
            number: line.number,
            id: &id,
            outcome: match &outcome {
                Ok((request, judged)) => Ok(BatchVerdict {
                    request,
                    result: &judged.result,
                    explanation: &judged.explanation,
                }),
                Err(error) => Err(error),
            },
        })
    });
    Answer {
        line: answered,
        is_error,
        viewed,
    }
}

fn read(line: &Line) -> Result<Envelope<'_>, String> {
    let bytes = line
        .bytes
        .as_deref()
        .ok_or_else(|| format!("line {} is too long", line.number))?;
    serde_json::from_slice(bytes)
        .map_err(|error| format!("line {} is not a valid request: {error}", line.number))
}

/// What a line is answered with.
struct JudgedLine {
    result: CanaryJudgeResult,
    /// Empty when it is not asked for.
    explanation: CanaryExplanation,
}

fn judge(
    judges: &JudgeRegistry,
    request: &JudgeRequest,
    explain: bool,
    view: bool,
) -> Result<JudgedLine, String> {
    let mut result = judged(judges, request)?;
    let attach = explain || explanation::is_wanted(&request.canary_config);
    if !attach && !view {
        return Ok(JudgedLine {
            result,
            explanation: CanaryExplanation::default(),
        });
    }
    let explained = explanation::explain(request, &result).map_err(|error| error.to_string())?;
    if attach {
        explanation::attach(&mut result, &explained).map_err(|error| error.to_string())?;
    }
    Ok(JudgedLine {
        result,
        explanation: explained,
    })
}

fn judged(judges: &JudgeRegistry, request: &JudgeRequest) -> Result<CanaryJudgeResult, String> {
    let selected = judges
        .select(request.canary_config.judge.as_ref(), None)
        .map_err(|error| error.to_string())?;
    match selected {
        Judge::Local(judge) => judge.judge(request).map_err(|error| error.to_string()),
        Judge::Remote(judge) => Err(format!(
            "judge '{}' is remote and cannot be asked in a batch",
            judge.name()
        )),
    }
}
