//! The picture: a line that sums up, the table, and all that there is of the service chosen.

use super::sampler::{Row, Sample};
use crate::cli::duration;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row as TableRow, Table, TableState, Wrap};
use ratatui::Frame;

pub struct View {
    rows: Vec<Row>,
    /// Why there is nothing newer.
    problem: Option<String>,
    table: TableState,
    /// How many rows there is room for.
    room: usize,
    colors: bool,
}

/// Lines below the table.
const DETAILS: u16 = 3;

impl View {
    pub fn new(rows: Vec<Row>) -> View {
        let table = TableState::new().with_selected(Some(0));
        let colors = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        View { rows, problem: None, table, room: 1, colors }
    }

    pub fn update(&mut self, sample: Sample) {
        match sample {
            Ok(rows) => {
                self.rows = rows;
                self.problem = None;
                self.go(0);
            }
            // What was last seen stays.
            Err(problem) => self.problem = Some(problem),
        }
    }

    /// Up or down the table, as far as it goes.
    pub fn go(&mut self, rows: isize) {
        let last = self.rows.len().saturating_sub(1);
        let now = self.table.selected().unwrap_or(0);
        self.table.select(Some(now.saturating_add_signed(rows).min(last)));
    }

    pub fn page(&mut self, pages: isize) {
        self.go(pages * self.room.max(1) as isize);
    }

    pub fn draw(&mut self, frame: &mut Frame<'_>) {
        let [head, table, details] = Layout::vertical([
            // What is wrong may be longer than a line.
            Constraint::Length(if self.problem.is_some() { 2 } else { 1 }),
            Constraint::Min(2),
            Constraint::Length(DETAILS),
        ])
        .areas(frame.area());
        let summary = Paragraph::new(self.summary()).wrap(Wrap { trim: true });
        frame.render_widget(summary, head);
        self.draw_table(frame, table);
        frame.render_widget(self.details(), details);
    }

    fn style(&self, color: Color) -> Style {
        if self.colors {
            Style::new().fg(color)
        } else {
            Style::new()
        }
    }

    fn summary(&self) -> Line<'_> {
        if let Some(problem) = &self.problem {
            return Line::styled(problem.as_str(), self.style(Color::Red));
        }
        let count = |state: &str| self.rows.iter().filter(|row| row.status.state == state).count();
        let cpu: f64 = self.rows.iter().filter_map(|row| row.cpu_percent).sum();
        let memory: u64 = self.rows.iter().filter_map(|row| row.memory).sum();
        let mut text = format!("{} services, {} ready", self.rows.len(), count("ready"));
        for state in ["backing off", "failed"] {
            if count(state) > 0 {
                text.push_str(&format!(", {} {state}", count(state)));
            }
        }
        text.push_str(&format!("; CPU {cpu:.1} %, memory {}", bytes(memory)));
        Line::styled(text, Modifier::BOLD)
    }

    fn draw_table(&mut self, frame: &mut Frame<'_>, area: Rect) {
        let name = self.rows.iter().map(|row| row.status.name.chars().count()).max().unwrap_or(0);
        // In 80 columns, a third is left for the last line.
        let name = (name.max(4) as u16).min(if area.width > 100 { 32 } else { 14 });
        let widths = [
            Constraint::Length(name),
            Constraint::Length(11),
            Constraint::Length(7),
            Constraint::Length(6),
            Constraint::Length(6),
            Constraint::Length(8),
            Constraint::Min(10),
        ];
        let header = ["NAME", "STATE", " UPTIME", "  CPU%", "MEMORY", "RESTARTS", "LAST LINE"];
        let rows = self.rows.iter().map(|row| self.row(row)).collect::<Vec<_>>();
        let table = Table::new(rows, widths)
            .header(TableRow::new(header).style(Modifier::REVERSED))
            .row_highlight_style(Modifier::BOLD | Modifier::UNDERLINED);
        self.room = usize::from(area.height.saturating_sub(1));
        frame.render_stateful_widget(table, area, &mut self.table);
    }

    fn row(&self, row: &Row) -> TableRow<'static> {
        let Row { status, cpu_percent, memory } = row;
        let dash = || "-".to_owned();
        let color = match status.state.as_str() {
            "ready" | "reloading" => Color::Green,
            "failed" | "backing off" => Color::Red,
            "stopped" | "done" | "absent" => Color::DarkGray,
            _ => Color::Yellow,
        };
        let uptime = status.running.map_or_else(dash, duration);
        let cpu = cpu_percent.map_or_else(dash, |percent| format!("{percent:.1}"));
        let memory = memory.map_or_else(dash, bytes);
        TableRow::new([
            Cell::new(status.name.clone()),
            Cell::new(Span::styled(status.state.clone(), self.style(color))),
            Cell::new(format!("{uptime:>7}")),
            Cell::new(format!("{cpu:>6}")),
            Cell::new(format!("{memory:>6}")),
            Cell::new(format!("{:>8}", status.restarts)),
            Cell::new(status.last_line.clone().unwrap_or_default()),
        ])
    }

    /// The service chosen: what there was no room for in its row.
    fn details(&self) -> Paragraph<'_> {
        let Some(row) = self.table.selected().and_then(|index| self.rows.get(index)) else {
            return Paragraph::new("");
        };
        let status = &row.status;
        let mut first = status.name.clone();
        if let Some(pid) = status.pid {
            first.push_str(&format!(", pid {pid}"));
        }
        if let Some(remark) = &status.remark {
            first.push_str(&format!(": {remark}"));
        }
        let last = status.last_line.as_deref().unwrap_or("");
        let text = vec![Line::styled(first, Modifier::BOLD), Line::raw(last)];
        Paragraph::new(text).wrap(Wrap { trim: true })
    }
}

/// In six columns.
fn bytes(bytes: u64) -> String {
    match bytes as f64 / 1024.0 {
        kib if kib < 1000.0 => format!("{kib:.0} K"),
        kib if kib < 1000.0 * 1024.0 => format!("{:.1} M", kib / 1024.0),
        kib => format!("{:.1} G", kib / 1024.0 / 1024.0),
    }
}
