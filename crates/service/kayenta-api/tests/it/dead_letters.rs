//! Jobs that were given up: looked at, and put back.

use kayenta_model::ExecutionStatus;
use kayenta_queue::{ExecutionRecord, ExecutionStore, Job, WorkQueue};
use kayenta_settings::{AuthenticationSettings, BearerToken, Role};
use kayenta_testkit::eventually;
use serde_json::{Value, json};

use crate::fixture::{PATIENCE, Service, options, service, service_with};

/// Queues an execution whose record cannot be read.
pub(crate) async fn bury(service: &Service, id: &str) {
    let record = ExecutionRecord {
        id: id.to_owned(),
        group: "app-standard-canary-pipeline".to_owned(),
        status: ExecutionStatus::Running,
        build_time_millis: 1,
        has_job: true,
        body: "not a record".into(),
        parts: Vec::new(),
        summary: bytes::Bytes::new(),
    };
    service.work.create(&record).await.unwrap();
    let job = Job {
        execution_id: id.to_owned(),
    };
    service.work.push(&job, None).await.unwrap();
}

pub(crate) async fn letters(service: &Service, count: usize) -> Vec<Value> {
    let what = format!("there are {count} dead letters");
    eventually(what, PATIENCE, async || {
        let answer = service.get("/admin/deadLetters").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let letters = answer.json().as_array().unwrap().clone();
        if letters.len() == count {
            Ok(letters)
        } else {
            Err(letters)
        }
    })
    .await
}

#[tokio::test]
async fn c_queue_01_dead_letters_are_listed_newest_first_and_put_back() {
    let service = service();
    assert_eq!(letters(&service, 0).await, Vec::<Value>::new());
    bury(&service, "first").await;
    letters(&service, 1).await;
    bury(&service, "second").await;
    let found = letters(&service, 2).await;
    let first = &found[1];
    assert_eq!(found[0]["executionId"], "second");
    assert_eq!(first["executionId"], "first");
    assert_eq!(
        first["reason"],
        "the record of execution first cannot be read"
    );
    let iso = first["givenUpTimeIso"].as_str().unwrap();
    let at: chrono::DateTime<chrono::Utc> = iso.parse().unwrap();
    assert_eq!(first["givenUpTimeMillis"], at.timestamp_millis());
    let newest = service.get("/admin/deadLetters?limit=1").await.json();
    assert_eq!(newest, json!([found[0]]));
    let none = service.get("/admin/deadLetters?limit=0").await.json();
    assert_eq!(none, json!([]));

    let put_back = |id: &str| format!("/admin/deadLetters/{id}/putBack");
    let id = first["id"].as_str().unwrap();
    // What was in the way is gone: the job finds nothing to do.
    service.work.delete("first").await.unwrap();
    let answer = service.call("PUT", &put_back(id), &[]).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (202, ""));
    assert_eq!(letters(&service, 1).await[0]["executionId"], "second");
    // What is still in the way makes another letter of it.
    let id = found[0]["id"].as_str().unwrap();
    assert_eq!(service.call("PUT", &put_back(id), &[]).await.status, 202);
    let again = letters(&service, 1).await;
    assert_eq!(again[0]["executionId"], "second");
    let answer = service.call("PUT", &put_back(id), &[]).await;
    assert_eq!(answer.status, 404, "a letter is put back once");
    assert!(answer.message().contains(id), "{}", answer.text);
    assert_eq!(
        service.call("PUT", &put_back("nope"), &[]).await.status,
        404
    );
    assert_eq!(service.call("POST", &put_back(id), &[]).await.status, 405);
}

#[tokio::test]
async fn readers_may_look_at_dead_letters_and_writers_put_them_back() {
    let token = |name: &str, role| BearerToken {
        name: name.to_owned(),
        token: name.into(),
        role,
    };
    let mut secured = options();
    secured.authentication = Some(AuthenticationSettings {
        tokens: vec![token("reader", Role::Read), token("writer", Role::Write)],
        ..AuthenticationSettings::default()
    });
    let service = service_with(secured, Vec::new());
    let ask = async |method: &str, path: &str, token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        service.call(method, path, &headers).await.status.as_u16()
    };
    let put_back = "/admin/deadLetters/none/putBack";
    assert_eq!(service.get("/admin/deadLetters").await.status, 401);
    assert_eq!(service.call("PUT", put_back, &[]).await.status, 401);
    assert_eq!(ask("GET", "/admin/deadLetters", "reader").await, 200);
    assert_eq!(ask("PUT", put_back, "reader").await, 403);
    assert_eq!(ask("PUT", put_back, "writer").await, 404);
}
