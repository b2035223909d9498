//! `/metrics`, `/prometheus`, `/spectator/metrics`: what has been measured, in three dialects.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use indexmap::IndexMap;
use kayenta_model::Double;
use kayenta_web::{ErrorResponse, Params, schemas::ErrorMessage};
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::form_urlencoded;
use utoipa::IntoParams;

use crate::{
    response, schemas,
    seams::{Meter, MeterKind, Statistic},
    state::Management,
};

/// List the names of the meters
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "management",
    responses((status = 200, description = "Names in ascending order", body = schemas::MeterNames,
        content_type = "application/vnd.spring-boot.actuator.v3+json"))
)]
pub(crate) async fn meter_names(State(state): State<Management>, headers: HeaderMap) -> Response {
    let names: BTreeSet<String> = state
        .metrics()
        .meters()
        .into_iter()
        .map(|meter| meter.name)
        .collect();
    response::json(&headers, StatusCode::OK, &json!({"names": names}))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MeterReport {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_unit: Option<String>,
    measurements: Vec<Measurement>,
    available_tags: Vec<AvailableTag>,
}

#[derive(Serialize)]
struct Measurement {
    statistic: Statistic,
    value: Double,
}

#[derive(Serialize)]
struct AvailableTag {
    tag: String,
    values: BTreeSet<String>,
}

/// Get a meter, over all or some of its tags
#[utoipa::path(
    get,
    path = "/metrics/{name}",
    tag = "management",
    params(
        ("name" = String, Path, description = "Name of the meter", example = "http.server.requests"),
        ("tag" = Option<Vec<String>>, Query, description = "`key:value`, repeatable; all series when absent",
            example = json!(["method:GET"])),
    ),
    responses(
        (status = 200, description = "The measurements", body = schemas::MeterReport,
            content_type = "application/vnd.spring-boot.actuator.v3+json"),
        (status = 400, description = "A tag without a colon", body = ErrorMessage),
        (status = 404, description = "No meter with this name and these tags"),
    )
)]
pub(crate) async fn meter(
    State(state): State<Management>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ErrorResponse> {
    let mut wanted = Vec::new();
    for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if key != "tag" {
            continue;
        }
        let (tag, value) = value.split_once(':').ok_or_else(|| {
            ErrorResponse::bad_request(format!(
                "Each tag parameter must be in the form 'key:value' but was: {value}"
            ))
        })?;
        wanted.push((tag.to_owned(), value.to_owned()));
    }
    let meters: Vec<Meter> = state
        .metrics()
        .meters()
        .into_iter()
        .filter(|meter| meter.name == name)
        .filter(|meter| wanted.iter().all(|tag| meter.tags.contains(tag)))
        .collect();
    let Some(first) = meters.first() else {
        return Err(ErrorResponse::empty(StatusCode::NOT_FOUND));
    };
    let mut totals: IndexMap<Statistic, f64> = IndexMap::new();
    let mut available: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for meter in &meters {
        for &(statistic, value) in &meter.measurements {
            let total = totals.entry(statistic).or_insert(f64::NAN);
            *total = if total.is_nan() {
                value
            } else if statistic.adds_up() {
                *total + value
            } else {
                total.max(value)
            };
        }
        for (tag, value) in &meter.tags {
            if !wanted.iter().any(|(asked, _)| asked == tag) {
                available.entry(tag).or_default().insert(value.clone());
            }
        }
    }
    let report = MeterReport {
        name: first.name.clone(),
        description: first.description.clone(),
        base_unit: first.base_unit.clone(),
        measurements: totals
            .into_iter()
            .map(|(statistic, value)| Measurement {
                statistic,
                value: Double(value),
            })
            .collect(),
        available_tags: available
            .into_iter()
            .map(|(tag, values)| AvailableTag {
                tag: tag.to_owned(),
                values,
            })
            .collect(),
    };
    Ok(response::json(&headers, StatusCode::OK, &report))
}

/// Every meter in Prometheus' text format
#[utoipa::path(
    get,
    path = "/prometheus",
    tag = "management",
    responses((status = 200, description = "Text exposition, version 0.0.4", body = String,
        content_type = "text/plain", example = json!("queue_depth 0\n")))
)]
pub(crate) async fn prometheus(State(state): State<Management>) -> Response {
    let text = state.metrics().prometheus();
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}

/// Which meters are wanted; each expression must match a whole name or value.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct SpectatorFilter {
    /// Names of meters; all when absent.
    meter_name_regex: Option<String>,
    /// Keys of tags; a meter needs one tag that matches this and `tagValueRegex`;
    /// any when absent.
    tag_name_regex: Option<String>,
    /// Values of tags; any when absent.
    tag_value_regex: Option<String>,
}

/// List the meters in the format of the Spinnaker monitoring daemon
#[utoipa::path(
    get,
    path = "/spectator/metrics",
    tag = "management",
    params(SpectatorFilter),
    responses(
        (status = 200, description = "The meters", body = schemas::SpectatorReport),
        (status = 400, description = "Invalid regular expression", body = ErrorMessage),
    )
)]
pub(crate) async fn spectator(
    State(state): State<Management>,
    Params(filter): Params<SpectatorFilter>,
) -> Result<Json<Value>, ErrorResponse> {
    let name_pattern = whole(filter.meter_name_regex.as_deref())?;
    let key_pattern = whole(filter.tag_name_regex.as_deref())?;
    let value_pattern = whole(filter.tag_value_regex.as_deref())?;
    let tags_wanted = key_pattern.is_some() || value_pattern.is_some();
    let matches = |pattern: &Option<Regex>, text: &str| {
        pattern
            .as_ref()
            .is_none_or(|pattern| pattern.is_match(text))
    };
    let now = state.clock().now_millis();
    let mut by_name: BTreeMap<String, (MeterKind, Vec<Value>)> = BTreeMap::new();
    for meter in state.metrics().meters() {
        let wanted = matches(&name_pattern, &meter.name)
            && (!tags_wanted
                || meter.tags.iter().any(|(key, value)| {
                    matches(&key_pattern, key) && matches(&value_pattern, value)
                }));
        if !wanted {
            continue;
        }
        let (_, values) = by_name
            .entry(meter.name.clone())
            .or_insert_with(|| (meter.kind, Vec::new()));
        for &(statistic, value) in &meter.measurements {
            if value.is_nan() {
                continue;
            }
            values.push(json!({
                "tags": spectator_tags(&meter, statistic),
                "values": [{"v": Double(value), "t": now}],
            }));
        }
    }
    let meters: serde_json::Map<String, Value> = by_name
        .into_iter()
        .map(|(name, (kind, values))| (name, json!({"kind": kind.as_str(), "values": values})))
        .collect();
    Ok(Json(json!({
        "applicationName": "kayenta",
        "applicationVersion": "",
        "metrics": meters,
        "startTime": state.metrics().start_millis(),
    })))
}

fn spectator_tags(meter: &Meter, statistic: Statistic) -> Vec<Value> {
    let mut tags: Vec<(&str, &str)> = meter
        .tags
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    if matches!(
        meter.kind,
        MeterKind::Timer | MeterKind::DistributionSummary
    ) {
        tags.push(("statistic", statistic.tag()));
    }
    tags.sort_unstable();
    tags.into_iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect()
}

/// The expression anchored at both ends.
fn whole(pattern: Option<&str>) -> Result<Option<Regex>, ErrorResponse> {
    pattern
        .filter(|pattern| !pattern.is_empty())
        .map(|pattern| Regex::new(&format!("^(?:{pattern})$")))
        .transpose()
        .map_err(|error| ErrorResponse::bad_request(error.to_string()))
}
