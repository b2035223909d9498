//! `/health` and the other management endpoints, under the exposure rules.

use axum::extract::FromRef;
use kayenta_settings::ExposureSettings;
use kayenta_web::BodyLimits;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{env, health_endpoint, loggers, meters, scheduled, state::Management};

/// The endpoints that are exposed. One that is not is an unknown path.
pub fn routes<S>(exposure: &ExposureSettings) -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Management: FromRef<S>,
    BodyLimits: FromRef<S>,
{
    let mut router = OpenApiRouter::new();
    if exposure.exposes("health") {
        router = router
            .routes(routes!(health_endpoint::health))
            .routes(routes!(health_endpoint::health_path));
    }
    if exposure.exposes("info") {
        router = router.routes(routes!(env::info));
    }
    if exposure.exposes("env") {
        router = router
            .routes(routes!(env::environment))
            .routes(routes!(env::property));
    }
    if exposure.exposes("configprops") {
        router = router.routes(routes!(env::settings));
    }
    if exposure.exposes("loggers") {
        router = router
            .routes(routes!(loggers::list_loggers))
            .routes(routes!(loggers::logger, loggers::set_logger));
    }
    if exposure.exposes("metrics") {
        router = router
            .routes(routes!(meters::meter_names))
            .routes(routes!(meters::meter));
    }
    if exposure.exposes("prometheus") {
        router = router.routes(routes!(meters::prometheus));
    }
    if exposure.exposes("scheduledtasks") {
        router = router.routes(routes!(scheduled::scheduled_tasks));
    }
    router
}

/// `/spectator/metrics`, which is not a management endpoint in the reference and stays on the main port.
pub fn spectator_routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Management: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(meters::spectator))
}
