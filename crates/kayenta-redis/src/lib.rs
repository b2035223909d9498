//! WorkQueue and ExecutionStore on Redis.
