//! A message of Slack's Block Kit. Slack cuts nothing: what is too long is refused, so it is cut here.

use kayenta_settings::NotificationVerdict;
use serde_json::{Value, json};

use crate::text::Said;

const LONGEST_HEADER: usize = 150;
const LONGEST_SECTION: usize = 3_000;
const LONGEST_FIELD: usize = 2_000;
const MOST_FIELDS: usize = 10;

pub(super) fn body(said: &Said) -> Value {
    let title = format!("{}{}", mark(said), said.title);
    let mut blocks = vec![json!({
        "type": "header",
        "text": {"type": "plain_text", "text": cut(&title, LONGEST_HEADER), "emoji": true},
    })];
    let fields: Vec<Value> = said
        .facts
        .iter()
        .take(MOST_FIELDS)
        .map(|(name, value)| markdown(&format!("*{name}*\n{}", escaped(value)), LONGEST_FIELD))
        .collect();
    if !fields.is_empty() {
        blocks.push(json!({"type": "section", "fields": fields}));
    }
    let reasons: Vec<String> = said
        .reasons()
        .iter()
        .map(|reason| format!("• {}", escaped(reason)))
        .collect();
    if !reasons.is_empty() {
        blocks.push(
            json!({"type": "section", "text": markdown(&reasons.join("\n"), LONGEST_SECTION)}),
        );
    }
    if let Some(link) = &said.link {
        let text = json!({"type": "plain_text", "text": "Open in Kayenta"});
        blocks.push(
            json!({"type": "actions", "elements": [{"type": "button", "text": text, "url": link}]}),
        );
    }
    json!({"text": escaped(&said.title), "blocks": blocks})
}

fn mark(said: &Said) -> &'static str {
    match said.verdict {
        Some(NotificationVerdict::Passed) => ":white_check_mark: ",
        Some(NotificationVerdict::Marginal) => ":warning: ",
        Some(NotificationVerdict::Failed) => ":x: ",
        Some(NotificationVerdict::Canceled | NotificationVerdict::Terminal) => {
            ":grey_exclamation: "
        }
        None => "",
    }
}

fn markdown(text: &str, longest: usize) -> Value {
    json!({"type": "mrkdwn", "text": cut(text, longest)})
}

/// The three characters Slack wants escaped, and no other.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(longest - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::FailingMetric;

    #[test]
    fn names_of_callers_cannot_mention_anyone_and_fit_into_slacks_limits() {
        let said = Said {
            title: "Canary run of <!channel> failed".to_owned(),
            verdict: Some(NotificationVerdict::Failed),
            facts: vec![("Config", "a&b <@U1>".to_owned())],
            failing: vec![
                FailingMetric {
                    name: "x".repeat(300),
                    label: "High".to_owned(),
                    sentences: vec!["y".repeat(300); 2],
                };
                5
            ],
            more_failing: 0,
            link: Some("https://k/ui/runs/1".to_owned()),
            at: String::new(),
        };
        let body = body(&said);
        assert_eq!(body["text"], "Canary run of &lt;!channel&gt; failed");
        let blocks = body["blocks"].as_array().unwrap();
        assert_eq!(
            blocks[1]["fields"][0]["text"],
            "*Config*\na&amp;b &lt;@U1&gt;"
        );
        let text = blocks[2]["text"]["text"].as_str().unwrap();
        assert_eq!(text.chars().count(), LONGEST_SECTION);
        assert_eq!(blocks[3]["elements"][0]["url"], "https://k/ui/runs/1");
    }
}
