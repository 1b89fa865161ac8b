//! Splits a command into words, as Docker's clients of 2015 did.
//!
//! That is how a POSIX shell quotes (no shell runs and nothing is expanded), but
//! for two things that its grammar has and a command has not: a `#` begins no
//! comment, and a carriage return separates words like other white space does.
//! Crates that split words know of no such choice, and what they leave out of a
//! command would be lost in silence.

use std::str::Chars;

use super::CommandError;

/// The words of a text.
pub(super) fn split(text: &str) -> Result<Vec<String>, CommandError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        match next {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => match rest.next() {
                // The line goes on.
                Some('\n') => {}
                Some(escaped) => word.get_or_insert_default().push(escaped),
                None => return Err(CommandError::NothingEscaped),
            },
            '\'' => single_quoted(&mut rest, word.get_or_insert_default())?,
            '"' => double_quoted(&mut rest, word.get_or_insert_default())?,
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    Ok(words)
}

fn single_quoted(rest: &mut Chars<'_>, word: &mut String) -> Result<(), CommandError> {
    loop {
        match rest.next().ok_or(CommandError::UnclosedQuote)? {
            '\'' => return Ok(()),
            quoted => word.push(quoted),
        }
    }
}

fn double_quoted(rest: &mut Chars<'_>, word: &mut String) -> Result<(), CommandError> {
    loop {
        match rest.next().ok_or(CommandError::UnclosedQuote)? {
            '"' => return Ok(()),
            '\\' => match rest.next().ok_or(CommandError::UnclosedQuote)? {
                '\n' => {}
                escaped @ ('$' | '`' | '"' | '\\') => word.push(escaped),
                other => word.extend(['\\', other]),
            },
            quoted => word.push(quoted),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words() {
        let cases: [(&str, &[&str]); 16] = [
            ("bash", &["bash"]),
            ("/bin bash", &["/bin", "bash"]),
            (
                "sh -c 'for i in 1 2 3; do echo line $i; done; exit 3'",
                &["sh", "-c", "for i in 1 2 3; do echo line $i; done; exit 3"],
            ),
            (r#"echo "a b" c\ d"#, &["echo", "a b", "c d"]),
            ("echo $HOME * | cat", &["echo", "$HOME", "*", "|", "cat"]),
            ("", &[]),
            (" \t\r\n ", &[]),
            ("''", &[""]),
            ("echo --color #fff", &["echo", "--color", "#fff"]),
            ("#a # b#c '#'", &["#a", "#", "b#c", "#"]),
            ("echo a\r\necho b\r\n", &["echo", "a", "echo", "b"]),
            ("'a\r\n' \"b\r\"", &["a\r\n", "b\r"]),
            ("a\\\nb c \\\n d", &["ab", "c", "d"]),
            (r#""\$ \` \" \\ \n \é""#, &["$ ` \" \\ \\n \\é"]),
            (r"\# \' \é", &["#", "'", "é"]),
            (r#"a'b'"c"d''"#, &["abcd"]),
        ];
        for (text, words) in cases {
            assert_eq!(split(text).unwrap(), words, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_finished_is_refused() {
        for text in ["'", "a 'b", "\"", "\"a\\", "\"a\\\"", "'a\\'b'"] {
            assert_eq!(split(text), Err(CommandError::UnclosedQuote), "{text}");
        }
        for text in ["\\", "a \\", "a\\\\\\", "'a'\\"] {
            assert_eq!(split(text), Err(CommandError::NothingEscaped), "{text}");
        }
    }

    /// One of the ways to write a character so that it stands for itself.
    fn written(character: char) -> impl Strategy<Value = String> {
        let mut ways = Vec::new();
        if character != '\'' {
            ways.push(format!("'{character}'"));
        }
        if character != '\n' {
            ways.push(format!("\\{character}"));
        }
        ways.push(match character {
            '$' | '`' | '"' | '\\' => format!("\"\\{character}\""),
            _ => format!("\"{character}\""),
        });
        if !" \t\r\n'\"\\".contains(character) {
            ways.extend([character.to_string(), character.to_string()]);
        }
        prop::sample::select(ways)
    }

    /// A word, and a text of which it is read.
    fn word() -> impl Strategy<Value = (String, String)> {
        let word = "[a#$`é'\"\\\\ \t\r\n]{1,8}";
        word.prop_flat_map(|word| {
            let written: Vec<_> = word.chars().map(written).collect();
            (Just(word), written.prop_map(|parts| parts.concat()))
        })
    }

    proptest! {
        #[test]
        fn words_are_read_as_they_were_written(
            words in prop::collection::vec((word(), "[ \t\r\n]{1,3}"), 0..5),
            before in "[ \t\r\n]{0,2}",
        ) {
            let written = words.iter().flat_map(|((_, written), space)| [&**written, space]);
            let text: String = written.collect();
            let expected: Vec<_> = words.into_iter().map(|((word, _), _)| word).collect();
            prop_assert_eq!(split(&format!("{before}{text}")), Ok(expected));
        }

        /// Any text, by a splitter of others: what it would take for a comment is
        /// hidden from it.
        #[test]
        fn other_splitters_agree(text in "[a#$`é'\"\\\\ \t\n]{0,16}") {
            const HIDDEN: &str = "\u{e000}";
            let theirs = shell_words::split(&text.replace('#', HIDDEN)).map(|words| {
                let words = words.into_iter().map(|word| word.replace(HIDDEN, "#"));
                words.collect::<Vec<_>>()
            });
            match split(&text) {
                // They keep a last backslash.
                Err(CommandError::NothingEscaped) => prop_assert!(text.ends_with('\\')),
                ours => prop_assert_eq!(ours.ok(), theirs.ok()),
            }
        }
    }
}
