//! Results that are kept: those that may be given again, and those that were too long to be given at once.
