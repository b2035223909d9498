//! `kayenta.retention.*`.

use std::time::Duration;

use kayenta_properties::{Binder, Group};
use kayenta_settings::{RetentionAges, RetentionSettings};

const HOUR: Duration = Duration::from_secs(3_600);

pub(super) fn retention(binder: &Binder<'_>) -> RetentionSettings {
    let group = binder.group("kayenta.retention");
    RetentionSettings {
        ages: ages(&group),
        accounts: group.elements("accounts", "name", |account| {
            let name = account.strict_text("name");
            if name.is_none() {
                account.missing("name", "the name of an account that stores objects");
            }
            let ages = ages(account);
            Some((name?, ages))
        }),
        interval: group.duration("interval", 6 * HOUR),
        removals_per_second: group.integer("removalsPerSecond", 1, 10_000, 20),
    }
}

fn ages(group: &Group<'_>) -> RetentionAges {
    RetentionAges {
        metric_sets: group.duration_if_set("metricSets"),
        metric_set_pairs: group.duration_if_set("metricSetPairs"),
        canary_archives: group.duration_if_set("canaryArchives"),
        standalone_canary_archives: group.duration_if_set("standaloneCanaryArchives"),
    }
}
