//! Several processes of the built binary on one Redis, one storage account and one Prometheus.

mod dead_letters;
mod fleet;
mod idle;
mod kill;
mod many_configs;
mod operations_page;
mod redis_restart;
mod scale;
mod sentinel;
