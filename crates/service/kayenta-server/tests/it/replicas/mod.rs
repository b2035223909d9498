//! Several processes of the built binary on one Redis, one object store and one Prometheus.

mod any_replica;
mod azure_causes;
mod bucket_causes;
mod database_causes;
mod dead_letters;
mod faults;
mod fleet;
mod idle;
mod kill;
mod many_configs;
mod metric_store_answers;
mod redis_restart;
mod retention;
mod scale;
mod sentinel;
mod stored_by_the_reference;
