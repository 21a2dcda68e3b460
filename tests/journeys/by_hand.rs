//! One claim driven by hand with the committed documents.
