//! The metrics seam: the MetricsStore trait, query template expansion, retry policy, mixing control with experiment.
