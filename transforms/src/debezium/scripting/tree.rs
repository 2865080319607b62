//! The tree of a parsed expression.

use std::cell::RefCell;

use connect_api::Schema;

use super::{method::Method, number::Number};
use crate::java_regex::JavaRegex;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    Key,
    Value,
    KeySchema,
    ValueSchema,
    Topic,
    Header,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Debug)]
pub(super) enum Node {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
    /// Parts of a text put together.
    Template(Vec<Node>),
    /// Boxed, as all that is large: parsing hands nodes through many calls.
    Pattern(Box<JavaRegex>),
    Variable(Variable),
    /// A name that no expression knows: it fails when it is met, as in the JVM.
    Missing(String),
    Member(Box<Member>),
    Index {
        object: Box<Node>,
        index: Box<Node>,
        safe: bool,
    },
    Call {
        object: Box<Node>,
        method: Method,
        arguments: Vec<Node>,
        safe: bool,
    },
    Not(Box<Node>),
    Negative(Box<Node>),
    Binary(Binary, Box<Node>, Box<Node>),
    /// `==~` where the whole text must match, `=~` where a part of it may.
    Matches {
        text: Box<Node>,
        pattern: Box<Node>,
        whole: bool,
        /// The pattern compiled last, where it is no constant.
        compiled: RefCell<Option<Box<(String, JavaRegex)>>>,
    },
    In {
        item: Box<Node>,
        list: Box<Node>,
        negated: bool,
    },
    List(Vec<Node>),
    Conditional {
        condition: Box<Node>,
        yes: Box<Node>,
        no: Box<Node>,
    },
    /// `a ?: b` by truth, `a ?? b` by null alone.
    Otherwise {
        first: Box<Node>,
        second: Box<Node>,
        by_truth: bool,
    },
}

/// `object.name`. Where the object's rows hold the field is remembered for their schema.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) object: Node,
    pub(super) name: String,
    pub(super) safe: bool,
    pub(super) place: RefCell<Option<(Schema, Option<usize>)>>,
}

const _: () = assert!(size_of::<Node>() <= 64);
