//! `/api/v1/`: the publication for programs. What is asked wrongly is a problem document that says what
//! would be right.

pub mod changes;
