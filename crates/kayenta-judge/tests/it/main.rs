//! The judges through their public seam: recorded judgements, batches, selection, failures.

mod batch;
mod golden;
mod judgement;
mod selection;
