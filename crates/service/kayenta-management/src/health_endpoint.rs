//! `GET /health`, its components and groups.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use kayenta_settings::{HealthGroupSettings, Show};
use kayenta_web::ErrorResponse;
use serde_json::{Map, Value, json};

use crate::{
    health::{Component, Health, HealthStatus, Impact, Lifecycle, Snapshot, StatusOrder},
    options::ManagementOptions,
    response, schemas,
    state::Management,
};

const LIVENESS: &str = "liveness";
const READINESS: &str = "readiness";

/// Get the health of the service
///
/// `status` is the worst status of the components that count, in the order `DOWN`, `OUT_OF_SERVICE`, `UP`,
/// `UNKNOWN` or that of `management.endpoint.health.status.order`. `show-details` and `show-components` of
/// `management.endpoint.health` set whether components and their details are shown.
#[utoipa::path(
    get,
    path = "/health",
    tag = "management",
    responses(
        (status = 200, description = "Up, or unknown", body = schemas::HealthReport,
            content_type = "application/vnd.spring-boot.actuator.v3+json"),
        (status = 503, description = "Down, or out of service", body = schemas::HealthReport,
            content_type = "application/vnd.spring-boot.actuator.v3+json", example = json!({
                "status": "DOWN",
                "components": {"ping": {"status": "UP"}, "redisHealth": {"status": "DOWN"}},
                "groups": ["liveness", "readiness"],
            })),
    )
)]
pub(crate) async fn health(State(state): State<Management>, headers: HeaderMap) -> Response {
    let options = state.options();
    let components = all_components(&state).await;
    let snapshot = Snapshot { components };
    let lifecycle = std::iter::once(lifecycle_status(&state));
    let status = options
        .status_order
        .worst(snapshot.overall().chain(lifecycle));
    let view = View::of_endpoint(options);
    let shown = snapshot
        .components
        .iter()
        .filter(|component| options.probes_listed || !is_state(&component.name));
    let mut body = view.report(status, shown);
    let mut groups: Vec<&str> = options.groups.keys().map(String::as_str).collect();
    if options.probes_listed {
        groups.extend([LIVENESS, READINESS]);
    }
    groups.sort_unstable();
    groups.dedup();
    if !groups.is_empty() {
        body.insert("groups".to_owned(), json!(groups));
    }
    reply(&headers, options, status, &body)
}

/// Get the health of a component or a group
///
/// `liveness` and `readiness` always exist: liveness is up while the process answers; readiness is down
/// while the process starts or stops, or a dependency of runs is down. A component is shown only if
/// components are shown.
#[utoipa::path(
    get,
    path = "/health/{component}",
    tag = "management",
    params(("component" = String, Path, description = "Name of the component or group", example = "readiness")),
    responses(
        (status = 200, description = "Up, or unknown", body = schemas::HealthReport,
            content_type = "application/vnd.spring-boot.actuator.v3+json"),
        (status = 404, description = "No such component or group, or components are not shown"),
        (status = 503, description = "Down, or out of service", body = schemas::HealthReport,
            content_type = "application/vnd.spring-boot.actuator.v3+json", example = json!({
                "status": "DOWN",
            })),
    )
)]
pub(crate) async fn health_path(
    State(state): State<Management>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let options = state.options();
    if let Some(group) = options.groups.get(&name) {
        return group_report(&state, &headers, group).await;
    }
    let status = match name.as_str() {
        LIVENESS => HealthStatus::Up,
        READINESS => {
            let lifecycle = lifecycle_status(&state);
            if lifecycle < HealthStatus::Up {
                lifecycle
            } else {
                state.health().snapshot().await.readiness()
            }
        }
        _ => return component_report(&state, &headers, &name).await,
    };
    let body = View::NOTHING.report(status, std::iter::empty());
    reply(&headers, options, status, &body)
}

async fn group_report(
    state: &Management,
    headers: &HeaderMap,
    group: &HealthGroupSettings,
) -> Response {
    let options = state.options();
    let components = all_components(state).await;
    let members: Vec<&Component> = components
        .iter()
        .filter(|component| group.contains(&component.name))
        .collect();
    let statuses = members.iter().map(|member| member.health.status);
    let status = match &group.status_order {
        Some(names) => StatusOrder::named(names).worst(statuses),
        None => options.status_order.worst(statuses),
    };
    let body = View::of_group(options, group).report(status, members.into_iter());
    let code = group
        .status_mapping
        .get(status.as_str())
        .or_else(|| options.status_mapping.get(status.as_str()));
    response::json(headers, http_status(status, code), &body)
}

async fn component_report(state: &Management, headers: &HeaderMap, name: &str) -> Response {
    let options = state.options();
    let view = View::of_endpoint(options);
    let components = all_components(state).await;
    match components.iter().find(|component| component.name == name) {
        Some(component) if view.components => {
            let status = component.health.status;
            reply(headers, options, status, &view.component(component))
        }
        _ => ErrorResponse::empty(StatusCode::NOT_FOUND).into_response(),
    }
}

/// The indicators' components and the two states, by name.
async fn all_components(state: &Management) -> Vec<Component> {
    let mut components = state.health().snapshot().await.components.clone();
    for (name, status) in [
        ("livenessState", HealthStatus::Up),
        ("readinessState", lifecycle_status(state)),
    ] {
        components.push(Component {
            name: name.to_owned(),
            health: Health {
                status,
                details: Map::new(),
            },
            impact: Impact::None,
        });
    }
    components.sort_by(|a, b| a.name.cmp(&b.name));
    components
}

fn is_state(component: &str) -> bool {
    matches!(component, "livenessState" | "readinessState")
}

fn lifecycle_status(state: &Management) -> HealthStatus {
    match state.health().lifecycle() {
        Lifecycle::Ready => HealthStatus::Up,
        Lifecycle::Starting | Lifecycle::Stopping => HealthStatus::OutOfService,
    }
}

/// What of the health is shown.
#[derive(Clone, Copy, Debug)]
struct View {
    components: bool,
    details: bool,
}

impl View {
    const NOTHING: Self = Self {
        components: false,
        details: false,
    };

    fn of_endpoint(options: &ManagementOptions) -> Self {
        Self {
            components: options.show_components.unwrap_or(options.show_details) == Show::Always,
            details: options.show_details == Show::Always,
        }
    }

    fn of_group(options: &ManagementOptions, group: &HealthGroupSettings) -> Self {
        let details = group.show_details.unwrap_or(options.show_details);
        let components = group
            .show_components
            .or(group.show_details)
            .or(options.show_components)
            .unwrap_or(options.show_details);
        Self {
            components: components == Show::Always,
            details: details == Show::Always,
        }
    }

    fn report<'a>(
        self,
        status: HealthStatus,
        components: impl Iterator<Item = &'a Component>,
    ) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("status".to_owned(), status.as_str().into());
        if self.components {
            let shown: Map<String, Value> = components
                .map(|component| (component.name.clone(), self.component(component).into()))
                .collect();
            body.insert("components".to_owned(), shown.into());
        }
        body
    }

    fn component(self, component: &Component) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("status".to_owned(), component.health.status.as_str().into());
        if self.details && !component.health.details.is_empty() {
            body.insert(
                "details".to_owned(),
                component.health.details.clone().into(),
            );
        }
        body
    }
}

fn reply(
    headers: &HeaderMap,
    options: &ManagementOptions,
    status: HealthStatus,
    body: &Map<String, Value>,
) -> Response {
    let code = options.status_mapping.get(status.as_str());
    response::json(headers, http_status(status, code), body)
}

/// C-HEALTH-03: a mapping changes the statuses it names; in the reference it takes the defaults of all others away.
fn http_status(status: HealthStatus, mapped: Option<&u16>) -> StatusCode {
    mapped
        .and_then(|code| StatusCode::from_u16(*code).ok())
        .unwrap_or(match status {
            HealthStatus::Down | HealthStatus::OutOfService => StatusCode::SERVICE_UNAVAILABLE,
            HealthStatus::Up | HealthStatus::Unknown => StatusCode::OK,
        })
}
