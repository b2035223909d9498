//! Memory of work whose caller is gone.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

use std::{sync::mpsc, thread};

use kayenta_limits::{
    CALLER_PATIENCE, compute, largest_reservation, reserve_and_hold, scope, set_budget, try_reserve,
};
use tokio::sync::oneshot;

/// One test, as there is one budget for the process.
#[tokio::test]
async fn it_counts_until_the_work_ends() {
    set_budget(4 << 20);
    let large = largest_reservation().unwrap() as usize;
    let (begun, has_begun) = oneshot::channel();
    let (end, ends) = mpsc::channel();
    let caller = tokio::spawn(scope(async move {
        reserve_and_hold("parsing", large, CALLER_PATIENCE)
            .await
            .unwrap();
        let work = move || {
            let _ = begun.send(());
            let _ = ends.recv();
        };
        compute(work).await.unwrap();
    }));
    has_begun.await.unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    assert!(try_reserve(large).is_none());
    end.send(()).unwrap();
    while try_reserve(large).is_none() {
        thread::yield_now();
    }
}
