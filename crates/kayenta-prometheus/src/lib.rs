//! A MetricsStore on Prometheus.
