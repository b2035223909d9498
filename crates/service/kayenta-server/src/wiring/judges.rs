//! The judges of the service.

use std::{num::NonZeroUsize, sync::Arc};

use kayenta_config::Settings;
use kayenta_http::{HttpSetupError, Transport};
use kayenta_judge::{
    Dice, Judge, JudgeRegistry, NetflixAcaJudge, PairedCanaryJudge, RandomDummyJudge,
    StaticLimitJudge,
};
use kayenta_model::Clock;
use kayenta_remote_judge::HttpRemoteJudge;
use uuid::Uuid;

/// Draws from the operating system's random source.
#[derive(Debug)]
struct SystemDice;

impl Dice for SystemDice {
    #[expect(
        clippy::disallowed_methods,
        reason = "the wiring is where randomness enters"
    )]
    fn uniform(&self) -> f64 {
        // The upper 53 bits are random; those that mark the version of a UUID are not among the
        // lower 64 but for two, which are shifted out.
        let random = Uuid::new_v4().as_u128() as u64;
        ((random << 2) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The judges that need nothing but this process, the default one first.
pub(crate) fn local_judges() -> JudgeRegistry {
    JudgeRegistry::new(vec![
        Judge::Local(Arc::new(NetflixAcaJudge::default().with_threads(threads()))),
        Judge::Local(Arc::new(RandomDummyJudge::new(Arc::new(SystemDice)))),
    ])
}

/// The judges that need nothing but this process, with those that a service lists only when it is configured
/// to: a file of judgements names the judge it wants.
pub(crate) fn batch_judges() -> JudgeRegistry {
    local_judges()
        .with(paired_judge())
        .with(static_limit_judge())
}

fn paired_judge() -> Judge {
    Judge::Local(Arc::new(
        PairedCanaryJudge::default().with_threads(threads()),
    ))
}

fn static_limit_judge() -> Judge {
    Judge::Local(Arc::new(StaticLimitJudge))
}

fn threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// The judges of a service with these settings.
///
/// # Errors
/// When the remote judge cannot be set up.
pub(crate) fn judges(
    settings: &Settings,
    transport: &Transport,
    clock: &Arc<dyn Clock>,
) -> Result<JudgeRegistry, HttpSetupError> {
    let judges = local_judges();
    let judges = if settings.judging.paired_judge {
        judges.with(paired_judge())
    } else {
        judges.without(
            PairedCanaryJudge::NAME,
            "set kayenta.paired-judge.enabled: true",
        )
    };
    let judges = if settings.judging.static_limit_judge {
        judges.with(static_limit_judge())
    } else {
        judges.without(
            StaticLimitJudge::NAME,
            "set kayenta.static-limit-judge.enabled: true",
        )
    };
    let Some(remote) = &settings.remote_judge else {
        return Ok(judges.without(
            kayenta_remote_judge::NAME,
            "set kayenta.remote-judge.enabled: true and kayenta.remote-judge.endpoint.base-url",
        ));
    };
    let judge = HttpRemoteJudge::new(remote, transport, Arc::clone(clock))?;
    Ok(judges.with(Judge::Remote(Arc::new(judge))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_spread_over_the_unit_interval() {
        let draws: Vec<f64> = (0..1000).map(|_| SystemDice.uniform()).collect();
        assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
        let mean = draws.iter().sum::<f64>() / 1000.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }

    #[test]
    fn the_default_judge_comes_first() {
        let names: Vec<_> = local_judges()
            .list()
            .into_iter()
            .map(|j| (j.name, j.visible))
            .collect();
        let expected = [
            ("NetflixACAJudge-v1.0".to_owned(), true),
            ("dredd-v1.0".to_owned(), false),
        ];
        assert_eq!(names, expected);
    }
}
