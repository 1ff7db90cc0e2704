//! The server as its clients meet it: over a socket, with a store on a real disk.

mod alerting;
mod alerting_shown;
mod api_shapes;
mod bad_input;
mod elastic;
mod entities;
mod errors;
mod errors_clients;
mod errors_shown;
mod events;
mod events_clients;
mod federate;
mod http2;
mod incidents;
mod logs;
mod logs_clients;
mod logs_daemons;
mod logs_kept;
mod lookout;
mod objectives;
<<<<<<< HEAD
mod otlp_metrics;
mod otlp_metrics_clients;
||||||| 7ea1b12
=======
>>>>>>> 71ccef28cb42227d3350f317198197e729f66fbf
mod peers;
mod rules;
mod running;
mod site;
mod sql;
mod tempo;
mod traces;
mod traces_clients;
