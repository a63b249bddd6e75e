//! What was found, for people and for programs.

use std::fmt;

use serde_json::json;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// As it should be.
    Fine,
    /// Clients get along with it.
    Remark,
    /// Clients do not.
    Problem,
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What kind of thing it is, for programs.
    pub(super) code: &'static str,
    pub(super) text: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
}

impl Finding {
    pub(super) fn fine(code: &'static str, text: impl Into<String>) -> Self {
        Self {
            level: Level::Fine,
            code,
            text: text.into(),
            hint: None,
        }
    }

    pub(super) fn problem(
        code: &'static str,
        text: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Problem,
            code,
            text: text.into(),
            hint: Some(hint.into()),
        }
    }

    /// The same, with which clients get along.
    pub(super) fn mild(self) -> Self {
        let level = match self.level {
            Level::Problem => Level::Remark,
            level => level,
        };
        Self { level, ..self }
    }
}

/// All that was found, by place in the order of looking.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<(String, Finding)>,
}

impl Report {
    pub(super) fn add(&mut self, place: &str, finding: Finding) {
        self.findings.push((place.to_owned(), finding));
    }

    pub(super) fn count(&self, level: Level) -> usize {
        let of_level = self.findings.iter().filter(|(_, it)| it.level == level);
        of_level.count()
    }

    pub(super) fn verdict(&self) -> String {
        let count = |level, one: &str| match self.count(level) {
            1 => format!("1 {one}"),
            count => format!("{count} {one}s"),
        };
        match (self.count(Level::Problem), self.count(Level::Remark)) {
            (0, 0) => "everything is as it should be".to_owned(),
            (0, _) => format!(
                "it works from here, with {}",
                count(Level::Remark, "remark")
            ),
            (_, 0) => count(Level::Problem, "problem"),
            _ => format!(
                "{} and {}",
                count(Level::Problem, "problem"),
                count(Level::Remark, "remark")
            ),
        }
    }

    pub(super) fn json(&self) -> serde_json::Value {
        let findings = self.findings.iter().map(|(place, finding)| {
            json!({
                "place": place,
                "level": match finding.level {
                    Level::Fine => "fine",
                    Level::Remark => "remark",
                    Level::Problem => "problem",
                },
                "code": finding.code,
                "text": finding.text,
                "hint": finding.hint,
            })
        });
        json!({
            "findings": findings.collect::<Vec<_>>(),
            "problems": self.count(Level::Problem),
            "remarks": self.count(Level::Remark),
            "verdict": self.verdict(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = "";
        for (place, finding) in &self.findings {
            if place != last {
                writeln!(f, "{place}")?;
                last = place;
            }
            let mark = match finding.level {
                Level::Fine => "ok  ",
                Level::Remark => "note",
                Level::Problem => "FAIL",
            };
            writeln!(f, "  {mark}  {}", finding.text)?;
            if let Some(hint) = &finding.hint {
                writeln!(f, "        -> {hint}")?;
            }
        }
        write!(f, "verdict: {}", self.verdict())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_from_top_to_bottom() {
        let mut report = Report::default();
        assert_eq!(report.to_string(), "verdict: everything is as it should be");
        report.add("kafka:9092", Finding::fine("resolves", "it is there"));
        let finding = Finding::problem("refused", "it refuses", "start it");
        report.add("kafka:9092", finding.clone().mild());
        assert_eq!(report.verdict(), "it works from here, with 1 remark");
        report.add("broker 1", finding);
        assert_eq!(
            report.to_string(),
            "kafka:9092\n  ok    it is there\n  note  it refuses\n        -> start it\n\
             broker 1\n  FAIL  it refuses\n        -> start it\n\
             verdict: 1 problem and 1 remark"
        );
        assert_eq!(report.json()["findings"][2]["code"], "refused");
        assert_eq!(report.json()["problems"], 1);
    }
}
