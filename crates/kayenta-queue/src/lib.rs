//! The work seam: WorkQueue and ExecutionStore traits, and the embedded pair kept on disk.
