use kayenta_settings::CorsSettings;

use crate::fixture::{options, service, service_with};

const ORIGIN: (&str, &str) = ("origin", "http://ui.example.com");

/// C-API-17.
#[tokio::test]
async fn every_answer_has_the_security_headers_and_a_request_id() {
    let service = service();
    for path in ["/judges", "/nope", "/health", "/canaryConfig/none"] {
        let answer = service.get(path).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-xss-protection", "1; mode=block"),
            (
                "cache-control",
                "no-cache, no-store, max-age=0, must-revalidate",
            ),
            ("pragma", "no-cache"),
            ("expires", "0"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path} {name}");
        }
        assert!(answer.header("x-request-id").is_some(), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
        assert_eq!(answer.header("vary"), None);
    }
}

#[tokio::test]
async fn a_callers_request_id_is_kept_if_it_is_one() {
    let service = service();
    let answer = service
        .call("GET", "/judges", &[("x-request-id", "abc-1")])
        .await;
    assert_eq!(answer.header("x-request-id"), Some("abc-1"));
    let long = "x".repeat(200);
    let answer = service
        .call("GET", "/judges", &[("x-request-id", &long)])
        .await;
    assert_ne!(answer.header("x-request-id"), Some(long.as_str()));
    let first = service.get("/judges").await;
    let second = service.get("/judges").await;
    assert_ne!(
        first.header("x-request-id"),
        second.header("x-request-id"),
        "ids differ"
    );
}

/// C-API-04.
#[tokio::test]
async fn any_origin_is_echoed_on_success_and_failure() {
    let service = service();
    for path in ["/judges", "/nope", "/canaryConfig/none", "/health"] {
        let answer = service.call("GET", path, &[ORIGIN]).await;
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("http://ui.example.com"),
            "{path}"
        );
        assert_eq!(
            answer.header("access-control-allow-methods"),
            Some("POST, GET, OPTIONS, DELETE, PUT, PATCH")
        );
        assert_eq!(
            answer.header("access-control-allow-headers"),
            Some("x-requested-with, content-type")
        );
        assert_eq!(answer.header("access-control-max-age"), Some("3600"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
    let answer = service.call("GET", "/judges", &[("origin", "null")]).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("null"));
    let answer = service.call("GET", "/judges", &[("origin", "")]).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn preflights_succeed_on_any_path() {
    let service = service();
    for path in ["/canaryConfig", "/nope"] {
        let answer = service
            .call(
                "OPTIONS",
                path,
                &[ORIGIN, ("access-control-request-method", "POST")],
            )
            .await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.text, "");
        assert_eq!(
            answer.header("allow"),
            Some("GET, HEAD, POST, PUT, DELETE, TRACE, OPTIONS, PATCH")
        );
        assert_eq!(answer.headers.get_all("vary").iter().count(), 3);
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("http://ui.example.com")
        );
    }
}

#[tokio::test]
async fn origins_can_be_restricted() {
    let mut restricted = options();
    restricted.cors = CorsSettings::Origins(vec!["https://ui.example.com".to_owned()]);
    let service = service_with(restricted, Vec::new());
    let allowed = service
        .call("GET", "/judges", &[("origin", "https://ui.example.com")])
        .await;
    assert!(allowed.header("access-control-allow-origin").is_some());
    let other = service.call("GET", "/judges", &[ORIGIN]).await;
    assert_eq!(other.status, 200);
    assert_eq!(other.header("access-control-allow-origin"), None);
    let preflight = service
        .call(
            "OPTIONS",
            "/nope",
            &[ORIGIN, ("access-control-request-method", "POST")],
        )
        .await;
    assert_eq!(preflight.status, 404);
}

#[tokio::test]
async fn options_tell_the_methods_of_known_paths_only() {
    let service = service();
    let answer = service.call("OPTIONS", "/judges", &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text, "");
    assert_eq!(answer.header("allow"), Some("GET,HEAD,OPTIONS"));
    assert_eq!(answer.header("accept-patch"), Some(""));
    assert_eq!(service.call("OPTIONS", "/nope", &[]).await.status, 404);
}

#[tokio::test]
async fn a_wrong_method_is_405_with_the_declared_ones() {
    let service = service();
    let answer = service.call("PATCH", "/canaryConfig/x", &[]).await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("allow"), Some("GET,PUT,DELETE"));
    assert!(answer.message().contains("PATCH"));
    let answer = service.call("PUT", "/judges", &[]).await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("allow"), Some("GET"));
    assert_eq!(service.call("TRACE", "/judges", &[]).await.status, 405);
    let answer = service.call("HEAD", "/judges/judge", &[]).await;
    assert_eq!(answer.status, 405);
}

#[tokio::test]
async fn head_answers_as_get_without_a_body() {
    let service = service();
    let get = service.get("/judges").await;
    let head = service.call("HEAD", "/judges", &[]).await;
    assert_eq!(head.status, 200);
    assert_eq!(head.text, "");
    assert_eq!(
        head.header("content-length"),
        Some(get.text.len().to_string().as_str())
    );
    let head = service.call("HEAD", "/canaryConfig/none", &[]).await;
    assert_eq!(head.status, 404);
}

#[tokio::test]
async fn one_trailing_slash_is_forgiven_and_case_is_not() {
    let service = service();
    for path in ["/judges/", "/canaryConfig/?application=x", "/health/"] {
        assert_eq!(service.get(path).await.status, 200, "{path}");
    }
    for path in ["/Judges", "/judges//"] {
        assert_ne!(service.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_404_in_the_standard_shape() {
    let service = service();
    for (method, path) in [("GET", "/nope"), ("POST", "/nope"), ("GET", "/")] {
        let answer = service.call(method, path, &[]).await;
        assert_eq!(answer.status, 404);
        let body = answer.json();
        let keys: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["timestamp", "status", "error", "message"]);
        assert_eq!(body["message"], "No message available");
    }
    let answer = service
        .call("GET", "/nope", &[("accept", "text/html")])
        .await;
    assert_eq!(answer.status, 406);
    assert!(answer.message().contains("Accept"));
}

#[tokio::test]
async fn c_api_03_paths_with_firewalled_parts_are_400() {
    let service = service();
    for path in [
        "/canaryConfig/a;b",
        "/canaryConfig/a%2Fb",
        "/canaryConfig/%25",
        "/a//b",
    ] {
        let answer = service.get(path).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.message().contains("rejected"), "{path}");
    }
}

#[tokio::test]
async fn only_callers_that_take_json_get_it() {
    let service = service();
    let answer = service
        .call("GET", "/judges", &[("accept", "text/html,*/*;q=0.1")])
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    for accept in ["text/html", "application/xml", "nonsense"] {
        let answer = service.call("GET", "/judges", &[("accept", accept)]).await;
        assert_eq!(answer.status, 406, "{accept}");
        assert!(answer.message().contains("application/json"), "{accept}");
    }
    // Nothing happens before a refusal.
    let answer = service
        .call(
            "DELETE",
            "/credentials/canary-storage",
            &[("accept", "text/html")],
        )
        .await;
    assert_eq!(answer.status, 406);
    assert_eq!(service.get("/canaryConfig").await.status, 200);
}

#[tokio::test]
async fn a_context_path_holds_everything() {
    let mut with_context = options();
    with_context.context_path = "/kay".to_owned();
    let service = service_with(with_context, Vec::new());
    for path in ["/kay/judges", "/kay/health", "/kay/spectator/metrics"] {
        assert_eq!(service.get(path).await.status, 200, "{path}");
    }
    let answer = service.get("/kay").await;
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("location"), Some("/kay/"));
    for path in ["/judges", "/kayjudges", "/kay/"] {
        assert_eq!(service.get(path).await.status, 404, "{path}");
    }
    let answer = service.get("/kay/swagger-ui.html").await;
    assert_eq!(
        answer.header("location"),
        Some("/kay/swagger-ui/index.html")
    );
}
