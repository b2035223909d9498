//! A browser without a screen.

use kayenta_testkit::Service;

pub(crate) const SECURITY: &str = "kayenta.security:
  enabled: true
  users:
    - {username: anna, password: an-ordinary-password, role: read}
    - {username: berta, password: another-password, role: write}
  tokens:
    - {name: pipeline, token: 0123456789abcdef, role: write}
";

/// A browser without a screen: it keeps cookies, follows no redirects by itself, and sends the Origin of its page.
pub(crate) struct Visit<'a> {
    service: &'a Service,
    client: reqwest::Client,
    cookies: std::sync::Mutex<std::collections::BTreeMap<String, String>>,
}

impl<'a> Visit<'a> {
    pub(crate) fn new(service: &'a Service) -> Self {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        Self {
            service,
            client: client.build().unwrap(),
            cookies: std::sync::Mutex::default(),
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> reqwest::Response {
        let cookies: Vec<String> = self
            .cookies
            .lock()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = request
            .header("accept", "text/html,*/*;q=0.8")
            .header("cookie", cookies.join("; "));
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(
                cookie.contains("; Path=/ui; HttpOnly; SameSite=Strict"),
                "{cookie}"
            );
            let (pair, _) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies
                .lock()
                .unwrap()
                .insert(name.to_owned(), value.to_owned());
        }
        response
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        let url = format!("{}{path}", self.service.base_url());
        self.send(self.client.get(url)).await
    }

    /// Sends a form from a page of this origin.
    pub(crate) async fn post_from(
        &self,
        origin: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> reqwest::Response {
        let url = format!("{}{path}", self.service.base_url());
        let request = self.client.post(url).header("origin", origin).form(fields);
        self.send(request).await
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::Response {
        self.post_from(&self.service.base_url(), path, fields).await
    }

    /// The token in the form of a page.
    pub(crate) async fn token(&self, path: &str) -> String {
        let page = self.get(path).await.text().await.unwrap();
        let (_, rest) = page
            .split_once("name=\"action-token\" value=\"")
            .unwrap_or_else(|| panic!("no form on {path}: {page}"));
        rest.split_once('"').unwrap().0.to_owned()
    }
}

pub(crate) fn location(response: &reqwest::Response) -> &str {
    response.headers()["location"].to_str().unwrap()
}

/// A browser that has signed in.
pub(crate) async fn signed_in<'a>(
    service: &'a Service,
    username: &str,
    password: &str,
) -> Visit<'a> {
    let visit = Visit::new(service);
    let token = visit.token("/ui/sign-in").await;
    let fields = [
        ("action-token", token.as_str()),
        ("username", username),
        ("password", password),
    ];
    assert_eq!(visit.post("/ui/sign-in", &fields).await.status(), 303);
    visit
}

/// The value of a field of a form.
pub(crate) fn value<'p>(page: &'p str, name: &str) -> &'p str {
    let field = format!("name=\"{name}\"");
    let (_, rest) = page
        .split_once(field.as_str())
        .unwrap_or_else(|| panic!("no {name}: {page}"));
    let (_, rest) = rest.split_once("value=\"").unwrap();
    rest.split_once('"').unwrap().0
}
