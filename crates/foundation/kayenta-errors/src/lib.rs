//! The causes of an error, and an error printed together with them.
//!
//! An error of this workspace prints what failed; why is in its [`source`](Error::source). Where both go into one
//! line of a log or a report, [`with_causes`] joins them.
//!
//! ```
//! use kayenta_errors::with_causes;
//!
//! let error = "x".parse::<f64>().unwrap_err();
//! // A number that cannot be read has no cause of its own.
//! assert_eq!(with_causes("step".to_owned(), &error), "step");
//! ```

use std::error::Error;

/// The causes of an error from the outermost in, without the error itself.
pub fn causes<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}

/// `text`, followed by the causes of `error` from the outermost in. A cause that the text already contains
/// is not repeated.
#[must_use]
pub fn with_causes(mut text: String, error: &(dyn Error + 'static)) -> String {
    for cause in causes(error) {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
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
    fn causes_follow_from_the_outermost_in_and_are_printed_once() {
        let error = layers(&["cannot connect: refused", "refused", "os error 111"]);
        assert_eq!(
            with_causes(error.to_string(), &error),
            "cannot connect: refused: os error 111"
        );
        assert_eq!(
            with_causes("timed out".to_owned(), &layers(&["alone"])),
            "timed out"
        );
        let all: Vec<String> = causes(&error).map(ToString::to_string).collect();
        assert_eq!(all, ["refused", "os error 111"]);
    }
}
