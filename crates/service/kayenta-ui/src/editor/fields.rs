//! The fields of the form, each with the problems found at it.

use std::collections::BTreeSet;

use kayenta_judge::{METRIC_SETTINGS, SettingKind, StaticLimitJudge};
use kayenta_lint::{Problem, ProblemLevel};
use kayenta_model::QueryConfig;
use serde_json::Value;

use super::draft::Kind;
use crate::what_if::{about, label_of};

/// A field.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) label: String,
    pub(super) value: String,
    pub(super) help: String,
    /// Values to choose from, with the text of each; empty for free text.
    pub(super) choices: Vec<(String, String)>,
    /// Lines of a text area; 0 for one line.
    pub(super) rows: usize,
    pub(super) problems: Vec<FieldProblem>,
    /// Whether it has the focus when the page opens.
    pub(super) focus: bool,
    /// Whether it counts as in use, so that sections that are in use are open.
    pub(super) is_set: bool,
}

/// A problem as it is shown.
#[derive(Clone, Debug)]
pub(super) struct FieldProblem {
    pub(super) level: &'static str,
    pub(super) class: &'static str,
    pub(super) path: String,
    pub(super) sentence: String,
    /// The field, where the form has one.
    pub(super) anchor: Option<String>,
}

/// A metric.
#[derive(Clone, Debug)]
pub(super) struct MetricForm {
    pub(super) index: usize,
    pub(super) title: String,
    pub(super) fields: Vec<Field>,
    /// What a query is made of where there is none, and whether any of it is in use.
    pub(super) parts: Vec<Field>,
    pub(super) parts_open: bool,
    pub(super) settings: Vec<Field>,
    pub(super) settings_open: bool,
    pub(super) errors: usize,
    pub(super) warnings: usize,
}

/// The whole form.
#[derive(Clone, Debug, Default)]
pub(super) struct ConfigForm {
    pub(super) head: Vec<Field>,
    pub(super) metrics: Vec<MetricForm>,
    pub(super) weights: Vec<Field>,
    pub(super) weight_sum: String,
    pub(super) templates: Vec<Field>,
    /// All problems, in the order of the validator.
    pub(super) problems: Vec<FieldProblem>,
}

/// Makes fields of a document and hands the problems out to them.
struct Builder<'a> {
    config: &'a Value,
    problems: &'a [Problem],
    anchors: Vec<Option<String>>,
    next_id: usize,
}

impl Builder<'_> {
    fn field(&mut self, kind: Kind, pointer: &str, label: &str, help: &str) -> Field {
        self.next_id += 1;
        let id = format!("f{}", self.next_id);
        let mut problems = Vec::new();
        for (at, problem) in self.problems.iter().enumerate() {
            if problem.pointer == pointer && self.anchors[at].is_none() {
                self.anchors[at] = Some(id.clone());
                problems.push(shown(problem, None));
            }
        }
        let value = self.config.pointer(pointer);
        Field {
            id,
            name: kind.name(pointer),
            label: label.to_owned(),
            value: kind.shown(value),
            help: help.to_owned(),
            choices: match kind {
                Kind::Flag => choices(&["", "true", "false"], "default (false)"),
                _ => Vec::new(),
            },
            rows: match kind {
                Kind::Lines => 2,
                _ => 0,
            },
            problems,
            focus: false,
            is_set: value.is_some_and(|value| !value.is_null()),
        }
    }
}

fn shown(problem: &Problem, anchor: Option<String>) -> FieldProblem {
    FieldProblem {
        level: problem.level.word(),
        class: match problem.level {
            ProblemLevel::Error => "fail",
            ProblemLevel::Warning => "warn",
        },
        path: kayenta_lint::field_path(&problem.pointer),
        sentence: problem.sentence(),
        anchor,
    }
}

fn choices(words: &[&str], absent: &str) -> Vec<(String, String)> {
    words
        .iter()
        .map(|word| {
            let text = if word.is_empty() { absent } else { word };
            ((*word).to_owned(), text.to_owned())
        })
        .collect()
}

impl Field {
    /// Offers words; one that is there and is none of them stays offered.
    fn choose(mut self, words: &[&str], absent: &str) -> Self {
        self.choices = choices(words, absent);
        if !self.choices.iter().any(|(word, _)| *word == self.value) {
            let value = self.value.clone();
            self.choices.push((value.clone(), value));
        }
        self
    }

    fn high(mut self, rows: usize) -> Self {
        self.rows = rows;
        self
    }
}

/// Metrics beyond which only the one that is edited and the last one have their fields on the page.
const MANY: usize = 30;

/// The form of a document.
pub(super) fn form(
    config: &Value,
    problems: &[Problem],
    judges: &[String],
    stores: &[String],
    edit: Option<usize>,
) -> ConfigForm {
    let mut builder = Builder {
        config,
        problems,
        anchors: vec![None; problems.len()],
        next_id: 0,
    };
    let b = &mut builder;
    let mut offered: Vec<&str> = vec![""];
    offered.extend(judges.iter().map(String::as_str));
    let head = vec![
        b.field(
            Kind::Text,
            "/name",
            "Name",
            "Letters, digits, - and _; unique in each application.",
        ),
        b.field(
            Kind::List,
            "/applications",
            "Applications",
            "Separated by commas.",
        ),
        b.field(Kind::Text, "/description", "Description", ""),
        b.field(Kind::Text, "/judge/name", "Judge", "")
            .choose(&offered, "default judge"),
    ];
    let judge = config["judge"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let count = config["metrics"].as_array().map_or(0, Vec::len);
    let mut metrics: Vec<MetricForm> = (0..count)
        .map(|index| {
            let is_shown = count <= MANY || edit == Some(index) || index + 1 == count;
            metric(b, index, &judge, stores, is_shown)
        })
        .collect();
    let mut groups: BTreeSet<String> = BTreeSet::new();
    for metric in config["metrics"].as_array().into_iter().flatten() {
        let named = metric["groups"].as_array().into_iter().flatten();
        groups.extend(named.filter_map(|group| group.as_str().map(str::to_owned)));
    }
    let weights = &config["classifier"]["groupWeights"];
    groups.extend(
        weights
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone()),
    );
    let sum: f64 = weights
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(_, weight)| weight.as_f64())
        .sum();
    let weight_fields = groups
        .iter()
        .map(|group| {
            let at = format!("/classifier/groupWeights/{}", escaped(group));
            b.field(Kind::Number, &at, group, "")
        })
        .collect();
    let names = config["templates"].as_object().into_iter().flatten();
    let names: Vec<String> = names.map(|(name, _)| name.clone()).collect();
    let templates = names
        .iter()
        .map(|name| {
            let at = format!("/templates/{}", escaped(name));
            b.field(Kind::Text, &at, name, "").high(3)
        })
        .collect();
    let anchors = builder.anchors;
    let all: Vec<FieldProblem> = problems
        .iter()
        .zip(anchors)
        .map(|(problem, anchor)| {
            let metric = problem
                .pointer
                .strip_prefix("/metrics/")
                .and_then(|rest| rest.split('/').next()?.parse::<usize>().ok());
            // A problem without a field of its own is at its metric.
            let anchor = anchor.or_else(|| Some(format!("metric-{}", metric?)));
            if let Some(metric) = metric.and_then(|index| metrics.get_mut(index)) {
                match problem.level {
                    ProblemLevel::Error => metric.errors += 1,
                    ProblemLevel::Warning => metric.warnings += 1,
                }
            }
            shown(problem, anchor)
        })
        .collect();
    ConfigForm {
        head,
        metrics,
        weights: weight_fields,
        weight_sum: kayenta_report::number::number(sum),
        templates,
        problems: all,
    }
}

fn metric(
    b: &mut Builder<'_>,
    index: usize,
    judge: &str,
    stores: &[String],
    is_shown: bool,
) -> MetricForm {
    let at = format!("/metrics/{index}");
    let value = &b.config["metrics"][index];
    let title = value["name"].as_str().unwrap_or_default().to_owned();
    if !is_shown {
        return MetricForm {
            index,
            title,
            fields: Vec::new(),
            parts: Vec::new(),
            parts_open: false,
            settings: Vec::new(),
            settings_open: false,
            errors: 0,
            warnings: 0,
        };
    }
    let store = value["query"]["type"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let template_names: Vec<String> = b.config["templates"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect();
    let mut types: Vec<&str> = stores.iter().map(String::as_str).collect();
    if types.is_empty() {
        types.extend(QueryConfig::TYPES);
    }
    let mut fields = vec![
        b.field(Kind::Text, &format!("{at}/name"), "Name", ""),
        b.field(
            Kind::List,
            &format!("{at}/groups"),
            "Groups",
            "Separated by commas.",
        ),
        b.field(
            Kind::Text,
            &format!("{at}/scopeName"),
            "Scope name",
            "A scope of the request, usually default.",
        ),
        b.field(Kind::Text, &format!("{at}/query/type"), "Metric store", "")
            .choose(&types, ""),
    ];
    for name in QueryConfig::fields_of(&store).unwrap_or_default() {
        let pointer = format!("{at}/query/{name}");
        let is_set = b
            .config
            .pointer(&pointer)
            .is_some_and(|value| !value.is_null());
        let field = match *name {
            // Its later name is offered where it is used.
            "template" | "customFilter" if !is_set => continue,
            "customInlineTemplate" | "template" => b
                .field(Kind::Text, &pointer, "Query", &query_help(&store))
                .high(3),
            "customFilterTemplate" => {
                let mut words = vec![""];
                words.extend(template_names.iter().map(String::as_str));
                b.field(Kind::Text, &pointer, "or a template of the config", "")
                    .choose(&words, "none")
            }
            "labelBindings" | "groupByFields" | "fields" => {
                b.field(Kind::Lines, &pointer, name, "One per line.")
            }
            // A list of objects; it is edited in the text.
            "queryPairs" => continue,
            name => b.field(Kind::Text, &pointer, name, ""),
        };
        fields.push(field);
    }
    // The query itself comes first.
    fields[4..].sort_by_key(|field| match field.label.as_str() {
        "Query" => 0,
        label if label.starts_with("or a template") => 1,
        _ => 2,
    });
    let own = fields[4..]
        .iter()
        .take_while(|field| field.label == "Query" || field.label.starts_with("or a template"))
        .count();
    let parts = if own == 0 {
        Vec::new()
    } else {
        fields.split_off(4 + own)
    };
    let has_query = fields[4..].iter().any(|field| !field.value.is_empty());
    let parts_open = !has_query
        || parts
            .iter()
            .any(|field| !field.problems.is_empty() || !field.value.is_empty());
    let settings: Vec<Field> = METRIC_SETTINGS
        .iter()
        .filter(|setting| {
            let pointer = format!(
                "{at}/analysisConfigurations/canary/{}",
                setting.path.replace('.', "/")
            );
            !setting.path.starts_with("staticLimit")
                || judge == StaticLimitJudge::NAME
                || b.config.pointer(&pointer).is_some()
        })
        .collect::<Vec<_>>()
        .into_iter()
        .map(|setting| {
            let pointer = format!(
                "{at}/analysisConfigurations/canary/{}",
                setting.path.replace('.', "/")
            );
            let about = about(setting);
            let label = label_of(setting.path).unwrap_or(setting.path);
            match setting.kind {
                SettingKind::Word(words) => {
                    let mut offered = vec![""];
                    offered.extend(words);
                    b.field(Kind::Text, &pointer, label, &about)
                        .choose(&offered, &format!("default ({})", setting.default))
                }
                SettingKind::Flag => b.field(Kind::Flag, &pointer, label, &about),
                SettingKind::Number => b.field(Kind::Number, &pointer, label, &about),
            }
        })
        .collect();
    MetricForm {
        index,
        title,
        settings_open: settings
            .iter()
            .any(|field| !field.problems.is_empty() || field.is_set),
        fields,
        parts,
        parts_open,
        settings,
        errors: 0,
        warnings: 0,
    }
}

/// A query of each store, as its template has it. What a server of `http-json` takes is its own affair.
const EXAMPLES: [(&str, &str); 9] = [
    ("prometheus", r#"PromQL:avg(latency{version="${scope}"})"#),
    ("stackdriver", r#"metric.labels.version="${scope}""#),
    ("datadog", "avg:latency{version:${scope}}"),
    (
        "newrelic",
        "SELECT average(duration) FROM Transaction WHERE version = '${scope}' SINCE ${startEpochSeconds} \
         UNTIL ${endEpochSeconds} TIMESERIES ${step} seconds",
    ),
    (
        "signalfx",
        "data('latency', filter=filter('version', '${scope}')).mean().publish()",
    ),
    ("graphite", "app.${location}.${scope}.latency"),
    ("wavefront", r#"avg(ts("latency", version="${scope}"))"#),
    (
        "influxdb",
        r#"SELECT mean("latency") FROM "requests" WHERE ${timeFilter} AND ${scope} GROUP BY time(${step})"#,
    ),
    ("atlas", "name,latency,:eq,version,${scope},:eq,:and,:avg"),
];

/// What a query of this store is, with an example.
fn query_help(store: &str) -> String {
    let what = match store {
        "prometheus" => "PromQL: and the whole query",
        "stackdriver" => "What is added to the filter",
        _ => "The whole query",
    };
    let example = EXAMPLES.iter().find(|(known, _)| *known == store);
    let example = example.map(|(_, query)| format!(", for example {query}"));
    let example = example.unwrap_or_default();
    let place = match store {
        "influxdb" => "",
        _ => ", ${location} its location",
    };
    format!("{what}{example}. ${{scope}} is the side{place}.")
}

/// A name as part of a pointer.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use kayenta_lint::{ServiceOffer, config_problems};
    use serde_json::json;

    use super::*;

    #[test]
    fn problems_stand_at_their_fields_and_in_the_list_with_a_link() {
        let config = json!({
            "name": "a b", "applications": ["x"],
            "metrics": [{"name": "m", "groups": ["g"], "scopeName": "default",
                "query": {"type": "prometheus", "customInlineTemplate": "PromQL:up", "metricname": "x"},
                "analysisConfigurations": {"canary": {"direction": "up"}}}],
            "classifier": {"groupWeights": {"g": 100}}
        });
        let problems = config_problems(
            &config,
            &ServiceOffer {
                to_store: true,
                ..ServiceOffer::default()
            },
        );
        let form = form(&config, &problems, &[], &[], None);
        let name = &form.head[0];
        assert!(name.problems[0].sentence.contains("cannot be stored"));
        let direction = &form.metrics[0].settings[0];
        assert!(direction.problems[0].sentence.contains("'up' is none of"));
        assert!(direction.choices.iter().any(|(word, _)| word == "up"));
        assert!(form.metrics[0].settings_open);
        assert_eq!((form.metrics[0].errors, form.metrics[0].warnings), (0, 2));
        let anchors: Vec<_> = form
            .problems
            .iter()
            .map(|problem| problem.anchor.as_deref())
            .collect();
        // The unknown field has no field of its own.
        assert!(anchors.contains(&Some("metric-0")) && anchors.contains(&Some(name.id.as_str())));
    }

    #[test]
    fn every_store_with_a_query_language_has_an_example_without_problems() {
        for store in QueryConfig::TYPES {
            let help = query_help(store);
            let example = EXAMPLES.iter().find(|(known, _)| known == store);
            let Some((_, query)) = example else {
                assert_eq!(*store, "http-json");
                continue;
            };
            assert!(query.contains("${scope}") && help.contains(query), "{help}");
            let config = json!({
                "name": "example", "applications": ["x"],
                "metrics": [{"name": "m", "groups": ["g"], "scopeName": "default",
                    "query": {"type": store, "customInlineTemplate": query}}],
                "classifier": {"groupWeights": {"g": 100}}
            });
            let problems = config_problems(&config, &ServiceOffer::default());
            assert_eq!(problems, [], "{store}");
        }
    }

    #[test]
    fn of_hundreds_of_metrics_the_edited_one_has_its_fields_on_the_page() {
        let metric = json!({"name": "m", "query": {"type": "graphite", "metricName": "m"}});
        let config = json!({"metrics": vec![metric; 300]});
        let form = form(&config, &[], &[], &[], Some(7));
        let shown: Vec<usize> = form
            .metrics
            .iter()
            .filter(|metric| !metric.fields.is_empty())
            .map(|metric| metric.index)
            .collect();
        assert_eq!(shown, [7, 299]);
    }
}
