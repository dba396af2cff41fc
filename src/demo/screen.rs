//! Where the figures go: a screen that updates in place, or lines where nobody watches a terminal.

use std::io::Write;
use std::time::{Duration, Instant};

use console::{Term, style, truncate_str};

use super::figures::Figures;

/// Standard output.
#[derive(Debug)]
pub(super) struct Screen {
    term: Term,
    is_terminal: bool,
    /// The lines that the next update writes over.
    height: usize,
    last_line: Option<Instant>,
}

/// What stays on the screen.
#[derive(Debug)]
pub(super) struct Header {
    pub gateway: String,
    pub console: String,
    pub topic: String,
}

impl Screen {
    pub fn new() -> Self {
        let term = Term::stdout();
        Self { is_terminal: term.is_term(), term, height: 0, last_line: None }
    }

    /// Says what takes time, before there are figures.
    pub fn say(&mut self, text: &str) {
        self.write(&format!("{text}\n"));
    }

    pub fn show_header(&mut self, header: &Header) {
        let Header { gateway, console, topic } = header;
        let title = style("quafka demo").bold();
        self.write(&format!(
            "\n{title}: trades go to topic `{topic}` by Kafka, and into a QuestDB table of that name.\n\n  \
             Kafka          {gateway}\n  \
             Web console    {console}\n\n  \
             Try it:        echo '{{\"symbol\":\"TEST\",\"price\":1.5}}' | kcat -P -b {gateway} -t hello\n  \
             and see it:    curl -sG {console}/exp --data-urlencode 'query=SELECT * FROM hello'\n\n"
        ));
    }

    /// Updates the figures; on lines, once a second.
    pub fn show(&mut self, figures: &Figures) {
        if self.is_terminal {
            return self.redraw(figures);
        }
        let now = Instant::now();
        // A little less than a second, as the updates do not come to the millisecond.
        if self.last_line.is_none_or(|last| now.duration_since(last) > Duration::from_millis(900)) {
            self.last_line = Some(now);
            self.write(&format!("{}\n", figures.line()));
        }
    }

    fn redraw(&mut self, figures: &Figures) {
        let width = usize::from(self.term.size().1).max(20);
        let mut lines = figures.screen();
        lines.push(style("  Ctrl-C stops everything that was started").dim().to_string());
        let mut text = match self.height {
            0 => String::new(),
            height => format!("\x1b[{height}A"),
        };
        for line in &lines {
            // A line that wrapped would take two, and the next update would start in the wrong place.
            text.push_str(&truncate_str(line, width - 1, "…"));
            text.push_str("\x1b[K\n");
        }
        self.height = lines.len();
        self.write(&text);
    }

    /// A pipe that nobody reads any more is no reason to stop.
    fn write(&mut self, text: &str) {
        let _ = self.term.write_all(text.as_bytes()).and_then(|()| self.term.flush());
    }
}
