//! Fakes, fault proxy, seam conformance suites, server launchers and transcript replay for tests.
