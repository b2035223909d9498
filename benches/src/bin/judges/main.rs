//! How often judges are wrong, and what they find: labelled pairs of synthetic series, judged by every
//! judge that compares two sides. `benches/judges/run` runs it, `docs/judges.md` shows what it prints.

mod blocks;
mod pairs;
mod table;

use std::{error::Error, io::Write as _, sync::Arc};

use clap::Parser;
use kayenta_judge::{
    JudgeRequest, LocalJudge, NetflixAcaJudge, PairedCanaryJudge, ScoreThresholds,
};
use kayenta_model::{CanaryConfig, ClassifierConfig, JudgeConfig};

use crate::{
    blocks::{Canary, canaries},
    table::Tally,
};

/// Measures false alarms and found changes of judges.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seed of all data; the same seed gives the same tables.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many canaries, relative to about 17,000 judgements.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let judges: [&dyn LocalJudge; 2] = [&NetflixAcaJudge::default(), &PairedCanaryJudge::default()];
    let mut tallies = vec![Tally::default(); judges.len()];
    canaries(arguments.seed, arguments.scale, |canary| {
        let mut request = request(&canary);
        for (judge, tally) in judges.iter().zip(&mut tallies) {
            let config = Arc::make_mut(&mut request.canary_config);
            config.judge = Some(JudgeConfig {
                name: Some(judge.name().to_owned()),
                ..JudgeConfig::default()
            });
            let result = judge.judge(&request)?;
            tally.add(&canary, &result);
        }
        Ok::<_, kayenta_judge::JudgeError>(())
    })?;
    let names: Vec<&str> = judges.iter().map(|judge| judge.name()).collect();
    let tables = table::tables(&names, &tallies);
    std::io::stdout().write_all(tables.as_bytes())?;
    Ok(())
}

/// A judgement of all metrics of a canary; their pairs are shared, not copied.
fn request(canary: &Canary) -> JudgeRequest {
    JudgeRequest {
        canary_config: Arc::new(CanaryConfig {
            metrics: Some(canary.metrics.clone()),
            classifier: Some(ClassifierConfig::default()),
            ..CanaryConfig::default()
        }),
        thresholds: ScoreThresholds {
            pass: 100.0,
            marginal: 50.0,
        },
        metric_set_pairs: Arc::clone(&canary.pairs),
        look: canary.look,
    }
}
