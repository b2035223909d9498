//! TLS, users, databases, Sentinel and Cluster.

use std::time::Duration;

use kayenta_queue::{Job, WorkQueue};
use kayenta_redis::{RedisStore, RedisStoreOptions};
use kayenta_settings::{RedisSettings, RedisTopology};
use kayenta_testkit::{
    RedisServer,
    redis_server::{RedisCluster, RedisOptions, RedisSentinel},
    until,
};

async fn a_job_goes_through(options: RedisStoreOptions) {
    let store = RedisStore::new(options).unwrap();
    let job = Job {
        execution_id: "a".to_owned(),
    };
    store.push(&job, None).await.unwrap();
    let taken = tokio::time::timeout(Duration::from_secs(10), store.take())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(taken.job, job);
    store.renew(&taken.lease).await.unwrap();
    store.complete(&taken.lease).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_database_of_its_own_is_used() {
    let server = RedisServer::start().await.unwrap();
    let settings = RedisSettings {
        database: 3,
        ..RedisSettings::single("127.0.0.1", server.port())
    };
    a_job_goes_through(RedisStoreOptions::new(settings, "one")).await;
    assert_eq!(
        server.cli(&["-n", "0", "DBSIZE"]).await.unwrap().trim(),
        "0"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn tls_is_verified_against_the_authority() {
    let server = RedisServer::start_with(RedisOptions {
        tls: true,
        ..RedisOptions::default()
    })
    .await
    .unwrap();
    let settings = RedisSettings {
        tls: true,
        ..RedisSettings::single("localhost", server.port())
    };
    let untrusting = RedisStoreOptions::new(settings, "one");
    a_job_goes_through(RedisStoreOptions {
        trusted_pem: server.authority_pem().map(|pem| pem.as_bytes().to_vec()),
        ..untrusting.clone()
    })
    .await;
    let error = RedisStore::new(untrusting)
        .unwrap()
        .check()
        .await
        .unwrap_err();
    assert!(
        error.message.to_lowercase().contains("certificate"),
        "{}",
        error.message
    );
}

/// Of servers whose certificates are their own authorities.
const SELF_SIGNED: RedisOptions = RedisOptions {
    append_only: false,
    password: None,
    user: None,
    tls: true,
    self_signed: true,
    certificates: None,
    replica_of: None,
    cluster: false,
};

/// Reached by TLS, trusting the certificates of these servers.
fn trusting(topology: RedisTopology, servers: &[&RedisServer]) -> RedisStoreOptions {
    let settings = RedisSettings {
        tls: true,
        topology,
        ..RedisSettings::single("unused", 0)
    };
    let trusted: String = (servers.iter())
        .filter_map(|server| server.authority_pem())
        .collect();
    RedisStoreOptions {
        trusted_pem: (!trusted.is_empty()).then(|| trusted.into_bytes()),
        ..RedisStoreOptions::new(settings, "one")
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_servers_own_certificate_in_the_trust_store_is_accepted_even_if_it_is_an_authority() {
    let server = RedisServer::start_with(SELF_SIGNED).await.unwrap();
    let single = |host: &str| RedisTopology::Single {
        host: host.to_owned(),
        port: server.port(),
    };
    a_job_goes_through(trusting(single("localhost"), &[&server])).await;

    let another = RedisServer::start_with(SELF_SIGNED).await.unwrap();
    for (options, words) in [
        (
            trusting(single("127.0.0.1"), &[&server]),
            "it is not for the host 127.0.0.1 but for localhost",
        ),
        (
            trusting(single("localhost"), &[&another]),
            "the certificate of the server is not accepted",
        ),
    ] {
        let store = RedisStore::new(options).unwrap();
        let error = store.check().await.unwrap_err();
        assert!(error.message.contains(words), "{}", error.message);
        assert!(!error.message.contains("CaUsed"), "{}", error.message);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_master_with_tls_is_found_by_its_sentinel() {
    let master = RedisServer::start_with(RedisOptions {
        self_signed: false,
        ..SELF_SIGNED
    })
    .await
    .unwrap();
    let sentinel = RedisSentinel::start(&master).await.unwrap();
    let topology = RedisTopology::Sentinel {
        nodes: vec![
            ("127.0.0.1".to_owned(), 1),
            ("127.0.0.1".to_owned(), sentinel.port()),
        ],
        master: "mymaster".to_owned(),
    };
    a_job_goes_through(trusting(topology.clone(), &[&master])).await;
    let store = RedisStore::new(trusting(topology, &[])).unwrap();
    let error = store.check().await.unwrap_err();
    assert!(
        error.message.contains("add its authority"),
        "{}",
        error.message
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_master_the_sentinel_does_not_know_is_named() {
    let master = RedisServer::start().await.unwrap();
    let _replica = RedisServer::start_with(RedisOptions {
        replica_of: Some(master.port()),
        ..RedisOptions::default()
    })
    .await
    .unwrap();
    let sentinel = RedisSentinel::start(&master).await.unwrap();
    let settings = RedisSettings {
        topology: RedisTopology::Sentinel {
            nodes: vec![("127.0.0.1".to_owned(), sentinel.port())],
            master: "another".to_owned(),
        },
        ..RedisSettings::single("unused", 0)
    };
    let store = RedisStore::new(RedisStoreOptions::new(settings, "one")).unwrap();
    let error = store.check().await.unwrap_err();
    assert!(
        error
            .message
            .contains("the sentinel knows no master named another"),
        "{}",
        error.message
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_cluster_with_tls_is_checked_against_the_trust_store() {
    let cluster = RedisCluster::start_with(RedisOptions {
        self_signed: false,
        ..SELF_SIGNED
    })
    .await
    .unwrap();
    let servers: Vec<_> = cluster.nodes().iter().collect();
    let nodes = (cluster.nodes().iter())
        .map(|node| ("127.0.0.1".to_owned(), node.port()))
        .collect();
    let topology = RedisTopology::Cluster { nodes };
    a_job_goes_through(trusting(topology.clone(), &servers)).await;
    let store = RedisStore::new(trusting(topology, &[])).unwrap();
    let error = store.check().await.unwrap_err();
    assert!(
        error.message.contains("add its authority"),
        "{}",
        error.message
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_user_of_an_access_control_list_is_let_in() {
    let server = RedisServer::start_with(RedisOptions {
        user: Some(("worker".to_owned(), "s#cr:t".to_owned())),
        ..RedisOptions::default()
    })
    .await
    .unwrap();
    let settings = RedisSettings {
        username: Some("worker".to_owned()),
        password: Some("s#cr:t".into()),
        ..RedisSettings::single("127.0.0.1", server.port())
    };
    a_job_goes_through(RedisStoreOptions::new(settings, "one")).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_failover_of_the_master_loses_no_job() {
    let master = RedisServer::start().await.unwrap();
    let replica = RedisServer::start_with(RedisOptions {
        replica_of: Some(master.port()),
        ..RedisOptions::default()
    })
    .await
    .unwrap();
    let sentinel = RedisSentinel::start(&master).await.unwrap();
    let settings = RedisSettings {
        topology: RedisTopology::Sentinel {
            nodes: vec![("127.0.0.1".to_owned(), sentinel.port())],
            master: "mymaster".to_owned(),
        },
        ..RedisSettings::single("unused", 0)
    };
    let store = RedisStore::new(RedisStoreOptions::new(settings, "one")).unwrap();
    store
        .push(
            &Job {
                execution_id: "kept".to_owned(),
            },
            None,
        )
        .await
        .unwrap();
    // Redis replicates without being asked to wait.
    until(
        "the replica has the job",
        Duration::from_secs(5),
        async || replica.cli(&["DBSIZE"]).await.unwrap().trim() != "0",
    )
    .await;
    let mut master = master;
    master.kill().await.unwrap();
    let taken = tokio::time::timeout(Duration::from_secs(60), store.take())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(taken.job.execution_id, "kept");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis"]
async fn a_cluster_accepts_every_script() {
    let cluster = RedisCluster::start().await.unwrap();
    let nodes = cluster
        .nodes()
        .iter()
        .map(|node| ("127.0.0.1".to_owned(), node.port()))
        .collect();
    let settings = RedisSettings {
        topology: RedisTopology::Cluster { nodes },
        ..RedisSettings::single("unused", 0)
    };
    a_job_goes_through(RedisStoreOptions::new(settings, "one")).await;
}
