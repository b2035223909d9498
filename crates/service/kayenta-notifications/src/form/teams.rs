//! An adaptive card in the message that a workflow of Microsoft Teams posts.

use kayenta_settings::NotificationVerdict;
use serde_json::{Value, json};

use crate::text::Said;

pub(super) fn body(said: &Said) -> Value {
    let mut elements = vec![json!({
        "type": "TextBlock", "text": said.title, "size": "Medium", "weight": "Bolder", "wrap": true,
        "color": colour(said),
    })];
    if !said.facts.is_empty() {
        let facts: Vec<Value> = said
            .facts
            .iter()
            .map(|(name, value)| json!({"title": name, "value": plain(value)}))
            .collect();
        elements.push(json!({"type": "FactSet", "facts": facts}));
    }
    for reason in said.reasons() {
        elements.push(json!({"type": "TextBlock", "text": plain(&reason), "wrap": true}));
    }
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": elements,
    });
    if let Some(link) = &said.link {
        card["actions"] =
            json!([{"type": "Action.OpenUrl", "title": "Open in Kayenta", "url": link}]);
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": card,
        }],
    })
}

fn colour(said: &Said) -> &'static str {
    match said.verdict {
        Some(NotificationVerdict::Passed) => "Good",
        Some(NotificationVerdict::Marginal) => "Warning",
        Some(NotificationVerdict::Failed) => "Attention",
        Some(NotificationVerdict::Canceled | NotificationVerdict::Terminal) | None => "Default",
    }
}

/// Text blocks are Markdown: what callers named must not become a link or a list.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '*' | '_' | '[' | ']' | '#' | '`') {
            plain.push('\\');
        }
        plain.push(c);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::events, sample};

    #[test]
    fn a_card_has_title_facts_reasons_and_the_link() {
        let history = sample::analysis();
        let event = *events(&history).last().unwrap();
        let failing = sample::failing_metrics();
        let said = Said::of(&event, (failing, 1), Some("https://k.example.com"));
        let body = body(&said);
        let card = &body["attachments"][0]["content"];
        assert_eq!(card["type"], "AdaptiveCard");
        assert_eq!(
            card["body"][0]["text"],
            "Canary analysis of shop failed with score 50"
        );
        assert_eq!(card["body"][0]["color"], "Attention");
        assert_eq!(card["body"][1]["facts"][0]["value"], "marginal 75, pass 95");
        assert_eq!(
            card["body"][2]["text"],
            "request latency (High): This is a test: no canary was analysed. Here the reasons of a verdict stand."
        );
        assert_eq!(
            card["actions"][0]["url"],
            "https://k.example.com/ui/analyses/01KE6QW70000000000000TEST0"
        );
        assert_eq!(plain("[a](b)*"), "\\[a\\](b)\\*");
    }
}
