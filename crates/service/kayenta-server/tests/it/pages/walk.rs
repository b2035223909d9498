//! A walk through every page.

use std::{path::Path, time::Duration};

use serde_json::json;

use super::{
    AXE,
    stage::{ONE_OF_300, Stage},
};
use crate::browser;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and node"]
async fn a_walk_through_every_page_in_a_browser_finds_nothing_amiss() {
    let axe = browser::package(AXE).await.join("axe.min.js");
    let stage = Stage::set().await;
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    std::fs::create_dir_all(&pictures).unwrap();
    let (run, hostile) = (&stage.run, &stage.hostile);
    let pages = json!({
        "list": "/ui",
        "list-of-shop": "/ui?application=shop",
        "list-filtered": "/ui?application=shop&verdict=Marginal&kind=analysis&span=24h",
        "analysis": format!("/ui/analyses/{}", stage.analysis),
        "run": format!("/ui/runs/{run}"),
        "run-filtered": format!("/ui/runs/{run}?label=High&sort=deviation"),
        "metric": format!("/ui/runs/{run}?metric=errors"),
        "metric-histogram": format!("/ui/runs/{run}?metric=errors&chart=histogram"),
        "metric-ecdf": format!("/ui/runs/{run}?metric=errors&chart=ecdf"),
        "metric-box": format!("/ui/runs/{run}?metric=errors&chart=box"),
        "metric-zoomed": format!("/ui/runs/{run}?metric=errors&zoom=600-1200&hide=baseline"),
        "what-if": format!("/ui/runs/{run}/what-if?pass=40&weight.Load=20&m1.direction=decrease&edit=1"),
        "what-if-all": format!("/ui/runs/{run}/what-if?all.nanStrategy=replace&edit=all&only=changed"),
        "hostile-what-if": format!("/ui/runs/{hostile}/what-if?judge=%3Cscript%3E&edit=0&m0.critical=true"),
        "compare": format!("/ui/compare?a={run}&b={hostile}"),
        "compare-form": "/ui/compare",
        "compare-choice": format!("/ui/compare?a={run}"),
        "accounts": "/ui/accounts",
        "configs": "/ui/configs?search=kept",
        "config": format!("/ui/configs/{}", stage.config),
        "config-history": format!("/ui/configs/{}/history", stage.config),
        "new-config": "/ui/new-config",
        "new-config-guided": "/ui/new-config?guided=1",
        "new-analysis": format!("/ui/new?config={}&baseline=1.0&canary=1.1&aa=1", stage.config),
        "hostile-config": format!("/ui/configs/{}", stage.hostile_config),
        "hostile-config-history": format!("/ui/configs/{}/history", stage.hostile_config),
        "hostile-new-analysis": format!("/ui/new?config={}&baseline=%3Cscript%3E&params=%3Cscript%3E%3D%22%27", stage.hostile_config),
        "failed-run": format!("/ui/runs/{}", stage.broken),
        "hostile-run": format!("/ui/runs/{hostile}?search=%3Cscript%3E"),
        "hostile-metric": format!("/ui/runs/{hostile}?metric=0"),
        "hostile-search": "/ui?search=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    });
    let addresses = pages.to_string();
    let settings = [
        ("AXE", axe.as_os_str()),
        ("LARGE", stage.large.as_ref()),
        ("PAGES", addresses.as_ref()),
        ("PICTURES", pictures.as_os_str()),
    ];
    let patience = Duration::from_secs(600);
    let seen = browser::walk("pages/walk.cjs", &stage.service, &settings, patience).await;
    let amiss = ["errors", "foreign", "wide", "axe"].map(|what| (what, &seen[what]));
    let found = amiss.iter().filter(|(_, found)| **found != json!([]));
    assert_eq!(found.count(), 0, "{amiss:#?}");
    assert_eq!(seen["dialogs"], 0, "markup ran");
    assert_eq!(seen["visited"], 4 * pages.as_object().unwrap().len());
    // By keyboard from `/` to the metric that failed.
    assert_eq!(seen["home"], "/ui");
    assert_eq!(seen["focused"], "search");
    assert_eq!(seen["searched"], 1, "the analysis alone is called mixed");
    assert_eq!(seen["analysis"], format!("/ui/analyses/{}", stage.analysis));
    assert!(
        seen["run"].as_str().unwrap().starts_with("/ui/runs/"),
        "{seen}"
    );
    assert_eq!(seen["failing"], "errors");
    assert_eq!(seen["oneOf300"], ONE_OF_300);
    assert_eq!(seen["whatIf"], "With your changes Pass: 50 of 100");
    for readout in ["readout", "next"] {
        let text = seen[readout].as_str().unwrap();
        let parts = [
            "2020-11-20 23:",
            "UTC: baseline ",
            ", canary ",
            ", difference +",
        ];
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
    assert_ne!(seen["readout"], seen["next"]);
    let (from, to) = seen["zoom"].as_str().unwrap().split_once('-').unwrap();
    let (from, to): (u32, u32) = (from.parse().unwrap(), to.parse().unwrap());
    assert!(
        (400..550).contains(&from) && (800..950).contains(&to),
        "{from} {to}"
    );
    assert!(
        seen["zone"]
            .as_str()
            .unwrap()
            .contains("local zone, show UTC"),
        "{}",
        seen["zone"]
    );
    assert_eq!(
        seen["zones"],
        json!(["(local)"]),
        "the header of the windows"
    );
    assert!(
        seen["link"].as_str().unwrap().contains("zoom="),
        "{}",
        seen["link"]
    );
    assert_eq!(seen["link"], seen["address"]);
    let picture = &seen["picture"];
    assert_eq!(
        picture["name"],
        format!(
            "{}-errors.png",
            seen["run"]
                .as_str()
                .unwrap()
                .trim_start_matches("/ui/runs/")
        )
    );
    assert_eq!(picture["width"], 2200);
    assert!(picture["white"].as_f64().unwrap() > 0.8, "{picture}");
    for side in ["baseline", "canary"] {
        assert!(picture[side].as_u64().unwrap() > 500, "{picture}");
    }
    // Without script.
    let text = |page: &str| seen["texts"][page].as_str().unwrap().to_owned();
    for (page, parts) in [
        (
            "list",
            &[
                "mixed",
                "broken",
                "baseline → canary",
                "analysis, 2 of 2 runs",
                "anna",
            ][..],
        ),
        ("analysis", &["run 2 of 2", "Started by", "Interval"]),
        (
            "run",
            &[
                "errors is",
                "A score of 100 cannot be reached",
                "× 45 %",
                "Findings",
            ],
        ),
        (
            "metric",
            &[
                "High",
                "98 % confidence",
                "Numbers of what was judged",
                "Download the chart as SVG",
                "errors{v=\"canary\",kind=\"bad\"}",
            ],
        ),
        (
            "failed-run",
            &[
                "Failed to run",
                "fail400",
                "canary-prometheus",
                "Try the query again",
                "Stages",
                "broken, baseline",
            ],
        ),
        (
            "what-if",
            &[
                "As judged",
                "With your changes",
                "pass threshold: 95 → 40",
                "errors: fails on increase → decrease",
                "weight of Load: 50 → 20",
                "Settings of errors",
                "now passes",
            ],
        ),
        (
            "what-if-all",
            &[
                "Settings of every metric",
                "every metric: nan strategy remove → replace",
            ],
        ),
        ("hostile-what-if", &["Changes", "critical false → true"]),
        (
            "compare",
            &[
                "Run A",
                "Run B",
                "2020-11-20 23:00 to 2020-11-21 00:00 UTC",
                "gone",
                "new",
            ],
        ),
        ("compare-form", &["Choose run A", "baseline → canary"]),
        (
            "compare-choice",
            &["Choose run B among the runs of the same config", "mixed"],
        ),
        (
            "accounts",
            &[
                "canary-prometheus",
                "Answers",
                "endpoint.baseUrl",
                "Try now",
            ],
        ),
        ("hostile-run", &["<script>alert('x')</script>"]),
        ("configs", &["kept", "shop", "Last verdicts"]),
        (
            "config",
            &[
                "the weights add up to 95",
                "Last runs of this config",
                "Type kept to delete",
            ],
        ),
        ("config-history", &["errors", "Effect", "No suggestion"]),
        ("new-config-guided", &["Histogram of latencies"]),
        (
            "new-analysis",
            &["A/A test", "kayenta analyze", "curl -X POST"],
        ),
        (
            "hostile-config",
            &["<script>alert('x')</script>", "2 warnings"],
        ),
    ] {
        for part in parts {
            assert!(
                text(page).contains(part),
                "no {part:?} on {page}: {}",
                text(page)
            );
        }
    }
    println!("pictures of the pages: {}", pictures.display());
}
