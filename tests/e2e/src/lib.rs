//! The whole worker as a black box.
