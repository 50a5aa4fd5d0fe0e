//! `slipway`: the command line over `slipway-engine`.

fn main() {}
