//! Bars, as SVG.

use crate::stats::Median;
use std::fmt::Write;

pub struct Bar {
    pub label: String,
    pub value: Median,
    /// What stands beside the bar.
    pub text: String,
    pub ours: bool,
}

/// A picture of horizontal bars in groups, each group with its own scale.
pub fn bars(title: &str, subtitle: &str, groups: &[(&str, Vec<Bar>)]) -> String {
    const LEFT: f64 = 190.0;
    const WIDTH: f64 = 430.0;
    const STEP: f64 = 26.0;
    let rows: usize = groups.iter().map(|(_, bars)| bars.len()).sum();
    let height = 62.0 + groups.len() as f64 * 40.0 + rows as f64 * STEP;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 {height}\" width=\"760\" height=\"{height}\" \
         role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n<title>{title}</title>\n\
         <rect width=\"760\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"28\" font-size=\"17\" font-weight=\"600\" fill=\"#1f2328\">{title}</text>\n\
         <text x=\"16\" y=\"48\" fill=\"#59636e\">{subtitle}</text>\n"
    );
    let mut y = 62.0;
    for (name, bars) in groups {
        let most = bars.iter().map(|bar| bar.value.high).fold(f64::MIN_POSITIVE, f64::max);
        let scale = |value: f64| value / most * WIDTH;
        let _ = writeln!(
            svg,
            "<text x=\"16\" y=\"{}\" font-weight=\"600\" fill=\"#1f2328\">{name}</text>",
            y + 24.0
        );
        y += 34.0;
        for bar in bars {
            let colour = if bar.ours { "#0969da" } else { "#8c959f" };
            let (middle, low, high) = (y + 10.0, LEFT + scale(bar.value.low), LEFT + scale(bar.value.high));
            let length = scale(bar.value.value).max(1.0);
            let _ = write!(
                svg,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#1f2328\">{}</text>\n\
                 <rect x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"18\" rx=\"2\" fill=\"{colour}\"/>\n\
                 <path d=\"M{low:.1} {middle}H{high:.1}\" stroke=\"#1f2328\" stroke-width=\"1.5\"/>\n\
                 <text x=\"{:.1}\" y=\"{}\" fill=\"#1f2328\">{}</text>\n",
                LEFT - 8.0, y + 14.0, bar.label,
                high.max(LEFT + length) + 8.0, y + 14.0, bar.text
            );
            y += STEP;
        }
        y += 6.0;
    }
    svg.push_str("</svg>\n");
    svg
}
