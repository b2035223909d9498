//! Every metric store, and the remote judge, against the fake back end: the answers and the requests
//! equal the recorded ones.

mod world;

use self::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn datadog() {
    World::start().await.passes("datadog").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn graphite() {
    World::start().await.passes("graphite").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn remote_judge() {
    World::start().await.passes("remote-judge").await;
}
