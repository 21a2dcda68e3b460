//! Webhooks on the wire. Out: [`HttpCourier`] writes thin bodies and carries them. In: `POST
//! /hooks/v1/{connector}`. What is sent when, and what a message means, is decided in [`engine::hooks`].

mod courier;
mod door;

pub use courier::{HttpCourier, check_address};
pub use door::routes;
