//! What protects the pages from other sites, and who may see them.

use kayenta_testkit::FakePrometheus;

use super::visit::SECURITY;
use crate::samples::embedded_service;

#[tokio::test(flavor = "multi_thread")]
async fn c_api_21_pages_have_a_strict_policy_and_browsers_are_sent_to_them() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), "").await;
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let get = async |path: &str, accept: &str| {
        let url = format!("{}{path}", service.base_url());
        let request = client
            .get(url)
            .header("accept", accept)
            .header("origin", "https://elsewhere.example");
        request.send().await.unwrap()
    };
    let page = get("/ui", "text/html").await;
    assert_eq!(page.status(), 200);
    let header = |name: &str| {
        page.headers()
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    let policy = header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(header("x-frame-options").as_deref(), Some("DENY"));
    assert_eq!(header("access-control-allow-origin"), None);
    let open = get("/credentials", "application/json").await;
    assert!(
        open.headers().contains_key("access-control-allow-origin"),
        "the API stays open"
    );
    assert_eq!(
        get("/ui/runs/01KQ0000000000000000000000", "text/html")
            .await
            .status(),
        404
    );
    assert_eq!(get("/ui/assets/other.js", "*/*").await.status(), 404);
    let lost = get("/ui/run/01KQ0000000000000000000000", "text/html").await;
    assert_eq!(lost.status(), 404);
    let lost = lost.text().await.unwrap();
    assert!(
        lost.contains("There is no such page") && lost.contains("href=\"/ui/configs\""),
        "{lost}"
    );
    assert_eq!(
        client
            .post(format!("{}/ui", service.base_url()))
            .send()
            .await
            .unwrap()
            .status(),
        405
    );
    let home = get("/", "text/html,application/xhtml+xml,*/*;q=0.8").await;
    assert_eq!(
        (
            home.status().as_u16(),
            home.headers()["location"].to_str().unwrap()
        ),
        (302, "/ui")
    );
    assert_eq!(
        get("/", "*/*").await.status(),
        404,
        "everybody else gets what they got before"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_names_users_for_the_pages_alone_and_only_where_that_is_set() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let trusting = format!("{SECURITY}kayenta.ui.userHeader: X-Forwarded-User\n");
    for (settings, page) in [(trusting.as_str(), 200), (SECURITY, 401)] {
        let service = embedded_service(&prometheus.base_url(), settings).await;
        let client = reqwest::Client::new();
        let get = async |path: &str| {
            let request = client.get(format!("{}{path}", service.base_url()));
            request
                .header("x-forwarded-user", "clara")
                .send()
                .await
                .unwrap()
                .status()
                .as_u16()
        };
        assert_eq!(get("/ui").await, page, "{settings}");
        assert_eq!(get("/canaryConfig").await, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_need_the_role_read_and_can_be_switched_off() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), SECURITY).await;
    let client = reqwest::Client::new();
    let page = |path: &str| client.get(format!("{}{path}", service.base_url()));
    for path in ["/ui", "/ui/runs/1", "/ui/analyses/1/report.html"] {
        let refused = page(path).send().await.unwrap();
        assert_eq!(refused.status(), 401, "{path}");
        assert!(
            refused.headers()["www-authenticate"]
                .to_str()
                .unwrap()
                .contains("Basic"),
            "{path}"
        );
    }
    let script = page("/ui/assets/kayenta.js").send().await.unwrap();
    assert_eq!(script.status(), 200, "the page for signing in has a style");
    let allowed = page("/ui").basic_auth("anna", Some("an-ordinary-password"));
    assert_eq!(allowed.send().await.unwrap().status(), 200);

    let without = embedded_service(&prometheus.base_url(), "kayenta.ui.enabled: false\n").await;
    let gone = client
        .get(format!("{}/ui", without.base_url()))
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), 404);
}
