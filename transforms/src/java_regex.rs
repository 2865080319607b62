//! Java's regular expressions on a Rust engine: the syntax translated where the two differ.
//!
//! The engine is fancy-regex, since users' patterns have look-around, back references and possessive quantifiers; it
//! hands patterns without them to the linear-time engine, and stops after a bounded number of steps otherwise.

use std::iter::Peekable;
use std::str::Chars;

use connect_api::{ConfigType, Error, Result, Setting, config::Problem};
use fancy_regex::{Captures, Regex};

/// A pattern that is matched as a whole (`Matcher.matches()`) and can replace its first find.
#[derive(Clone, Debug)]
pub(crate) struct JavaRegex {
    whole: Regex,
    part: Regex,
    names: Vec<String>,
}

impl JavaRegex {
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        let translated = translate(pattern)?;
        let compile = |text: &str| Regex::new(text).map_err(|error| error.to_string());
        let part = compile(&translated)?;
        let names = part.capture_names().flatten().map(str::to_owned).collect();
        // The line break keeps a comment at the end of a pattern with the x flag from swallowing the bracket.
        let whole = compile(&format!(r"\A(?:{translated}{})\z", if pattern.contains("(?x") { "\n" } else { "" }))?;
        Ok(Self { whole, part, names })
    }

    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: &str) -> Result<bool> {
        self.whole.is_match(text).map_err(|error| Error::data(format!("could not match {text:?}: {error}")))
    }

    /// Whether the text or a part of it matches (`Matcher.find()`).
    pub(crate) fn finds(&self, text: &str) -> Result<bool> {
        self.part.is_match(text).map_err(|error| Error::data(format!("could not match {text:?}: {error}")))
    }

    /// The parts of the text between finds.
    pub(crate) fn split(&self, text: &str) -> Result<Vec<String>> {
        let parts: Result<Vec<&str>, _> = self.part.split(text).collect();
        let parts = parts.map_err(|error| Error::data(format!("could not match {text:?}: {error}")))?;
        Ok(parts.into_iter().map(str::to_owned).collect())
    }

    /// `Matcher.replaceAll`: the text with every find replaced.
    pub(crate) fn replace_all(&self, text: &str, replacement: &Replacement) -> Result<String> {
        let mut out = String::new();
        let (mut copied, mut from) = (0, 0);
        // Java finds an empty match right behind another match too.
        while from <= text.len() {
            let found = self.part.captures_from_pos(text, from);
            let found = found.map_err(|error| Error::data(format!("could not match {text:?}: {error}")))?;
            let Some(captures) = found else { break };
            let span = captures.get(0).map_or(from..from, |whole| whole.range());
            out.push_str(&text[copied..span.start]);
            replacement.write(&captures, &self.names, &mut out)?;
            copied = span.end;
            let next = text[span.end..].chars().next().map_or(1, char::len_utf8);
            from = if span.is_empty() { span.end + next } else { span.end };
        }
        out.push_str(&text[copied..]);
        Ok(out)
    }

    /// `Matcher.replaceFirst`: the text with the first find replaced; nothing found leaves it as it is.
    pub(crate) fn replace_first(&self, text: &str, replacement: &Replacement) -> Result<String> {
        let found =
            self.part.captures(text).map_err(|error| Error::data(format!("could not match {text:?}: {error}")))?;
        let Some(captures) = found else { return Ok(text.to_owned()) };
        let span = captures.get(0).map_or(0..0, |whole| whole.range());
        let mut out = text[..span.start].to_owned();
        replacement.write(&captures, &self.names, &mut out)?;
        out.push_str(&text[span.end..]);
        Ok(out)
    }
}

/// `String.replaceAll` of Java.
pub fn replace_all(pattern: &str, replacement: &str, text: &str) -> Result<String> {
    let regex =
        JavaRegex::new(pattern).map_err(|why| Error::data(why).class("java.util.regex.PatternSyntaxException"))?;
    regex.replace_all(text, &Replacement::new(replacement))
}

impl Setting for JavaRegex {
    const TYPE: ConfigType = ConfigType::String;
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::new(text.trim()).map_err(|why| Problem::Because(format!("Invalid regex: {why}")))
    }
}

/// A pattern that is not empty.
#[derive(Clone, Debug)]
pub(crate) struct NonEmptyRegex(pub(crate) JavaRegex);

impl Setting for NonEmptyRegex {
    const TYPE: ConfigType = ConfigType::String;
    fn parse(text: &str) -> Result<Self, Problem> {
        match text.trim() {
            "" => Err("String must be non-empty".to_owned().into()),
            text => JavaRegex::parse(text).map(Self),
        }
    }
}

/// A replacement text: `$1`, `${name}`, and a backslash before what is meant as it is.
///
/// What is wrong with it shows at the first record, as in the JVM.
pub(crate) struct Replacement {
    text: String,
}

const ILLEGAL_ARGUMENT: &str = "java.lang.IllegalArgumentException";

impl Replacement {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    fn write(&self, captures: &Captures<'_>, names: &[String], out: &mut String) -> Result<()> {
        let mut rest = self.text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\\' => match rest.next() {
                    Some(literal) => out.push(literal),
                    None => return Err(illegal("character to be escaped is missing")),
                },
                '$' => {
                    let group = match rest.peek() {
                        None => return Err(illegal("Illegal group reference: group index is missing")),
                        Some('{') => named_group(&mut rest, names)?,
                        Some(_) => Group::Number(group_number(&mut rest, captures.len())?),
                    };
                    let found = match &group {
                        Group::Number(number) => captures.get(*number),
                        Group::Name(name) => captures.name(name),
                    };
                    out.push_str(found.map_or("", |found| found.as_str()));
                }
                c => out.push(c),
            }
        }
        Ok(())
    }
}

enum Group {
    Number(usize),
    Name(String),
}

fn illegal(message: &str) -> Error {
    Error::data(message).class(ILLEGAL_ARGUMENT)
}

fn named_group(rest: &mut Peekable<Chars<'_>>, names: &[String]) -> Result<Group> {
    rest.next();
    let mut name = String::new();
    while let Some(c) = rest.next_if(char::is_ascii_alphanumeric) {
        name.push(c);
    }
    if name.is_empty() {
        return Err(illegal("named capturing group is missing trailing '}'"));
    }
    if rest.next() != Some('}') {
        return Err(illegal("named capturing group is missing trailing '}'"));
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(illegal(&format!("capturing group name {{{name}}} starts with digit character")));
    }
    if !names.contains(&name) {
        return Err(illegal(&format!("No group with name {{{name}}}")));
    }
    Ok(Group::Name(name))
}

/// As many digits as still name a group; the first one counts in any case.
fn group_number(rest: &mut Peekable<Chars<'_>>, groups: usize) -> Result<usize> {
    let Some(first) = rest.next_if(char::is_ascii_digit) else { return Err(illegal("Illegal group reference")) };
    let mut number = first as usize - '0' as usize;
    if number >= groups {
        return Err(Error::data(format!("No group {number}")).class("java.lang.IndexOutOfBoundsException"));
    }
    while let Some(more) = rest.next_if(|c| {
        let longer = c.to_digit(10).map(|digit| number * 10 + digit as usize);
        longer.is_some_and(|longer| longer < groups)
    }) {
        number = number * 10 + (more as usize - '0' as usize);
    }
    Ok(number)
}

/// Java's own names of ASCII classes, as the inside of a bracket.
const CLASSES: [(&str, &str); 13] = [
    ("Lower", "a-z"),
    ("Upper", "A-Z"),
    ("ASCII", r"\x00-\x7F"),
    ("Alpha", "a-zA-Z"),
    ("Digit", "0-9"),
    ("Alnum", "a-zA-Z0-9"),
    ("Punct", r"!-/:-@\[-`{-~"),
    ("Graph", "!-~"),
    ("Print", " -~"),
    ("Blank", r" \t"),
    ("Cntrl", r"\x00-\x1F\x7F"),
    ("XDigit", "0-9a-fA-F"),
    ("Space", r" \t\n\x0B\f\r"),
];

/// Rewrites what Java reads differently. Everything else is left to the engine, with its own errors.
fn translate(pattern: &str) -> std::result::Result<String, String> {
    let sets = |flag: char| {
        let groups = pattern.split("(?").skip(1);
        groups
            .filter_map(|group| group.split([')', ':']).next())
            .any(|flags| flags.contains(flag) && flags.chars().all(|c| c.is_ascii_alphabetic() || c == '-'))
    };
    let dot = match () {
        () if sets('s') => ".",
        () if sets('d') => r"[^\n]",
        () => r"[^\n\r\u0085\u2028\u2029]",
    };
    let rest = pattern.chars().peekable();
    let mut translator = Translator { rest, out: String::new(), class_depth: 0, dot, names: Vec::new() };
    translator.run()?;
    Ok(translator.out)
}

struct Translator<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
    class_depth: usize,
    /// What a dot stands for.
    dot: &'static str,
    names: Vec<String>,
}

impl Translator<'_> {
    fn run(&mut self) -> std::result::Result<(), String> {
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => self.escape()?,
                '[' => self.open_class(),
                ']' if self.class_depth > 0 => {
                    self.class_depth -= 1;
                    self.out.push(']');
                }
                // Java ends a line at more characters than a line feed.
                '.' if self.class_depth == 0 => self.out.push_str(self.dot),
                '$' if self.class_depth == 0 => self.out.push_str(r"(?=(?:\r\n|[\n\r\u0085\u2028\u2029])?\z)"),
                '~' | '-' if self.class_depth > 0 && self.rest.peek() == Some(&c) => {
                    self.out.push('\\');
                    self.out.push(c);
                }
                '(' if self.class_depth == 0 => self.group()?,
                '*' | '+' | '?' | '{' if self.class_depth == 0 => self.quantifier(c)?,
                c => self.out.push(c),
            }
        }
        if self.class_depth > 0 {
            return Err("a character class is not closed".to_owned());
        }
        Ok(())
    }

    fn open_class(&mut self) {
        self.class_depth += 1;
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        // A bracket that comes first stands for itself.
        if self.rest.next_if_eq(&']').is_some() {
            self.out.push_str(r"\]");
        }
    }

    /// Flags that mean something else to the engine are refused rather than misread, and so are names of groups.
    fn group(&mut self) -> std::result::Result<(), String> {
        if self.rest.next_if_eq(&'?').is_none() {
            self.out.push('(');
            return Ok(());
        }
        if self.rest.next_if_eq(&'<').is_some() {
            return self.named_group();
        }
        let mut flags = String::new();
        while let Some(flag) = self.rest.next_if(|c| c.is_ascii_alphabetic() || *c == '-') {
            flags.push(flag);
        }
        if let Some(refused) = flags.chars().find(|flag| !"imsxdu-".contains(*flag)) {
            return Err(format!("the flag {refused} is not supported"));
        }
        // Case folding is Unicode's in any case, and what a dot stands for is settled before.
        flags.retain(|flag| !matches!(flag, 'u' | 'd'));
        if flags.is_empty() && self.rest.next_if_eq(&')').is_some() {
            return Ok(());
        }
        self.out.push_str("(?");
        self.out.push_str(&flags);
        if matches!(self.rest.peek(), Some('=' | '!' | '>' | ':')) {
            self.out.extend(self.rest.next());
        }
        Ok(())
    }

    fn named_group(&mut self) -> std::result::Result<(), String> {
        self.out.push_str("(?<");
        if matches!(self.rest.peek(), Some('=' | '!')) {
            self.out.extend(self.rest.next());
            return Ok(());
        }
        let mut name = String::new();
        while let Some(c) = self.rest.next_if(|c| *c != '>') {
            name.push(c);
        }
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(format!("the group name {name:?} does not consist of letters and digits"));
        }
        if self.names.contains(&name) {
            return Err(format!("the group name {name:?} is given twice"));
        }
        self.out.push_str(&name);
        self.names.push(name);
        Ok(())
    }

    /// `*`, `+`, `?` or `{n,m}`, which one more sign may make reluctant or possessive, and no other.
    fn quantifier(&mut self, sign: char) -> std::result::Result<(), String> {
        self.out.push(sign);
        if sign == '{' {
            let mut count = String::new();
            while let Some(c) = self.rest.next_if(|c| c.is_ascii_digit() || *c == ',') {
                count.push(c);
            }
            if !count.starts_with(|c: char| c.is_ascii_digit()) || self.rest.next_if_eq(&'}').is_none() {
                return Err("a brace is no repetition; write \\{ for the character".to_owned());
            }
            self.out.push_str(&count);
            self.out.push('}');
        }
        if let Some(mode) = self.rest.next_if(|c| matches!(c, '?' | '+')) {
            self.out.push(mode);
        }
        match self.rest.peek() {
            Some(more @ ('*' | '+' | '?')) => Err(format!("a repetition is followed by {more}")),
            _ => Ok(()),
        }
    }

    fn escape(&mut self) -> std::result::Result<(), String> {
        let Some(c) = self.rest.next() else { return Err("it ends with a backslash".to_owned()) };
        let in_class = self.class_depth > 0;
        let bracket = |inside: &str| if in_class { inside.to_owned() } else { format!("[{inside}]") };
        let text = match c {
            'd' => bracket("0-9"),
            'D' => "[^0-9]".to_owned(),
            'w' => bracket("a-zA-Z0-9_"),
            'W' => "[^a-zA-Z0-9_]".to_owned(),
            's' => bracket(r" \t\n\x0B\f\r"),
            'S' => r"[^ \t\n\x0B\f\r]".to_owned(),
            'h' => bracket(r" \t\xA0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000"),
            'v' => bracket(r"\n\x0B\f\r\u0085\u2028\u2029"),
            'R' if !in_class => r"(?:\r\n|[\n\x0B\f\r\u0085\u2028\u2029])".to_owned(),
            'Z' if !in_class => r"(?=(?:\r\n|[\n\r\u0085\u2028\u2029])?\z)".to_owned(),
            'e' => r"\x1B".to_owned(),
            'Q' => return self.literal(),
            'c' => match self.rest.next() {
                Some(control) if control.is_ascii() => format!(r"\x{:02X}", (control as u32) ^ 0x40),
                _ => return Err("a control character is not given".to_owned()),
            },
            '0' => self.octal()?,
            'p' | 'P' => self.property(c)?,
            '/' | '"' | '\'' | '`' | ',' | ';' | ':' | '=' | '@' | '!' | '%' | '<' | '>' | '_' => {
                format!(r"\x{:02X}", c as u32)
            }
            c if !c.is_ascii() => c.to_string(),
            c => format!("\\{c}"),
        };
        self.out.push_str(&text);
        Ok(())
    }

    /// Everything up to `\E` as it is.
    fn literal(&mut self) -> std::result::Result<(), String> {
        let rest: String = self.rest.clone().collect();
        let (literal, length) = match rest.split_once(r"\E") {
            Some((literal, _)) => (literal, literal.chars().count() + 2),
            None => (rest.as_str(), rest.chars().count()),
        };
        self.out.push_str(&fancy_regex::escape(literal));
        self.rest.by_ref().take(length).for_each(drop);
        Ok(())
    }

    fn octal(&mut self) -> std::result::Result<String, String> {
        let mut code = 0;
        let mut digits = 0;
        while digits < 3
            && let Some(digit) = self.rest.peek().and_then(|c| c.to_digit(8))
            && code * 8 + digit <= 0o377
        {
            code = code * 8 + digit;
            digits += 1;
            self.rest.next();
        }
        if digits == 0 { Err("an octal escape has no digits".to_owned()) } else { Ok(format!(r"\x{code:02X}")) }
    }

    fn property(&mut self, kind: char) -> std::result::Result<String, String> {
        let mut name = String::new();
        if self.rest.next_if_eq(&'{').is_some() {
            loop {
                match self.rest.next() {
                    Some('}') => break,
                    Some(c) => name.push(c),
                    None => return Err("a property has no closing brace".to_owned()),
                }
            }
        } else {
            name.extend(self.rest.next());
        }
        if let Some((_, inside)) = CLASSES.iter().find(|(known, _)| *known == name) {
            let negated = kind == 'P';
            return Ok(match (negated, self.class_depth > 0) {
                (false, true) => (*inside).to_owned(),
                (false, false) => format!("[{inside}]"),
                (true, _) => format!("[^{inside}]"),
            });
        }
        let translated = match name.as_str() {
            "javaLowerCase" | "IsLowercase" => "Lowercase",
            "javaUpperCase" | "IsUppercase" => "Uppercase",
            "javaWhitespace" | "IsWhite_Space" => "White_Space",
            "javaLetter" => "L",
            "javaDigit" => "Nd",
            "javaLetterOrDigit" => return Ok(format!("[{}\\p{{L}}\\p{{Nd}}]", if kind == 'P' { "^" } else { "" })),
            name => name.strip_prefix("Is").unwrap_or(name),
        };
        Ok(format!("\\{kind}{{{translated}}}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(pattern: &str, replacement: &str, text: &str) -> String {
        let regex = JavaRegex::new(pattern).unwrap();
        if !regex.matches(text).unwrap() {
            return text.to_owned();
        }
        regex.replace_first(text, &Replacement::new(replacement)).unwrap()
    }

    #[test]
    fn java_patterns_mean_what_they_mean_in_java() {
        assert_eq!(routed(r"(\w+)\.(\w+)", "$2-$1", "a.b"), "b-a");
        assert_eq!(routed("(?!srv).*", "x", "srv.t"), "srv.t");
        assert_eq!(routed(r"(.)\1(.*)", "$1:$2", "aab"), "a:b");
        assert_eq!(routed("a++b", "x", "aaab"), "x");
        assert_eq!(routed(".*+x", "y", "aax"), "aax");
        assert_eq!(routed(r"\Qa.b\E.*", "x", "a.bc"), "x");
        assert_eq!(routed(r"\p{Alpha}+", "x", "é"), "é");
        assert_eq!(routed("a|ab", "x", "ab"), "xb");
        assert_eq!(routed("(?<name>.*)-(.*)", "${name}$2", "a-b"), "ab");
        assert_eq!(routed("(a)(.*)", "$12", "ab"), "a2");
        assert_eq!(routed("[^]a]b", "x", "cb"), "x");
    }

    #[test]
    fn a_pattern_that_can_not_be_used_is_refused_with_its_reason() {
        let why = JavaRegex::new("(a").unwrap_err();
        assert_eq!(why, "Parsing error at position 2: Opening parenthesis without closing parenthesis");
        assert_eq!(JavaRegex::new("(?U)a").unwrap_err(), "the flag U is not supported");
    }
}
