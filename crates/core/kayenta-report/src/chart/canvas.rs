//! Writing SVG.

use std::fmt::Write;

use askama::filters::{Html, escape};

use super::Paint;
use crate::Markup;

/// What an element stands for. The style sheet has a class for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Axis,
    Zero,
    Band,
    Baseline,
    BaselineFill,
    Canary,
    CanaryFill,
    Pass,
    Fail,
    Warn,
    Nothing,
    Limit,
    CriticalLimit,
    Dropped,
    Difference,
    Label,
    Strong,
}

impl Style {
    /// The class, and the attributes that stand in for it.
    fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::Axis => ("ax", r##"stroke="#dfe3e8" fill="none""##),
            Self::Zero => ("ze", r##"stroke="#5b6570""##),
            Self::Band => ("bd", r##"fill="#e9eef5""##),
            Self::Baseline => ("b", r##"stroke="#2f6fb3" fill="none""##),
            Self::BaselineFill => ("bf", r##"fill="#2f6fb3""##),
            Self::Canary => ("c", r##"stroke="#c8610a" fill="none""##),
            Self::CanaryFill => ("cf", r##"fill="#c8610a""##),
            Self::Pass => ("pa", r##"stroke="#1e7a3c" fill="#fff""##),
            Self::Fail => ("fa", r##"stroke="#b3261e" fill="#fff""##),
            Self::Warn => ("wa", r##"stroke="#7a5200" fill="#fff""##),
            Self::Nothing => ("no", r##"stroke="#6a737d" fill="#fff""##),
            Self::Limit => ("li", r##"stroke="#946200" stroke-dasharray="4 3""##),
            Self::CriticalLimit => ("cl", r##"stroke="#b3261e" stroke-dasharray="2 2""##),
            Self::Dropped => ("dr", r##"stroke="#6a737d" fill="none""##),
            Self::Difference => ("df", r##"stroke="#5b6570" fill="#e9eef5""##),
            Self::Label => ("lb", r#"font-size="11" font-family="sans-serif""#),
            Self::Strong => (
                "st",
                r#"font-size="11" font-weight="600" font-family="sans-serif""#,
            ),
        }
    }
}

/// Where a text stands relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// An SVG image under construction.
#[derive(Debug)]
pub(crate) struct Canvas {
    svg: String,
    paint: Paint,
}

impl Canvas {
    /// An image with a name and a description for those who do not see it.
    pub(crate) fn new(
        width: u32,
        height: u32,
        class: &str,
        title: &str,
        description: &str,
        paint: Paint,
    ) -> Self {
        let mut svg = String::with_capacity(1024);
        let size = match paint {
            Paint::Classes => String::new(),
            Paint::Attributes => format!(" width=\"{width}\" height=\"{height}\""),
        };
        let _ = write!(
            svg,
            "<svg viewBox=\"0 0 {width} {height}\"{size} class=\"{class}\" role=\"img\">"
        );
        for (element, text) in [("title", title), ("desc", description)] {
            if !text.is_empty() {
                let _ = write!(svg, "<{element}>{}</{element}>", escaped(text));
            }
        }
        Self { svg, paint }
    }

    fn open(&mut self, element: &str, style: Style) {
        let (class, attributes) = style.parts();
        let _ = match self.paint {
            Paint::Classes => write!(self.svg, "<{element} class=\"{class}\""),
            Paint::Attributes => write!(self.svg, "<{element} class=\"{class}\" {attributes}"),
        };
    }

    fn attribute(&mut self, name: &str, value: f64) {
        let _ = write!(self.svg, " {name}=\"{}\"", coordinate(value));
    }

    pub(crate) fn rect(&mut self, style: Style, (x, y): (f64, f64), (width, height): (f64, f64)) {
        self.open("rect", style);
        for (name, value) in [
            ("x", x),
            ("y", y),
            ("width", width.max(0.0)),
            ("height", height.max(0.0)),
        ] {
            self.attribute(name, value);
        }
        self.svg.push_str("/>");
    }

    pub(crate) fn line(&mut self, style: Style, from: (f64, f64), to: (f64, f64)) {
        self.path(style, &Path::through([from, to]));
    }

    pub(crate) fn thick_line(
        &mut self,
        style: Style,
        from: (f64, f64),
        to: (f64, f64),
        width: u32,
    ) {
        self.open("path", style);
        let _ = write!(
            self.svg,
            " stroke-width=\"{width}\" d=\"M{} {}L{} {}\"/>",
            coordinate(from.0),
            coordinate(from.1),
            coordinate(to.0),
            coordinate(to.1)
        );
    }

    pub(crate) fn circle(&mut self, style: Style, (x, y): (f64, f64), radius: f64) {
        self.open("circle", style);
        for (name, value) in [("cx", x), ("cy", y), ("r", radius)] {
            self.attribute(name, value);
        }
        self.svg.push_str("/>");
    }

    pub(crate) fn path(&mut self, style: Style, path: &Path) {
        if path.0.is_empty() {
            return;
        }
        self.open("path", style);
        let _ = write!(self.svg, " d=\"{}\"/>", path.0);
    }

    pub(crate) fn text(&mut self, style: Style, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        self.open("text", style);
        self.attribute("x", x);
        self.attribute("y", y);
        match anchor {
            Anchor::Start => {}
            Anchor::Middle => self.svg.push_str(" text-anchor=\"middle\""),
            Anchor::End => self.svg.push_str(" text-anchor=\"end\""),
        }
        let _ = write!(self.svg, ">{}</text>", escaped(text));
    }

    pub(crate) fn finish(mut self) -> Markup {
        self.svg.push_str("</svg>");
        Markup::drawn(self.svg)
    }
}

fn escaped(text: &str) -> impl std::fmt::Display {
    // Escaping a text cannot fail.
    match escape(text, Html) {
        Ok(escaped) => escaped.to_string(),
        Err(never) => match never {},
    }
}

/// A path of straight lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path(String);

impl Path {
    /// From the first of the points to the last.
    pub(crate) fn through(points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut path = Self::default();
        for point in points {
            match path.0.is_empty() {
                true => path.move_to(point),
                false => path.line_to(point),
            }
        }
        path
    }

    pub(crate) fn move_to(&mut self, (x, y): (f64, f64)) {
        let _ = write!(self.0, "M{} {}", coordinate(x), coordinate(y));
    }

    pub(crate) fn line_to(&mut self, (x, y): (f64, f64)) {
        let _ = write!(self.0, "L{} {}", coordinate(x), coordinate(y));
    }

    pub(crate) fn vertical_to(&mut self, y: f64) {
        let _ = write!(self.0, "V{}", coordinate(y));
    }

    pub(crate) fn close(&mut self) {
        if !self.0.is_empty() {
            self.0.push('Z');
        }
    }
}

/// A coordinate with one decimal, by integers, so that every machine writes the same.
fn coordinate(value: f64) -> String {
    let tenths = (value * 10.0).round() as i64;
    let (sign, tenths) = if tenths < 0 {
        ("-", -tenths)
    } else {
        ("", tenths)
    };
    if tenths % 10 == 0 {
        format!("{sign}{}", tenths / 10)
    } else {
        format!("{sign}{}.{}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_coordinates_are_short() {
        let mut canvas = Canvas::new(
            10,
            10,
            "x",
            "<script>alert(1)</script>",
            "a & b",
            Paint::Classes,
        );
        canvas.text(Style::Label, (1.25, -0.04), Anchor::End, "\"<b>\"");
        let svg = canvas.finish().into_string();
        assert!(!svg.contains("<script>") && !svg.contains("<b>"), "{svg}");
        assert!(svg.contains("x=\"1.3\" y=\"0\""), "{svg}");
    }
}
