//! Signing in and out.

use std::{path::Path, time::Duration};

use kayenta_testkit::FakePrometheus;
use serde_json::json;

use super::{
    AXE,
    visit::{SECURITY, Visit, location},
};
use crate::{browser, samples::embedded_service};

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_signs_in_for_the_pages_alone_and_signs_out() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), SECURITY).await;
    let visit = Visit::new(&service);
    let home = visit.get("/").await;
    assert_eq!((home.status().as_u16(), location(&home)), (302, "/ui"));
    let refused = visit.get("/ui/runs/1?metric=a%20b").await;
    assert_eq!(refused.status(), 303);
    let form = location(&refused).to_owned();
    assert_eq!(form, "/ui/sign-in?next=%2Fui%2Fruns%2F1%3Fmetric%3Da%2520b");
    let token = visit.token(&form).await;
    let field = ("action-token", token.as_str());
    let next = ("next", "/ui?search=x");

    let wrong = visit
        .post(
            "/ui/sign-in",
            &[field, next, ("username", "anna"), ("password", "wrong")],
        )
        .await;
    assert_eq!(wrong.status(), 401);
    assert!(
        wrong
            .text()
            .await
            .unwrap()
            .contains("This name and this password do not match.")
    );
    let by_user = [
        field,
        next,
        ("username", "anna"),
        ("password", "an-ordinary-password"),
    ];
    let without_token = visit.post("/ui/sign-in", &by_user[1..]).await;
    assert_eq!(without_token.status(), 403);
    let elsewhere = visit
        .post_from("https://elsewhere.example", "/ui/sign-in", &by_user)
        .await;
    assert_eq!(elsewhere.status(), 403);
    assert_eq!(
        visit.get("/ui").await.status(),
        303,
        "nobody has signed in yet"
    );

    let signed_in = visit.post("/ui/sign-in", &by_user).await;
    assert_eq!(
        (signed_in.status().as_u16(), location(&signed_in)),
        (303, "/ui?search=x")
    );
    assert_eq!(visit.get("/ui").await.status(), 200);
    assert!(
        visit
            .get("/ui/sign-out")
            .await
            .text()
            .await
            .unwrap()
            .contains("signed in as anna")
    );
    // The cookie of the pages is none of the API.
    assert_eq!(visit.get("/canaryConfig").await.status(), 401);

    let token = visit.token("/ui/sign-out").await;
    let out = visit
        .post("/ui/sign-out", &[("action-token", &token)])
        .await;
    assert_eq!(
        (out.status().as_u16(), location(&out)),
        (303, "/ui/sign-in")
    );
    assert_eq!(visit.get("/ui").await.status(), 303);

    let token = visit.token("/ui/sign-in").await;
    let by_token = [
        ("action-token", token.as_str()),
        ("token", "0123456789abcdef"),
    ];
    let signed_in = visit.post("/ui/sign-in", &by_token).await;
    assert_eq!(
        (signed_in.status().as_u16(), location(&signed_in)),
        (303, "/ui")
    );
    assert!(
        visit
            .get("/ui/sign-out")
            .await
            .text()
            .await
            .unwrap()
            .contains("signed in as pipeline")
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and node"]
async fn a_person_signs_in_and_out_by_keyboard_and_reads_what_went_wrong() {
    let axe = browser::package(AXE).await.join("axe.min.js");
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), SECURITY).await;
    let brief = format!("{SECURITY}kayenta.ui.sessionLifetime: 2s\n");
    let short = embedded_service(&prometheus.base_url(), &brief).await;
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sign-in");
    std::fs::create_dir_all(&pictures).unwrap();
    let short = short.base_url();
    let settings = [
        ("AXE", axe.as_os_str()),
        ("PICTURES", pictures.as_os_str()),
        ("SHORT", short.as_ref()),
    ];
    let patience = Duration::from_secs(600);
    let seen = browser::walk("pages/sign_in.cjs", &service, &settings, patience).await;
    for amiss in ["errors", "foreign", "wide", "axe"] {
        assert_eq!(seen[amiss], json!([]), "{amiss}: {seen:#}");
    }
    assert_eq!(seen["looked"], 16, "{seen:#}");
    let walks = seen["walks"].as_array().unwrap();
    assert_eq!(walks.len(), 4);
    for saw in walks {
        let asked = "/ui/sign-in?next=%2Fui%2Fconfigs%3Fsearch%3Dshop";
        for (what, expected) in [
            ("asked", json!(asked)),
            ("links", json!(0)),
            ("first", json!("username")),
            ("second", json!("password")),
            ("wrong", json!("This name and this password do not match.")),
            ("wrongToken", json!("This token is not valid.")),
            ("kept", json!("anna")),
            ("arrived", json!("/ui/configs?search=shop")),
            ("out", json!("/ui/sign-in")),
            ("said", json!(0)),
            ("locked", json!("/ui/sign-in")),
            ("byToken", json!("/ui")),
            (
                "ended",
                json!("Your session has ended. Sign in again to go on."),
            ),
            ("back", json!("/ui/accounts")),
        ] {
            assert_eq!(saw[what], expected, "{what}: {saw:#}");
        }
        let text = |what: &str| saw[what].as_str().unwrap().to_owned();
        assert!(text("who").contains("signed in as anna"), "{saw:#}");
    }
}
