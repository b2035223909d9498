//! Starting, and not starting: the embedded default, ports, mistakes.

use std::time::Duration;

use kayenta_testkit::{RedisServer, Service, ServiceBuilder, eventually, free_port, until};
use serde_json::json;

use crate::{
    requests::Caller,
    samples::{BINARY, serving},
};

/// Starts it and waits until it has given up; exit code and log.
async fn fail_to_start(builder: ServiceBuilder) -> (Option<i32>, String) {
    let mut service = builder.spawn().unwrap();
    let status = service.wait(Duration::from_secs(20)).await.unwrap();
    (status.code(), service.log())
}

/// C-HEALTH-01, C-HEALTH-02.
#[tokio::test(flavor = "multi_thread")]
async fn without_configuration_everything_is_there() {
    let service = ServiceBuilder::new(BINARY).start().await.unwrap();
    let caller = Caller::new(service.base_url());
    let (status, health) = caller.get("/health").await.unwrap();
    assert_eq!(status, 200, "{health}");
    let components = health["components"].as_object().unwrap();
    for component in [
        "canaryConfigIndexingAgent",
        "diskSpace",
        "embeddedQueue",
        "ping",
        "storage-embedded-storage",
    ] {
        assert_eq!(components[component]["status"], json!("UP"), "{health}");
    }
    let (_, credentials) = caller.get("/credentials").await.unwrap();
    assert_eq!(credentials[0]["name"], json!("embedded-storage"));
    for path in [
        "/judges",
        "/info",
        "/env",
        "/loggers",
        "/metrics",
        "/prometheus",
        "/v3/api-docs",
    ] {
        let (status, answer) = caller.get(path).await.unwrap();
        assert_eq!(status, 200, "{path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_port_is_reported_in_the_block_operators_search_for() {
    let first = ServiceBuilder::new(BINARY).start().await.unwrap();
    let port = first
        .base_url()
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let (code, log) = fail_to_start(ServiceBuilder::new(BINARY).port(port)).await;
    assert_eq!(code, Some(1));
    assert!(log.contains("APPLICATION FAILED TO START"), "{log}");
    assert!(
        log.contains(&format!("Port {port} was already in use.")),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_data_directory_serves_one_process() {
    let first = ServiceBuilder::new(BINARY).start().await.unwrap();
    let second = ServiceBuilder::new(BINARY).data_dir(first.data_dir());
    let (code, log) = fail_to_start(second).await;
    assert_eq!(code, Some(1));
    assert!(log.contains("APPLICATION FAILED TO START"), "{log}");
    assert!(log.contains("--data-dir"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_the_file_is_reported_with_its_line() {
    let yaml = "server:\n  port: abc\n";
    // The launcher's own --port would win over the file.
    let mut service: Service = ServiceBuilder::new(BINARY)
        .config(yaml.replace("port", "max-http-header-size"))
        .spawn()
        .unwrap();
    let status = service.wait(Duration::from_secs(20)).await.unwrap();
    let log = service.log();
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("APPLICATION FAILED TO START"), "{log}");
    assert!(log.contains("kayenta.yml:2:"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_references_arguments_and_variables_are_understood() {
    let port = free_port().unwrap();
    let service = ServiceBuilder::new(BINARY)
        .port(port)
        .argument("--management.endpoints.web.exposure.include=health,loggers")
        .environment(
            "JAVA_OPTS",
            "-Xmx2g -XX:+UseG1GC -Dlogging.level.com.netflix.kayenta=DEBUG",
        )
        .environment("KAYENTA_PORT", "tcp://10.0.0.1:80")
        .environment("KAYENTA_SERVICE_PORT", "80")
        .start()
        .await
        .unwrap();
    let caller = Caller::new(service.base_url());
    let (_, level) = caller.get("/loggers/com.netflix.kayenta").await.unwrap();
    assert_eq!(
        level,
        json!({"configuredLevel": "DEBUG", "effectiveLevel": "DEBUG"})
    );
    assert_eq!(caller.get("/env").await.unwrap().0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn log_levels_change_while_it_runs() {
    let service = ServiceBuilder::new(BINARY).start().await.unwrap();
    let caller = Caller::new(service.base_url());
    let (status, _) = caller
        .post("/loggers/ROOT", &json!({"configuredLevel": "OFF"}))
        .await
        .unwrap();
    assert_eq!(status, 204);
    let silent = service.log().len();
    // Reads that succeed are logged at DEBUG.
    caller.get("/judges").await.unwrap();
    caller
        .post("/loggers/ROOT", &json!({"configuredLevel": "DEBUG"}))
        .await
        .unwrap();
    caller.get("/judges?loud").await.unwrap();
    until("the read is logged", Duration::from_secs(5), async || {
        service.log()[silent..].contains("/judges")
    })
    .await;
    let since = &service.log()[silent..];
    assert_eq!(since.matches("path=/judges").count(), 1, "{since}");
}

#[tokio::test(flavor = "multi_thread")]
async fn management_moves_to_its_own_port() {
    let management = free_port().unwrap();
    let yaml = format!("management.server.port: {management}\nserver.port: 8090\n");
    let mut service = ServiceBuilder::new(BINARY).config(yaml).spawn().unwrap();
    let caller = Caller::new(format!("http://127.0.0.1:{management}"));
    let health = eventually(
        "it is healthy",
        Duration::from_secs(10),
        async || match caller.get("/health").await {
            Ok((200, health)) => Ok(health),
            other => Err(other),
        },
    )
    .await;
    assert_eq!(health["status"], json!("UP"));
    let main = Caller::new(service.base_url());
    assert_eq!(main.get("/health").await.unwrap().0, 404);
    assert_eq!(main.get("/judges").await.unwrap().0, 200);
    service.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_compressed_and_security_headers_left_out_when_configured() {
    let yaml = "server.compression.enabled: true\nserver.compression.min-response-size: 1KB\n\
                management.endpoints.web.exposure.include: '*'\n";
    let headers_of = async |yaml: &str, path: &str| {
        let service = serving(yaml).await;
        let client = reqwest::Client::builder()
            .no_proxy()
            .gzip(false)
            .build()
            .unwrap();
        let request = client
            .get(service.base_url() + path)
            .header("Accept-Encoding", "gzip");
        request.send().await.unwrap().headers().clone()
    };
    let large = headers_of(yaml, "/loggers").await;
    assert!(
        large.get("content-encoding").is_none(),
        "not a type of the list: {large:?}"
    );
    let large = headers_of(yaml, "/env").await;
    assert!(large.contains_key("x-frame-options"), "{large:?}");
    let large = headers_of(&format!("{yaml}swagger.enabled: true\n"), "/v3/api-docs").await;
    assert_eq!(large["content-encoding"], "gzip", "{large:?}");
    let small = headers_of(yaml, "/judges").await;
    assert!(small.get("content-encoding").is_none(), "{small:?}");
    let bare = headers_of("kayenta.security.enabled: false\n", "/judges").await;
    assert!(bare.get("x-frame-options").is_none(), "{bare:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_json_when_configured_and_carry_the_request_id() {
    let yaml = "logging.format: json\n";
    let service = serving(yaml).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = service.base_url() + "/nothing";
    client
        .get(url)
        .header("X-Request-Id", "my-request")
        .send()
        .await
        .unwrap();
    let log = service.logged("my-request", Duration::from_secs(5)).await;
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let line = lines
        .iter()
        .find(|line| line["request.id"] == json!("my-request"))
        .unwrap();
    assert_eq!(line["status"], json!(404), "{line}");
    assert_eq!(line["level"], json!("INFO"));
    assert_eq!(line["logger"], json!("kayenta::api::transport"));
}

/// An account of a kind nobody knows: the service starts, is not ready, and refuses it by name.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_an_unknown_kind_is_down_and_refused_with_what_can_be_used() {
    let yaml = "kayenta:\n  standaloneCanaryAnalysis.enabled: true\n  memory:\n    enabled: true\n    accounts:\n      - {name: mem, supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]}\n  \
                oracle:\n    enabled: true\n    accounts:\n      - {name: o1, supportedTypes: [OBJECT_STORE]}\n";
    let service = serving(yaml).await;
    let caller = Caller::new(service.base_url());
    assert_eq!(caller.get("/health").await.unwrap().0, 200);
    let (status, _) = caller.get("/health/readiness").await.unwrap();
    assert_eq!(status, 503);
    let (status, answer) = caller
        .post(
            "/canaryConfig?configurationAccountName=o1",
            &json!({"name": "a", "applications": ["x"]}),
        )
        .await
        .unwrap();
    assert_eq!(status, 400, "{answer}");
    let message = answer["message"].as_str().unwrap();
    assert_eq!(
        message,
        "Unable to resolve account o1: account o1 is of the kind oracle, which is not supported."
    );
    assert!(answer.to_string().contains("mem"), "{answer}");
    assert!(
        service.log().contains("use one of the kinds"),
        "{}",
        service.log()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_bin_is_listed_as_the_reference_lists_it() {
    let yaml = "kayenta:\n  configbin:\n    enabled: true\n    accounts:\n      - name: cb\n        \
                ownerApp: app\n        configType: t\n        endpoint.baseUrl: https://configbin.example.com\n";
    let service = serving(yaml).await;
    let caller = Caller::new(service.base_url());
    let (_, credentials) = caller.get("/credentials").await.unwrap();
    let expected = json!([{
        "name": "cb", "supportedTypes": [], "locations": [], "recommendedLocations": [],
        "endpoint": {"baseUrl": "https://configbin.example.com"}, "ownerApp": "app",
        "configType": "t", "type": "configbin",
    }]);
    assert_eq!(credentials, expected);
}

/// C-CONF-09.
#[tokio::test(flavor = "multi_thread")]
async fn c_conf_09_a_file_with_a_metric_store_alone_is_enough() {
    let yaml = "server.port: 8090\nkayenta.prometheus:\n  enabled: true\n  accounts:\n  - name: mine\n    \
                endpoint.baseUrl: http://127.0.0.1:1\n";
    let service = serving(yaml).await;
    let caller = Caller::new(service.base_url());
    let config = json!({"name": "c", "applications": ["a"], "metrics": []});
    let (status, stored) = caller.post("/canaryConfig", &config).await.unwrap();
    assert_eq!(status, 200, "{stored}");
    let log = service.log();
    for said in [
        "no object store is configured",
        "embedded-storage",
        "set kayenta.standaloneCanaryAnalysis.enabled: true",
    ] {
        assert!(log.contains(said), "{said}: {log}");
    }
    assert!(!log.contains("active profiles"), "{log}");
}

/// Upstream's SwaggerTest: a GET of `/swagger-ui/index.html` at the service's own port answers 200, with the profiles
/// `base`, `prometheus` and `graphite` of its integration tests, which say nothing of Swagger and have management at a
/// port of its own. Beyond it: the page and what it loads are what a browser needs.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn upstreams_swagger_test_holds_on_the_configuration_of_upstreams_integration_tests() {
    let redis = RedisServer::start().await.unwrap();
    let management = free_port().unwrap();
    let redis = redis.url();
    let yaml = format!(
        r"
redis.connection: {redis}
kayenta:
  standaloneCanaryAnalysis.enabled: true
  aws:
    enabled: true
    accounts:
      - name: minio-store-account
        bucket: kayenta-bucket
        rootFolder: kayenta
        endpoint: http://127.0.0.1:1
        explicitCredentials: {{accessKey: a, secretKey: s}}
        supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]
  memory:
    enabled: true
    accounts: [{{name: in-memory-store-account, supportedTypes: [OBJECT_STORE]}}]
  s3.enabled: true
  prometheus:
    enabled: true
    health.enabled: true
    accounts:
      - name: prometheus-account
        endpoint.baseUrl: http://127.0.0.1:1
        supportedTypes: [METRICS_STORE]
  graphite:
    enabled: true
    accounts:
      - name: graphite-account
        endpoint.baseUrl: http://127.0.0.1:1
        supportedTypes: [METRICS_STORE]
management:
  endpoints.web:
    base-path: /
    exposure.include: '*'
  endpoint.health.show-details: always
  server.port: {management}
"
    );
    // Not ready without a bucket, as in the reference, and yet serving.
    let service = ServiceBuilder::new(BINARY).config(yaml).spawn().unwrap();
    let page = service.base_url() + "/swagger-ui/index.html";
    let patience = Duration::from_secs(30);
    let html = eventually("upstream's assertion holds", patience, async || {
        let answer = reqwest::get(&page)
            .await
            .map_err(|error| error.to_string())?;
        match answer.status().as_u16() {
            200 => Ok(answer.text().await.unwrap()),
            other => Err(other.to_string()),
        }
    })
    .await;
    assert!(html.contains("<title>Swagger UI</title>"), "{html}");
    let parts: Vec<&str> = html
        .split(['"', '\''])
        .filter(|part| part.starts_with("./") || part.ends_with(".js") || part.ends_with(".css"))
        .collect();
    assert!(parts.len() > 2, "{html}");
    for part in parts {
        let url = reqwest::Url::parse(&page).unwrap().join(part).unwrap();
        let answer = reqwest::get(url).await.unwrap();
        assert_eq!(answer.status(), 200, "{part}");
        assert!(!answer.bytes().await.unwrap().is_empty(), "{part}");
    }
    // Nor is it at the management port, where upstream has none either.
    let elsewhere = format!("http://127.0.0.1:{management}/swagger-ui/index.html");
    assert_eq!(reqwest::get(elsewhere).await.unwrap().status(), 404);
}

/// What `swagger.enabled` changes: on unless it is `false`.
#[tokio::test(flavor = "multi_thread")]
async fn swagger_and_its_documents_are_there_unless_switched_off() {
    let pages = ["/swagger-ui/index.html", "/v3/api-docs", "/v2/api-docs"];
    for (yaml, wanted) in [
        ("server.port: 8090\n", 200),
        ("swagger.title: mine\n", 200),
        ("swagger.enabled: true\n", 200),
        ("swagger.enabled: false\n", 404),
    ] {
        let service = serving(yaml).await;
        for page in pages {
            let answer = reqwest::get(service.base_url() + page).await.unwrap();
            assert_eq!(answer.status(), wanted, "{yaml}{page}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_why_a_request_was_refused_and_a_run_failed() {
    let yaml = "server.port: 8090\nkayenta.prometheus:\n  enabled: true\n  accounts:\n  - name: mine\n    \
                endpoint.baseUrl: http://127.0.0.1:1\n";
    let service = serving(yaml).await;
    let caller = Caller::new(service.base_url());
    let config = json!({
        "name": "c", "applications": ["a"],
        "metrics": [{"name": "m", "query": {"type": "prometheus", "template": "PromQL:x${nowhere}"},
            "groups": ["g"], "scopeName": "default"}],
        "classifier": {"groupWeights": {"g": 100}},
    });
    let side = json!({"scope": "s", "start": "2020-01-01T00:00:00Z", "end": "2020-01-01T01:00:00Z", "step": 60});
    let request = json!({
        "scopes": {"default": {"controlScope": side, "experimentScope": side}},
        "thresholds": {"pass": 95, "marginal": 75},
    });
    let (status, _) = caller
        .post(
            "/canary?metricsAccountName=nobody",
            &json!({"canaryConfig": config, "executionRequest": request}),
        )
        .await
        .unwrap();
    assert_eq!(status, 400);
    let (status, _) = caller
        .post(
            "/canary",
            &json!({"canaryConfig": config, "executionRequest": request}),
        )
        .await
        .unwrap();
    assert_eq!(status, 200);
    let patience = Duration::from_secs(10);
    let refused = "request answered: Unable to resolve account nobody.";
    service.logged(refused, patience).await;
    let log = service.logged("ended terminal", patience).await;
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("ended terminal"))
        .collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains("WARN") && lines[0].contains("variable 'nowhere'"),
        "{lines:?}"
    );
}
