//! The search for the ends of the interval and for the shift.

use crate::{AllTied, mann_whitney::MannWhitney, pooled::Pooled, zeroin};

/// A search over shifts; every root starts from the ends of the range, which are evaluated once.
///
/// Between two shifts that enclose a root most pairs of values are already decided: if x − mu exceeds y
/// at the larger shift, it does so at every smaller one, rounding included, because the rounded
/// difference falls as mu grows. So as the root finder closes in, fewer and fewer pairs are looked at.
/// What is found is what evaluating everything anew finds, bit for bit.
#[derive(Debug)]
pub struct ShiftSearch<'a> {
    test: MannWhitney<'a>,
    critical: f64,
    range: (f64, f64),
    ends: (f64, f64),
    /// The quick way; absent for data with infinities.
    pooled: Option<Pooled<'a>>,
}

impl<'a> ShiftSearch<'a> {
    pub(crate) fn new(test: MannWhitney<'a>, critical: f64) -> Result<Self, AllTied> {
        let range = test.range();
        let mut search = Self {
            test,
            critical,
            range,
            ends: (f64::NAN, f64::NAN),
            pooled: Pooled::new(test),
        };
        search.ends = (search.statistic(range.0)?, search.statistic(range.1)?);
        Ok(search)
    }

    /// The statistic at a shift, as [`MannWhitney::statistic`], but without allocating and several
    /// times quicker.
    ///
    /// # Errors
    /// [`AllTied`] when no two pooled values differ at this shift.
    pub fn statistic(&mut self, mu: f64) -> Result<f64, AllTied> {
        match &mut self.pooled {
            Some(pooled) => {
                pooled.widen();
                pooled.statistic(mu)
            }
            None => self.test.statistic(mu),
        }
    }

    /// Lower end of the confidence interval.
    ///
    /// # Errors
    /// [`AllTied`] when the statistic has no variance at a shift the search comes by.
    pub fn lower(&mut self) -> Result<f64, AllTied> {
        self.interval_end(-self.critical)
    }

    /// Upper end of the confidence interval.
    ///
    /// # Errors
    /// [`AllTied`] when the statistic has no variance at a shift the search comes by.
    pub fn upper(&mut self) -> Result<f64, AllTied> {
        self.interval_end(self.critical)
    }

    /// The Hodges-Lehmann shift as the reference finds it.
    ///
    /// # Errors
    /// [`AllTied`] when the statistic has no variance at a shift the search comes by.
    pub fn estimate(&mut self) -> Result<f64, AllTied> {
        // The reference does not look at the signs at the ends here.
        self.root(0.0)
    }

    fn interval_end(&mut self, q: f64) -> Result<f64, AllTied> {
        if self.ends.0 - q <= 0.0 {
            Ok(self.range.0)
        } else if self.ends.1 - q >= 0.0 {
            Ok(self.range.1)
        } else {
            self.root(q)
        }
    }

    /// Where the statistic crosses `q`.
    fn root(&mut self, q: f64) -> Result<f64, AllTied> {
        let lower = (self.range.0, self.ends.0 - q);
        let upper = (self.range.1, self.ends.1 - q);
        let test = self.test;
        match &mut self.pooled {
            None => zeroin(lower, upper, |mu| Ok(test.statistic(mu)? - q)),
            Some(pooled) => {
                pooled.widen();
                zeroin(lower, upper, |mu| {
                    let f = pooled.statistic(mu)? - q;
                    // The root finder goes on between its last points of either sign.
                    if f > 0.0 {
                        pooled.raise_lower(mu);
                    } else {
                        pooled.cut_upper(mu);
                    }
                    Ok(f)
                })
            }
        }
    }
}
