//! Values that mean harm: signs of every grammar, control characters, tricks, and ordinary text.

/// Pieces that mean something somewhere.
const TRICKS: [&str; 58] = [
    "'",
    "\"",
    "\\",
    "`",
    "$",
    "$$",
    "${HOME}",
    "$HOME",
    "$(echo pwned)",
    "`echo pwned`",
    "%n",
    "%%",
    "%i",
    "%h",
    ";",
    ";;",
    "; echo pwned;",
    "&",
    "&&",
    "|",
    "||",
    "#",
    "# ",
    "!",
    "!!",
    "~",
    "~root",
    "*",
    "?",
    "[",
    "]",
    "[a-z]",
    "{",
    "}",
    "{a,b}",
    "<",
    ">",
    "(",
    ")",
    "=",
    ",",
    ":",
    "@",
    "+",
    "-",
    "--",
    "^",
    " ",
    "  ",
    "\\\\",
    "\\\"",
    "\\n",
    "\\x41",
    "\\u0041",
    "{secret:X}",
    "{port}",
    "ALL",
    "NOPASSWD:",
];
/// Pieces with line breaks and other control characters.
const BREAKS: [&str; 18] = [
    "\n",
    "\r\n",
    "\r",
    "\t",
    "\u{b}",
    "\u{c}",
    "\u{1}",
    "\u{8}",
    "\u{1b}[31m",
    "\u{7f}",
    "\\\n",
    "\nExecStart=/bin/touch /pwned\n",
    "\n[Service]\nNice=5\n",
    "\";}\nadd_header X-Pwned 1;\n",
    "\n}\n",
    "\nPWNED=1\n",
    "'\necho pwned\n'",
    "\nALL ALL=(ALL) NOPASSWD: ALL\n",
];
/// Characters beyond ASCII: long ones, invisible ones, those that some programs do not take for characters.
const WIDE: [&str; 20] = [
    "é",
    "ß",
    "☃",
    "中",
    "😀",
    "\u{80}",
    "\u{85}",
    "\u{a0}",
    "\u{ad}",
    "\u{200b}",
    "\u{2028}",
    "\u{2029}",
    "\u{202e}",
    "\u{feff}",
    "\u{fdd0}",
    "\u{fffd}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{10ffff}",
    "\u{e000}",
];

/// A sequence of values that is the same for the same seed (splitmix64).
pub(super) struct Values {
    state: u64,
}

impl Values {
    pub(super) fn new() -> Self {
        let seed = std::env::var("SLIPWAY_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
        Self { state: seed }
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    /// One value. About one in eight has control characters, so that grammars without them still have much to hold.
    pub(super) fn text(&mut self) -> String {
        let breaks = self.below(8) == 0;
        let wide = self.below(3) == 0;
        let mut text = String::new();
        for _ in 0..self.below(7) {
            match self.below(8) {
                0..=2 => text.push_str(TRICKS[self.below(TRICKS.len())]),
                3 if breaks => text.push_str(BREAKS[self.below(BREAKS.len())]),
                3 | 4 if wide => text.push_str(WIDE[self.below(WIDE.len())]),
                5 if wide => {
                    text.extend(char::from_u32(self.below(0x11_0000) as u32).filter(|c| u32::from(*c) >= 0x80))
                }
                6 => text.push(char::from(b' ' + self.below(95) as u8)),
                _ => (0..=self.below(6)).for_each(|_| text.push(char::from(b'a' + self.below(26) as u8))),
            }
        }
        text
    }

    /// A value out of few kinds of signs: for grammars that refuse most of what [`Values::text`] makes.
    pub(super) fn of(&mut self, signs: &str, longest: usize) -> String {
        let signs: Vec<char> = signs.chars().collect();
        (0..=self.below(longest)).map(|_| signs[self.below(signs.len())]).collect()
    }
}
