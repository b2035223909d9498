//! How the judged values of both sides are distributed: histogram, distribution function, boxes.

use super::{
    Paint,
    canvas::{Anchor, Canvas, Path, Style},
    scale::{Scale, extent},
};
use crate::{Markup, number};

const LEFT: f64 = 60.0;
const RIGHT: f64 = 1088.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 200.0;
const BINS: usize = 30;
/// Steps of a distribution function that are drawn at most.
const STEPS: usize = 500;

/// The judged values of both sides in ascending order, without infinite ones.
#[derive(Clone, Debug)]
pub(crate) struct Distributions {
    pub(crate) baseline: Vec<f64>,
    pub(crate) canary: Vec<f64>,
}

/// A bin of a histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bin {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) baseline: usize,
    pub(crate) canary: usize,
}

/// The value below which a share of sorted values lies.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = share * last as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    let (low_value, high_value) = (sorted[low], sorted[high.min(last)]);
    Some(low_value + (high_value - low_value) * (at - low as f64))
}

impl Distributions {
    pub(crate) fn new(baseline: &[f64], canary: &[f64]) -> Self {
        let sorted = |values: &[f64]| {
            let mut values: Vec<f64> = values
                .iter()
                .copied()
                .filter(|value| value.is_finite())
                .collect();
            values.sort_by(f64::total_cmp);
            values
        };
        Self {
            baseline: sorted(baseline),
            canary: sorted(canary),
        }
    }

    fn extent(&self) -> Option<(f64, f64)> {
        extent(
            [
                self.baseline.first(),
                self.baseline.last(),
                self.canary.first(),
                self.canary.last(),
            ]
            .into_iter()
            .flatten()
            .copied(),
        )
    }

    /// Bins of equal width, common to both sides.
    pub(crate) fn bins(&self) -> Vec<Bin> {
        let Some((least, greatest)) = self.extent() else {
            return Vec::new();
        };
        let count = if least < greatest { BINS } else { 1 };
        let edge = |index: usize| least + (greatest - least) * (index as f64 / count as f64);
        let within = |sorted: &[f64], from: f64, to: f64, last: bool| {
            let above = |limit: f64| sorted.partition_point(|&value| value < limit);
            let end = if last { sorted.len() } else { above(to) };
            end.saturating_sub(above(from))
        };
        (0..count)
            .map(|index| {
                let (from, to, last) = (edge(index), edge(index + 1), index + 1 == count);
                Bin {
                    from,
                    to,
                    baseline: within(&self.baseline, from, to, last),
                    canary: within(&self.canary, from, to, last),
                }
            })
            .collect()
    }

    fn frame(
        &self,
        title: &str,
        kind: &str,
        paint: Paint,
        y: Option<&Scale>,
    ) -> Option<(Canvas, Scale)> {
        let (least, greatest) = self.extent()?;
        let description = format!(
            "{} judged values of the baseline and {} of the canary between {} and {}",
            self.baseline.len(),
            self.canary.len(),
            number::number(least),
            number::number(greatest)
        );
        let mut canvas = Canvas::new(
            1100,
            224,
            "chart",
            &format!("{title}: {kind}"),
            &description,
            paint,
        );
        let x = Scale::new((least, greatest), (LEFT, RIGHT));
        for tick in y.map(|y| y.ticks(4)).unwrap_or_default() {
            let at = y.map_or(0.0, |y| y.at(tick));
            canvas.line(Style::Axis, (LEFT, at), (RIGHT, at));
            canvas.text(
                Style::Label,
                (LEFT - 6.0, at + 4.0),
                Anchor::End,
                &number::number(tick),
            );
        }
        for tick in x.ticks(8) {
            canvas.text(
                Style::Label,
                (x.at(tick), BOTTOM + 16.0),
                Anchor::Middle,
                &number::number(tick),
            );
        }
        Some((canvas, x))
    }

    /// How many values of each side fall into common bins. `None` without values.
    pub(crate) fn histogram(&self, title: &str, paint: Paint) -> Option<Markup> {
        let bins = self.bins();
        let most = bins.iter().map(|bin| bin.baseline.max(bin.canary)).max()?;
        let y = Scale::new((0.0, most as f64), (BOTTOM, TOP));
        let (mut canvas, _) = self.frame(title, "histogram", paint, Some(&y))?;
        let width = (RIGHT - LEFT) / bins.len() as f64;
        for (index, bin) in bins.iter().enumerate() {
            let left = LEFT + index as f64 * width;
            for (count, style, at) in [
                (bin.baseline, Style::BaselineFill, left + 1.0),
                (bin.canary, Style::CanaryFill, left + width / 2.0),
            ] {
                if count > 0 {
                    let top = y.at(count as f64);
                    canvas.rect(style, (at, top), (width / 2.0 - 1.0, BOTTOM - top));
                }
            }
        }
        Some(canvas.finish())
    }

    /// The share of values at or below each value. `None` without values.
    pub(crate) fn cumulative(&self, title: &str, paint: Paint) -> Option<Markup> {
        let y = Scale::new((0.0, 1.0), (BOTTOM, TOP));
        let (mut canvas, x) = self.frame(title, "distribution function", paint, Some(&y))?;
        for (sorted, style) in [
            (&self.baseline, Style::Baseline),
            (&self.canary, Style::Canary),
        ] {
            let mut path = Path::default();
            let stride = sorted.len().div_ceil(STEPS).max(1);
            for (index, &value) in sorted.iter().enumerate() {
                if index % stride != 0 && index + 1 != sorted.len() {
                    continue;
                }
                let share = y.at((index + 1) as f64 / sorted.len() as f64);
                if index == 0 {
                    path.move_to((x.at(value), BOTTOM));
                } else {
                    path.line_to((x.at(value), y.at(index as f64 / sorted.len() as f64)));
                }
                path.vertical_to(share);
            }
            canvas.path(style, &path);
        }
        Some(canvas.finish())
    }

    /// Quartiles, median and extremes of each side. `None` without values.
    pub(crate) fn boxes(&self, title: &str, paint: Paint) -> Option<Markup> {
        let (mut canvas, x) = self.frame(title, "quartiles", paint, None)?;
        for (sorted, style, y, name) in [
            (&self.baseline, Style::Baseline, 60.0, "Baseline"),
            (&self.canary, Style::Canary, 140.0, "Canary"),
        ] {
            canvas.text(Style::Label, (4.0, y + 4.0), Anchor::Start, name);
            let at = |share: f64| quantile(sorted, share).map(|value| x.at(value));
            let (Some(least), Some(first), Some(median), Some(third), Some(greatest)) =
                (at(0.0), at(0.25), at(0.5), at(0.75), at(1.0))
            else {
                continue;
            };
            canvas.line(style, (least, y), (first, y));
            canvas.line(style, (third, y), (greatest, y));
            canvas.line(style, (least, y - 8.0), (least, y + 8.0));
            canvas.line(style, (greatest, y - 8.0), (greatest, y + 8.0));
            canvas.rect(style, (first, y - 20.0), (third - first, 40.0));
            canvas.thick_line(style, (median, y - 20.0), (median, y + 20.0), 3);
        }
        Some(canvas.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_every_value_once() {
        let values = Distributions::new(&[1.0, 2.0, 2.0, f64::INFINITY], &[5.0, 31.0, f64::NAN]);
        let bins = values.bins();
        assert_eq!(bins.len(), 30);
        assert_eq!(bins.iter().map(|bin| bin.baseline).sum::<usize>(), 3);
        assert_eq!(bins.iter().map(|bin| bin.canary).sum::<usize>(), 2);
        assert_eq!(bins[29].canary, 1);
        let constant = Distributions::new(&[4.0; 3], &[4.0]).bins();
        assert_eq!(
            (constant.len(), constant[0].baseline, constant[0].canary),
            (1, 3, 1)
        );
        assert!(Distributions::new(&[], &[]).bins().is_empty());
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.5), Some(2.5));
        assert_eq!(quantile(&[1.0], 0.95), Some(1.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
