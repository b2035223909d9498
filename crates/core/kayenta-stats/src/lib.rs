//! The numbers behind a judgement: ranks, Mann-Whitney interval and shift, quantiles, effect sizes; for
//! the judges beside the reference's: paired series, long-run variance, tails, multiple tests.
//!
//! Everything here takes values and returns values. What the reference judge uses is meant to be
//! the same to the last bit on every machine and equal to the reference, so sums run
//! left to right, nothing is fused or reassociated, and formulas are written the way they are
//! evaluated there. What may be reordered freely is integer work: rank sums and tie counts are exact,
//! and that is where the speed comes from. The rest ([`LongRun`], [`Clipped`], tails) is exact to the
//! tolerance its documentation states.
//!
//! It is not a statistics library: it has what a canary judge needs, by the reference's formulas even
//! where a textbook has better ones, and nothing else.
//! ```
//! use kayenta_stats::{MannWhitney, SortedSample, critical_value};
//!
//! let experiment = SortedSample::new([20.0, 22.0, 21.0, 25.0, 30.0]);
//! let control = SortedSample::new([1.0, 2.2, 1.1, 2.5, 3.0]);
//! let test = MannWhitney::new(&experiment, &control);
//! let result = test.interval(critical_value(0.98)).expect("the values differ");
//! assert_eq!(result.lower, 17.00007537441941);
//! assert_eq!(result.upper, 28.99992173569856);
//! assert_eq!(result.estimate, 20.0);
//! ```

mod clip;
mod effect;
mod gaussian;
mod logarithm;
mod long_run;
mod mann_whitney;
mod merge;
mod multiplicity;
mod normal;
mod open_pairs;
mod pairs;
mod pooled;
mod positions;
mod rank;
mod sample;
mod shift_search;
mod summary;
mod tails;
mod zeroin;

pub use clip::{Clipped, median, rounding_floor};
pub use effect::{common_language_effect, mean_ratio, ratio_of_means};
pub use gaussian::GaussianSource;
pub use long_run::{
    LongRun, autocorrelation, cautious_autocorrelation, cosine_coefficients, mean_square,
    term_count,
};
pub use mann_whitney::{AllTied, Interval, MannWhitney};
pub use multiplicity::{benjamini_hochberg, holm};
pub use normal::{critical_value, inverse_erf, normal_quantile};
pub use pairs::{CompletePairs, Gaps};
pub use rank::{average_ranks, rank_sum};
pub use sample::{Fences, SortedSample};
pub use shift_search::ShiftSearch;
pub use summary::{Summary, max, mean, min, sample_std};
pub use tails::{incomplete_beta, normal_sf, student_isf, student_sf};
pub use zeroin::{TOLERANCE, zeroin};
