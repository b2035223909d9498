//! The reference's keys in Redis: what runs still, what is left over.

use kayenta_config::Settings;
use kayenta_redis::{ReferenceState, reference_state};
use kayenta_settings::WorkBackend;

use super::report::{Finding, Redis};
use crate::wiring;

/// `None` when no Redis is configured.
pub(super) async fn examine(settings: &Settings) -> Option<Redis> {
    let WorkBackend::Redis(redis) = &settings.work else {
        return None;
    };
    let looked = async {
        let adapter =
            wiring::redis_store_options(settings, redis).map_err(|error| format!("{error:#}"))?;
        reference_state(&adapter)
            .await
            .map_err(|error| error.message)
    };
    let address = redis.address();
    Some(match looked.await {
        Ok(state) => Redis {
            findings: findings(&state, &address),
            address,
            failure: None,
            keys: state.keys.into_iter().map(Into::into).collect(),
            unfinished: state.unfinished.into_iter().map(Into::into).collect(),
        },
        Err(failure) => Redis {
            address,
            failure: Some(failure),
            keys: Vec::new(),
            unfinished: Vec::new(),
            findings: Vec::new(),
        },
    })
}

fn findings(state: &ReferenceState, address: &str) -> Vec<Finding> {
    let count = |kind: &str| {
        state
            .keys
            .iter()
            .filter(|keys| keys.kind == kind)
            .map(|keys| keys.count)
            .sum::<u64>()
    };
    let alive = count("heartbeats");
    let keys: u64 = state.keys.iter().map(|keys| keys.count).sum();
    let mut findings = Vec::new();
    if alive > 0 {
        findings.push(Finding::note(
            address,
            format!(
                "{alive} instance(s) of the Java service are alive: the keys below are in use, \
                 remove none of them yet"
            ),
        ));
    } else if keys > 0 {
        findings.push(Finding::note(
            address,
            "no instance of the Java service is alive: nothing reads the keys below any more, they \
             can be removed",
        ));
    }
    let unfinished = state.unfinished.len();
    if unfinished > 0 {
        let what = if alive > 0 {
            "they end with the Java service and are not taken over: let it finish them first, or \
             start them again afterwards"
        } else {
            "no instance is alive to finish them, and they are not taken over: start again those that \
             still matter"
        };
        findings.push(
            Finding::attention(
                address,
                format!("{unfinished} execution(s) of the Java service have not ended; {what}"),
            )
            .departs("C-REDIS-01"),
        );
    }
    if state.messages > 0 {
        findings.push(Finding::note(
            address,
            format!(
                "{} message(s) of the Java service's queue are waiting or in progress; they are \
                 neither read nor run here",
                state.messages
            ),
        ));
    }
    findings
}
