//! Every metric store, and the remote judge, against the fake back end: the answers and the requests
//! equal the recorded ones, and odd answers end better than in the reference.

mod http_json;
mod metadata;
mod recipes;
mod secrets;
mod world;

use self::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn atlas() {
    World::start().await.passes("atlas").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn atlas_mends() {
    World::start().await.improves_on_defects("atlas").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn datadog() {
    World::start().await.passes("datadog").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn datadog_mends() {
    World::start().await.improves_on_defects("datadog").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn graphite() {
    World::start().await.passes("graphite").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn graphite_mends() {
    World::start().await.improves_on_defects("graphite").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn introspection() {
    World::start().await.passes("introspection").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn remote_judge() {
    World::start().await.passes("remote-judge").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn remote_judge_mends() {
    World::start()
        .await
        .improves_on_defects("remote judge")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn account_of_another_store_mends() {
    World::start()
        .await
        .improves_on_defects("account of another store")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signalfx() {
    World::start().await.passes("signalfx").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signalfx_mends() {
    World::start().await.improves_on_defects("signalfx").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stackdriver() {
    World::start().await.passes("stackdriver").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stackdriver_mends() {
    World::start()
        .await
        .improves_on_defects("stackdriver")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn influxdb() {
    World::start().await.passes("influxdb").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn influxdb_mends() {
    World::start().await.improves_on_defects("influxdb").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn newrelic() {
    World::start().await.passes("newrelic").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn newrelic_mends() {
    World::start().await.improves_on_defects("newrelic").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wavefront() {
    World::start().await.passes("wavefront").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wavefront_mends() {
    World::start().await.improves_on_defects("wavefront").await;
}
