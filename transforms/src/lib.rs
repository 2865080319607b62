//! Single Message Transforms and predicates, one file each.
