//! Signing in and out.

use kayenta_testkit::FakePrometheus;

use super::visit::{SECURITY, Visit, location};
use crate::samples::embedded_service;

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_signs_in_for_the_pages_alone_and_signs_out() {
    let prometheus = FakePrometheus::start().await.unwrap();
    let service = embedded_service(&prometheus.base_url(), SECURITY).await;
    let visit = Visit::new(&service);
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
    assert!(wrong.text().await.unwrap().contains("Bad credentials."));
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
