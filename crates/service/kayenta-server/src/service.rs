//! The service: from settings to answered requests, and its orderly end.

use std::{
    io,
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use axum::Router;
use kayenta_api::{ApiParts, ApiState, PageRoutes, management_router, router_with_pages};
use kayenta_config::{Environment, Settings, Severity};
use kayenta_engine::{Engine, EngineOptions, EngineParts, RandomIds, SideWork};
use kayenta_management::{Lifecycle, ManagementParts};
use kayenta_metrics::account::Surroundings;
use kayenta_model::{Clock, IdSource};
use kayenta_notifications::{Notifier, Receivers};
use kayenta_queue::SystemClock;
use kayenta_secrets::SecretFiles;
use kayenta_settings::{ManagementPort, ServerSettings, ShutdownMode};
use kayenta_ui::{Pages, PagesOptions};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    http::{
        Carried, ConnectionLimits, HttpServer, Pace, ProbeThread, ServerLimits, TlsListener,
        TlsListeners, around,
    },
    logging::{self, Logging},
    meters,
    preparation::{Prepared, prepare},
    queue_gauges, secret_files,
    signals::{self, Ending},
    startup_failure::StartupFailure,
    telemetry::{AcrossQueue, Telemetry},
    wiring::{
        self, Work,
        accounts::Ingredients,
        kinds::{KINDS, Loaded},
    },
};

/// Connections of callers at a time where nothing else bounds them.
const MOST_CONNECTIONS: usize = 8_192;
/// Those of the management port, which has nothing to do with the callers of the other one.
const MANAGEMENT_CONNECTIONS: ConnectionLimits = ConnectionLimits {
    total: 64,
    per_peer: 32,
};
/// With fewer descriptors a hundred clients can crowd out the stores.
const FEW_DESCRIPTORS: u64 = 1_024;
/// Least time left to work that must be put back into the queue when requests took all the grace.
const PUT_BACK: Duration = Duration::from_secs(2);

/// A service that listens but does not answer yet.
#[derive(Debug)]
pub(crate) struct Service {
    settings: Settings,
    engine: Engine,
    work: Work,
    receivers: Arc<Receivers>,
    telemetry: Option<Telemetry>,
    state: ApiState,
    main: Option<HttpServer>,
    management: Option<HttpServer>,
    tls: TlsListeners,
    lifecycle: watch::Sender<Lifecycle>,
    shutdown: CancellationToken,
    secret_files: SecretFiles,
    started: Instant,
    _logging: Logging,
}

impl Service {
    /// Reads the settings, starts logging, opens the stores and binds the ports.
    ///
    /// # Errors
    /// With what is wrong and what to do, when it cannot start.
    pub(crate) async fn start(environment: Environment) -> anyhow::Result<Self> {
        let started = Instant::now();
        let secret_files = environment.secret_files().clone();
        let Loaded {
            settings,
            accounts: configured,
            warnings,
            environment,
            effective,
            files,
        } = kayenta_config::load(&environment, KINDS)?;
        let telemetry = Telemetry::new(&settings.tracing).map_err(|error| {
            StartupFailure::new(
                format!("Traces cannot be exported: {error:#}"),
                "Check kayenta.tracing.* and the variables OTEL_EXPORTER_OTLP_*.",
            )
        })?;
        let logging = logging::start(&settings.logging, telemetry.as_ref())?;
        for warning in &warnings {
            match warning.severity {
                Severity::Note => tracing::info!("{warning}"),
                Severity::Warning | Severity::Error => tracing::warn!("{warning}"),
            }
        }
        tracing::info!(
            "Starting Kayenta {} with PID {}{}",
            env!("CARGO_PKG_VERSION"),
            std::process::id(),
            set_profiles(&settings.profiles),
        );
        match files.as_slice() {
            [] => tracing::info!(
                "no configuration file found; running on the embedded default with data in {}",
                settings.data_dir.display()
            ),
            files => tracing::info!("configuration read from {}", files.join(", ")),
        }
        let descriptors = grant(&settings);
        let meters = meters::install()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let Prepared {
            tls,
            http,
            transport,
            judges,
            receivers,
        } = prepare(&settings, &configured, &clock)?;
        if let Some(telemetry) = &telemetry {
            telemetry.connect(&transport);
        }
        // First, so that a second process on the same port leaves the data of the first alone.
        let main = bind_main(&settings.server, tls.main.clone(), descriptors).await?;
        let management = bind_management(&settings, tls.management.clone()).await?;

        let ids: Arc<dyn IdSource> = Arc::new(RandomIds::new());
        let ingredients = Ingredients {
            http,
            surroundings: Surroundings {
                transport: transport.clone(),
                clock: Arc::clone(&clock),
                ids: Arc::clone(&ids),
            },
        };
        let accounts = wiring::accounts::register(&configured, &ingredients).await?;
        let work = wiring::open_work(&settings, &clock).await?;
        let engine = Engine::new(
            EngineParts {
                accounts: Arc::new(accounts),
                judges: Arc::new(judges),
                queue: Arc::clone(&work.queue),
                executions: Arc::clone(&work.executions),
                clock,
                ids,
            },
            EngineOptions {
                traces: telemetry.is_some().then(|| Arc::new(AcrossQueue) as _),
                notices: (!receivers.is_empty()).then(|| Arc::clone(&receivers) as _),
                ..engine_options(&settings, descriptors)
            },
        );
        let shutdown = CancellationToken::new();
        let lifecycle = watch::Sender::new(Lifecycle::Starting);
        let state = ApiState::new(ApiParts {
            engine: engine.clone(),
            options: wiring::api_options(&settings, &configured, &transport)
                .context("kayenta.security.jwt")?,
            management: ManagementParts {
                indicators: wiring::indicators(
                    &settings,
                    &configured.unknown,
                    &engine,
                    work.component,
                    &shutdown,
                ),
                lifecycle: lifecycle.subscribe(),
                log_levels: Arc::clone(&logging.levels) as _,
                metrics: Arc::new(meters.clone()),
                environment: wiring::environment(environment, &effective),
                info: wiring::info(&settings.management),
                scheduled_tasks: wiring::scheduled_tasks(&settings),
            },
        })
        .map_err(|error| StartupFailure::new(error.to_string(), "Check kayenta.security.*."))?;
        Ok(Self {
            settings,
            engine,
            work,
            receivers,
            telemetry,
            state,
            main,
            management,
            tls,
            lifecycle,
            shutdown,
            secret_files,
            started,
            _logging: logging,
        })
    }

    /// Where the main port is.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        let main = self
            .main
            .as_ref()
            .context("server.port is -1: there is no port")?;
        Ok(main.address()?)
    }

    /// What ends it.
    pub(crate) fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Answers and works until a signal or [`Self::shutdown`] ends it; returns the exit code.
    ///
    /// # Errors
    /// When it cannot begin.
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let Self {
            settings,
            engine,
            work,
            receivers,
            telemetry,
            state,
            main,
            management,
            tls,
            ..
        } = self;
        let (lifecycle, shutdown) = (self.lifecycle, self.shutdown);
        let grace = match settings.server.shutdown {
            ShutdownMode::Graceful => settings.server.shutdown_timeout,
            ShutdownMode::Immediate => Duration::ZERO,
        };
        let tasks = TaskTracker::new();
        // Listening ends by a token of its own: probes shall hear OUT_OF_SERVICE until then.
        let listening = CancellationToken::new();
        let routes = router_with_pages(state.clone(), pages(&engine, &state, &settings));
        let routes = around(routes, &settings);
        let probes = ProbeThread::start().context("cannot start the thread of the probes")?;
        let serve = |server, routes| serve(&tasks, &probes, server, routes, &listening, grace);
        serve(main, routes)?;
        if let Some(server) = management {
            let routes = under(&settings.management.port, management_router(state));
            let routes = around(routes, &settings);
            serve(Some(server), routes)?;
        }
        tls.watch(&tasks, &settings, &shutdown);
        tasks.spawn(secret_files::keep_current(
            self.secret_files,
            shutdown.clone(),
        ));
        tasks.spawn(queue_gauges::keep(engine.clone(), shutdown.clone()));
        keep_metadata_fresh(&tasks, &engine, &shutdown);
        if settings.queue.enabled {
            let (engine, shutdown) = (engine.clone(), shutdown.clone());
            let records = Arc::clone(&work.executions);
            let side_work = SideWork {
                notices: Some(Arc::new(Notifier::new(receivers, engine.clone(), records))),
                tasks: wiring::periodic_tasks(&settings, &engine),
            };
            tasks.spawn(async move { engine.run_with(shutdown, side_work).await });
        }
        tasks.close();
        lifecycle.send_replace(Lifecycle::Ready);
        tracing::info!(
            "Started Kayenta in {:.3} seconds",
            self.started.elapsed().as_secs_f64()
        );

        let ending = tokio::select! {
            ending = signals::wait(shutdown.clone()) => Some(ending.context("cannot watch signals")?),
            () = shutdown.cancelled() => None,
        };
        let begun = Instant::now();
        lifecycle.send_replace(Lifecycle::Stopping);
        tracing::info!("Commencing graceful shutdown. Waiting for active requests to complete");
        listening.cancel();
        if tokio::time::timeout(grace + PUT_BACK, tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                "work in progress did not end in time; it is recorded and another worker continues it"
            );
        }
        work.shut_down().await;
        if let Some(telemetry) = telemetry {
            telemetry.shut_down().await;
        }
        tracing::info!(
            "Graceful shutdown complete in {:.3} seconds",
            begun.elapsed().as_secs_f64()
        );
        Ok(ExitCode::from(ending.map_or(0, Ending::exit_code)))
    }
}

/// The pages, unless they are switched off.
fn pages(engine: &Engine, state: &ApiState, settings: &Settings) -> Option<PageRoutes> {
    if !settings.pages.enabled {
        return None;
    }
    let options = PagesOptions {
        context_path: settings.server.context_path.clone(),
        public_url: settings.pages.public_url.clone(),
        user_header: settings.pages.browser.user_header.clone(),
        ..PagesOptions::default()
    };
    let pages = Pages::new(
        engine.clone(),
        state.guard().map(Arc::clone),
        state.catalogues(),
        options,
    );
    Some(PageRoutes {
        routes: pages.routes(),
        router: pages.router(),
        home: kayenta_ui::HOME,
        sign_in: kayenta_ui::SIGN_IN,
        refused: Box::new(move |status, why| pages.refused(status, why)),
    })
}

/// The active profiles, unless they are the defaults.
fn set_profiles(profiles: &[String]) -> String {
    let set: Vec<&str> = profiles
        .iter()
        .map(String::as_str)
        .filter(|profile| !kayenta_config::DEFAULT_PROFILES.contains(profile))
        .collect();
    if set.is_empty() {
        String::new()
    } else {
        format!("; active profiles: {}", profiles.join(", "))
    }
}

/// Each account on its own, so that a dead one holds up no other.
fn keep_metadata_fresh(tasks: &TaskTracker, engine: &Engine, shutdown: &CancellationToken) {
    for account in engine.accounts().in_configured_order() {
        let Some(store) = account.metrics.clone() else {
            continue;
        };
        let shutdown = shutdown.clone();
        tasks.spawn(async move { store.keep_fresh(&shutdown).await });
    }
}

fn serve(
    tasks: &TaskTracker,
    probes: &ProbeThread,
    server: Option<HttpServer>,
    routes: Router,
    listening: &CancellationToken,
    grace: Duration,
) -> anyhow::Result<()> {
    let Some(server) = server else { return Ok(()) };
    tracing::info!("Listening on {} ({})", server.address()?, server.scheme());
    tasks.spawn(server.serve(routes, listening.clone(), grace, probes)?);
    Ok(())
}

/// The management routes below `management.server.base-path`.
fn under(port: &ManagementPort, routes: Router) -> Router {
    match port {
        ManagementPort::Separate { base_path, .. } if !base_path.is_empty() => {
            Router::new().nest(base_path, routes)
        }
        _ => routes,
    }
}

/// Makes use of what the machine grants: sets the budget of bytes, and raises the limit of descriptors,
/// which is returned.
fn grant(settings: &Settings) -> u64 {
    let limit = kayenta_limits::memory_limit();
    if let Some(budget) = settings.memory_budget.or(limit.map(|limit| limit / 2)) {
        kayenta_limits::set_budget(budget);
        tracing::info!(
            budget,
            limit,
            "request bodies, answers of stores, series and responses share a budget of bytes (kayenta.memory.budget)"
        );
    }
    let descriptors = kayenta_limits::raise_descriptors().unwrap_or(u64::MAX);
    if descriptors < FEW_DESCRIPTORS {
        tracing::warn!(
            descriptors,
            "the process may have few files and connections open; raise its limit (ulimit -n, LimitNOFILE)"
        );
    }
    descriptors
}

/// Half of the descriptors are for callers, the rest for stores, files and the queue.
fn connection_limits(settings: &ServerSettings, descriptors: u64) -> ConnectionLimits {
    let all = usize::try_from(descriptors / 2).unwrap_or(usize::MAX);
    let total = settings
        .max_connections
        .map_or(MOST_CONNECTIONS, |most| most as usize)
        .min(all)
        .max(1);
    let per_peer = settings.max_connections_per_peer;
    ConnectionLimits {
        total,
        per_peer: per_peer.map_or(total.div_ceil(2), |most| most as usize),
    }
}

async fn bind_main(
    settings: &ServerSettings,
    tls: Option<TlsListener>,
    descriptors: u64,
) -> anyhow::Result<Option<HttpServer>> {
    let Some(port) = settings.port else {
        return Ok(None);
    };
    let limits = limits(settings, connection_limits(settings, descriptors));
    HttpServer::bind(
        settings.address.as_deref(),
        port,
        tls,
        limits,
        Carried::Probes,
    )
    .await
    .map(Some)
    .map_err(|error| port_failure(settings.address.as_deref(), port, "server.port", &error))
}

async fn bind_management(
    settings: &Settings,
    tls: Option<TlsListener>,
) -> anyhow::Result<Option<HttpServer>> {
    let ManagementPort::Separate { port, address, .. } = &settings.management.port else {
        return Ok(None);
    };
    let limits = limits(&settings.server, MANAGEMENT_CONNECTIONS);
    HttpServer::bind(address.as_deref(), *port, tls, limits, Carried::All)
        .await
        .map(Some)
        .map_err(|e| port_failure(address.as_deref(), *port, "management.server.port", &e))
}

fn limits(settings: &ServerSettings, connections: ConnectionLimits) -> ServerLimits {
    ServerLimits {
        pace: Pace {
            least_rate: settings.min_response_rate,
            longest: settings.response_timeout,
        },
        connections,
        max_header_bytes: usize::try_from(settings.max_header_bytes).unwrap_or(usize::MAX),
    }
}

fn port_failure(
    address: Option<&str>,
    port: u16,
    property: &str,
    error: &io::Error,
) -> anyhow::Error {
    let at = address.unwrap_or("every interface");
    let failure = match error.kind() {
        io::ErrorKind::AddrInUse => StartupFailure::new(
            format!("Web server failed to start. Port {port} was already in use."),
            format!(
                "Identify and stop the process that's listening on port {port} or configure this \
                 application to listen on another port ({property}, or --port)."
            ),
        ),
        _ => StartupFailure::new(
            format!("Web server failed to start. Port {port} of {at} cannot be bound: {error}"),
            format!("Check {property} and the address it is bound to."),
        ),
    };
    failure.into()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the wiring is where randomness enters"
)]
fn engine_options(settings: &Settings, descriptors: u64) -> EngineOptions {
    let engine = &settings.engine;
    let most_fetches = usize::try_from(descriptors / 4).unwrap_or(usize::MAX);
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let defaults = EngineOptions::default();
    EngineOptions {
        retry: settings.retry.clone(),
        workers: engine.workers,
        fetches_per_run: engine.fetches_per_run,
        fetches_total: engine.fetches_total.min(most_fetches).max(1),
        judgements: engine.judgements.unwrap_or(defaults.judgements),
        archive: settings.archive_executions,
        explanations: settings.judging.explanations,
        refuse_impossible_requests: settings.refuse_impossible_requests,
        instance_id: format!("{}@{host}", Uuid::new_v4()),
        grace: match settings.server.shutdown {
            ShutdownMode::Graceful => settings.server.shutdown_timeout.saturating_sub(PUT_BACK),
            ShutdownMode::Immediate => Duration::ZERO,
        },
        sweep_interval: engine.sweep_interval,
        max_deliveries: engine.max_deliveries,
        json_times: settings.serialization,
        result_series: engine.result_series,
        ..defaults
    }
}
