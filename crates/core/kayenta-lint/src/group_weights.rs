//! Groups and their weights.

use kayenta_model::CanaryConfig;

use crate::{
    nearest,
    problem::{Problem, pointer},
};

pub(crate) fn check(config: &CanaryConfig, problems: &mut Vec<Problem>) {
    let Some(classifier) = &config.classifier else {
        problems.push(Problem::error(
            "/classifier",
            "classifier",
            "a run needs the object 'classifier'; set \"classifier\": {\"groupWeights\": {…}}",
        ));
        return;
    };
    if let Some(thresholds) = classifier.score_thresholds
        && let (Some(pass), Some(marginal)) = (thresholds.pass, thresholds.marginal)
        && marginal > pass
    {
        problems.push(Problem::warning(
            "/classifier/scoreThresholds",
            "thresholds",
            format!(
                "the marginal threshold ({marginal}) is above the pass threshold ({pass}); besides, the thresholds of the \
                 request apply, not those of the config"
            ),
        ));
    }
    let Some(weights) = &classifier.group_weights else {
        return;
    };
    let mut groups: Vec<&str> = config
        .metrics()
        .iter()
        .flat_map(|metric| metric.groups.iter().flatten())
        .map(String::as_str)
        .collect();
    groups.sort_unstable();
    groups.dedup();
    for (group, weight) in weights {
        let at = pointer(&["classifier", "groupWeights", group]);
        if *weight < 0.0 {
            problems.push(Problem::warning(
                at.clone(),
                "weight",
                format!("the weight of the group '{group}' is {weight}; it cannot be negative"),
            ));
        }
        if !groups.contains(&group.as_str()) && *weight > 0.0 && !config.metrics().is_empty() {
            let unweighted = groups
                .iter()
                .copied()
                .filter(|name| !weights.contains_key(*name));
            let message = format!(
                "no metric is in the group '{group}', so a score of 100 cannot be reached; add a metric or remove the weight"
            );
            problems.push(
                Problem::warning(at, "weight-without-metric", message)
                    .near(nearest(group, unweighted)),
            );
        }
    }
    if groups.is_empty() {
        return;
    }
    let given: f64 = weights.values().sum();
    let unweighted: Vec<&str> = groups
        .iter()
        .copied()
        .filter(|group| !weights.contains_key(*group))
        .collect();
    let at = "/classifier/groupWeights";
    let is_hundred = (given - 100.0).abs() <= 1e-6;
    if unweighted.is_empty() && !is_hundred {
        problems.push(Problem::warning(
            at,
            "weights",
            format!(
                "the weights add up to {given}, so a canary whose metrics all pass reaches a score of {given}; make them \
                 add up to 100"
            ),
        ));
    } else if !unweighted.is_empty() && given > 100.0 + 1e-6 {
        problems.push(Problem::warning(
            at,
            "weights",
            format!("the weights add up to {given}; make them add up to 100"),
        ));
    } else if !unweighted.is_empty() && is_hundred {
        let given: Vec<&str> = weights.keys().map(String::as_str).collect();
        for group in unweighted {
            let message = format!(
                "the weights add up to 100 without the group '{group}', whose metrics therefore do not count"
            );
            problems.push(
                Problem::warning(at, "group-without-weight", message)
                    .near(nearest(group, given.iter().copied())),
            );
        }
    }
}
