//! How a judge is picked.

use std::sync::Arc;

use kayenta_judge::{
    Dice, Judge, JudgeErrorKind, JudgeRegistry, NetflixAcaJudge, RandomDummyJudge,
};
use kayenta_model::JudgeConfig;

/// Dice that always show the same.
#[derive(Debug)]
pub(crate) struct Loaded(pub(crate) f64);

impl Dice for Loaded {
    fn uniform(&self) -> f64 {
        self.0
    }
}

pub(crate) fn registry() -> JudgeRegistry {
    JudgeRegistry::new(vec![Judge::Local(Arc::new(NetflixAcaJudge::default()))]).with(Judge::Local(
        Arc::new(RandomDummyJudge::new(Arc::new(Loaded(0.5)))),
    ))
}

fn config(name: Option<&str>) -> JudgeConfig {
    JudgeConfig {
        name: name.map(str::to_owned),
        ..JudgeConfig::default()
    }
}

#[test]
fn the_judges_are_listed_with_the_default_first() {
    let json = serde_json::to_string(&registry().list()).unwrap();
    assert_eq!(
        json,
        r#"[{"name":"NetflixACAJudge-v1.0","visible":true},{"name":"dredd-v1.0","visible":false}]"#
    );
}

#[test]
fn the_override_counts_only_when_the_config_names_a_judge_at_all() {
    let judges = registry();
    let picked = |config: Option<JudgeConfig>, name: Option<&str>| {
        judges
            .select(config.as_ref(), name)
            .unwrap()
            .name()
            .to_owned()
    };
    assert_eq!(picked(None, None), NetflixAcaJudge::NAME);
    assert_eq!(picked(None, Some("dredd-v1.0")), NetflixAcaJudge::NAME);
    assert_eq!(picked(Some(config(None)), None), NetflixAcaJudge::NAME);
    assert_eq!(picked(Some(config(Some(""))), None), NetflixAcaJudge::NAME);
    assert_eq!(picked(Some(config(None)), Some("dredd-v1.0")), "dredd-v1.0");
    assert_eq!(picked(Some(config(Some("dredd-v1.0"))), None), "dredd-v1.0");
    assert_eq!(
        picked(Some(config(Some("nobody"))), Some("dredd-v1.0")),
        "dredd-v1.0"
    );
    assert_eq!(
        picked(Some(config(Some("dredd-v1.0"))), Some("")),
        "dredd-v1.0"
    );
}

#[test]
fn unknown_names_are_refused_with_the_text_of_the_reference() {
    let judges = registry();
    let error = judges
        .select(Some(&config(Some("netflixacajudge-v1.0"))), None)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "Unable to resolve canary judge 'netflixacajudge-v1.0'."
    );
    assert_eq!(error.kind(), JudgeErrorKind::InvalidArgument);
    assert!(JudgeRegistry::default().select(None, None).is_err());
}
