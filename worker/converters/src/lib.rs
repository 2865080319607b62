//! Record data to the bytes of a topic and back.
