//! Disk, clock and randomness as ports, real and simulated; refuses to know what is stored.
