//! Canary runs and standalone canary analyses: plan, steps, state, archive.
