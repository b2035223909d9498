//! Canary judges: values in, a verdict out.
//!
//! The crate holds the seam behind which every judge sits ([`Judge`], [`LocalJudge`],
//! [`RemoteJudge`], [`JudgeRegistry`]). It does no I/O, reads no clock and starts no runtime: a
//! [`LocalJudge`] is a plain function that burns CPU and belongs on a blocking thread, a
//! [`RemoteJudge`] is awaited; the caller tells them apart by the variant of [`Judge`].

mod error;
mod registry;
mod seam;

pub use error::{JudgeError, JudgeErrorKind};
pub use registry::{JudgeDescription, JudgeRegistry};
pub use seam::{Judge, JudgeRequest, LocalJudge, RemoteJudge, ScoreThresholds};
