//! What written files survive.

use crate::kind::ObjectKind;

/// What a write that has returned survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The loss of power, for configs and archives, which nothing can bring back: file and
    /// directories are synchronised before the write returns. Metric sets and pair lists survive the
    /// process only: their step is repeated when its run has not ended, and the eight or more of a
    /// run would multiply the cost of a canary. (The measurements of a run that ended in the last
    /// seconds before power was lost may be missing afterwards; its result is there.)
    #[default]
    PowerLoss,
    /// The end of the process for every kind; for tests and throw-away data.
    ProcessCrash,
    /// The loss of power for every kind.
    PowerLossAlways,
}

impl Durability {
    /// Whether a write of the kind is synchronised before it returns.
    pub(super) fn synchronises(self, kind: ObjectKind) -> bool {
        match self {
            Self::PowerLossAlways => true,
            Self::ProcessCrash => false,
            Self::PowerLoss => match kind {
                ObjectKind::CanaryConfig
                | ObjectKind::CanaryResultArchive
                | ObjectKind::StandaloneCanaryResultArchive => true,
                ObjectKind::MetricSetList | ObjectKind::MetricSetPairList => false,
            },
        }
    }
}
