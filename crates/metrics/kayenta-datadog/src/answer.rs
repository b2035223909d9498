//! The series of a query, laid on the grid each tells: from `start` to `end` in steps of `interval`.

use kayenta_metrics::reading::BodyError;
use serde::Deserialize;

/// Most places the grid of one series may have.
const MOST_PLACES: i64 = 10_000_000;

/// One series of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// First place of the grid, milliseconds since 1970.
    pub start_millis: i64,
    /// What the grid does not go beyond; itself a place when the steps end there.
    pub end_millis: i64,
    /// Distance of places in milliseconds.
    pub step_millis: i64,
    /// One value a place, NaN where the answer has no point.
    pub values: Vec<f64>,
}

#[derive(Deserialize)]
struct Body {
    series: Option<Vec<RawSeries>>,
    error: Option<String>,
    #[serde(default)]
    errors: Vec<String>,
}

#[derive(Deserialize)]
struct RawSeries {
    start: Option<f64>,
    end: Option<f64>,
    interval: Option<f64>,
    #[serde(default)]
    pointlist: Vec<(f64, Option<f64>)>,
}

impl Body {
    fn error_text(self) -> Option<String> {
        match self.errors.is_empty() {
            true => self.error,
            false => Some(self.errors.join("; ")),
        }
    }
}

/// Datadog's own words in an error answer.
#[must_use]
pub fn error_text(body: &[u8]) -> Option<String> {
    serde_json::from_slice::<Body>(body).ok()?.error_text()
}

/// Reads a whole answer; no series is an empty list.
///
/// # Errors
/// See [`BodyError`].
pub fn read(body: &[u8]) -> Result<Vec<Series>, BodyError> {
    let mut body: Body = serde_json::from_slice(body)?;
    match body.series.take() {
        Some(list) => list.into_iter().map(on_grid).collect(),
        // The reference ends in a null pointer here (C-DATADOG-02).
        None => Err(BodyError::Failure(body.error_text().unwrap_or_else(|| {
            "it has no series and does not say why".to_owned()
        }))),
    }
}

/// Each point goes to its own place. The reference walks grid and points side by side, so that one
/// point beside the grid costs all that follow, and the grid must not outlast the points (C-DATADOG-01).
fn on_grid(raw: RawSeries) -> Result<Series, BodyError> {
    let needed = |value: Option<f64>, name: &str| {
        value
            .map(|value| value as i64)
            .ok_or_else(|| BodyError::Unusable(format!("a series has no {name}")))
    };
    let start = needed(raw.start, "start")?;
    let end = needed(raw.end, "end")?;
    let interval = needed(raw.interval, "interval")?;
    let step = interval.saturating_mul(1000);
    if step <= 0 {
        return Err(BodyError::Unusable(format!(
            "the interval of a series is {interval} s"
        )));
    }
    let length = end.saturating_sub(start);
    let places = if length < 0 { 0 } else { length / step + 1 };
    if places > MOST_PLACES {
        return Err(BodyError::Unusable(format!(
            "a series of {places} points is more than {MOST_PLACES}; ask for a shorter window or a \
             rollup"
        )));
    }
    let mut values = vec![f64::NAN; usize::try_from(places).unwrap_or_default()];
    for (time, value) in raw.pointlist {
        let offset = (time as i64).saturating_sub(start);
        let place = usize::try_from(offset / step)
            .ok()
            .filter(|_| offset >= 0 && offset % step == 0);
        if let (Some(place), Some(value)) = (place.and_then(|place| values.get_mut(place)), value) {
            *place = value;
        }
    }
    Ok(Series {
        start_millis: start,
        end_millis: end,
        step_millis: step,
        values,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const START: i64 = 1_620_785_040_000;

    fn laid(points: Value) -> String {
        let body = json!({"status": "ok", "series": [{
            "scope": "*", "start": START, "end": START + 50_000, "interval": 5, "pointlist": points
        }]});
        let series = read(body.to_string().as_bytes()).unwrap().remove(0);
        assert_eq!(
            (series.start_millis, series.end_millis, series.step_millis),
            (START, START + 50_000, 5000)
        );
        let texts: Vec<_> = series.values.iter().map(f64::to_string).collect();
        texts.join(",")
    }

    fn at(steps: &[i64]) -> Value {
        steps
            .iter()
            .map(|step| json!([START + step * 5000, 1.0]))
            .collect()
    }

    /// Both lists are pinned by the reference's own test.
    #[test]
    fn missing_points_and_nulls_are_nan() {
        let wanted = "1,NaN,1,1,1,NaN,NaN,NaN,NaN,NaN,1";
        assert_eq!(laid(at(&[0, 2, 3, 4, 10])), wanted);
        let mut with_null = at(&[0, 1, 2, 3, 4, 10]);
        with_null[1][1] = Value::Null;
        assert_eq!(laid(with_null), wanted);
    }

    #[test]
    fn c_datadog_01_points_beside_the_grid_and_missing_ends_cost_nothing_else() {
        let mut late = at(&[0, 1, 2]);
        late[1][0] = (START + 6000).into();
        assert_eq!(laid(late), "1,NaN,1,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN");
        assert_eq!(laid(at(&[])), ["NaN"; 11].join(","));
        // Before the start and after the end there is no position.
        assert_eq!(
            laid(at(&[-1, 10, 11])),
            format!("{},1", ["NaN"; 10].join(","))
        );
    }

    #[test]
    fn grids_nobody_can_fill_are_refused() {
        let error = |start: i64, end: i64, interval: i64| {
            let body = json!({"series": [{"start": start, "end": end, "interval": interval}]});
            read(body.to_string().as_bytes()).unwrap_err().to_string()
        };
        assert_eq!(error(0, 60_000, 0), "the interval of a series is 0 s");
        assert_eq!(error(0, 60_000, -5), "the interval of a series is -5 s");
        assert!(error(0, i64::MAX, 1).contains("more than 10000000; ask for a shorter window"));
        let body = json!({"series": [{"start": 0, "interval": 1}]});
        let error = read(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "a series has no end");
        let empty = json!({"series": [{"start": 60_000, "end": 0, "interval": 60}]});
        assert_eq!(
            read(empty.to_string().as_bytes()).unwrap()[0].values,
            [0.0; 0]
        );
    }

    #[test]
    fn c_datadog_02_an_error_in_a_200_is_reported() {
        let text = |body: &str| read(body.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            text(r#"{"status":"error","error":"no such metric"}"#),
            "it reports an error: no such metric"
        );
        assert_eq!(
            text(r#"{"errors":["one","two"]}"#),
            "it reports an error: one; two"
        );
        assert_eq!(
            text(r#"{"series":null}"#),
            "it reports an error: it has no series and does not say why"
        );
        for bad in ["", "<html>", "[]", r#"{"series":[{"pointlist":[[1]]}]}"#] {
            assert!(text(bad).starts_with("it cannot be read: "), "{bad}");
        }
    }

    #[test]
    fn the_store_s_own_words_are_found() {
        let text = |body: &str| error_text(body.as_bytes());
        assert_eq!(
            text(r#"{"errors":["Forbidden"]}"#).as_deref(),
            Some("Forbidden")
        );
        assert_eq!(
            text(r#"{"error":"Forbidden"}"#).as_deref(),
            Some("Forbidden")
        );
        assert_eq!(text("{}"), None);
        assert_eq!(text("Forbidden"), None);
    }
}
