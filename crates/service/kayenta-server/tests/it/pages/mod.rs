//! The pages: who may see them, what protects them, and walks through them in a real browser.

mod actions;
mod editor;
mod first_canary;
mod protection;
mod sign_in;
mod stage;
mod take_over;
mod visit;
mod walk;

/// The checker of accessibility.
const AXE: (&str, &str) = ("axe-core", "4.14.1");
