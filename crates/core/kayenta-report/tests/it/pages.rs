use kayenta_model::Side;
use kayenta_report::{
    ChartKind, ComparisonSide, JudgedRun, Links, MetricDisplay, MetricLinks, MetricSort,
    OverviewQuery, RunComparison, report_failure, report_foot, report_head, report_index,
    report_section,
};
use serde_json::json;

use crate::judged::{Judged, noise, pair, shop};

const LINKS: MetricLinks<'static> = MetricLinks {
    csv: "?csv",
    svg: "?svg",
    store: None,
};

fn page() -> Links {
    Links::Query {
        rest: String::new(),
    }
}

fn report(run: &JudgedRun<'_>) -> String {
    let (line, section) = report_section(1, run);
    format!(
        "{}{}{section}{}",
        report_head("Report"),
        report_index(&[line]),
        report_foot()
    )
}

#[test]
fn the_overview_of_a_run_shows_verdict_equation_and_metrics() {
    let judged = shop();
    insta::assert_snapshot!(
        judged
            .run()
            .overview(&OverviewQuery::default(), &page())
            .into_string()
    );
}

#[test]
fn the_view_of_a_metric_shows_why_it_failed_and_what_the_data_were() {
    let judged = shop();
    insta::assert_snapshot!(
        judged
            .run()
            .metric(2, &MetricDisplay::default(), &LINKS)
            .into_string()
    );
}

#[test]
fn every_kind_of_chart_has_a_name_a_description_and_its_numbers() {
    let judged = shop();
    for chart in ChartKind::ALL {
        let query = MetricDisplay {
            chart,
            ..MetricDisplay::default()
        };
        let html = judged.run().metric(3, &query, &LINKS).into_string();
        let charts = html.matches("<svg").count();
        assert!(charts >= 2, "{chart:?}: {charts}");
        assert_eq!(html.matches("<title>").count(), charts, "{chart:?}");
        assert_eq!(html.matches("<desc>").count(), charts, "{chart:?}");
        assert!(html.contains("The same numbers as a table"), "{chart:?}");
        assert!(
            !html.contains("style=\""),
            "a strict policy refuses styles in elements"
        );
    }
}

#[test]
fn a_side_can_be_hidden_and_a_part_of_the_window_shown() {
    let judged = shop();
    let query = MetricDisplay {
        hide: Some(Side::Control),
        zoom: Some((600, 1200)),
        ..MetricDisplay::default()
    };
    let html = judged.run().metric(0, &query, &LINKS).into_string();
    assert!(!html.contains("<path class=\"b\""), "{html}");
    assert!(html.contains("Show baseline") && html.contains("Zoom out"));
    assert!(
        html.contains("&#38;zoom=600-1200"),
        "the zoom stays in the links"
    );
}

#[test]
fn metrics_are_filtered_searched_and_sorted() {
    let judged = shop();
    let names = |query: &OverviewQuery| -> Vec<String> {
        let html = judged.run().overview(query, &page()).into_string();
        let rows = html.split("<tr").filter(|row| row.contains("?metric="));
        rows.map(|row| {
            row.split("\">")
                .nth(if row.starts_with(" class") { 2 } else { 1 })
                .unwrap()
                .split('<')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect()
    };
    let with = |change: &dyn Fn(&mut OverviewQuery)| {
        let mut query = OverviewQuery::default();
        change(&mut query);
        names(&query)
    };
    assert_eq!(
        with(&|query| query.label = Some("High".into())),
        ["error rate", "latency p99", "experimental"]
    );
    assert_eq!(
        with(&|query| query.group = Some("Latency".into())),
        ["latency p99"]
    );
    assert_eq!(with(&|query| query.search = Some("MEM".into())), ["memory"]);
    assert_eq!(
        with(&|query| query.sort = MetricSort::Name)[0],
        "error rate"
    );
    assert_eq!(
        with(&|query| query.sort = MetricSort::Deviation)[..2],
        ["experimental", "error rate"]
    );
}

#[test]
fn metrics_are_found_by_id_by_name_and_by_position() {
    let judged = shop();
    let run = judged.run();
    assert_eq!(run.find_metric("id of memory"), Some(3));
    assert_eq!(run.find_metric("memory"), Some(3));
    assert_eq!(run.find_metric("4"), Some(4));
    assert_eq!(run.find_metric("17"), None);
}

#[test]
fn the_csv_has_every_value_and_says_what_was_dropped() {
    let judged = shop();
    let csv = judged.run().csv(3);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 61);
    assert!(
        lines[4].starts_with("180,2025-11-28T09:08:00Z,2025-11-29T09:08:00Z,,"),
        "{}",
        lines[4]
    );
    assert!(
        lines[21].contains(",900,") && lines[21].ends_with(",1,0"),
        "{}",
        lines[21]
    );
}

#[test]
fn a_report_has_no_script_and_refers_to_nothing_beside_it() {
    let judged = shop();
    let html = report(&judged.run());
    for forbidden in [
        "<script", "<link", "http:", "https:", "url(", "@import", "src=",
    ] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    for (position, _) in html.match_indices("href=\"") {
        assert_eq!(&html[position + 6..position + 7], "#");
        let target = html[position + 7..].split('"').next().unwrap();
        assert!(html.contains(&format!("id=\"{target}\"")), "{target}");
    }
    assert_eq!(
        html,
        report(&judged.run()),
        "the same values give the same bytes"
    );
}

#[test]
fn what_has_no_verdict_says_why_in_its_section() {
    let (line, section) = report_failure(2, "line 2", "metric 'm' has no values <here>");
    assert!(
        section.contains("metric &#39;m&#39; has no values &#60;here&#62;"),
        "{section}"
    );
    assert!(report_index(&[line]).contains("href=\"#r2\""));
}

#[test]
fn hostile_names_labels_and_queries_are_text() {
    let rtl = "\u{202e}drowssap\u{200b}\u{2066}";
    let markup = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'&";
    let long = "n".repeat(4096);
    let name = format!("{markup}{rtl}{long}");
    let mut pair = pair(
        &name,
        noise(1, 30, 1.0, 8),
        noise(2, 30, 9.0, 8),
        1_764_407_100_000,
    );
    let tags: serde_json::Map<String, serde_json::Value> = (0..300)
        .map(|index| (format!("{markup}{index}"), json!(markup)))
        .collect();
    pair["tags"] = tags.into();
    pair["id"] = json!(format!("\"><script>{rtl}"));
    let judged = Judged::new(
        json!({"name": markup, "metrics": [{"name": name, "groups": [markup]}], "classifier": {"groupWeights": {markup: 100.0}}}),
        json!([pair]),
        json!({markup: {"controlScope": {"scope": markup, "location": markup}, "experimentScope": {"scope": rtl}}}),
    );
    let run = judged.run();
    let overview = run.overview(
        &OverviewQuery {
            search: Some(markup.to_owned()),
            ..OverviewQuery::default()
        },
        &page(),
    );
    let metric = run.metric(0, &MetricDisplay::default(), &LINKS);
    for html in [overview.into_string(), metric.into_string(), report(&run)] {
        let html = html.replace("<style>", "").to_lowercase();
        assert!(
            !html.contains("<script") && !html.contains("<img"),
            "markup got through"
        );
        assert!(
            !html.contains("onerror=alert(1)>"),
            "an attribute got through"
        );
    }
}

#[test]
fn a_page_of_300_metrics_stays_under_200_kilobytes() {
    let names: Vec<String> = (0..300)
        .map(|index| format!("http_request_duration_seconds_{index}"))
        .collect();
    let metrics: Vec<_> = names.iter().map(|name| json!({"name": name, "groups": ["Latency"], "analysisConfigurations": {"canary": {"direction": "increase", "effectSize": {"allowedIncrease": 1.1}}}})).collect();
    let pairs: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let seed = index as u64;
            let mut pair = pair(
                name,
                noise(seed, 60, 30.0, 80),
                noise(seed + 1000, 60, if index == 7 { 60.0 } else { 30.0 }, 80),
                1_764_407_100_000,
            );
            pair["id"] = json!(format!("6f9619ff-8b86-d011-b42d-00cf4fc9{index:04}"));
            pair
        })
        .collect();
    let judged = Judged::new(
        json!({"name": "big", "metrics": metrics, "classifier": {"groupWeights": {"Latency": 100.0}}}),
        json!(pairs),
        json!({}),
    );
    let html = judged
        .run()
        .overview(&OverviewQuery::default(), &page())
        .into_string();
    assert!(html.len() < 200_000, "{}", html.len());
    let failed = judged
        .run()
        .overview(
            &OverviewQuery {
                label: Some("High".into()),
                ..OverviewQuery::default()
            },
            &page(),
        )
        .into_string();
    assert!(
        failed.contains("http_request_duration_seconds_7<"),
        "the one that failed is found"
    );
}

#[test]
fn a_comparison_says_which_metrics_changed_and_can_leave_out_the_others() {
    let before = shop();
    let tolerant = json!({"name": "tolerant", "metrics": [
        {"name": "latency p99", "groups": ["Latency"], "analysisConfigurations": {"canary": {"direction": "decrease"}}},
        {"name": "new metric", "groups": ["Latency"]}],
        "classifier": {"groupWeights": {"Latency": 100.0}}});
    let now = 1_764_407_100_000;
    let after = Judged::new(
        tolerant,
        json!([
            pair(
                "latency p99",
                noise(5, 60, 300.0, 40),
                noise(6, 60, 450.0, 40),
                now
            ),
            pair(
                "new metric",
                noise(1, 60, 1.0, 8),
                noise(2, 60, 1.0, 8),
                now
            ),
        ]),
        json!({}),
    );
    let (first, second) = (before.run(), after.run());
    let edit = |metric: usize| format!("?edit={metric}");
    let compare = |changed_only: bool| {
        let comparison = RunComparison {
            before: ComparisonSide {
                name: "Run A",
                run: &first,
                page: Some("/ui/runs/a"),
            },
            after: ComparisonSide {
                name: "Run B",
                run: &second,
                page: None,
            },
            changed_only,
            toggle: "?only=changed",
            edit: Some(&edit),
        };
        comparison.overview().into_string()
    };
    let all = compare(false);
    assert!(all.contains("1 × now passes, 5 × gone, 1 × new."), "{all}");
    assert!(
        all.contains("href=\"/ui/runs/a?metric=id%20of%20latency%20p99\""),
        "{all}"
    );
    assert!(
        all.contains("href=\"?edit=2\"") && !all.contains("href=\"?edit=6\""),
        "{all}"
    );
    let same = compare(true);
    assert_eq!(
        same.matches("<tr>").count(),
        8,
        "head, one that passes, five gone, one new: {same}"
    );

    let itself = RunComparison {
        before: ComparisonSide {
            name: "Run A",
            run: &first,
            page: None,
        },
        after: ComparisonSide {
            name: "Run B",
            run: &first,
            page: None,
        },
        changed_only: true,
        toggle: "?",
        edit: None,
    };
    let itself = itself.overview().into_string();
    assert!(
        itself.contains("No metric changed its label.") && itself.contains("No metric to show.")
    );
}

#[test]
fn a_query_opens_in_the_store_over_the_window_of_its_side() {
    let judged = shop();
    let links = MetricLinks {
        store: Some(
            "https://prometheus/graph?g0.expr={query}&from={start}&to={endSeconds}&range={range}s&step={step}",
        ),
        ..LINKS
    };
    let html = judged.run().metric(3, &MetricDisplay::default(), &links);
    let html = html.into_string();
    for address in [
        "g0.expr=memory%7Bversion%3D%221.0%22%7D&#38;from=2025-11-28T09%3A05%3A00Z&#38;to=1764324300&#38;range=3600s&#38;step=60",
        "g0.expr=memory%7Bversion%3D%221.1%22%7D&#38;from=2025-11-29T09%3A05%3A00Z&#38;to=1764410700&#38;range=3600s&#38;step=60",
    ] {
        assert!(html.contains(address), "{address}: {html}");
    }
}

#[test]
fn a_chart_is_an_image_of_its_own_with_its_colours() {
    let judged = shop();
    for chart in ChartKind::ALL {
        let display = MetricDisplay {
            chart,
            ..MetricDisplay::default()
        };
        let svg = judged.run().svg(2, &display).unwrap();
        assert!(
            svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox"),
            "{svg}"
        );
        assert!(
            svg.contains("stroke=\"#2f6fb3\"") || svg.contains("fill=\"#2f6fb3\""),
            "{svg}"
        );
        assert_eq!(svg.matches("<svg").count(), 1);
    }
    assert_eq!(judged.run().svg(99, &MetricDisplay::default()), None);
}

#[test]
fn a_window_is_zoomed_and_moved_by_links() {
    let judged = shop();
    let zoomed = |zoom| {
        let display = MetricDisplay {
            zoom,
            ..MetricDisplay::default()
        };
        judged.run().metric(0, &display, &LINKS).into_string()
    };
    let whole = zoomed(None);
    assert!(
        whole.contains("zoom=885-2655\">Zoom in") && !whole.contains("Zoom out"),
        "{whole}"
    );
    assert!(whole.contains("data-from=\"0\" data-to=\"3540\""));
    let part = zoomed(Some((600, 1200)));
    for link in [
        "zoom=750-1050\">Zoom in",
        "zoom=300-900\">Earlier",
        "zoom=900-1500\">Later",
        ">Zoom out",
    ] {
        assert!(part.contains(link), "{link}: {part}");
    }
}

/// The design allows 200 KB; a page that people wait for on a slow line stays below it.
#[test]
fn the_page_of_300_metrics_stays_below_200_kb_and_names_what_it_leaves_out() {
    let names: Vec<String> = (0..300).map(|number| format!("metric {number}")).collect();
    let metrics: Vec<_> = names
        .iter()
        .map(|name| {
            json!({"name": name, "groups": ["Load"],
                "analysisConfigurations": {"canary": {"direction": "increase", "effectSize": {"allowedIncrease": 1.1}}}})
        })
        .collect();
    let pairs: Vec<_> = (0_u64..)
        .zip(&names)
        .map(|(number, name)| {
            let mut pair = pair(
                name,
                noise(number, 60, 300.0, 40),
                noise(
                    number + 1000,
                    60,
                    if number % 10 == 0 { 360.0 } else { 300.0 },
                    40,
                ),
                1_764_407_100_000,
            );
            // As the service draws them.
            pair["id"] = json!(format!("{number:08x}-0000-4000-8000-000000000000"));
            pair
        })
        .collect();
    let config = json!({"name": "large", "metrics": metrics, "classifier": {"groupWeights": {"Load": 100.0}}});
    let judged = Judged::new(config, json!(pairs), json!({}));
    let html = judged
        .run()
        .overview(&OverviewQuery::default(), &page())
        .into_string();
    let findings = judged.explanation.findings.len();
    println!("{} bytes, {findings} findings", html.len());
    assert_eq!(html.matches("<tr").count(), 301);
    assert!(html.len() < 196_000, "{} bytes", html.len());
    assert_eq!(html.contains("more. The table says"), findings > 30);
}
