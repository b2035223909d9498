//! The pairs of which it depends on the shift who wins.

/// Pairs of values, undecided between two shifts, and the number of pairs x wins at both.
#[derive(Debug)]
pub(crate) struct OpenPairs {
    x: Vec<f64>,
    y: Vec<f64>,
    /// How many pairs of values each stands for.
    weight: Vec<u64>,
    won: u64,
    /// Values of x that rounding may make equal, with their neighbours.
    close: Vec<(f64, f64)>,
}

impl OpenPairs {
    /// None yet, with capacity for so many.
    pub(crate) fn with_capacity(pairs: usize) -> Self {
        Self {
            x: Vec::with_capacity(pairs),
            y: Vec::with_capacity(pairs),
            weight: Vec::with_capacity(pairs),
            won: 0,
            close: Vec::new(),
        }
    }

    /// Adds an undecided pair.
    pub(crate) fn push(&mut self, x: f64, y: f64, weight: u64) {
        self.x.push(x);
        self.y.push(y);
        self.weight.push(weight);
    }

    /// Adds pairs that are won.
    pub(crate) fn decide(&mut self, won: u64) {
        self.won += won;
    }

    /// Adds two values of x that have to stay different for the counts to hold.
    pub(crate) fn watch(&mut self, lower: f64, upper: f64) {
        self.close.push((lower, upper));
    }

    /// Pairs won at a shift; `None` when the shift makes ties.
    pub(crate) fn wins(&self, mu: f64) -> Option<u64> {
        let mut won = self.won;
        let mut tied = false;
        for ((x, y), weight) in self.x.iter().zip(&self.y).zip(&self.weight) {
            let shifted = x - mu;
            won += if shifted > *y { *weight } else { 0 };
            tied |= shifted == *y;
        }
        let collapsed = |&(lower, upper): &(f64, f64)| lower - mu == upper - mu;
        (!tied && !self.close.iter().any(collapsed)).then_some(won)
    }

    /// Drops the pairs that are lost from `mu` on upwards.
    pub(crate) fn raise_lower(&mut self, mu: f64) {
        self.retain(|x, y, _| x - mu >= y);
    }

    /// Drops the pairs that are won from `mu` on downwards, and counts them.
    pub(crate) fn cut_upper(&mut self, mu: f64) {
        let mut won = self.won;
        self.retain(|x, y, weight| {
            let decided = x - mu > y;
            won += if decided { weight } else { 0 };
            !decided
        });
        self.won = won;
    }

    fn retain(&mut self, mut keeps: impl FnMut(f64, f64, u64) -> bool) {
        let mut kept = 0;
        for k in 0..self.x.len() {
            let (x, y, weight) = (self.x[k], self.y[k], self.weight[k]);
            self.x[kept] = x;
            self.y[kept] = y;
            self.weight[kept] = weight;
            kept += usize::from(keeps(x, y, weight));
        }
        self.x.truncate(kept);
        self.y.truncate(kept);
        self.weight.truncate(kept);
    }
}
