//! Which events concern a receiver.

use kayenta_settings::NotificationSettings;

use crate::event::Event;

/// Whether the receiver wants the event.
pub(crate) fn wants(settings: &NotificationSettings, event: &Event<'_>) -> bool {
    let summary = &event.history.summary;
    let config = [&summary.config_name, &summary.config_id];
    settings.events.contains(&event.kind)
        && event.verdict().is_none_or(|verdict| {
            settings.verdicts.is_empty() || settings.verdicts.contains(&verdict)
        })
        && any(&settings.applications, [summary.application.as_str()])
        && any(
            &settings.configs,
            config.into_iter().flatten().map(String::as_str),
        )
}

/// Whether one of the names is among the patterns; all are where there is none.
fn any<'n>(patterns: &[String], names: impl IntoIterator<Item = &'n str>) -> bool {
    patterns.is_empty()
        || names
            .into_iter()
            .any(|name| patterns.iter().any(|pattern| matches(pattern, name)))
}

/// Whether the pattern, in which `*` stands for any characters, is the whole name.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use kayenta_settings::{NotificationEvent, NotificationVerdict};

    use super::*;
    use crate::{event::events, sample};

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name, is) in [
            ("shop", "shop", true),
            ("shop", "shop2", false),
            ("shop*", "shop2", true),
            ("*shop", "myshop", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("*", "", true),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(pattern, name), is, "{pattern} {name}");
        }
    }

    #[test]
    fn a_receiver_hears_of_its_events_verdicts_applications_and_configs_only() {
        let history = sample::analysis();
        let heard = |change: fn(&mut NotificationSettings)| {
            let mut settings = sample::settings();
            change(&mut settings);
            let events = events(&history);
            let wanted = events.iter().filter(|event| wants(&settings, event));
            wanted.map(|event| event.ordinal).collect::<Vec<_>>()
        };
        assert_eq!(heard(|_| {}), [3]);
        assert_eq!(
            heard(|settings| settings.events =
                vec![NotificationEvent::Started, NotificationEvent::Judged]),
            [0, 1, 2]
        );
        assert_eq!(
            heard(|settings| {
                settings.events = vec![NotificationEvent::Judged, NotificationEvent::Ended];
                settings.verdicts = vec![NotificationVerdict::Failed];
            }),
            [2, 3]
        );
        assert_eq!(
            heard(|settings| settings.verdicts = vec![NotificationVerdict::Passed]),
            [0_usize; 0]
        );
        assert_eq!(
            heard(|settings| settings.applications = vec!["sh*p".to_owned()]),
            [3]
        );
        assert_eq!(
            heard(|settings| settings.applications = vec!["cart".to_owned()]),
            [0_usize; 0]
        );
        assert_eq!(
            heard(|settings| settings.configs = vec!["latency".to_owned()]),
            [3]
        );
        assert_eq!(
            heard(|settings| settings.configs = vec!["errors".to_owned()]),
            [0_usize; 0]
        );
    }
}
