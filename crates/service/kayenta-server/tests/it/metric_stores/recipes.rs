//! The recipes of `docs/metric-stores.md`: a service runs on the settings that stand there, with the host replaced by a fake that
//! holds every request to the contract of its product and answers in its shape.

use std::{collections::BTreeSet, path::Path, time::Duration};

use axum::{
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use kayenta_testkit::{NotedRequest, NotingServer, ServiceBuilder};
use serde_json::{Value, json};
use url::Url;

use crate::{
    requests::{Caller, WINDOW, canary, canary_score, config},
    samples::BINARY,
};

/// 2020-11-20T23:00:00Z, the start of [`WINDOW`], which is an hour long.
const START: i64 = 1_605_913_200;
const HOUR: i64 = 3_600;
/// What the token endpoints of the fake hand out.
const TOKEN: &str = "granted-t0ken";

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/metric-stores.md");
    std::fs::read_to_string(path).unwrap()
}

/// The YAML blocks of the page, each with the name of its account.
fn recipes(page: &str) -> Vec<(String, String)> {
    let blocks = page.split("```yaml\n").skip(1);
    let blocks = blocks.map(|rest| rest.split_once("```").unwrap().0.to_owned());
    blocks
        .map(|block| {
            let (_, rest) = block.split_once("- name: ").unwrap();
            let name = rest.lines().next().unwrap().to_owned();
            (name, block)
        })
        .collect()
}

/// The settings with the fake in place of every server they name, and a secret that exists.
fn on_fake(block: &str, base_url: &str, secret_file: &Path) -> String {
    let mut lines = Vec::new();
    for line in block.lines() {
        let key = line.trim_start().split(':').next().unwrap_or_default();
        let line = match key {
            "baseUrl" | "url" | "tokenUrl" => {
                let (before, after) = line.split_once("://").unwrap();
                let before = before.rsplit_once(' ').unwrap().0;
                let path = after.find('/').map_or("", |at| &after[at..]);
                format!("{before} {base_url}{path}")
            }
            "clientSecretFile" => {
                let before = line.split_once(':').unwrap().0;
                format!("{before}: {}", secret_file.display())
            }
            _ => line.to_owned(),
        };
        lines.push(line);
    }
    lines.join("\n")
        + "\nkayenta.memory:\n  enabled: true\n  accounts: [{name: memory, supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]}]\n\
           kayenta.metrics.retry: {attempts: 1}\n"
}

/// What a request asks for, and how.
struct Asked<'r> {
    request: &'r NotedRequest,
    path: String,
    /// Of the URL and of a form.
    parameters: Vec<(String, String)>,
}

impl<'r> Asked<'r> {
    fn new(request: &'r NotedRequest) -> Self {
        let mut url = Url::parse(&format!("http://fake{}", request.target)).unwrap();
        if request
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind == "application/x-www-form-urlencoded")
        {
            let query = [url.query(), Some(&request.body)];
            let query: Vec<&str> = query.into_iter().flatten().collect();
            let query = query.join("&");
            url.set_query(Some(&query));
        }
        Self {
            request,
            path: url.path().to_owned(),
            parameters: url.query_pairs().into_owned().collect(),
        }
    }

    fn header(&self, name: &str) -> &str {
        let value = self.request.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    fn parameter(&self, name: &str) -> &str {
        let found = self.parameters.iter().find(|(other, _)| other == name);
        found.map_or("", |(_, value)| value)
    }

    fn json(&self) -> Result<Value, String> {
        serde_json::from_str(&self.request.body).map_err(|error| format!("no JSON: {error}"))
    }

    fn is(&self, method: &Method, path: &str) -> Result<(), String> {
        same("method", self.request.method.as_str(), method.as_str())?;
        same("path", &self.path, path)
    }

    fn has_header(&self, name: &str, value: &str) -> Result<(), String> {
        same(name, self.header(name), value)
    }

    fn has_parameter(&self, name: &str, value: &str) -> Result<(), String> {
        same(name, self.parameter(name), value)
    }

    fn is_signed_for(&self, service: &str, region: &str) -> Result<(), String> {
        let proof = self.header("authorization");
        let begin = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/";
        let scope = format!("/{region}/{service}/aws4_request, SignedHeaders=");
        let signature = proof.rsplit_once("Signature=").map(|(_, hex)| hex.len());
        let fits = proof.starts_with(begin) && proof.contains(&scope) && signature == Some(64);
        let dated = self.header("x-amz-date").ends_with('Z');
        if fits && dated && proof.contains("host;") {
            Ok(())
        } else {
            Err(format!("Missing Authentication Token: {proof}"))
        }
    }

    /// A range query of Prometheus' API over the window; returns the query.
    fn range_query(&self, method: &Method, path: &str) -> Result<String, String> {
        self.is(method, path)?;
        self.has_parameter("start", WINDOW.start)?;
        self.has_parameter("end", WINDOW.end)?;
        self.has_parameter("step", "60")?;
        Ok(self.parameter("query").to_owned())
    }
}

fn same(what: &str, found: &str, expected: &str) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what} is {found:?}, not {expected:?}"))
    }
}

fn times() -> impl Iterator<Item = i64> {
    (0..60).map(|minute| START + 60 * minute)
}

/// Values of the scope that the query names.
fn values(query: &str) -> Vec<f64> {
    let factor = if query.contains("slow") { 1.5 } else { 1.0 };
    (0..60)
        .map(|minute| factor * (100.0 + f64::from(minute % 7)))
        .collect()
}

fn pairs(query: &str) -> Vec<(i64, f64)> {
    times().zip(values(query)).collect()
}

/// An answer of Prometheus' API, with `more` beside its result.
fn matrix(query: &str, more: Value) -> Value {
    let values: Vec<Value> = pairs(query)
        .iter()
        .map(|(t, v)| json!([t, v.to_string()]))
        .collect();
    let mut data = json!({"resultType": "matrix", "result": [{"metric": {}, "values": values}]});
    for (name, value) in more.as_object().unwrap() {
        data[name] = value.clone();
    }
    json!({"status": "success", "data": data})
}

/// The answer to a request that keeps the contract, or what is wrong with it.
type Contract = fn(&Asked<'_>) -> Result<Value, String>;

/// A recipe: the account's name, a metric's query, and what its product demands and answers.
struct Recipe {
    account: &'static str,
    query: &'static str,
    contract: Contract,
}

const PROMQL: &str = r#"PromQL:avg(latency{version="${scope}"})"#;

fn promql_answer(query: &str) -> Result<Value, String> {
    let expected = ["same", "slow"].map(|scope| format!(r#"avg(latency{{version="{scope}"}})"#));
    if expected.iter().any(|known| known == query) {
        Ok(matrix(query, json!({})))
    } else {
        Err(format!("unknown query {query:?}"))
    }
}

const RECIPES: [Recipe; 14] = [
    Recipe {
        account: "amp",
        query: PROMQL,
        contract: |asked| {
            asked.is_signed_for("aps", "eu-west-1")?;
            let path = "/workspaces/ws-0123/api/v1/query_range";
            promql_answer(&asked.range_query(&Method::GET, path)?)
        },
    },
    Recipe {
        account: "azure-monitor",
        query: PROMQL,
        contract: |asked| {
            asked.has_header("authorization", "Bearer granted-t0ken")?;
            promql_answer(&asked.range_query(&Method::POST, "/api/v1/query_range")?)
        },
    },
    Recipe {
        account: "gmp",
        query: PROMQL,
        contract: |asked| {
            asked.has_header("authorization", "Bearer granted-t0ken")?;
            let path = "/v1/projects/my-project/location/global/prometheus/api/v1/query_range";
            promql_answer(&asked.range_query(&Method::GET, path)?)
        },
    },
    Recipe {
        account: "mimir",
        query: PROMQL,
        contract: |asked| {
            same("org id", asked.header("x-scope-orgid"), "team-a")?;
            promql_answer(&asked.range_query(&Method::GET, "/prometheus/api/v1/query_range")?)
        },
    },
    Recipe {
        account: "thanos",
        query: PROMQL,
        contract: |asked| {
            asked.has_parameter("partial_response", "false")?;
            asked.has_parameter("dedup", "true")?;
            promql_answer(&asked.range_query(&Method::GET, "/api/v1/query_range")?)
        },
    },
    Recipe {
        account: "victoria",
        query: PROMQL,
        contract: |asked| {
            let path = "/select/0/prometheus/api/v1/query_range";
            let query = asked.range_query(&Method::GET, path)?;
            let mut answer = promql_answer(&query)?;
            answer["isPartial"] = json!(false);
            answer["stats"] = json!({"seriesFetched": "1", "executionTimeMsec": 2});
            Ok(answer)
        },
    },
    Recipe {
        account: "loki",
        query: r#"PromQL:sum(rate({app="shop",version="${scope}"} |= "error" [5m]))"#,
        contract: |asked| {
            same("org id", asked.header("x-scope-orgid"), "team-a")?;
            let query = asked.range_query(&Method::GET, "/loki/api/v1/query_range")?;
            let expected = ["same", "slow"].map(|scope| {
                format!(r#"sum(rate({{app="shop",version="{scope}"}} |= "error" [5m]))"#)
            });
            if !expected.contains(&query) {
                return Err(format!("parse error: {query}"));
            }
            Ok(matrix(
                &query,
                json!({"stats": {"summary": {"bytesProcessedPerSecond": 1}}}),
            ))
        },
    },
    Recipe {
        account: "behind-a-proxy",
        query: PROMQL,
        contract: |asked| {
            asked.has_header("authorization", "Bearer granted-t0ken")?;
            promql_answer(&asked.range_query(&Method::GET, "/api/v1/query_range")?)
        },
    },
    Recipe {
        account: "dynatrace",
        query: r#"builtin:service.response.time:filter(eq("version","${scope}")):avg"#,
        contract: |asked| {
            asked.is(&Method::GET, "/api/v2/metrics/query")?;
            asked.has_header("authorization", "Api-Token change-me")?;
            asked.has_parameter("from", &(START * 1_000).to_string())?;
            asked.has_parameter("to", &((START + HOUR) * 1_000).to_string())?;
            asked.has_parameter("resolution", "1m")?;
            let query = asked.parameter("metricSelector");
            if !query.starts_with("builtin:service.response.time:filter(eq(\"version\",\"s") {
                return Err(format!("invalid metric selector {query}"));
            }
            let timestamps: Vec<i64> = times().map(|t| t * 1_000).collect();
            Ok(
                json!({"totalCount": 1, "nextPageKey": null, "resolution": "1m", "result": [{
                "metricId": query, "dataPointCountRatio": 0.1, "data": [{
                    "dimensions": [], "dimensionMap": {"version": "s"},
                    "timestamps": timestamps, "values": values(query),
                }]}]}),
            )
        },
    },
    Recipe {
        account: "clickhouse",
        query: "SELECT toUnixTimestamp(toStartOfMinute(time)) AS t, avg(latency) AS v FROM requests \
                WHERE version = '${scope}' AND time >= toDateTime(${startEpochSeconds}) AND time < toDateTime(${endEpochSeconds}) \
                GROUP BY t ORDER BY t FORMAT JSON",
        contract: |asked| {
            asked.is(&Method::GET, "/")?;
            asked.has_header("x-clickhouse-user", "kayenta")?;
            asked.has_header("x-clickhouse-key", "change-me")?;
            // An error after the first rows would otherwise come with a 200.
            asked.has_parameter("wait_end_of_query", "1")?;
            let query = asked.parameter("query");
            let window = format!(
                "time >= toDateTime({START}) AND time < toDateTime({})",
                START + HOUR
            );
            if !query.ends_with("FORMAT JSON") || !query.contains(&window) {
                return Err(format!("Code: 62. DB::Exception: Syntax error: {query}"));
            }
            // 64-bit integers are quoted.
            let rows: Vec<Value> = pairs(query)
                .iter()
                .map(|(t, v)| json!({"t": t.to_string(), "v": v}))
                .collect();
            Ok(json!({
                "meta": [{"name": "t", "type": "UInt64"}, {"name": "v", "type": "Float64"}],
                "data": rows, "rows": 60, "statistics": {"elapsed": 0.002},
            }))
        },
    },
    Recipe {
        account: "elasticsearch",
        query: "service:shop AND version:${scope}",
        contract: |asked| {
            asked.is(&Method::POST, "/metrics-*/_search")?;
            asked.has_header("authorization", "ApiKey change-me")?;
            asked.has_header("content-type", "application/json")?;
            let body = asked.json()?;
            let filter = &body["query"]["bool"]["filter"];
            let query = filter[0]["query_string"]["query"]
                .as_str()
                .unwrap_or_default();
            let range = json!({"@timestamp": {
                "gte": START * 1_000, "lt": (START + HOUR) * 1_000, "format": "epoch_millis",
            }});
            let histogram = json!({"field": "@timestamp", "fixed_interval": "60s"});
            if body["size"] != 0
                || filter[1]["range"] != range
                || body["aggs"]["t"]["date_histogram"] != histogram
                || body["aggs"]["t"]["aggs"]["v"]["avg"]["field"] != "latency"
                || !query.starts_with("service:shop AND version:s")
            {
                return Err(format!("x_content_parse_exception: {body}"));
            }
            let buckets: Vec<Value> = pairs(query)
                .iter()
                .map(|(t, v)| json!({"key": t * 1_000, "doc_count": 3, "v": {"value": v}}))
                .collect();
            Ok(
                json!({"took": 1, "timed_out": false, "_shards": {"failed": 0},
                "hits": {"hits": []}, "aggregations": {"t": {"buckets": buckets}}}),
            )
        },
    },
    Recipe {
        account: "cloudwatch",
        query: r#"SELECT AVG(Latency) FROM "Shop" WHERE Version = '${scope}'"#,
        contract: |asked| {
            asked.is(&Method::POST, "/")?;
            asked.is_signed_for("monitoring", "eu-central-1")?;
            let target = "GraniteServiceVersion20100801.GetMetricData";
            asked.has_header("x-amz-target", target)?;
            asked.has_header("content-type", "application/x-amz-json-1.0")?;
            let body = asked.json()?;
            let asked_for = &body["MetricDataQueries"][0];
            let query = asked_for["Expression"].as_str().unwrap_or_default();
            if body["StartTime"] != START
                || body["EndTime"] != START + HOUR
                || body["ScanBy"] != "TimestampAscending"
                || asked_for["Period"] != 60
                || !query.starts_with("SELECT AVG(Latency) FROM \"Shop\" WHERE Version = 's")
            {
                return Err(format!("ValidationError: {body}"));
            }
            let timestamps: Vec<f64> = times().map(|t| t as f64).collect();
            Ok(json!({"Messages": [], "MetricDataResults": [{
                "Id": asked_for["Id"], "Label": "Latency", "StatusCode": "Complete",
                "Timestamps": timestamps, "Values": values(query),
            }]}))
        },
    },
    Recipe {
        account: "azure-logs",
        query: r#"requests | where version == "${scope}" | summarize avg(duration) by bin(timestamp, 1m) | order by timestamp asc"#,
        contract: |asked| {
            let workspace = "00000000-0000-0000-0000-000000000000";
            asked.is(&Method::POST, &format!("/v1/workspaces/{workspace}/query"))?;
            asked.has_header("authorization", "Bearer granted-t0ken")?;
            asked.has_header("content-type", "application/json")?;
            let body = asked.json()?;
            let query = body["query"].as_str().unwrap_or_default();
            let timespan = format!("{}/{}", WINDOW.start, WINDOW.end);
            if body["timespan"] != timespan || !query.starts_with("requests | where version == \"s")
            {
                return Err(format!("BadArgumentError: {body}"));
            }
            let rows: Vec<Value> = values(query)
                .iter()
                .enumerate()
                .map(|(minute, v)| json!([format!("2020-11-20T23:{minute:02}:00Z"), v]))
                .collect();
            Ok(json!({"tables": [{"name": "PrimaryResult", "columns": [
                {"name": "timestamp", "type": "datetime"}, {"name": "avg_duration", "type": "real"},
            ], "rows": rows}]}))
        },
    },
    Recipe {
        account: "grafana-cloud",
        query: PROMQL,
        contract: |asked| {
            // 123456:glc_change-me
            asked.has_header("authorization", "Basic MTIzNDU2OmdsY19jaGFuZ2UtbWU=")?;
            promql_answer(&asked.range_query(&Method::GET, "/api/prom/api/v1/query_range")?)
        },
    },
];

/// Tokens for those who prove who they are, as Entra ID, Google's metadata server and an OAuth 2.0 server hand them out.
fn token(asked: &Asked<'_>) -> Option<Result<Value, String>> {
    let granted = json!({"access_token": TOKEN, "expires_in": 3_600, "token_type": "Bearer"});
    let form = |expected: &[(&str, &str)]| {
        same(
            "grant_type",
            asked.parameter("grant_type"),
            "client_credentials",
        )?;
        for (name, value) in expected {
            asked.has_parameter(name, value)?;
        }
        Ok::<_, String>(())
    };
    let proven = match asked.path.as_str() {
        "/my-tenant/oauth2/v2.0/token" => {
            let scope = asked.parameter("scope");
            let scopes = [
                "https://prometheus.monitor.azure.com/.default",
                "https://api.loganalytics.io/.default",
            ];
            form(&[
                ("client_id", "my-client"),
                ("client_assertion", "proof-of-the-pod"),
            ])
            .and_then(|()| {
                let known = scopes.contains(&scope);
                known
                    .then_some(())
                    .ok_or_else(|| format!("scope is {scope}"))
            })
        }
        "/oauth2/token" => form(&[("scope", "metrics.read")]),
        path if path.starts_with("/computeMetadata/v1/") => {
            asked.has_header("metadata-flavor", "Google")
        }
        _ => return None,
    };
    Some(proven.map(|()| granted))
}

fn answer(contract: Contract, request: &NotedRequest) -> Response {
    let asked = Asked::new(request);
    match token(&asked).unwrap_or_else(|| contract(&asked)) {
        Ok(body) => axum::Json(body).into_response(),
        Err(wrong) => {
            let body = json!({"error": {"message": wrong.clone()}, "message": wrong});
            (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
        }
    }
}

/// Runs a canary that passes and one that fails on the recipe.
async fn judges(recipe: &Recipe, block: &str) {
    let contract = recipe.contract;
    let server = NotingServer::answering(move |request| answer(contract, request)).await;
    let base_url = server.base_url();
    let files = tempfile::tempdir().unwrap();
    let secret = files.path().join("proof");
    std::fs::write(&secret, "proof-of-the-pod").unwrap();
    let authority = base_url.trim_start_matches("http://");
    let service = ServiceBuilder::new(BINARY)
        .config(on_fake(block, base_url, &secret))
        .environment("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .environment("AWS_SECRET_ACCESS_KEY", "s3cret")
        .environment("AZURE_TENANT_ID", "my-tenant")
        .environment("AZURE_CLIENT_ID", "my-client")
        .environment("AZURE_FEDERATED_TOKEN_FILE", secret.display().to_string())
        .environment("AZURE_AUTHORITY_HOST", format!("{base_url}/"))
        .environment("GCE_METADATA_HOST", authority)
        .start()
        .await
        .unwrap();
    let kind = if recipe.query.starts_with("PromQL:") {
        "prometheus"
    } else {
        "http-json"
    };
    let metric = json!({
        "name": "latency", "groups": ["Latency"], "scopeName": "default",
        "query": {"type": kind, "serviceType": kind, "customInlineTemplate": recipe.query},
        "analysisConfigurations": {"canary": {"direction": "increase"}},
    });
    let config = config("shop", &[metric], json!({"Latency": 100}));
    let caller = Caller::new(service.base_url());
    let account = recipe.account;
    for (experiment, score) in [("same", 100.0), ("slow", 0.0)] {
        let path = format!("/canary?metricsAccountName={account}&storageAccountName=memory");
        let request = canary(&config, "same", experiment, WINDOW);
        let id = caller.start(&path, &request).await.unwrap();
        let path = format!("/canary/{id}");
        let done = caller.complete(&path, Duration::from_secs(20)).await;
        assert_eq!(done["status"], "succeeded", "{account}: {done}");
        assert_eq!(canary_score(&done), score, "{account}: {done}");
        let judged = &done["result"]["judgeResult"]["results"][0];
        let count = &judged["experimentMetadata"]["stats"]["count"];
        assert_eq!(*count, 60, "{account}: {done}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recipe_of_the_page_runs_a_canary_against_the_contract_of_its_product() {
    let blocks = recipes(&page());
    let written: BTreeSet<&str> = blocks.iter().map(|(name, _)| name.as_str()).collect();
    let tried: BTreeSet<&str> = RECIPES.iter().map(|recipe| recipe.account).collect();
    assert_eq!(written, tried, "each recipe has a contract");
    for recipe in &RECIPES {
        let (_, block) = blocks
            .iter()
            .find(|(name, _)| name == recipe.account)
            .unwrap();
        judges(recipe, block).await;
        println!("{}: one canary passes, one fails", recipe.account);
    }
}
