//! Property sources, relaxed names and placeholders become one validated, typed Settings.
