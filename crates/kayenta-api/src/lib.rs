//! The HTTP API: routes, extractors, error mapping, OpenAPI document.
