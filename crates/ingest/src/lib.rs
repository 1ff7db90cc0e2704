//! Decoders from the protocols people send to the model; refuses to know sockets and stores.
