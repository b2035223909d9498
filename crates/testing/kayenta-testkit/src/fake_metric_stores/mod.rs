//! A deterministic stand-in for every metric store but Prometheus, and for a remote judge. The
//! recordings in `testdata/metric-stores` were made against the same behaviour, so a service that
//! sends the same requests gets the same answers.
//!
//! One plain HTTP port and one TLS port serve all stores. Whatever stands before a store's own path is
//! accepted and kept in the log, so `http://localhost:<port>/datadog` is a base URL.
//!
//! | store | paths |
//! |---|---|
//! | Datadog | `/api/v1/query`, `/api/v1/metrics` |
//! | Graphite | `/render`, `/metrics/find` |
//! | New Relic | `/v1/accounts/<id>/query` |
//! | SignalFx | `/v2/signalflow/execute` |
//! | Wavefront | `/api/v2/chart/api` |
//! | Atlas | `/api/v2/fetch`, `/api/v1/atlas/backends.json`, `/api/v1/atlas/storage.json` |
//! | InfluxDB | `/query` |
//! | Stackdriver | `/v3/projects/<p>/timeSeries`, `/v3/projects/<p>/metricDescriptors`, `/token` |
//! | remote judge | `/judge` |
//!
//! Words in the query text (for the remote judge in the name of the canary config, for SignalFx in the
//! program) change the answer:
//!
//! | word | answer |
//! |---|---|
//! | `zero`, `const` | every value is 0, or 5 |
//! | `multi` | three series tagged with version and zone |
//! | `gappy`, `nulls` | every third point is missing, every fourth value is null |
//! | `empty`, `single` | no series, only the first point |
//! | `failNNN` | status NNN with the store's usual error body |
//! | `onceNNN` | status NNN for every other identical request, the first one included |
//! | `garbage` | 200 and a body that is not JSON |
//! | `noseries` | 200 and the store's way to tell an error, without data |
//!
//! Words of one store alone are described in its file.

mod asked;
mod atlas;
mod datadog;
mod google_key;
mod graphite;
mod influxdb;
mod newrelic;
mod numbers;
mod remote_judge;
mod routes;
mod server;
mod signalfx;
mod stackdriver;
mod tls;
mod wavefront;

pub use google_key::write_google_key;
pub use server::{FakeMetricStores, StoreRequest};
pub(crate) use tls::acceptor;
