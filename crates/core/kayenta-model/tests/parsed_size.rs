//! What a text takes once it is read is at most what its shape lets expect.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop there, and figures are printed"
)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};

use kayenta_json::parsed_size;
use kayenta_model::{CanaryConfig, MetricSet, MetricSetPair};
use serde::de::DeserializeOwned;
use serde_json::Value;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, and how many bytes it has given out.
struct Counting;

#[expect(unsafe_code, reason = "an allocator is unsafe to implement")]
// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::SeqCst) + layout.size();
        PEAK.fetch_max(live, Ordering::SeqCst);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::SeqCst);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Reads the text; how many bytes that took at most, and how many its shape lets expect.
fn read<T: DeserializeOwned>(name: &str, text: &str) -> (usize, usize) {
    let before = LIVE.load(Ordering::SeqCst);
    PEAK.store(before, Ordering::SeqCst);
    let parsed: T = serde_json::from_str(text).unwrap();
    let took = PEAK.load(Ordering::SeqCst) - before;
    drop(parsed);
    let expected = parsed_size(text.as_bytes());
    println!(
        "{name}: {} bytes of text take {took}, expected {expected}",
        text.len()
    );
    // The names of a few fields are not worth counting.
    assert!(took <= expected + 1024, "{name}");
    (took, expected)
}

fn many(count: usize, element: impl Fn(usize) -> String) -> String {
    (0..count).map(element).collect::<Vec<_>>().join(",")
}

/// One test, as all allocations of the process count.
#[test]
fn no_text_takes_more_than_its_shape_lets_expect_and_ordinary_ones_not_much_less() {
    let config = |metrics: &str| format!("{{\"name\":\"a\",\"metrics\":[{metrics}]}}");
    let metrics = many(20_000, |n| {
        format!(
            "{{\"name\":\"m{n}\",\"query\":{{\"type\":\"prometheus\",\"customInlineTemplate\":\
             \"PromQL:m{n}{{v=\\\"${{scope}}\\\"}}\"}},\"groups\":[\"errors\"],\"analysisConfigurations\":\
             {{\"canary\":{{\"direction\":\"increase\"}}}},\"scopeName\":\"default\"}}"
        )
    });
    let set = |n: usize, values: &str| {
        format!(
            "{{\"name\":\"m{n}\",\"tags\":{{\"v\":\"x\",\"zone\":\"eu\"}},\"startTimeMillis\":1605913200000,\
             \"startTimeIso\":\"2020-11-20T23:00:00Z\",\"stepMillis\":60000,\"values\":[{values}]}}"
        )
    };
    let series = many(200_000, |n| format!("{}", n as f64 * 1.000_1));
    let hour = many(60, |_| "100.123".to_owned());
    for (took, expected) in [
        read::<CanaryConfig>("a config of 20,000 metrics", &config(&metrics)),
        read::<Vec<MetricSet>>("one long series", &format!("[{}]", set(1, &series))),
        read::<Vec<MetricSet>>(
            "3,000 short series",
            &format!("[{}]", many(3_000, |n| set(n, &hour))),
        ),
    ] {
        assert!(expected < 2 * took);
    }

    // What somebody would send who wants to take as much as possible.
    let nothing = |count| many(count, |_| "{}".to_owned());
    read::<CanaryConfig>("empty metrics", &config(&nothing(33_000)));
    read::<Vec<MetricSet>>("empty sets", &format!("[{}]", nothing(33_000)));
    read::<Vec<MetricSetPair>>("empty pairs", &format!("[{}]", nothing(33_000)));
    read::<Value>("empty objects", &format!("[{}]", nothing(33_000)));
    for (name, value) in [
        ("maps", "{\"\":0}"),
        ("maps of maps", "{\"\":{}}"),
        ("lists", "[1]"),
        ("numbers", "1"),
        ("texts", "\"\""),
    ] {
        let values = many(33_000, |_| value.to_owned());
        let metric = format!("{{\"analysisConfigurations\":{{\"x\":{{\"y\":[{values}]}}}}}}");
        read::<CanaryConfig>(name, &config(&metric));
        read::<Value>(name, &format!("{{\"x\":[{values}]}}"));
    }
    read::<Value>(
        "a map of many fields",
        &format!("{{{}}}", many(33_000, |n| format!("\"{n}\":1"))),
    );
}
