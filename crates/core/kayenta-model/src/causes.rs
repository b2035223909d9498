//! An error printed together with its causes.

use std::error::Error;

/// `text`, and after it the causes of `error` from the outermost in, each said once: what an outer
/// text quotes already is not repeated.
#[must_use]
pub fn with_causes(mut text: String, error: &dyn Error) -> String {
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        #[source]
        cause: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Layer {
        let cause = (texts.len() > 1).then(|| Box::new(layers(&texts[1..])));
        Layer {
            text: texts[0],
            cause,
        }
    }

    #[test]
    fn causes_follow_from_the_outermost_in_and_are_said_once() {
        let error = layers(&["cannot connect: refused", "refused", "os error 111"]);
        assert_eq!(
            with_causes(error.to_string(), &error),
            "cannot connect: refused: os error 111"
        );
        assert_eq!(
            with_causes("timed out".to_owned(), &layers(&["alone"])),
            "timed out"
        );
    }
}
