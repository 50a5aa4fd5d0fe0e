//! Splits nginx configuration text into statements, as `ngx_conf_file.c` reads it.

/// What ended a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// `;`
    Semicolon,
    /// `{`
    Open,
    /// `}`
    Close,
}

/// A directive, the head of a block, or the end of one.
#[derive(Debug)]
pub(super) struct Statement {
    /// Line of its first word, from 1.
    pub(super) line: u32,
    pub(super) words: Vec<String>,
    pub(super) end: End,
}

/// All statements of a file; `None` when a quote or statement is not finished.
pub(super) fn statements(text: &str) -> Option<Vec<Statement>> {
    let mut all = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let (mut line, mut first_line) = (1, 1);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' => line += 1,
            c if c.is_whitespace() => {}
            '#' => while rest.next_if(|&c| c != '\n').is_some() {},
            ';' | '{' | '}' => {
                let end = match c {
                    ';' => End::Semicolon,
                    '{' => End::Open,
                    _ => End::Close,
                };
                let lua = end == End::Open && words.first().is_some_and(|word| word.ends_with("_by_lua_block"));
                if words.is_empty() {
                    first_line = line;
                }
                all.push(Statement { line: first_line, words: std::mem::take(&mut words), end });
                if lua {
                    line += skip_block(&mut rest)?;
                    all.push(Statement { line, words: Vec::new(), end: End::Close });
                }
            }
            c => {
                if words.is_empty() {
                    first_line = line;
                }
                let (word, lines) = word(c, &mut rest)?;
                line += lines;
                words.push(word);
            }
        }
    }
    words.is_empty().then_some(all)
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// One word that starts with `first`, and how many lines it spans.
fn word(first: char, rest: &mut Characters<'_>) -> Option<(String, u32)> {
    let mut word = String::new();
    let mut lines = 0;
    if first == '"' || first == '\'' {
        loop {
            let mut c = rest.next()?;
            if c == first {
                return Some((word, lines));
            }
            if c == '\\' {
                c = rest.next()?;
                if c != first && c != '\\' {
                    word.push('\\');
                }
            }
            lines += u32::from(c == '\n');
            word.push(c);
        }
    }
    word.push(first);
    if first == '\\' {
        word.push(rest.next()?);
    }
    while let Some(&c) = rest.peek() {
        // "${" does not open a block.
        let variable = c == '{' && word.ends_with('$');
        if (c.is_whitespace() || c == ';' || c == '{') && !variable {
            break;
        }
        rest.next();
        word.push(c);
        if c == '\\' {
            word.push(rest.next()?);
        }
    }
    Some((word, lines))
}

/// Passes over a block in another language up to its closing brace; gives the lines it spans.
fn skip_block(rest: &mut Characters<'_>) -> Option<u32> {
    let (mut depth, mut lines) = (1, 0);
    while depth > 0 {
        match rest.next()? {
            '{' => depth += 1,
            '}' => depth -= 1,
            '\n' => lines += 1,
            _ => {}
        }
    }
    Some(lines)
}
