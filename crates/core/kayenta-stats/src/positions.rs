//! Where the values of one sorted sample stand among those of another.

/// Below every key of a finite value.
pub(crate) const BEFORE: i64 = i64::MIN;
/// Above every key of a finite value.
pub(crate) const AFTER: i64 = i64::MAX;

/// A value of x, and space for a merge to note what it passes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Row {
    pub(crate) key: i64,
    /// Where a merge from the front stood when it last looked at the value.
    front: u32,
    /// Where a merge from the back did.
    back: u32,
}

/// For each key of `x` the number of keys of `y` below it, and whether some key is in both. `x` and `y`
/// are sorted and begin and end with a sentinel.
///
/// A merge from both ends towards the middle without a branch that depends on data: which side a step
/// takes is random, so a processor would guess it wrong every other time. The two directions do not
/// wait for each other and write to places of their own, so that every step may write.
pub(crate) fn positions(x: &mut [Row], y: &[i64], below: &mut [u32]) -> bool {
    let (m, n) = (x.len() - 2, y.len() - 2);
    let mut tied = false;
    let (mut i, mut j) = (1, 1);
    let (mut k, mut l) = (m, n);
    for _ in 0..(m + n) / 2 {
        let row = &mut x[i];
        let b = y[j];
        tied |= row.key == b;
        row.front = j as u32;
        let take_x = usize::from(row.key <= b);
        i += take_x;
        j += 1 - take_x;

        let row = &mut x[k];
        let b = y[l];
        tied |= row.key == b;
        row.back = l as u32;
        let take_x = usize::from(row.key > b);
        k -= take_x;
        l -= 1 - take_x;
    }
    if i <= k {
        // An odd number of values, and the last one is an x.
        x[i].front = j as u32;
        tied |= x[i].key == y[j];
        i += 1;
    }
    let (front, back) = below.split_at_mut(i - 1);
    for (below, row) in front.iter_mut().zip(&x[1..i]) {
        *below = row.front - 1;
    }
    for (below, row) in back.iter_mut().zip(&x[i..=m]) {
        *below = row.back;
    }
    tied
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(x: &[i64], y: &[i64]) -> (Vec<u32>, bool) {
        let with_sentinels = |keys: &[i64]| -> Vec<i64> { [&[BEFORE], keys, &[AFTER]].concat() };
        let mut rows: Vec<Row> = with_sentinels(x)
            .into_iter()
            .map(|key| Row {
                key,
                ..Row::default()
            })
            .collect();
        let mut below = vec![0; x.len()];
        let tied = positions(&mut rows, &with_sentinels(y), &mut below);
        (below, tied)
    }

    #[test]
    fn all_small_cases_agree_with_counting() {
        // Every pair of sorted samples of up to four keys out of 0..4.
        let mut samples: Vec<Vec<i64>> = vec![Vec::new()];
        let mut longest = samples.clone();
        for _ in 0..4 {
            longest = longest
                .iter()
                .flat_map(|sample| {
                    let from = sample.last().copied().unwrap_or(0);
                    (from..4).map(|key| [&sample[..], &[key]].concat())
                })
                .collect();
            samples.extend(longest.iter().cloned());
        }
        assert_eq!(samples.len(), 70);
        for x in &samples {
            for y in &samples {
                let below: Vec<u32> = x
                    .iter()
                    .map(|a| y.iter().filter(|&b| b < a).count() as u32)
                    .collect();
                let tied = x.iter().any(|a| y.contains(a));
                assert_eq!(found(x, y), (below, tied), "{x:?} among {y:?}");
            }
        }
    }
}
