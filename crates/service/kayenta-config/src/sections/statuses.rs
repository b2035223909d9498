//! Names of HTTP statuses, as `kayenta.metrics.retry.statuses` takes them.

use kayenta_model::http_status::NAMED_STATUSES;

/// The code of a status by its name (case and everything but letters and digits do not matter) or
/// number.
pub(super) fn code(text: &str) -> Option<u16> {
    if let Ok(number) = text.trim().parse::<u16>() {
        return (100..=599).contains(&number).then_some(number);
    }
    let plain = |text: &str| -> String {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let wanted = plain(text);
    NAMED_STATUSES
        .iter()
        .find(|(name, _)| plain(name) == wanted)
        .map(|(_, code)| *code)
}
