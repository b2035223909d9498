//! The ports that a NetworkPolicy of `deploy` lets the service connect to.

use std::collections::{BTreeMap, BTreeSet};

use kayenta_accounts::AccountSection;
use kayenta_testkit::documents::{files, pages, repository, short};
use regex::Regex;

use crate::wiring::kinds::KINDS;

const HTTPS: u16 = 443;
const HTTP: u16 = 80;

/// The ports at which servers of each kind listen unless configured otherwise; those of the clouds are https.
const OF_KINDS: &[(&str, &[u16])] = &[
    ("atlas", &[7101]),
    ("aws", &[HTTPS, 9000]),
    ("azure", &[HTTPS]),
    ("configbin", &[HTTPS]),
    ("datadog", &[HTTPS]),
    ("disk", &[]),
    ("google", &[HTTPS]),
    ("graphite", &[8080]),
    ("http-json", &[HTTPS]),
    ("influxdb", &[8086]),
    ("memory", &[]),
    ("newrelic", &[HTTPS]),
    ("prometheus", &[9090]),
    ("signalfx", &[HTTPS]),
    ("sql", &[5432, 3306]),
    ("wavefront", &[HTTPS]),
];

/// Redis, with TLS, Sentinel; a remote judge; a collector of traces (OTLP/HTTP).
const OTHERS: &[u16] = &[6379, 6380, 26379, HTTPS, 4318];

/// The ports of one of the two policies that are open to any address.
fn open(file: &str, list: &str) -> BTreeSet<u16> {
    let text = std::fs::read_to_string(repository().join(file)).unwrap();
    let found = Regex::new(list).unwrap();
    let numbers = Regex::new(r"\d+").unwrap();
    let lists = found.captures_iter(&text).map(|list| list[1].to_owned());
    let lists: String = lists.collect::<Vec<_>>().join(" ");
    numbers
        .find_iter(&lists)
        .map(|number| number.as_str().parse().unwrap())
        .collect()
}

fn policies() -> [(&'static str, BTreeSet<u16>); 2] {
    let component = "deploy/kubernetes/components/network-policy/network.yaml";
    let chart = "deploy/helm/kayenta/values.yaml";
    [
        (component, open(component, r"- port: (\d+)\n")),
        (chart, open(chart, r"egressPorts: \[(.*)\]")),
    ]
}

/// The ports of the URLs in texts that configure the service, with the places of each.
fn of_documents() -> BTreeMap<u16, Vec<String>> {
    let url = Regex::new(r##"\b([a-z][a-z0-9+:-]*)://([^\s/,'"`#?]+)"##).unwrap();
    let pages = pages();
    let blocks = pages.iter().flat_map(|page| {
        let yaml = page.blocks.iter().filter(|block| block.language == "yaml");
        yaml.map(|block| {
            (
                format!("{}:{}", short(&page.path), block.line),
                block.text.clone(),
            )
        })
    });
    let spans = pages.iter().flat_map(|page| {
        let spans = page.code_spans().into_iter();
        let redis = spans.filter(|(_, span)| span.starts_with("redis"));
        redis.map(|(line, span)| (format!("{}:{line}", short(&page.path)), span))
    });
    let shipped = files("kayenta.yml").into_iter().filter_map(|path| {
        // The compose file has a network of its own, in which nothing is closed.
        let place = short(&path);
        let text = std::fs::read_to_string(&path).unwrap();
        (!place.starts_with("deploy/compose")).then_some((place, text))
    });
    let mut ports: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for (place, text) in blocks.chain(spans).chain(shipped) {
        for found in url.captures_iter(&text) {
            let (scheme, authority) = (&found[1], &found[2]);
            // On a machine of one's own there is no NetworkPolicy.
            if authority.contains("localhost") || authority.contains("${") {
                continue;
            }
            let port = match (authority.rsplit_once(':'), scheme) {
                (Some((_, port)), _) if port.parse::<u16>().is_ok() => port.parse().unwrap(),
                (_, "https") => HTTPS,
                (_, "http") => HTTP,
                (_, "redis" | "redis-cluster") => 6379,
                (_, "rediss") => 6380,
                (_, "redis-sentinel") => 26379,
                (_, "jdbc:postgresql") => 5432,
                (_, "jdbc:mysql" | "jdbc:mariadb") => 3306,
                _ => panic!("{place}: the port of {} is not known", &found[0]),
            };
            ports.entry(port).or_default().push(place.clone());
        }
    }
    ports
}

#[test]
fn network_policies_let_the_service_reach_every_kind_of_store_and_every_server_of_the_documents() {
    let mut wanted = of_documents();
    for kind in KINDS {
        let name = kind.kind().name;
        let known = OF_KINDS.iter().find(|(known, _)| *known == name);
        let (_, ports) = known.unwrap_or_else(|| panic!("OF_KINDS lacks the ports of {name}"));
        for port in *ports {
            wanted.entry(*port).or_default().push(name.to_owned());
        }
    }
    for port in OTHERS {
        wanted
            .entry(*port)
            .or_default()
            .push("Redis, a judge or a collector".to_owned());
    }
    for (file, open) in policies() {
        assert!(open.len() > 8, "{file}: {open:?}");
        for (port, places) in &wanted {
            assert!(
                open.contains(port),
                "{file} closes {port}, which {places:?} need"
            );
        }
    }
}

#[test]
fn both_network_policies_open_the_same_ports() {
    let [(_, mut component), (_, chart)] = policies();
    // Names, and credentials at addresses of their own.
    component.retain(|port| ![53, HTTP, 988].contains(port));
    assert_eq!(component, chart);
}
