//! The numbers behind a judgement: ranks, Mann-Whitney interval and shift, quantiles, effect sizes.
//!
//! Everything here takes values and returns values; there are no dependencies. Results are meant to be
//! the same to the last bit on every machine and equal to those of the reference judge, so sums run
//! left to right, nothing is fused or reassociated, and formulas are written the way they are
//! evaluated there. What may be reordered freely is integer work: rank sums and tie counts are exact,
//! and that is where the speed comes from.
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

mod effect;
mod gaussian;
mod logarithm;
mod mann_whitney;
mod merge;
mod normal;
mod open_pairs;
mod pooled;
mod positions;
mod rank;
mod sample;
mod shift_search;
mod summary;
mod zeroin;

pub use effect::{common_language_effect, mean_ratio, ratio_of_means};
pub use gaussian::GaussianSource;
pub use mann_whitney::{AllTied, Interval, MannWhitney};
pub use normal::{critical_value, inverse_erf, normal_quantile};
pub use rank::{average_ranks, rank_sum};
pub use sample::{Fences, SortedSample};
pub use shift_search::ShiftSearch;
pub use summary::{Summary, max, mean, min, sample_std};
pub use zeroin::{TOLERANCE, zeroin};
