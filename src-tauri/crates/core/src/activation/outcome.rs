//! Reading what the program on the host prints.

/// How an activation ended, by the program's own word. The verdict is still drawn from observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The release is active and proved itself.
    Good,
    /// It failed before the switch.
    Intact,
    /// It failed after the switch, and the previous state was restored.
    Restored,
    /// It failed, and so did going back.
    Split,
}

/// One line of the program's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A phase began.
    Phase(String),
    /// Log lines of this unit follow.
    LogOf(String),
    /// They end.
    LogEnd,
    /// The last line.
    Verdict(Ending, String),
    /// What a command printed.
    Text(String),
}

impl Line {
    /// Reads one line. What does not have the form of a message is text.
    pub fn parse(line: &str) -> Self {
        let Some(message) = line.strip_prefix('@') else { return Self::Text(line.to_owned()) };
        let (word, rest) = message.split_once(' ').unwrap_or((message, ""));
        match word {
            "phase" => Self::Phase(rest.to_owned()),
            "log" => Self::LogOf(rest.to_owned()),
            "endlog" => Self::LogEnd,
            "verdict" => {
                let (kind, reason) = rest.split_once(' ').unwrap_or((rest, ""));
                let ending = match kind {
                    "good" => Ending::Good,
                    "intact" => Ending::Intact,
                    "restored" => Ending::Restored,
                    "split" => Ending::Split,
                    _ => return Self::Text(line.to_owned()),
                };
                Self::Verdict(ending, reason.to_owned())
            }
            _ => Self::Text(line.to_owned()),
        }
    }
}
