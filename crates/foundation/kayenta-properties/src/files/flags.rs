//! JVM flags in variables such as `JAVA_OPTS`.

/// Splits at blanks, honouring single quotes, double quotes and backslashes as the start scripts
/// of Gradle do. Nothing is expanded; an unfinished quote ends with the text.
pub(crate) fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut started = false;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                started = true;
            }
            (Some('\''), _) => word.push(c),
            (_, '\\') => {
                word.extend(chars.next());
                started = true;
            }
            (None, _) if c.is_whitespace() => {
                if started {
                    words.push(std::mem::take(&mut word));
                    started = false;
                }
            }
            _ => {
                word.push(c);
                started = true;
            }
        }
    }
    if started {
        words.push(word);
    }
    words
}

/// The name and value of a `-Dname=value` flag; `-Dname` is the empty text. Other flags are `None`.
pub(crate) fn system_property(flag: &str) -> Option<(&str, &str)> {
    let (name, value) = match flag.strip_prefix("-D")?.split_once('=') {
        Some((name, value)) => (name, value),
        None => (&flag[2..], ""),
    };
    (!name.is_empty()).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_blanks_and_other_flags_are_nothing() {
        assert_eq!(
            split(r#"-Xmx1g  -Dserver.port=9000 '-Dswagger.title=My API' -Da="b c"\ d -Dx"#),
            [
                "-Xmx1g",
                "-Dserver.port=9000",
                "-Dswagger.title=My API",
                "-Da=b c d",
                "-Dx"
            ]
        );
        assert_eq!(split("'open -Da=1"), ["open -Da=1"]);
        assert_eq!(system_property("-Da.b=c=d"), Some(("a.b", "c=d")));
        assert_eq!(system_property("-Dx"), Some(("x", "")));
        for flag in [
            "-Xmx1g",
            "-XX:+UseG1GC",
            "--add-opens",
            "java.base/java.lang=ALL",
            "-D=x",
        ] {
            assert_eq!(system_property(flag), None, "{flag}");
        }
    }
}
