//! Expressions read into a tree. What is beyond the language is refused with its place.

use std::cell::RefCell;

use super::{
    Language,
    lexer::{self, Part, Refusal, Token, Word},
    method::Method,
    number::Number,
    tree::{Binary, Member, Node, Variable},
};
use crate::java_regex::JavaRegex;

/// Deeper nesting is an attack on the stack.
const DEPTH_MAX: usize = 60;

/// So many values and fields in a row are computed one within the other.
const LINKS_MAX: usize = 400;

/// Words that begin what an expression can't hold.
const STATEMENTS: [&str; 20] = [
    "def",
    "var",
    "let",
    "const",
    "function",
    "if",
    "else",
    "for",
    "while",
    "new",
    "instanceof",
    "typeof",
    "class",
    "import",
    "switch",
    "try",
    "throw",
    "assert",
    "delete",
    "as",
];

pub(super) fn parse(code: &str, language: Language) -> Result<Node, Refusal> {
    parse_at(code, language, 0, 0)
}

fn parse_at(code: &str, language: Language, offset: usize, depth: usize) -> Result<Node, Refusal> {
    let moved = |refusal: Refusal| Refusal { column: refusal.column + offset, ..refusal };
    // A last semicolon ends the only statement there is.
    let code = code.trim_end();
    let code = code.strip_suffix(';').unwrap_or(code);
    let tokens = lexer::tokens(code, language).map_err(moved)?;
    let mut parser = Parser { tokens, at: 0, language, offset, depth, links: 0 };
    if parser.take_name("return") && matches!(parser.peek(), Word::End) {
        return Err(parser.refusal("an expression is missing"));
    }
    let node = parser.expression()?;
    match parser.peek() {
        Word::End => Ok(node),
        _ => Err(parser.unexpected()),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    language: Language,
    /// Where the code stands in the whole expression, for code within texts.
    offset: usize,
    depth: usize,
    links: usize,
}

type Parsed = Result<Node, Refusal>;

impl Parser {
    fn peek(&self) -> &Word {
        &self.tokens[self.at].word
    }

    fn refusal(&self, why: impl Into<String>) -> Refusal {
        Refusal { column: self.tokens[self.at].at + self.offset + 1, why: why.into() }
    }

    fn unexpected(&self) -> Refusal {
        self.refusal(match self.peek() {
            Word::End => "the expression ends too early".to_owned(),
            Word::Number(text) => format!("{text} is not expected here"),
            Word::Name(name) => format!("{name} is not expected here"),
            Word::Text(_) => "a text is not expected here".to_owned(),
            Word::Pattern(..) => "a pattern is not expected here".to_owned(),
            Word::Sign(sign) => format!("{sign} is not supported here"),
        })
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Word::Sign(found) if *found == sign);
        self.at += usize::from(found);
        found
    }

    fn take_name(&mut self, name: &str) -> bool {
        let found = matches!(self.peek(), Word::Name(found) if found == name);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Refusal> {
        if self.take(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Counts one more value or field.
    fn link(&mut self) -> Result<(), Refusal> {
        self.links += 1;
        if self.links > LINKS_MAX { Err(self.refusal("the expression is too long")) } else { Ok(()) }
    }

    fn expression(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.refusal("the expression is nested too deeply"));
        }
        let node = self.conditional();
        self.depth -= 1;
        node
    }

    fn conditional(&mut self) -> Parsed {
        let first = self.or()?;
        if self.take("?:") {
            let second = Box::new(self.expression()?);
            return Ok(Node::Otherwise { first: Box::new(first), second, by_truth: true });
        }
        if !self.take("?") {
            return Ok(first);
        }
        let yes = Box::new(self.expression()?);
        self.expect(":")?;
        let no = Box::new(self.expression()?);
        Ok(Node::Conditional { condition: Box::new(first), yes, no })
    }

    fn or(&mut self) -> Parsed {
        let mut left = self.and()?;
        loop {
            if self.take("||") {
                left = Node::Binary(Binary::Or, Box::new(left), Box::new(self.and()?));
            } else if self.language == Language::JavaScript && self.take("??") {
                let second = Box::new(self.and()?);
                left = Node::Otherwise { first: Box::new(left), second, by_truth: false };
            } else {
                return Ok(left);
            }
        }
    }

    fn and(&mut self) -> Parsed {
        let mut left = self.equality()?;
        while self.take("&&") {
            left = Node::Binary(Binary::And, Box::new(left), Box::new(self.equality()?));
        }
        Ok(left)
    }

    fn equality(&mut self) -> Parsed {
        let mut left = self.relation()?;
        loop {
            let operator = match self.peek() {
                Word::Sign("==" | "===") => Binary::Equal,
                Word::Sign("!=" | "!==") => Binary::NotEqual,
                Word::Sign(sign @ ("==~" | "=~")) if self.language != Language::JavaScript => {
                    let whole = *sign == "==~";
                    self.at += 1;
                    let pattern = self.relation()?;
                    let pattern = Box::new(self.as_pattern(pattern)?);
                    left = Node::Matches { text: Box::new(left), pattern, whole, compiled: RefCell::default() };
                    continue;
                }
                _ => return Ok(left),
            };
            self.at += 1;
            left = Node::Binary(operator, Box::new(left), Box::new(self.relation()?));
        }
    }

    /// A constant text is compiled at once, so that a wrong pattern is refused at once.
    fn as_pattern(&self, node: Node) -> Parsed {
        let Node::Text(text) = node else { return Ok(node) };
        let compiled = JavaRegex::new(&text).map_err(|why| self.refusal(format!("the pattern is wrong: {why}")))?;
        Ok(Node::Pattern(Box::new(compiled)))
    }

    fn relation(&mut self) -> Parsed {
        let mut left = self.sum()?;
        loop {
            let operator = match self.peek() {
                Word::Sign("<") => Binary::Less,
                Word::Sign("<=") => Binary::LessOrEqual,
                Word::Sign(">") => Binary::Greater,
                Word::Sign(">=") => Binary::GreaterOrEqual,
                Word::Name(name) if name == "in" => {
                    self.at += 1;
                    let list = Box::new(self.sum()?);
                    left = Node::In { item: Box::new(left), list, negated: false };
                    continue;
                }
                Word::Sign("!") if matches!(&self.tokens[self.at + 1].word, Word::Name(name) if name == "in") => {
                    self.at += 2;
                    let list = Box::new(self.sum()?);
                    left = Node::In { item: Box::new(left), list, negated: true };
                    continue;
                }
                _ => return Ok(left),
            };
            self.at += 1;
            left = Node::Binary(operator, Box::new(left), Box::new(self.sum()?));
        }
    }

    fn sum(&mut self) -> Parsed {
        let mut left = self.product()?;
        loop {
            let operator = match self.peek() {
                Word::Sign("+") => Binary::Add,
                Word::Sign("-") => Binary::Subtract,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Node::Binary(operator, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Parsed {
        let mut left = self.unary()?;
        loop {
            let operator = match self.peek() {
                Word::Sign("*") => Binary::Multiply,
                Word::Sign("/") => Binary::Divide,
                Word::Sign("%") => Binary::Remainder,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Node::Binary(operator, Box::new(left), Box::new(self.unary()?));
        }
    }

    fn unary(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.refusal("the expression is nested too deeply"));
        }
        let node = if self.take("!") {
            Node::Not(Box::new(self.unary()?))
        } else if self.take("-") {
            Node::Negative(Box::new(self.unary()?))
        } else {
            self.postfix()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn postfix(&mut self) -> Parsed {
        let mut node = self.primary()?;
        loop {
            let safe = match self.peek() {
                Word::Sign(".") => false,
                Word::Sign("?.") => true,
                Word::Sign(sign @ ("[" | "?[")) => {
                    let safe = *sign == "?[";
                    self.at += 1;
                    let index = Box::new(self.expression()?);
                    self.expect("]")?;
                    node = Node::Index { object: Box::new(node), index, safe };
                    continue;
                }
                _ => return Ok(node),
            };
            self.at += 1;
            if safe && self.language == Language::JavaScript && self.take("[") {
                let index = Box::new(self.expression()?);
                self.expect("]")?;
                node = Node::Index { object: Box::new(node), index, safe };
                continue;
            }
            node = self.member(node, safe)?;
        }
    }

    fn member(&mut self, object: Node, safe: bool) -> Parsed {
        self.link()?;
        let name = match self.peek() {
            Word::Name(name) => name.clone(),
            Word::Text(parts) => match parts.as_slice() {
                [Part::Text(name)] => name.clone(),
                _ => return Err(self.refusal("a field's name is no text with code in it")),
            },
            _ => return Err(self.unexpected()),
        };
        let place = self.at;
        self.at += 1;
        if !self.take("(") {
            return Ok(Node::Member(Box::new(Member { object, name, safe, place: RefCell::default() })));
        }
        let mut arguments = self.list(")")?;
        let refusal = |why: String| {
            let column = self.tokens[place].at + self.offset + 1;
            Refusal { column, why }
        };
        let method = Method::named(&name).ok_or_else(|| refusal(format!("the method {name} is not supported")))?;
        if !method.arguments().contains(&arguments.len()) {
            return Err(refusal(format!("the method {name} does not take {} arguments", arguments.len())));
        }
        if method.takes_pattern()
            && let Some(first) = arguments.first_mut()
        {
            *first = self.as_pattern(std::mem::replace(first, Node::Null))?;
        }
        Ok(Node::Call { object: Box::new(object), method, arguments, safe })
    }

    /// Expressions between commas, up to the sign that closes them.
    fn list(&mut self, close: &str) -> Result<Vec<Node>, Refusal> {
        let mut items = Vec::new();
        while !self.take(close) {
            items.push(self.expression()?);
            if !self.take(",") {
                self.expect(close)?;
                break;
            }
        }
        Ok(items)
    }

    fn primary(&mut self) -> Parsed {
        self.link()?;
        let word = self.peek().clone();
        let node = match word {
            Word::Number(text) => {
                let number = Number::parse(&text);
                Node::Number(number.ok_or_else(|| self.refusal(format!("{text} is no number")))?)
            }
            Word::Text(parts) => self.text(parts)?,
            Word::Pattern(text, _) if self.language != Language::JavaScript => Node::Text(text),
            Word::Pattern(text, flags) => {
                let flags = match flags.as_str() {
                    "" | "g" | "u" => "",
                    "i" | "gi" | "ig" => "(?i)",
                    _ => return Err(self.refusal(format!("the flags {flags} of a pattern are not supported"))),
                };
                let compiled = JavaRegex::new(&format!("{flags}{text}"));
                let compiled = compiled.map_err(|why| self.refusal(format!("the pattern is wrong: {why}")))?;
                Node::Pattern(Box::new(compiled))
            }
            Word::Sign("(") => {
                self.at += 1;
                let node = self.expression()?;
                self.expect(")")?;
                return Ok(node);
            }
            Word::Sign("[") => {
                self.at += 1;
                return Ok(Node::List(self.list("]")?));
            }
            Word::Name(name) => self.name(name)?,
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(node)
    }

    fn name(&self, name: String) -> Parsed {
        if STATEMENTS.contains(&name.as_str()) {
            return Err(self.refusal(format!("{name} is not supported: write one expression")));
        }
        if matches!(self.tokens[self.at + 1].word, Word::Sign("(")) {
            return Err(self.refusal(format!("the function {name} is not supported")));
        }
        Ok(match name.as_str() {
            "true" => Node::Boolean(true),
            "false" => Node::Boolean(false),
            "null" | "undefined" => Node::Null,
            "key" => Node::Variable(Variable::Key),
            "value" if self.language != Language::JsonPath => Node::Variable(Variable::Value),
            "@" => Node::Variable(Variable::Value),
            "keySchema" => Node::Variable(Variable::KeySchema),
            "valueSchema" => Node::Variable(Variable::ValueSchema),
            "topic" => Node::Variable(Variable::Topic),
            "header" => Node::Variable(Variable::Header),
            _ => Node::Missing(name),
        })
    }

    fn text(&self, parts: Vec<Part>) -> Parsed {
        let place = self.tokens[self.at].at;
        let part = |part| match part {
            Part::Text(text) => Ok(Node::Text(text)),
            Part::Code(code, at) => parse_at(&code, self.language, self.offset + at, self.depth + 1),
        };
        let mut nodes = parts.into_iter().map(part).collect::<Result<Vec<Node>, Refusal>>()?;
        match nodes.len() {
            1 => nodes.pop().ok_or_else(|| Refusal { column: place + 1, why: "an empty text".to_owned() }),
            _ => Ok(Node::Template(nodes)),
        }
    }
}
