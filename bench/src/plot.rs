//! Bars, as SVG.

use crate::stats::Median;
use std::fmt::Write;

pub struct Bar {
    pub label: String,
    pub value: Median,
    /// Beside the bar.
    pub text: String,
    pub ours: bool,
}

const LEFT: f64 = 190.0;
const WIDTH: f64 = 430.0;
const STEP: f64 = 26.0;
/// The text is dark on light or light on dark, as the reader's system is.
const STYLE: &str = "<style>svg { color: #1f2328 } \
    @media (prefers-color-scheme: dark) { svg { color: #e6edf3 } }</style>";

impl Bar {
    fn draw(&self, svg: &mut String, y: f64, scale: impl Fn(f64) -> f64) {
        let Bar { label, value, text, ours } = self;
        let colour = if *ours { "#0969da" } else { "#8c959f" };
        let (low, high) = (LEFT + scale(value.low), LEFT + scale(value.high));
        let length = scale(value.value).max(1.0);
        let (right_of_label, right_of_bar) = (LEFT - 8.0, high.max(LEFT + length) + 8.0);
        let (middle, baseline) = (y + 10.0, y + 14.0);
        let _ = write!(
            svg,
            "<text x=\"{right_of_label}\" y=\"{baseline}\" text-anchor=\"end\" \
             fill=\"currentColor\">{label}</text>\n\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"18\" rx=\"2\" \
             fill=\"{colour}\"/>\n\
             <path d=\"M{low:.1} {middle}H{high:.1}\" stroke=\"currentColor\" stroke-width=\"1.5\"/>\n\
             <text x=\"{right_of_bar:.1}\" y=\"{baseline}\" fill=\"currentColor\">{text}</text>\n"
        );
    }
}

/// A picture of horizontal bars in groups, each group with its own scale.
pub fn bars(title: &str, subtitle: &str, groups: &[(&str, Vec<Bar>)]) -> String {
    let rows: usize = groups.iter().map(|(_, bars)| bars.len()).sum();
    let height = 62.0 + groups.len() as f64 * 40.0 + rows as f64 * STEP;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 {height}\" width=\"760\" \
         height=\"{height}\" role=\"img\" font-family=\"system-ui, sans-serif\" \
         font-size=\"13\">\n<title>{title}</title>\n{STYLE}\n\
         <text x=\"16\" y=\"28\" font-size=\"17\" font-weight=\"600\" \
         fill=\"currentColor\">{title}</text>\n\
         <text x=\"16\" y=\"48\" fill=\"currentColor\" opacity=\"0.75\">{subtitle}</text>\n"
    );
    let mut y = 62.0;
    for (name, bars) in groups {
        let most = bars.iter().map(|bar| bar.value.high).fold(f64::MIN_POSITIVE, f64::max);
        let scale = |value: f64| value / most * WIDTH;
        let _ = writeln!(
            svg,
            "<text x=\"16\" y=\"{}\" font-weight=\"600\" fill=\"currentColor\">{name}</text>",
            y + 24.0
        );
        y += 34.0;
        for bar in bars {
            bar.draw(&mut svg, y, scale);
            y += STEP;
        }
        y += 6.0;
    }
    svg.push_str("</svg>\n");
    svg
}
