//! A simulated world: engine and broker handlers under virtual time, from one seed.
