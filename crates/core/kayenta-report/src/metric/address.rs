//! Links to the same metric, looked at in another way.

use kayenta_model::Side;

use super::display::{ChartKind, MetricDisplay};
use crate::overview::encoded;

pub(crate) struct Toggle {
    pub(crate) text: String,
    pub(crate) href: String,
}

/// A metric and how it is looked at.
pub(crate) struct Address<'a> {
    pub(crate) key: &'a str,
    pub(crate) query: &'a MetricDisplay,
}

impl Address<'_> {
    pub(crate) fn with(
        &self,
        chart: ChartKind,
        hide: Option<Side>,
        zoom: Option<(u32, u32)>,
    ) -> String {
        let mut href = format!("?metric={}", encoded(self.key));
        if chart != ChartKind::default() {
            href.push_str(&format!("&chart={}", chart.word()));
        }
        if let Some(side) = hide {
            href.push_str(if side == Side::Control {
                "&hide=baseline"
            } else {
                "&hide=canary"
            });
        }
        if let Some((from, to)) = zoom {
            href.push_str(&format!("&zoom={from}-{to}"));
        }
        href
    }

    /// Links to other parts of the window.
    pub(crate) fn zooms(&self, (from, to): (u32, u32), whole: u32) -> Vec<Toggle> {
        let length = to - from;
        let step = (length / 2).max(1);
        let link = |text: &str, zoom: Option<(u32, u32)>| Toggle {
            text: text.to_owned(),
            href: self.with(self.query.chart, self.query.hide, zoom),
        };
        let mut links = Vec::new();
        if length > 1 {
            let quarter = length / 4;
            links.push(link("Zoom in", Some((from + quarter, to - quarter))));
        }
        if self.query.zoom.is_some() {
            if from > 0 {
                let back = step.min(from);
                links.push(link("Earlier", Some((from - back, to - back))));
            }
            if to < whole {
                let on = step.min(whole - to);
                links.push(link("Later", Some((from + on, to + on))));
            }
            links.push(link("Zoom out", None));
        }
        links
    }

    pub(crate) fn toggles(&self) -> Vec<Toggle> {
        if self.query.chart != ChartKind::Series {
            return Vec::new();
        }
        [(Side::Control, "baseline"), (Side::Experiment, "canary")]
            .into_iter()
            .map(|(side, name)| {
                let hidden = self.query.hide == Some(side);
                Toggle {
                    text: format!("{} {name}", if hidden { "Show" } else { "Hide" }),
                    href: self.with(self.query.chart, (!hidden).then_some(side), self.query.zoom),
                }
            })
            .collect()
    }
}
